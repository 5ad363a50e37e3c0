"""What the host writes on stderr."""

import re
import socket
from datetime import UTC, datetime
from uuid import uuid4

from tests.devhost.programs import Host
from tests.harness import eventually


def test_the_apps_log_lines_reach_stderr_with_their_invocation(host: Host) -> None:
    mark = uuid4().hex
    invocation = host.request("GET", f"/api/log?mark={mark}").text
    [line] = [line for line in host.log if line["message"] == f"marked {mark}"]
    assert (line["level"], line["logger"], line["invocation_id"]) == ("INFO", "fixture", invocation)
    assert datetime.fromisoformat(line["timestamp"]).tzinfo == UTC


def test_the_hosts_own_lines_about_an_invocation_carry_its_id(host: Host) -> None:
    invocation = host.request("GET", "/api/echo").json()["invocation"]

    def told() -> list[str]:
        return [line["message"] for line in host.log if line.get("invocation_id") == invocation]

    eventually(lambda: any(re.fullmatch(r"echo succeeded after \d+ ms", message) for message in told()))


def test_an_exception_is_logged_with_its_traceback(host: Host) -> None:
    mark = uuid4().hex
    host.request("GET", f"/api/raises?mark={mark}")
    [line] = [line for line in host.log if f"ZeroDivisionError: on purpose: {mark}" in line["message"]]
    assert "in raises" in line["message"]


def test_returning_none_is_logged_as_a_failure(host: Host) -> None:
    host.request("GET", "/api/nothing")
    assert "nothing failed" in host.errors


def test_a_client_that_leaves_is_no_error_of_the_host(host: Host) -> None:
    with host.api.connect() as connection:
        connection.sendall(b"POST /api/echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            pass
    assert "ClientDisconnect" not in host.errors
