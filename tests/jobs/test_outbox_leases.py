"""Leases of the outbox: parallel senders, senders that were held up, and a database that goes away."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.domain.outbox import ATTEMPTS, LEASE, Message
from shared.edge import sealing
from shared.jobs import outbox
from shared.store import outbox as messages
from tests.harness import Msg91
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app")

PARALLEL = 8
SECRET = "482915"


def queue(conn: Conn, count: int, *, kind: str = "otp_sms", message: Mapping[str, Any] | None = None) -> None:
    for number in range(count):
        message_id = uuid4()
        usual = {"to": f"+3906{number:08}", "code": SECRET, "purpose": "sign_in"}
        conn.execute(
            """
            INSERT INTO outbox (id, kind, sealed, created_at, expires_at)
            VALUES (%s, %s, %s, clock_timestamp(), now() + interval '10 minutes')
            """,
            [message_id, kind, sealing.seal(message_id, usual if message is None else message)],
        )


def lease(conn: Conn, *, most: int = 4) -> list[Message]:
    return messages.lock(conn, most=most, lease=LEASE, attempts=ATTEMPTS)


def forget_leases(conn: Conn) -> None:
    """As if the leases had passed."""
    conn.execute("UPDATE outbox SET lease_until = NULL")


def states(conn: Conn) -> list[tuple[str, str | None]]:
    """Each message's state and failure, oldest first."""
    return conn.execute(
        """
        SELECT CASE WHEN sent_at IS NOT NULL THEN 'sent' WHEN failed_at IS NOT NULL THEN 'failed'
                    ELSE 'waits' END,
               failure
          FROM outbox ORDER BY created_at
        """
    ).fetchall()


def test_parallel_leases_never_overlap(database_url: str, conn: Conn) -> None:
    queue(conn, 100)
    barrier = Barrier(PARALLEL)

    def take(_: int) -> list[Message]:
        with psycopg.connect(database_url, autocommit=True) as one:
            barrier.wait()
            taken: list[Message] = []
            while batch := lease(one):
                taken += batch
            return taken

    with ThreadPoolExecutor(PARALLEL) as threads:
        taken = [message.id for batch in threads.map(take, range(PARALLEL)) for message in batch]
    assert len(taken) == len(set(taken)) == 100


def test_a_held_up_senders_failure_does_not_count_against_the_next(conn: Conn) -> None:
    queue(conn, 1)
    (late,) = lease(conn)
    forget_leases(conn)
    (next_one,) = lease(conn)
    messages.update_postponed(conn, late, pause=timedelta(), failure="late")
    messages.update_failed(conn, late, code="undeliverable", failure="late")
    assert states(conn) == [("waits", None)]
    assert lease(conn) == [], "the next one's lease holds"
    messages.update_sent(conn, next_one.id)
    messages.update_failed(conn, next_one, code="undeliverable", failure="late")
    assert states(conn) == [("sent", None)]


def test_a_held_up_senders_success_counts(conn: Conn) -> None:
    """It was delivered, whatever others have made of the message meanwhile."""
    queue(conn, 1)
    (late,) = lease(conn)
    forget_leases(conn)
    (next_one,) = lease(conn)
    messages.update_failed(conn, next_one, code="undeliverable", failure="refused")
    messages.update_sent(conn, late.id)
    assert states(conn) == [("sent", None)]


def test_what_is_being_sent_does_not_expire(conn: Conn) -> None:
    queue(conn, 2)
    lease(conn, most=1)
    conn.execute("UPDATE outbox SET expires_at = now() - interval '1 second'")
    assert messages.update_expired(conn, attempts=ATTEMPTS) == 1
    assert states(conn) == [("waits", None), ("failed", "expired")]


def test_senders_that_die_five_times_fail_the_message(conn: Conn) -> None:
    queue(conn, 1)
    for _ in range(ATTEMPTS):
        assert messages.update_expired(conn, attempts=ATTEMPTS) == 0
        assert len(lease(conn)) == 1
        forget_leases(conn)
    assert lease(conn) == []
    messages.update_expired(conn, attempts=ATTEMPTS)
    assert states(conn) == [("failed", "the sender ended at each attempt")]


@pytest.mark.parametrize(
    ("kind", "message", "failure"),
    [("carrier_pigeon", {"to": SECRET}, "KeyError"), ("otp_sms", {"for": SECRET}, "KeyError")],
)
def test_a_message_that_cannot_be_sent_keeps_no_other_from_it(
    conn: Conn,
    msg91: Msg91,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    message: dict[str, str],
    failure: str,
) -> None:
    queue(conn, 1, kind=kind, message=message)
    queue(conn, 6)
    assert outbox.send_due() == 6
    assert states(conn) == [("waits", failure), *[("sent", None)] * 6]
    for _ in range(ATTEMPTS):
        forget_leases(conn)
        outbox.send_due()
    assert states(conn)[0] == ("failed", failure)
    assert len(msg91.messages()) == 6
    assert SECRET not in caplog.text


def test_what_there_is_no_time_left_for_is_not_sent(
    conn: Conn, msg91: Msg91, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender that was held up, as by a frozen machine, leaves the rest of its batch to the next."""
    queue(conn, 3)
    clock = iter([0.0, 1.0, 41.0, 41.0, 100.0])
    monkeypatch.setattr(outbox, "monotonic", lambda: next(clock))
    assert outbox.send_due() == 1
    assert len(msg91.messages()) == 1
    monkeypatch.undo()
    assert sorted(state for state, _ in states(conn)) == ["sent", "waits", "waits"]


def test_a_database_that_goes_away_while_recording_makes_no_double(
    conn: Conn, msg91: Msg91, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The provider has the message when the database goes: it is recorded once the database is back."""
    queue(conn, 5)
    record, cut = messages.update_sent, 0

    def recorded(one: Conn, message_id: UUID, provider_id: str | None) -> None:
        nonlocal cut
        record(one, message_id, provider_id)
        if cut < 3:
            cut += 1
            one.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    monkeypatch.setattr(messages, "update_sent", recorded)
    assert outbox.send_due() == 5
    assert cut == 3
    assert Counter(message.to for message in msg91.messages()) == Counter(
        f"3906{number:08}" for number in range(5)
    )
    assert states(conn) == [("sent", None)] * 5
