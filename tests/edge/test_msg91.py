"""MSG91: what each of its APIs is sent, and every way in which it does not take a message."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from devhost.environment import MSG91_AUTH_KEY
from shared.domain.otp import Purpose
from shared.edge import msg91 as adapter
from tests.harness import Msg91, forget_app, free_ports

pytestmark = pytest.mark.usefixtures("app")

type Send = Callable[..., None]


def text(*, to: str, code: str, purpose: Purpose = Purpose.SIGN_IN) -> str | None:
    return adapter.text_otp(to=to, code=code, purpose=purpose, reference="our-own-id")


def mail(*, to: str, code: str, purpose: Purpose = Purpose.SIGN_IN) -> str | None:
    return adapter.mail_otp(to=to, code=code, purpose=purpose)


BOTH = pytest.mark.parametrize(
    ("send", "to"), [(text, "+390655556666"), (mail, "ada@example.com")], ids=["text", "mail"]
)


@BOTH
def test_a_message_carries_the_code_in_its_own_template(msg91: Msg91, send: Send, to: str) -> None:
    provider_id = send(to=to, code="482915")
    [message] = msg91.messages(to)
    assert message.variables == {"OTP": "482915"}
    assert message.template_id == ("local-otp-email" if "@" in to else "local-otp")
    assert message.request_id == provider_id
    assert message.reference == ("" if "@" in to else "our-own-id")


@BOTH
def test_each_purpose_has_its_template(
    msg91: Msg91, send: Send, to: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REDEMPTION", "EMAIL_REDEMPTION"):
        monkeypatch.setenv(f"MSG91_{name}_TEMPLATE_ID", "registered-for-redemption")
    forget_app()
    for purpose in Purpose:
        send(to=to, code="482915", purpose=purpose)
    usual = "local-otp-email" if "@" in to else "local-otp"
    assert [message.template_id for message in msg91.messages(to)] == [
        usual,
        "registered-for-redemption",
        usual,
    ]


@BOTH
@pytest.mark.parametrize(("fault", "code"), [("unlisted", "418"), ("wrong key", "401")])
def test_what_an_operator_must_set_right_is_an_alert_without_secrets(
    msg91: Msg91,
    send: Send,
    to: str,
    fault: str,
    code: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    if fault == "wrong key":
        monkeypatch.setenv("MSG91_AUTH_KEY", "a-wrong-key")
        forget_app()
    else:
        msg91.behave("unlisted")
    with pytest.raises(adapter.SetupRefused, match=code):
        send(to=to, code="482915")
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.__dict__["alert"] == "msg91_setup"
    assert code in record.message
    for secret in ("a-wrong-key", "482915", to.removeprefix("+")):
        assert secret not in caplog.text


@BOTH
def test_the_key_travels_in_the_header_alone(
    send: Send, to: str, asked: list[tuple[str, str, bytes]], answering: Callable[[str], None]
) -> None:
    answering('{"type": "success", "message": "1"}')
    send(to=to, code="482915")
    [(path, key, body)] = asked
    assert key == MSG91_AUTH_KEY
    assert MSG91_AUTH_KEY not in path
    assert MSG91_AUTH_KEY.encode() not in body


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
        mail(to="ada@example.com", code="482915")
    assert msg91.messages() == []


@pytest.fixture
def asked() -> list[tuple[str, str, bytes]]:
    """What the provider of `answering` was asked: path, key, body."""
    return []


@pytest.fixture
def answering(
    monkeypatch: pytest.MonkeyPatch, asked: list[tuple[str, str, bytes]]
) -> Iterator[Callable[[str], None]]:
    """A provider that answers 200 with the body it is given, whatever it is asked."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            asked.append((self.path, self.headers["authkey"], body))
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
        text(to="+390655556666", code="482915")


@pytest.mark.parametrize(
    "body", ['{"type": "success"}', '{"status": "success", "hasError": false, "data": {"unique_id": "x"}}']
)
def test_a_yes_of_either_api_is_a_yes(answering: Callable[[str], None], body: str) -> None:
    answering(body)
    mail(to="ada@example.com", code="482915")
