"""The outbox sender against a provider that behaves and misbehaves like the documented one."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.jobs import outbox
from tests.harness import Msg91
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
            conn.execute(
                """
                INSERT INTO outbox (kind, message, created_at, expires_at)
                VALUES (%s, %s, now(), now() + %s::interval)
                """,
                [kind, json.dumps({"to": to, "code": CODE}), expires_in],
            )

    return queue


def forget_leases(conn: Conn) -> None:
    """As if the pauses had passed."""
    conn.execute("UPDATE outbox SET lease_until = NULL")


def state(conn: Conn) -> tuple[bool, bool, bool, int]:
    row = conn.execute(
        "SELECT sent_at IS NOT NULL, failed_at IS NOT NULL, message IS NULL, attempts FROM outbox"
    ).fetchone()
    assert row is not None
    return row


def test_a_message_is_delivered_and_forgotten(conn: Conn, queue: Queue, to: str, msg91: Msg91) -> None:
    queue()
    assert outbox.send_due() == 1
    (message,) = msg91.messages(to)
    assert message.variables == {"OTP": CODE}
    assert state(conn) == (True, False, True, 1)
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


def test_after_five_refusals_it_has_failed_and_is_forgotten(conn: Conn, queue: Queue, msg91: Msg91) -> None:
    msg91.behave("error_body")
    queue()
    for _ in range(6):
        outbox.send_due()
        forget_leases(conn)
    assert state(conn) == (False, True, True, 5)
    assert conn.execute("SELECT failure FROM outbox").fetchone() == ("status 200, type error",)


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
