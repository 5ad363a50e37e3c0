"""Jobs: cancelling, in every state a job and its slices can be in."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import jobs as actions
from shared.domain.audit import By
from shared.domain.jobs import (
    Claim,
    JobDetail,
    JobEnded,
    JobKind,
    JobStatus,
    JobUnknown,
    LeaseLost,
    StepResult,
)
from shared.store import claims, jobs
from tests.rows import NOW, Conn

LEASE = timedelta(seconds=60)
BY = By(uuid4(), "test")
LAST = StepResult(cursor={}, done=1, finished=True)


def enqueue(conn: Conn, slices: int = 0) -> UUID:
    cut = [{"slice": number} for number in range(slices)]
    with conn.transaction():
        return actions.enqueue(conn, NOW, kind=JobKind.PURGE, arguments={}, slices=cut, user_id=None)[0]


def held(conn: Conn, job_id: UUID) -> Claim:
    claim = claims.lock(conn, job_id, lease=LEASE, attempts=5)
    assert claim is not None
    return claim


def cancel(conn: Conn, job_id: UUID) -> JobStatus:
    with conn.transaction():
        return actions.cancel(conn, NOW, job_id, by=BY).status


def slices_of(conn: Conn, job_id: UUID) -> list[UUID]:
    return [each.id for each in state(conn, job_id).slices]


def state(conn: Conn, job_id: UUID) -> JobDetail:
    job = jobs.get(conn, job_id)
    assert job is not None
    return job


def test_workers_are_woken_for_the_slices(conn: Conn) -> None:
    job_id, workers = actions.enqueue(
        conn, NOW, kind=JobKind.PURGE, arguments={}, slices=[{}, {}], user_id=None
    )
    assert [each.id for each in workers] == slices_of(conn, job_id)
    job_id, workers = actions.enqueue(conn, NOW, kind=JobKind.PURGE, arguments={}, slices=[], user_id=None)
    assert [each.id for each in workers] == [job_id]


def test_a_job_nobody_holds_is_cancelled_at_once(conn: Conn) -> None:
    queued, released, died = (enqueue(conn) for _ in range(3))
    claims.update_released(conn, held(conn, released))
    zombie = held(conn, died)
    conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE id = %s", [died])
    for job_id in (queued, released, died):
        assert cancel(conn, job_id) is JobStatus.CANCELLED
        assert claims.lock(conn, job_id, lease=LEASE, attempts=5) is None
    with pytest.raises(LeaseLost), conn.transaction():
        actions.save(conn, zombie, LAST, LEASE)


def test_a_job_at_work_is_asked_to_stop_and_may_be_asked_again(conn: Conn) -> None:
    job_id = enqueue(conn)
    claim = held(conn, job_id)
    assert cancel(conn, job_id) is JobStatus.RUNNING
    assert cancel(conn, job_id) is JobStatus.RUNNING
    assert actions.save(conn, claim, StepResult(cursor={}, done=1, finished=False), LEASE) is (
        JobStatus.CANCELLED
    )


def test_a_cancel_that_comes_during_the_last_step_comes_too_late(conn: Conn) -> None:
    job_id = enqueue(conn)
    claim = held(conn, job_id)
    cancel(conn, job_id)
    assert actions.save(conn, claim, LAST, LEASE) is JobStatus.COMPLETED


def test_cancelling_a_job_cancels_its_slices(conn: Conn) -> None:
    job_id = enqueue(conn, slices=3)
    ended, working, waiting = slices_of(conn, job_id)
    actions.save(conn, held(conn, ended), LAST, LEASE)
    claim = held(conn, working)
    assert cancel(conn, job_id) is JobStatus.RUNNING
    assert [each.status.value for each in state(conn, job_id).slices] == ["completed", "running", "cancelled"]
    assert state(conn, waiting).finished_at is not None
    actions.save(conn, claim, StepResult(cursor={}, done=1, finished=False), LEASE)
    assert state(conn, job_id).status is JobStatus.CANCELLED


def test_a_job_of_waiting_slices_is_cancelled_with_them(conn: Conn) -> None:
    assert cancel(conn, enqueue(conn, slices=3)) is JobStatus.CANCELLED


def test_cancelling_the_last_slice_ends_the_job(conn: Conn) -> None:
    job_id = enqueue(conn, slices=2)
    one, two = slices_of(conn, job_id)
    actions.save(conn, held(conn, one), LAST, LEASE)
    assert cancel(conn, two) is JobStatus.CANCELLED
    assert state(conn, job_id).status is JobStatus.CANCELLED


def test_what_has_ended_or_never_was_is_refused(conn: Conn) -> None:
    job_id = enqueue(conn)
    actions.end(conn, held(conn, job_id), JobStatus.FAILED, "because")
    with pytest.raises(JobEnded):
        cancel(conn, job_id)
    with pytest.raises(JobUnknown):
        cancel(conn, uuid4())


def test_the_fifth_attempt_is_the_last(conn: Conn) -> None:
    job_id = enqueue(conn)
    for attempt in range(1, 6):
        actions.postpone(conn, held(conn, job_id), f"reason {attempt}")
        conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE finished_at IS NULL")
        assert state(conn, job_id).reason == f"reason {attempt}"
    assert state(conn, job_id).status is JobStatus.FAILED


def test_slices_that_end_or_are_cancelled_at_the_same_time_end_the_job_once(
    database_url: str, conn: Conn
) -> None:
    """Every interleaving locks in one order: nothing deadlocks, and the last one to end ends the job."""
    for number in range(15):
        job_id = enqueue(conn, slices=6)
        claimed = [held(conn, each) for each in slices_of(conn, job_id)]

        def finish(claim: Claim) -> None:
            with psycopg.connect(database_url) as one:
                actions.save(one, claim, LAST, LEASE)

        def stop(job_id: UUID = job_id) -> None:
            with psycopg.connect(database_url) as one:
                actions.cancel(one, NOW, job_id, by=BY)

        with ThreadPoolExecutor(8) as threads:
            stopping = [threads.submit(stop) for _ in range(number % 3)]
            list(threads.map(finish, claimed))
            for each in stopping:
                assert each.exception() is None or isinstance(each.exception(), JobEnded)
        assert state(conn, job_id).status is JobStatus.COMPLETED
