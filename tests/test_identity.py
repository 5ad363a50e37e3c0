"""The database by managed identity: a real PostgreSQL that wants a password, and a password that changes."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from psycopg.sql import SQL, Literal

from devhost.services.postgres import SOCKET_NAME, Postgres
from shared import identity, pool
from tests.harness import forget_app

HEADER = "secret-of-this-instance"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"


@dataclass
class Endpoint:
    """The managed-identity endpoint of App Service, as documented: version 2019-08-01."""

    url: str = ""
    token: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    refused: int = 0

    def answer(self, query: str, header: str | None) -> tuple[int, object]:
        self.asked.append({name: values[0] for name, values in parse_qs(query).items()})
        if header != HEADER:
            self.refused += 1
            return 401, {"statusCode": 401, "message": "no such header"}
        # So short a life that the library asks anew each time.
        expires = datetime.now(UTC) + timedelta(seconds=60)
        return 200, {
            "access_token": self.token,
            "expires_on": str(int(expires.timestamp())),
            "resource": "https://ossrdbms-aad.database.windows.net",
            "token_type": "Bearer",
            "client_id": CLIENT_ID,
        }


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    state = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = state.answer(urlsplit(self.path).query, self.headers.get("X-IDENTITY-HEADER"))
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing to say."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        state.url = f"http://127.0.0.1:{server.server_port}/msi/token"
        monkeypatch.setenv("IDENTITY_ENDPOINT", state.url)
        monkeypatch.setenv("IDENTITY_HEADER", HEADER)
        identity.credential.cache_clear()
        yield state
        identity.credential(CLIENT_ID).close()
        identity.credential.cache_clear()
        server.shutdown()
        thread.join()


@dataclass(frozen=True)
class Authority:
    """A certificate authority and a server's certificate of it, for 127.0.0.1."""

    root: Path
    server: Path

    @classmethod
    def made_in(cls, folder: Path) -> "Authority":
        root_key, server_key = (
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP256R1()),
        )
        root_name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "An authority")])
        root = _certificate(root_name, root_name, root_key, root_key, x509.BasicConstraints(True, None))
        server = _certificate(
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")]),
            root_name,
            server_key,
            root_key,
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]),
        )
        made = cls(folder / "root.pem", folder / "server.pem")
        made.root.write_bytes(root.public_bytes(serialization.Encoding.PEM))
        made.server.write_bytes(
            server.public_bytes(serialization.Encoding.PEM)
            + server_key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return made


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signed_by: ec.EllipticCurvePrivateKey,
    extension: x509.ExtensionType,
) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(extension, critical=True)
        .sign(signed_by, hashes.SHA256())
    )


class TlsFront:
    """Speaks TLS for a PostgreSQL that was built without: answers the request for it and passes bytes on."""

    def __init__(self, behind: Path, certificate: Path) -> None:
        self._behind = behind
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=[client])
            self._threads.append(thread)
            thread.start()

    def _serve(self, client: socket.socket) -> None:
        ssl_request = bytes.fromhex("00000008 04d2162f")
        with closing(client), socket.socket(socket.AF_UNIX) as server:
            if client.recv(8, socket.MSG_WAITALL) != ssl_request:
                return
            client.sendall(b"S")
            try:
                secured = self._context.wrap_socket(client, server_side=True)
            except OSError:
                return
            with secured:
                server.connect(str(self._behind))
                back = threading.Thread(target=_pass_on, args=[server, secured])
                back.start()
                _pass_on(secured, server)
                back.join()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that asks the role `app` for a password, behind TLS on 127.0.0.1."""

    url: str
    set_password: Callable[[str], None]
    connections: Callable[[], int]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.made_in(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Server]:
    postgres = Postgres(tmp_path_factory.mktemp("scram"), durable=False)
    postgres.start()
    front = None
    try:
        postgres.wait_until_ready()
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as admin:
            row = admin.execute("SHOW hba_file").fetchone()
            assert row is not None
            Path(row[0]).write_text("local all app scram-sha-256\nlocal all postgres trust\n")
            admin.execute("CREATE ROLE app LOGIN")
            admin.execute("SELECT pg_reload_conf()")
            front = TlsFront(_socket_of(postgres), authority.server)

            def set_password(password: str) -> None:
                admin.execute(SQL("ALTER ROLE app PASSWORD {}").format(Literal(password)))

            def connections() -> int:
                row = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'").fetchone()
                assert row is not None
                return row[0]

            yield Server(f"postgresql://app@127.0.0.1:{front.port}/postgres", set_password, connections)
    finally:
        postgres.stop()
        if front is not None:
            front.close()


def _socket_of(postgres: Postgres) -> Path:
    with psycopg.connect(postgres.url("postgres")) as conn:
        return Path(conn.info.host) / SOCKET_NAME


@pytest.fixture
def by_identity(
    app: None,  # noqa: ARG001
    server: Server,
    authority: Authority,
    endpoint: Endpoint,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Endpoint]:
    """This process as the app, known to the database by a managed identity."""
    monkeypatch.setenv("DATABASE_URL", f"{server.url}?sslrootcert={quote(str(authority.root))}")
    monkeypatch.setenv("DATABASE_AUTH", "entra")
    monkeypatch.setenv("DATABASE_IDENTITY_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("DATABASE_POOL_MAX", "1")
    forget_app()
    yield endpoint
    # Before the server, and while the token endpoint still answers.
    pool.close()


def test_every_connection_is_made_with_a_token_of_its_own(server: Server, by_identity: Endpoint) -> None:
    for token in ("first", "second", "third"):
        by_identity.token = token
        server.set_password(token)
        with pool.connection() as conn:
            assert conn.info.password == token
            assert conn.execute("SELECT current_user").fetchone() == ("app",)
            assert conn.pgconn.ssl_in_use
            conn.close()
    assert by_identity.asked == [
        {
            "api-version": "2019-08-01",
            "resource": "https://ossrdbms-aad.database.windows.net",
            "client_id": CLIENT_ID,
        }
    ] * len(by_identity.asked)
    assert by_identity.refused == 0


def test_a_token_that_the_database_refuses_is_an_outage_until_it_is_good(
    server: Server, by_identity: Endpoint
) -> None:
    server.set_password("good")
    by_identity.token = "stale"
    with pytest.raises(pool.DatabaseUnavailable), pool.connection():
        pytest.fail("the password is wrong")
    by_identity.token = "good"
    with pool.connection() as conn:
        assert conn.execute("SELECT 1").fetchone() == (1,)


def test_an_identity_that_is_not_to_be_had_is_an_outage(
    server: Server, by_identity: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.set_password("good")
    by_identity.token = "good"
    monkeypatch.setenv("IDENTITY_HEADER", "wrong")
    identity.credential.cache_clear()
    with pytest.raises(pool.DatabaseUnavailable), pool.connection():
        pytest.fail("there is no token")
    assert by_identity.refused


def test_a_server_of_an_unknown_authority_gets_no_token(
    server: Server, by_identity: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without an authority in the URL the public ones decide, and none of them vouches for this server."""
    server.set_password("good")
    by_identity.token = "good"
    monkeypatch.setenv("DATABASE_URL", f"{server.url}?sslmode=disable")
    forget_app()
    with pytest.raises(pool.DatabaseUnavailable), pool.connection():
        pytest.fail("the certificate is nobody's")
    assert "certificate verify failed" in caplog.text
    assert Path(pool._parameters()["sslrootcert"]).is_file()
    assert server.connections() == 0


def test_a_server_of_another_name_gets_no_token(
    server: Server,
    by_identity: Endpoint,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The certificate is the address's; whoever asks for a name must not take it for the name's."""
    server.set_password("good")
    by_identity.token = "good"
    by_name = f"{server.url}?sslrootcert={quote(str(authority.root))}".replace(
        "@127.0.0.1:", "@database.example:"
    )
    monkeypatch.setenv("DATABASE_URL", f"{by_name}&hostaddr=127.0.0.1")
    forget_app()
    with pytest.raises(pool.DatabaseUnavailable), pool.connection():
        pytest.fail("it is another's certificate")
    assert 'does not match host name "database.example"' in caplog.text
    assert server.connections() == 0
