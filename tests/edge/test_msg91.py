"""MSG91: what each of its APIs is sent, and every way in which it does not take a message."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from shared.edge import msg91 as adapter
from tests.harness import Msg91, forget_app, free_ports

pytestmark = pytest.mark.usefixtures("app")

type Send = Callable[..., None]

BOTH = pytest.mark.parametrize(
    ("send", "to"), [(adapter.text_otp, "+390655556666"), (adapter.mail_otp, "ada@example.com")]
)


@BOTH
def test_a_message_carries_the_code_in_its_own_template(msg91: Msg91, send: Send, to: str) -> None:
    send(to=to, code="482915")
    [message] = msg91.messages(to)
    assert message.variables == {"OTP": "482915"}
    assert message.template_id == ("local-otp-email" if "@" in to else "local-otp")


@BOTH
@pytest.mark.parametrize(
    ("mode", "reason", "taken"),
    [
        ("error_body", "status 200, type (error|fail)", 0),
        ("http_500", "status 500, type None", 0),
        ("drop_answer", "RemoteProtocolError", 1),
    ],
)
def test_what_is_not_taken_or_not_known_to_be_has_failed(
    msg91: Msg91, send: Send, to: str, mode: str, reason: str, taken: int
) -> None:
    msg91.behave(mode, times=1)
    with pytest.raises(adapter.DeliveryFailed, match=reason) as failure:
        send(to=to, code="482915")
    assert len(msg91.messages(to)) == taken
    assert to not in str(failure.value)


@BOTH
def test_an_unknown_key_is_refused(
    msg91: Msg91, send: Send, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSG91_AUTH_KEY", "wrong")
    forget_app()
    with pytest.raises(adapter.DeliveryFailed):
        send(to=to, code="482915")
    assert msg91.messages() == []


@BOTH
def test_a_provider_that_is_away_is_a_failure(send: Send, to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [nobody_listens] = free_ports(1)
    monkeypatch.setenv("MSG91_BASE_URL", f"http://127.0.0.1:{nobody_listens}")
    forget_app()
    with pytest.raises(adapter.DeliveryFailed, match="ConnectError"):
        send(to=to, code="482915")


@BOTH
def test_an_answer_that_does_not_come_in_time_is_a_failure(
    msg91: Msg91, send: Send, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the real time-out but for its length."""
    import httpx

    monkeypatch.setattr(adapter._one_client(), "timeout", httpx.Timeout(0.2))
    msg91.behave("slow", seconds=30, times=1)
    with pytest.raises(adapter.DeliveryFailed, match="ReadTimeout"):
        send(to=to, code="482915")
    assert len(msg91.messages(to)) == 1


def test_mail_from_another_domain_is_refused(msg91: Msg91, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MSG91_EMAIL_FROM", "a@elsewhere.example")
    forget_app()
    with pytest.raises(adapter.DeliveryFailed):
        adapter.mail_otp(to="ada@example.com", code="482915")
    assert msg91.messages() == []


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A provider that answers 200 with the body it is given, whatever it is asked."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(bodies[-1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing to say."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server, ThreadPoolExecutor(1) as thread:
        thread.submit(server.serve_forever, 0.01)
        monkeypatch.setenv("MSG91_BASE_URL", f"http://127.0.0.1:{server.server_port}")
        forget_app()
        yield lambda body: bodies.append(body.encode())
        server.shutdown()


@pytest.mark.parametrize(
    "body",
    [
        '{"status": "success", "hasError": true, "errors": {"to": ["unknown"]}}',
        '{"type": "error"}',
        "{}",
        "[]",
        '"success"',
        "<html>",
        "",
    ],
)
def test_only_a_plain_yes_is_a_yes(answering: Callable[[str], None], body: str) -> None:
    answering(body)
    with pytest.raises(adapter.DeliveryFailed, match="status 200"):
        adapter.text_otp(to="+390655556666", code="482915")


@pytest.mark.parametrize(
    "body", ['{"type": "success"}', '{"status": "success", "hasError": false, "data": {"unique_id": "x"}}']
)
def test_a_yes_of_either_api_is_a_yes(answering: Callable[[str], None], body: str) -> None:
    answering(body)
    adapter.mail_otp(to="ada@example.com", code="482915")
