"""Tickets in the cloud: signed with a key that the app's identity is given, never with the account's."""

import base64
import datetime as dt
import hashlib
import hmac
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from shared.domain.uploads import UploadKind
from shared.edge import files
from shared.settings import settings

KEY = base64.b64encode(b"delegated").decode()
IDENTITY, TENANT = str(uuid4()), str(uuid4())


@dataclass(slots=True)
class Cloud:
    """Stands in for the identity endpoint (HTTP) and the storage account (HTTPS)."""

    url: str = ""
    asked: list[str] = field(default_factory=list)

    def answer(self, handler: BaseHTTPRequestHandler) -> bytes:
        path = urlsplit(handler.path)
        query = parse_qs(path.query)
        if path.path == "/token":
            assert handler.headers["X-IDENTITY-HEADER"] == "secret"
            assert query["client_id"] == ["the-identity"]
            self.asked.append("token")
            expires_on = int((datetime.now(UTC) + timedelta(hours=8)).timestamp())
            return json.dumps(
                {
                    "access_token": "t0ken",
                    "expires_on": str(expires_on),
                    "resource": "x",
                    "token_type": "Bearer",
                }
            ).encode()
        assert handler.headers["Authorization"] == "Bearer t0ken"
        assert (query["restype"], query["comp"]) == (["service"], ["userdelegationkey"])
        self.asked.append("key")
        now = datetime.now(UTC)
        start, end = now - timedelta(minutes=15), now + timedelta(hours=6)
        return (
            f"<UserDelegationKey><SignedOid>{IDENTITY}</SignedOid><SignedTid>{TENANT}</SignedTid>"
            f"<SignedStart>{start:%Y-%m-%dT%H:%M:%SZ}</SignedStart><SignedExpiry>{end:%Y-%m-%dT%H:%M:%SZ}"
            f"</SignedExpiry><SignedService>b</SignedService><SignedVersion>2025-07-05</SignedVersion>"
            f"<Value>{KEY}</Value></UserDelegationKey>"
        ).encode()


def certificate(folder: Path) -> Path:
    """A certificate for 127.0.0.1 with its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "storage.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return path


@pytest.fixture
def cloud(app: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:  # noqa: ARG001
    cloud = Cloud()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = cloud.answer(self)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(200)
            self.send_header(
                "Content-Type", "application/xml" if body.startswith(b"<") else "application/json"
            )
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: Any, **__: Any) -> None:
            pass

    identity, account = (ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2))
    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    account.socket = context.wrap_socket(account.socket, server_side=True)
    threads = [
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        for server in (identity, account)
    ]
    for thread in threads:
        thread.start()
    cloud.url = f"https://127.0.0.1:{account.server_port}/brand"
    monkeypatch.delenv("UPLOADS_STORAGE")
    monkeypatch.setenv("UPLOADS_STORAGE__blobServiceUri", cloud.url)
    monkeypatch.setenv("UPLOADS_STORAGE__clientId", "the-identity")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://127.0.0.1:{identity.server_port}/token")
    monkeypatch.setenv("IDENTITY_HEADER", "secret")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    settings.cache_clear()
    yield cloud
    for server, thread in zip((identity, account), threads, strict=True):
        server.shutdown()
        server.server_close()
        thread.join()


def test_tickets_are_signed_by_delegation(cloud: Cloud) -> None:
    now = datetime.now(UTC)
    upload_ids = [uuid4(), uuid4()]
    first, second = (
        files.ticket(UploadKind.STORES, each, now + timedelta(minutes=15), now) for each in upload_ids
    )
    read = files.rejected_url(upload_ids[0], now)
    assert cloud.asked == ["token", "key"]
    assert first.put_url.startswith(f"{cloud.url}/uploads/stores/{upload_ids[0]}.csv?")
    assert read.startswith(f"{cloud.url}/upload-results/{upload_ids[0]}.csv?")
    query = {name: value for name, (value,) in parse_qs(urlsplit(first.put_url).query).items()}
    assert (query["sp"], query["sr"], query["spr"]) == ("c", "b", "https")
    assert (query["skoid"], query["sktid"]) == (IDENTITY, TENANT)
    assert parse_qs(urlsplit(read).query)["sp"] == ["r"]
    assert query["sig"] != parse_qs(urlsplit(second.put_url).query)["sig"][0]
    assert query["sig"] == _signature(query, f"/blob/brand/uploads/stores/{upload_ids[0]}.csv")


def _signature(query: dict[str, str], resource: str) -> str:
    """The documented string to sign of a user-delegation SAS, signed with the delegated key."""
    names = (
        "sp",
        "st",
        "se",
        resource,
        "skoid",
        "sktid",
        "skt",
        "ske",
        "sks",
        "skv",
        "saoid",
        "suoid",
        "scid",
    )
    rest = ("skdutid", "sduoid", "sip", "spr", "sv", "sr", "snapshot", "ses", "srh", "srq")
    overrides = ("rscc", "rscd", "rsce", "rscl", "rsct")
    parts = [resource if name == resource else query.get(name, "") for name in (*names, *rest, *overrides)]
    text = "\n".join(parts)
    digest = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()
