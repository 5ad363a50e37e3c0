"""The purge: what has served its time goes, in batches, and nothing else does."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import sessions
from shared.domain.audit import By
from shared.domain.jobs import JobDetail, JobKind, JobStatus
from shared.domain.sessions import IDLE, LIFETIME, EndedFor, token_of
from shared.jobs import queueing
from shared.jobs.purge import TABLES
from shared.jobs.runner import run
from shared.store import jobs
from tests.rows import NOW, a_user

pytestmark = pytest.mark.usefixtures("app")


@pytest.fixture
def user_id(conn: psycopg.Connection) -> UUID:
    return a_user(conn)


def purge(conn: psycopg.Connection, user_id: UUID, **arguments: Any) -> JobDetail:
    job = queueing.enqueue(NOW, kind=JobKind.PURGE, arguments=arguments, by=By(user_id))
    for each in job.slices:
        run(each.id, NOW)
    found = jobs.get(conn, job.id)
    assert found is not None
    return found


def keys(conn: psycopg.Connection, user_id: UUID, count: int, age: timedelta) -> None:
    conn.execute(
        """
        INSERT INTO idempotency_keys (user_id, key, request_hash, transaction_id, created_at)
        SELECT %s, gen_random_uuid()::text, '', gen_random_uuid(), %s FROM generate_series(1, %s)
        """,
        [user_id, NOW - age, count],
    )


def left(conn: psycopg.Connection, table: str) -> int:
    return {
        "idempotency_keys": conn.execute("SELECT count(*) FROM idempotency_keys").fetchall()[0][0],
        "otp_challenges": conn.execute("SELECT count(*) FROM otp_challenges").fetchall()[0][0],
        "outbox": conn.execute("SELECT count(*) FROM outbox").fetchall()[0][0],
    }[table]


def test_old_keys_go_batch_by_batch_and_receipts_stay(conn: psycopg.Connection, user_id: UUID) -> None:
    keys(conn, user_id, 250, timedelta(hours=24, seconds=1))
    keys(conn, user_id, 3, timedelta(hours=23, minutes=59))
    conn.execute("INSERT INTO receipt_keys VALUES ('S1', 'R1', '', %s)", [uuid4()])
    job = purge(conn, user_id, batch=100)
    assert (job.status, job.done, job.total) == (JobStatus.COMPLETED, 250, 250)
    assert left(conn, "idempotency_keys") == 3
    assert conn.execute("SELECT count(*) FROM receipt_keys").fetchone() == (1,)
    by_table = {each.arguments["table"]: each for each in job.slices}
    assert set(by_table) == set(TABLES)
    assert by_table["idempotency_keys"].step == 3
    assert by_table["outbox"].step == 1


def test_old_challenges_go(conn: psycopg.Connection, user_id: UUID) -> None:
    for age in (timedelta(days=1, seconds=1), timedelta(hours=23)):
        conn.execute(
            """
            INSERT INTO otp_challenges (id, purpose, digest, created_at, expires_at)
            VALUES (%s, 'sign_in', '', %s, %s)
            """,
            [uuid4(), NOW - age, NOW],
        )
    assert purge(conn, user_id).done == 1
    assert left(conn, "otp_challenges") == 1


def test_sessions_go_when_they_are_over_and_tokens_when_they_are_too_old(
    conn: psycopg.Connection, user_id: UUID
) -> None:
    def begin(age: timedelta) -> UUID:
        session_id, token = uuid4(), token_of(uuid4().hex)
        sessions.begin(
            conn, NOW - age, user_id=user_id, session_id=session_id, token=token, request_id="test"
        )
        return session_id

    day, second = timedelta(days=1), timedelta(seconds=1)
    begin(LIFETIME + day + second)
    ended, just_ended = begin(2 * day), begin(2 * day)
    idle, live = begin(IDLE + day + second), begin(day)
    for session_id, age in ((ended, day + second), (just_ended, day - second)):
        sessions.end(conn, NOW - age, session_id=session_id, why=EndedFor.LOGOUT, by=None)
    assert purge(conn, user_id).done >= 3
    kept = conn.execute("SELECT id FROM sessions ORDER BY created_at, id").fetchall()
    assert {row[0] for row in kept} == {just_ended, idle, live}
    kept = conn.execute("SELECT session_id FROM refresh_tokens").fetchall()
    assert {row[0] for row in kept} == {just_ended, live}


def test_old_messages_go_but_never_unsent_ones(conn: psycopg.Connection, user_id: UUID) -> None:
    old, recent = NOW - timedelta(days=30, seconds=1), NOW - timedelta(days=29)
    for sent, failed, sealed in [
        (old, None, None),
        (None, old, None),
        (recent, None, None),
        (None, recent, None),
        (None, None, b"{}"),
    ]:
        conn.execute(
            """
            INSERT INTO outbox (kind, sealed, created_at, expires_at, sent_at, failed_at)
            VALUES ('otp_sms', %s, %s, %s, %s, %s)
            """,
            [sealed, old - timedelta(days=300), old, sent, failed],
        )
    assert purge(conn, user_id).done == 2
    assert left(conn, "outbox") == 3


def test_jobs_that_ended_long_ago_go_with_their_slices(conn: psycopg.Connection, user_id: UUID) -> None:
    first, second = purge(conn, user_id), purge(conn, user_id)
    unfinished = queueing.enqueue(NOW, kind=JobKind.PURGE, arguments={}, by=By(user_id))
    old = NOW - timedelta(days=90, seconds=1)
    conn.execute("UPDATE jobs SET created_at = %s", [old])
    conn.execute(
        "UPDATE jobs SET finished_at = %s WHERE id = %s OR parent_id = %s", [old, first.id, first.id]
    )
    third = purge(conn, user_id)
    assert third.done == 1
    page = jobs.find(conn, status=None, kind=None, before=None, limit=10)
    assert [job.id for job in page] == [third.id, unfinished.id, second.id]
    assert conn.execute("SELECT count(*) FROM jobs").fetchone() == (3 * (1 + len(TABLES)),)


def test_it_is_queued_each_day(conn: psycopg.Connection) -> None:
    conn.execute("UPDATE schedules SET next_at = now()")
    assert queueing.enqueue_due(NOW) == 1
    assert queueing.enqueue_due(NOW) == 0
    (job,) = jobs.find(conn, status=None, kind=JobKind.PURGE, before=None, limit=10)
    assert (job.status, job.created_by) == (JobStatus.QUEUED, None)
