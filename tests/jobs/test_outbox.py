"""The outbox sender against a provider that behaves and misbehaves like the documented one."""

import base64
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from shared.domain.outbox import pause_after
from shared.edge import sealing
from shared.jobs import outbox
from tests.harness import Msg91, forget_app
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app")

CODE = "482915"

type Queue = Callable[..., None]


@pytest.fixture(params=["otp_sms", "otp_email"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def to(kind: str) -> str:
    return {"otp_sms": "+390655556666", "otp_email": "ada@example.com"}[kind]


@pytest.fixture
def queue(conn: Conn, kind: str, to: str) -> Queue:
    def queue(*, expires_in: str = "10 minutes", count: int = 1) -> None:
        for _ in range(count):
            message_id = uuid4()
            content = {"to": to, "code": CODE, "purpose": "sign_in"}
            conn.execute(
                """
                INSERT INTO outbox (id, kind, sealed, created_at, expires_at)
                VALUES (%s, %s, %s, now(), now() + %s::interval)
                """,
                [message_id, kind, sealing.seal(message_id, content), expires_in],
            )

    return queue


def forget_leases(conn: Conn) -> None:
    """As if the pauses had passed."""
    conn.execute("UPDATE outbox SET lease_until = NULL")


def state(conn: Conn) -> tuple[bool, bool, bool, int]:
    row = conn.execute(
        "SELECT sent_at IS NOT NULL, failed_at IS NOT NULL, sealed IS NULL, attempts FROM outbox"
    ).fetchone()
    assert row is not None
    return row


def test_a_message_is_delivered_and_forgotten(conn: Conn, queue: Queue, to: str, msg91: Msg91) -> None:
    queue()
    assert outbox.send_due() == 1
    (message,) = msg91.messages(to)
    assert message.variables == {"OTP": CODE}
    assert state(conn) == (True, False, True, 1)
    assert conn.execute("SELECT provider_id FROM outbox").fetchone() == (message.request_id,)
    assert outbox.send_due() == 0


@pytest.mark.parametrize("mode", ["error_body", "http_500"])
def test_a_refusal_is_tried_again_after_a_pause(
    conn: Conn, queue: Queue, to: str, msg91: Msg91, mode: str
) -> None:
    msg91.behave(mode, times=1)
    queue()
    assert outbox.send_due() == 0
    assert state(conn) == (False, False, False, 1)
    assert outbox.send_due() == 0, "the pause holds"
    forget_leases(conn)
    assert outbox.send_due() == 1
    assert len(msg91.messages(to)) == 1


def failure(conn: Conn) -> tuple[str, str]:
    return conn.execute("SELECT failure_code, failure FROM outbox").fetchall()[0]


def test_after_five_refusals_it_is_dead_and_kept_while_it_is_of_use(
    conn: Conn, queue: Queue, msg91: Msg91
) -> None:
    msg91.behave("error_body")
    queue()
    for _ in range(6):
        outbox.send_due()
        forget_leases(conn)
    assert state(conn) == (False, True, False, 5)
    assert failure(conn) == ("undeliverable", "status 200, type error")
    conn.execute("UPDATE outbox SET expires_at = now()")
    outbox.send_due()
    assert state(conn) == (False, True, True, 5)


@pytest.mark.parametrize("mode", ["unlisted", "wrong key"])
def test_what_an_operator_must_set_right_is_not_tried_again(
    conn: Conn, queue: Queue, msg91: Msg91, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if mode == "wrong key":
        monkeypatch.setenv("MSG91_AUTH_KEY", "wrong")
        forget_app()
    else:
        msg91.behave(mode)
    queue()
    outbox.send_due()
    assert state(conn) == (False, True, False, 1)
    assert failure(conn)[0] == "provider_setup"


def test_what_was_sealed_with_an_earlier_key_is_sent(
    conn: Conn, queue: Queue, to: str, msg91: Msg91, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue()
    newer = base64.b64encode(bytes(32)).decode()
    monkeypatch.setenv("OUTBOX_KEYS", f"{newer},{os.environ['OUTBOX_KEYS']}")
    forget_app()
    assert outbox.send_due() == 1
    assert len(msg91.messages(to)) == 1
    monkeypatch.setenv("OUTBOX_KEYS", newer)
    forget_app()
    conn.execute("TRUNCATE outbox CASCADE")
    queue()
    assert outbox.send_due() == 1


@pytest.mark.parametrize("fault", ["another key", "another message", "tampered"])
def test_what_cannot_be_unsealed_is_not_sent(
    conn: Conn, queue: Queue, msg91: Msg91, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue()
    if fault == "another key":
        monkeypatch.setenv("OUTBOX_KEYS", base64.b64encode(bytes(32)).decode())
        forget_app()
    elif fault == "another message":
        conn.execute("UPDATE outbox SET id = %s", [uuid4()])
    else:
        conn.execute("UPDATE outbox SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)")
    assert outbox.send_due() == 0
    assert conn.execute("SELECT failure FROM outbox").fetchone() == ("SealBrokenError",)
    assert msg91.messages() == []


def test_what_expired_is_not_sent(conn: Conn, queue: Queue, msg91: Msg91) -> None:
    queue(expires_in="-1 second")
    assert outbox.send_due() == 0
    assert msg91.messages() == []
    assert state(conn) == (False, True, True, 0)


def test_a_lost_answer_does_not_lose_the_message(conn: Conn, queue: Queue, to: str, msg91: Msg91) -> None:
    """The provider took it but we never heard: it is sent again, since nobody knows better."""
    msg91.behave("drop_answer", times=1)
    queue()
    assert outbox.send_due() == 0
    forget_leases(conn)
    assert outbox.send_due() == 1
    assert len(msg91.messages(to)) == 2


def test_parallel_senders_send_each_message_once(queue: Queue, to: str, msg91: Msg91) -> None:
    queue(count=40)
    with ThreadPoolExecutor(4) as threads:
        sent = sum(threads.map(lambda _: outbox.send_due(), range(4)))
    assert sent == 40
    assert len(msg91.messages(to)) == 40


def test_no_log_line_holds_number_or_code(
    queue: Queue, to: str, msg91: Msg91, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for mode in ("ok", "error_body", "http_500", "drop_answer"):
        msg91.behave(mode, times=1)
        queue()
        outbox.send_due()
    assert "not delivered" in caplog.text
    assert to.removeprefix("+") not in caplog.text
    assert CODE not in caplog.text


@pytest.mark.parametrize(("attempts", "longest"), [(1, 5), (2, 10), (3, 20), (4, 40)])
def test_pauses_double_and_are_spread(attempts: int, longest: int) -> None:
    assert pause_after(attempts, 0).total_seconds() == longest
    assert pause_after(attempts, 1).total_seconds() == longest / 2
