"""The outbox sender against a provider that behaves and misbehaves like the documented one."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from shared.jobs import outbox
from tests.harness import Msg91
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app")

PHONE, CODE = "+390655556666", "482915"


def queue(conn: Conn, *, expires_in: str = "10 minutes", count: int = 1) -> None:
    for _ in range(count):
        conn.execute(
            """
            INSERT INTO outbox (kind, message, created_at, expires_at)
            VALUES ('otp_sms', %s, now(), now() + %s::interval)
            """,
            [f'{{"to": "{PHONE}", "code": "{CODE}"}}', expires_in],
        )


def forget_leases(conn: Conn) -> None:
    """As if the pauses had passed."""
    conn.execute("UPDATE outbox SET lease_until = NULL")


def state(conn: Conn) -> tuple[bool, bool, bool, int]:
    row = conn.execute(
        "SELECT sent_at IS NOT NULL, failed_at IS NOT NULL, message IS NULL, attempts FROM outbox"
    ).fetchone()
    assert row is not None
    return row


def test_a_message_is_delivered_and_forgotten(conn: Conn, msg91: Msg91) -> None:
    queue(conn)
    assert outbox.send_due() == 1
    (message,) = msg91.messages(PHONE)
    assert message.variables == {"OTP": CODE}
    assert state(conn) == (True, False, True, 1)
    assert outbox.send_due() == 0


@pytest.mark.parametrize("mode", ["error_body", "http_500"])
def test_a_refusal_is_tried_again_after_a_pause(conn: Conn, msg91: Msg91, mode: str) -> None:
    msg91.behave(mode, times=1)
    queue(conn)
    assert outbox.send_due() == 0
    assert state(conn) == (False, False, False, 1)
    assert outbox.send_due() == 0, "the pause holds"
    forget_leases(conn)
    assert outbox.send_due() == 1
    assert len(msg91.messages(PHONE)) == 1


def test_after_five_refusals_it_has_failed_and_is_forgotten(conn: Conn, msg91: Msg91) -> None:
    msg91.behave("error_body")
    queue(conn)
    for _ in range(6):
        outbox.send_due()
        forget_leases(conn)
    assert state(conn) == (False, True, True, 5)
    assert conn.execute("SELECT failure FROM outbox").fetchone() == ("status 200, type error",)


def test_what_expired_is_not_sent(conn: Conn, msg91: Msg91) -> None:
    queue(conn, expires_in="-1 second")
    assert outbox.send_due() == 0
    assert msg91.messages() == []
    assert state(conn) == (False, True, True, 0)


def test_a_lost_answer_does_not_lose_the_message(conn: Conn, msg91: Msg91) -> None:
    """The provider took it but we never heard: it is sent again, since nobody knows better."""
    msg91.behave("drop_answer", times=1)
    queue(conn)
    assert outbox.send_due() == 0
    forget_leases(conn)
    assert outbox.send_due() == 1
    assert len(msg91.messages(PHONE)) == 2


def test_parallel_senders_send_each_message_once(conn: Conn, msg91: Msg91) -> None:
    queue(conn, count=40)
    with ThreadPoolExecutor(4) as threads:
        sent = sum(threads.map(lambda _: outbox.send_due(), range(4)))
    assert sent == 40
    assert len(msg91.messages(PHONE)) == 40


def test_no_log_line_holds_number_or_code(conn: Conn, msg91: Msg91, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for mode in ("ok", "error_body", "http_500", "drop_answer"):
        msg91.behave(mode, times=1)
        queue(conn)
        outbox.send_due()
    assert "not delivered" in caplog.text
    assert PHONE.removeprefix("+") not in caplog.text
    assert CODE not in caplog.text
