"""Embedded PostgreSQL, Azurite and the stand-in of MSG91, each as the real thing it is."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import pytest
from azure.storage.blob import BlobServiceClient

from devhost.environment import MSG91_AUTH_KEY, app_settings, local_folder
from devhost.host_process import wait_until_ready
from devhost.processes import Child, begin
from devhost.services import azurite
from devhost.services.azurite import PACKAGE, Azurite, Ports
from devhost.services.postgres import Postgres
from shared.settings import read
from tests.conftest import StorageAccounts
from tests.harness import Msg91, free_ports

type StartPostgres = Callable[..., Postgres]


@pytest.fixture
def start_postgres(tmp_path: Path) -> Iterator[StartPostgres]:
    """Starts a server on the same data folder each time, and stops them all at the end."""
    servers: list[Postgres] = []

    def start(*, folder: Path = tmp_path, durable: bool = False) -> Postgres:
        servers.append(Postgres(folder, durable=durable))
        servers[-1].start()
        servers[-1].wait_until_ready()
        return servers[-1]

    yield start
    for server in reversed(servers):
        server.stop()


def shown(postgres: Postgres, setting: str) -> Any:
    with psycopg.connect(postgres.url("postgres")) as conn:
        row = conn.execute("SELECT current_setting(%s)", [setting]).fetchone()
    assert row is not None
    return row[0]


def write_row(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url("postgres")) as conn:
        conn.execute("CREATE TABLE kept (value int)")
        conn.execute("INSERT INTO kept VALUES (1)")


def rows(postgres: Postgres) -> list[tuple[Any, ...]]:
    with psycopg.connect(postgres.url("postgres")) as conn:
        return conn.execute("SELECT value FROM kept").fetchall()


def works_in(folder: Path) -> list[int]:
    return [
        process.pid
        for process in psutil.process_iter(["name", "cmdline"])
        if process.info["name"] == "postgres" and str(folder) in " ".join(process.info["cmdline"] or [])
    ]


def test_postgres_is_18_without_a_port_and_durable_unless_told_otherwise(
    start_postgres: StartPostgres,
) -> None:
    server = start_postgres(durable=True)
    assert shown(server, "server_version").startswith("18.")
    assert shown(server, "listen_addresses") == ""
    assert (shown(server, "fsync"), shown(server, "synchronous_commit")) == ("on", "on")
    server.stop()
    assert shown(start_postgres(durable=False), "fsync") == "off"


def test_postgres_keeps_its_data_and_leaves_no_process(start_postgres: StartPostgres, tmp_path: Path) -> None:
    server = start_postgres()
    write_row(server)
    server.stop()
    assert works_in(tmp_path) == []
    assert rows(start_postgres()) == [(1,)]


def test_postgres_starts_where_a_postmaster_was_killed(start_postgres: StartPostgres) -> None:
    server = start_postgres(durable=True)
    write_row(server)
    assert server.child is not None
    server.child.kill()
    assert rows(start_postgres(durable=True)) == [(1,)]


def test_postgres_replaces_a_server_that_still_runs_on_its_data(start_postgres: StartPostgres) -> None:
    forgotten = start_postgres()
    write_row(forgotten)
    assert rows(start_postgres()) == [(1,)]
    assert forgotten.child is not None
    assert not forgotten.child.running()


def test_postgres_on_a_path_too_long_for_a_socket(start_postgres: StartPostgres, tmp_path: Path) -> None:
    server = start_postgres(folder=tmp_path / ("long" * 25))
    folder = Path(shown(server, "unix_socket_directories"))
    assert folder.stat().st_mode & 0o077 == 0
    server.stop()
    assert not folder.exists()


def test_an_interrupted_initdb_is_no_data_folder(start_postgres: StartPostgres, tmp_path: Path) -> None:
    partial = tmp_path / "postgres.partial"
    partial.mkdir()
    (partial / "PG_VERSION").write_text("18\n")
    assert shown(start_postgres(), "server_version").startswith("18.")


def test_lock_of_azurite_pins_every_package_and_names_no_host() -> None:
    lock = json.loads((PACKAGE / "package-lock.json").read_text())
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages["node_modules/azurite"]["version"] == "3.36.0"
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_azurite_is_installed_once(azurite: StorageAccounts) -> None:
    assert azurite.ports
    before = _modified()
    _install()
    assert _modified() == before


def _install() -> None:
    azurite.install(local_folder())


def _modified() -> int:
    return azurite.installation(local_folder()).stat().st_mtime_ns


def test_accounts_do_not_see_each_other(azurite: StorageAccounts) -> None:
    with (
        BlobServiceClient.from_connection_string(azurite.connection_string()) as one,
        BlobServiceClient.from_connection_string(azurite.connection_string()) as other,
    ):
        one.create_container("only-here")
        assert [container.name for container in one.list_containers()] == ["only-here"]
        assert list(other.list_containers()) == []


def test_azurite_keeps_blobs_in_its_folder(tmp_path: Path) -> None:
    ports = Ports(*free_ports(3))
    for attempt in (1, 2):
        emulator = Azurite(
            tmp_path, installed_under=local_folder(), ports=ports, data=tmp_path / "azurite-data"
        )
        emulator.start()
        try:
            emulator.wait_until_ready()
            with BlobServiceClient.from_connection_string(ports.connection_string()) as service:
                if attempt == 1:
                    service.create_container("kept").upload_blob("name", b"content")
                assert service.get_blob_client("kept", "name").download_blob().readall() == b"content"
        finally:
            emulator.stop()


PHONE = "390600000009"


def send(url: str, *, auth_key: str = MSG91_AUTH_KEY, timeout_s: float = 5, **body: Any) -> httpx.Response:
    whole = {"template_id": "otp", "short_url": "0", "recipients": [{"mobiles": PHONE, "OTP": "123456"}]}
    return httpx.post(
        f"{url}/api/v5/flow", headers={"authkey": auth_key}, json=whole | body, timeout=timeout_s
    )


def test_msg91_takes_a_message_and_shows_it_newest_last(msg91: Msg91) -> None:
    for code in ("111111", "222222"):
        reply = send(msg91.url, recipients=[{"mobiles": PHONE, "OTP": code}])
        assert (reply.status_code, reply.json()["type"]) == (200, "success")
    for written in (PHONE, f"%2B{PHONE}", f"+{PHONE}"):
        shown_messages = httpx.get(f"{msg91.url}/messages?to={written}").json()
        assert [message["variables"]["OTP"] for message in shown_messages] == ["111111", "222222"]
        assert shown_messages[1]["request_id"] == reply.json()["message"]
    assert httpx.get(f"{msg91.url}/messages?to=390600000008").json() == []


@pytest.mark.parametrize(
    "body",
    [
        {"template_id": ""},
        {"recipients": []},
        {"recipients": [{"OTP": "1"}]},
        {"recipients": [{"mobiles": f"+{PHONE}"}]},
    ],
)
def test_msg91_refuses_in_the_body_of_a_200(msg91: Msg91, body: dict[str, Any]) -> None:
    reply = send(msg91.url, **body)
    assert (reply.status_code, reply.json()["type"]) == (200, "error")
    assert msg91.messages() == []


MAIL: dict[str, Any] = {
    "template_id": "otp",
    "domain": "sample.example",
    "from": {"email": "a@sample.example"},
    "recipients": [{"to": [{"email": "Ada@Example.com"}], "variables": {"OTP": "123456"}}],
}


def mail(url: str, *, auth_key: str = MSG91_AUTH_KEY, **body: Any) -> httpx.Response:
    return httpx.post(f"{url}/api/v5/email/send", headers={"authkey": auth_key}, json=MAIL | body)


def test_msg91_takes_mail_and_shows_it_by_address(msg91: Msg91) -> None:
    reply = mail(msg91.url)
    assert (reply.status_code, reply.json()["status"], reply.json()["hasError"]) == (200, "success", False)
    for written in ("ada@example.com", "Ada@Example.com"):
        [message] = httpx.get(f"{msg91.url}/messages", params={"to": written}).json()
        assert message["variables"] == {"OTP": "123456"}
        assert message["request_id"] == reply.json()["data"]["unique_id"]


@pytest.mark.parametrize(
    "body",
    [
        {"template_id": ""},
        {"domain": None},
        {"from": {"email": "a@elsewhere.example"}},
        {"from": "a@sample.example"},
        {"recipients": []},
        {"recipients": [{"to": [{"email": "nobody"}], "variables": {}}]},
        {"recipients": [{"to": [], "variables": {}}]},
    ],
)
def test_msg91_refuses_mail_in_the_body_of_a_200(msg91: Msg91, body: dict[str, Any]) -> None:
    reply = mail(msg91.url, **body)
    assert (reply.status_code, reply.json()["status"], reply.json()["hasError"]) == (200, "fail", True)
    assert msg91.messages() == []


def test_msg91_misbehaves_with_mail_alike(msg91: Msg91) -> None:
    for mode in ("http_500", "error_body"):
        msg91.behave(mode, times=1)
        reply = mail(msg91.url)
        assert reply.is_error or reply.json()["hasError"]
    assert mail(msg91.url, auth_key="wrong").json()["code"] == "401"
    msg91.behave("unlisted", times=1)
    refused = mail(msg91.url)
    assert (refused.status_code, refused.json()["hasError"], refused.json()["code"]) == (200, True, "418")
    assert msg91.messages() == []
    msg91.behave("drop_answer", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        mail(msg91.url)
    assert len(msg91.messages("ada@example.com")) == 1


def test_msg91_refuses_an_unknown_key(msg91: Msg91) -> None:
    reply = send(msg91.url, auth_key="wrong")
    assert (reply.status_code, reply.json()["type"], reply.json()["code"]) == (401, "error", "401")
    assert msg91.messages() == []


def test_msg91_refuses_an_address_that_is_not_on_the_list(msg91: Msg91) -> None:
    msg91.behave("unlisted", times=1)
    reply = send(msg91.url)
    assert (reply.status_code, reply.json()["type"], reply.json()["code"]) == (200, "error", "418")
    assert msg91.messages() == []


def test_msg91_can_deliver_twice(msg91: Msg91) -> None:
    msg91.behave("duplicate", times=1)
    send(msg91.url)
    assert len(msg91.messages(PHONE)) == 2


@pytest.mark.parametrize("url", ["ftp://x", "https://x", 7, "x"])
def test_msg91_reports_to_nothing_but_http(msg91: Msg91, url: object) -> None:
    assert httpx.post(f"{msg91.url}/webhook", json={"url": url}).json()["type"] == "error"
    assert msg91.stand_in.webhook is None
    assert httpx.post(f"{msg91.url}/webhook", json={"url": None}).json()["type"] == "success"


def test_msg91_misbehaves_as_told_and_only_so_often(msg91: Msg91) -> None:
    told = httpx.post(f"{msg91.url}/behaviour", json={"mode": "http_500", "times": 2})
    assert told.json() == {"type": "success"}
    assert [send(msg91.url).status_code for _ in range(3)] == [500, 500, 200]
    assert len(msg91.messages(PHONE)) == 1
    msg91.behave("error_body", times=1)
    assert send(msg91.url).json()["type"] == "error"
    assert len(msg91.messages(PHONE)) == 1
    assert httpx.post(f"{msg91.url}/behaviour", json={"mode": "no such"}).json()["type"] == "error"


def test_msg91_can_accept_and_lose_the_answer(msg91: Msg91) -> None:
    msg91.behave("drop_answer", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        send(msg91.url)
    assert len(msg91.messages(PHONE)) == 1


def test_msg91_can_accept_and_answer_too_late(msg91: Msg91) -> None:
    msg91.behave("slow", seconds=30, times=1)
    with pytest.raises(httpx.ReadTimeout):
        send(msg91.url, timeout_s=0.2)
    assert len(msg91.messages(PHONE)) == 1
    assert send(msg91.url).json()["type"] == "success"


def test_msg91_loses_none_of_many_at_once(msg91: Msg91) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: send(msg91.url).json()["type"], range(40)))
    assert replies == ["success"] * 40
    assert len({message.request_id for message in msg91.messages(PHONE)}) == 40


@pytest.fixture
def msg91_process(tmp_path: Path) -> Iterator[Child]:
    [port] = free_ports(1)
    command = [sys.executable, "-m", "devhost.services.msg91", "--port", str(port)]
    environment = os.environ | {"MSG91_AUTH_KEY": MSG91_AUTH_KEY}
    child = begin("msg91", command, state=tmp_path, environment=environment)
    yield child
    child.stop()


def test_msg91_as_a_process_listens_here_only_and_logs_no_message(msg91_process: Child) -> None:
    wait_until_ready(msg91_process)
    listening = psutil.Process(msg91_process.process.pid).net_connections()
    assert [connection.laddr[0] for connection in listening] == ["127.0.0.1"]
    assert send(f"http://127.0.0.1:{listening[0].laddr[1]}").json()["type"] == "success"
    msg91_process.stop()
    log = msg91_process.log.read_text()
    assert PHONE not in log
    assert "123456" not in log


def test_secrets_of_the_app_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"

    def made() -> dict[str, str]:
        return app_settings(database_url="d", storage="s", msg91_url="m", secrets_folder=folder)

    first = made()
    assert read(first).jwt_signing_key.startswith("-----BEGIN PRIVATE KEY-----")
    assert made() == first
    assert sorted(path.stat().st_mode & 0o777 for path in folder.iterdir()) == [0o600] * 5
