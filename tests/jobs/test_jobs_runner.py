"""The runner: steps and their cursor are one, leases are renewed and lost, failures are told and counted."""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Event
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import jobs as actions
from shared.domain.audit import By
from shared.domain.jobs import Job, JobKind, JobStatus, Json, StepResult
from shared.edge import storage
from shared.jobs import purge, queueing, waking
from shared.jobs.kinds import KINDS, Kind, Step
from shared.jobs.runner import run
from shared.store import Conn, jobs
from tests.harness import eventually
from tests.rows import NOW

pytestmark = pytest.mark.usefixtures("app")

SECRET = "+390655556666"
STEPS = 5

type Work = Callable[..., UUID]


@pytest.fixture
def work(conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Queues a job whose steps are the given function, in the place of the purge's."""
    conn.execute("CREATE TABLE effects (job uuid, step integer)")

    def queue(step: Step, slices: int = 0) -> UUID:
        cut = [{"slice": number} for number in range(slices)]
        monkeypatch.setitem(KINDS, JobKind.PURGE, Kind(step, lambda _: cut))
        return actions.enqueue(conn, NOW, kind=JobKind.PURGE, arguments={}, slices=cut, user_id=None)[0]

    return queue


def write(conn: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
    """A step that leaves a row behind; the fifth is the last."""
    assert now == NOW
    at = cursor["at"] + 1 if cursor else 1
    conn.execute("INSERT INTO effects (step) VALUES (%(at)s)", {"at": at * 10 + arguments.get("slice", 0)})
    return StepResult(cursor={"at": at}, done=1, total=STEPS, finished=at == STEPS)


def effects(conn: Conn) -> list[int]:
    return [row[0] for row in conn.execute("SELECT step FROM effects ORDER BY step").fetchall()]


def state(conn: Conn, job_id: UUID) -> Job:
    job = jobs.get(conn, job_id)
    assert job is not None
    return job


def expire(conn: Conn) -> None:
    """As if a minute had passed."""
    conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def blobs() -> list[str]:
    storage.create_containers()
    return [blob.name for blob in storage.service().get_container_client(storage.JOBS).list_blobs()]


def test_a_job_runs_to_its_end(conn: psycopg.Connection, work: Work) -> None:
    job_id = work(write)
    run(job_id, NOW)
    job = state(conn, job_id)
    assert (job.status, job.done, job.total, job.step) == (JobStatus.COMPLETED, STEPS, STEPS, STEPS)
    assert effects(conn) == [10, 20, 30, 40, 50]
    run(job_id, NOW)
    assert effects(conn) == [10, 20, 30, 40, 50], "coming again does nothing"


def test_when_time_is_up_the_next_run_goes_on(conn: psycopg.Connection, work: Work) -> None:
    job_id = work(write)
    for step in range(1, STEPS):
        run(job_id, NOW, budget=timedelta(0))
        job = state(conn, job_id)
        assert (job.status, job.done, job.step) == (JobStatus.RUNNING, step, step)
        assert f"{job_id}/{step}" in blobs(), "somebody is woken"
    run(job_id, NOW, budget=timedelta(0))
    assert state(conn, job_id).status is JobStatus.COMPLETED
    assert effects(conn) == [10, 20, 30, 40, 50]


def test_many_who_come_at_once_are_one(conn: psycopg.Connection, work: Work) -> None:
    job_id = work(write)
    with ThreadPoolExecutor(6) as threads:
        for each in [threads.submit(run, job_id, NOW, budget=timedelta(0)) for _ in range(60)]:
            each.result()
    for _ in range(STEPS):
        run(job_id, NOW)
    assert state(conn, job_id).status is JobStatus.COMPLETED
    assert effects(conn) == [10, 20, 30, 40, 50]


def test_a_zombie_saves_nothing(
    conn: psycopg.Connection, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker that is cut off in a step finds, when it comes back, that the job is another's."""
    arrived, go_on = Event(), Event()
    calls: list[int] = []

    def step(one: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
        result = write(one, cursor, arguments, now)
        calls.append(result.cursor["at"])
        if len(calls) == 3:
            arrived.set()
            assert go_on.wait(60)
        return result

    job_id = work(step)
    with ThreadPoolExecutor(1) as thread:
        zombie = thread.submit(run, job_id, NOW)
        assert arrived.wait(60)
        expire(conn)
        run(job_id, NOW)
        assert state(conn, job_id).status is JobStatus.COMPLETED
        go_on.set()
        zombie.result()
    assert calls == [1, 2, 3, 3, 4, 5], "its third step was done again"
    assert effects(conn) == [10, 20, 30, 40, 50], "and counts once"
    assert "lost to another" in caplog.text


def test_the_lease_is_renewed_during_a_long_step(conn: psycopg.Connection, work: Work) -> None:
    def lease_until() -> datetime:
        return conn.execute("SELECT lease_until FROM jobs").fetchall()[0][0]

    def step(*_: object) -> StepResult:
        for _beat in range(3):
            before = lease_until()
            eventually(lambda before=before: lease_until() > before, within_s=30)
        return StepResult(cursor={}, done=1, finished=True)

    job_id = work(step)
    run(job_id, NOW, lease=timedelta(seconds=0.3))
    assert state(conn, job_id).status is JobStatus.COMPLETED


def test_a_failure_is_recorded_and_tried_again_later(
    conn: psycopg.Connection, work: Work, caplog: pytest.LogCaptureFixture
) -> None:
    failures = 2

    def step(one: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
        nonlocal failures
        result = write(one, cursor, arguments, now)
        if result.cursor["at"] == 3 and failures:
            failures -= 1
            one.execute("SELECT %(text)s::integer", {"text": "x" + SECRET})
        return result

    caplog.set_level(logging.DEBUG)
    job_id = work(step)
    run(job_id, NOW)
    job = state(conn, job_id)
    assert (job.status, job.step, job.attempt) == (JobStatus.RUNNING, 2, 1)
    assert job.reason == "Attempt 1 at step 3 met InvalidTextRepresentation."
    run(job_id, NOW)
    assert state(conn, job_id).step == 2, "it is left alone for a while"
    expire(conn)
    run(job_id, NOW)
    assert state(conn, job_id).reason == "Attempt 2 at step 3 met InvalidTextRepresentation."
    expire(conn)
    run(job_id, NOW)
    job = state(conn, job_id)
    assert (job.status, job.reason) == (JobStatus.COMPLETED, None)
    assert effects(conn) == [10, 20, 30, 40, 50]
    assert SECRET not in caplog.text
    assert "test_jobs_runner" in caplog.text, "where it happened is told"


def test_after_five_attempts_without_progress_it_has_failed(conn: psycopg.Connection, work: Work) -> None:
    attempts: list[int] = []

    def step(one: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
        if cursor is not None:
            attempts.append(1)
            raise RuntimeError(SECRET)
        return write(one, cursor, arguments, now)

    job_id = work(step)
    for _ in range(7):
        run(job_id, NOW)
        expire(conn)
    job = state(conn, job_id)
    assert (job.status, job.reason) == (JobStatus.FAILED, "Attempt 5 at step 2 met RuntimeError.")
    assert len(attempts) == 5
    assert effects(conn) == [10], "what was done before stays"


def test_a_job_whose_workers_die_fails_too(conn: psycopg.Connection, work: Work) -> None:
    """A worker that is killed records nothing; the timer counts."""

    class Killed(BaseException):
        pass

    def step(*_: object) -> StepResult:
        raise Killed

    job_id = work(step)
    for _ in range(5):
        waking.wake_waiting()
        assert state(conn, job_id).status is not JobStatus.FAILED
        with pytest.raises(Killed):
            run(job_id, NOW)
        expire(conn)
    run(job_id, NOW)
    waking.wake_waiting()
    job = state(conn, job_id)
    assert (job.status, job.reason) == (JobStatus.FAILED, "5 attempts ended without a word.")


def test_an_unknown_kind_is_left_for_a_version_that_knows_it(conn: psycopg.Connection, work: Work) -> None:
    job_id = work(write)
    kind = KINDS.pop(JobKind.PURGE)
    run(job_id, NOW)
    assert state(conn, job_id).reason == "Attempt 1 at step 1 met UnknownKind."
    KINDS[JobKind.PURGE] = kind
    expire(conn)
    run(job_id, NOW)
    assert state(conn, job_id).status is JobStatus.COMPLETED


def test_a_cancel_is_seen_between_steps(conn: psycopg.Connection, work: Work) -> None:
    def step(one: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
        result = write(one, cursor, arguments, now)
        if result.cursor["at"] == 2:
            with conn.transaction():
                asked = actions.cancel(conn, NOW, job_id, by=By(uuid4()))
            assert (asked.status, asked.cancel_requested) == (JobStatus.RUNNING, True)
        return result

    job_id = work(step)
    run(job_id, NOW)
    assert state(conn, job_id).status is JobStatus.CANCELLED
    assert effects(conn) == [10, 20], "the step at hand was finished"


def test_a_cancelled_job_whose_worker_died_is_cancelled_by_the_next(
    conn: psycopg.Connection, work: Work
) -> None:
    job_id = work(write)
    run(job_id, NOW, budget=timedelta(0))
    conn.execute("UPDATE jobs SET cancel_requested = true")
    run(job_id, NOW)
    assert state(conn, job_id).status is JobStatus.CANCELLED
    assert effects(conn) == [10]


def test_slices_end_the_job_when_all_have(conn: psycopg.Connection, work: Work) -> None:
    job_id = work(write, slices=6)
    slices = [each.id for each in jobs.get(conn, job_id).slices]  # type: ignore[union-attr]
    run(job_id, NOW)
    assert effects(conn) == [], "the job itself has no steps"
    run(slices[0], NOW)
    assert state(conn, job_id).status is JobStatus.RUNNING
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda each: run(each, NOW), slices))
    job = state(conn, job_id)
    assert (job.status, job.done, job.total) == (JobStatus.COMPLETED, 30, 30)
    assert effects(conn) == sorted(step * 10 + each for step in range(1, 6) for each in range(6))


def test_a_job_fails_with_the_first_of_its_slices_and_after_the_last(
    conn: psycopg.Connection, work: Work
) -> None:
    def step(one: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
        if arguments["slice"] == 1:
            raise RuntimeError
        if arguments["slice"] == 2:
            raise ValueError
        return write(one, cursor, arguments, now)

    job_id = work(step, slices=4)
    slices = [each.id for each in jobs.get(conn, job_id).slices]  # type: ignore[union-attr]
    for each in (slices[2], slices[1], slices[0]):
        for _ in range(5):
            run(each, NOW)
            expire(conn)
    assert state(conn, job_id).status is JobStatus.RUNNING
    run(slices[3], NOW)
    job = state(conn, job_id)
    assert (job.status, job.reason) == (JobStatus.FAILED, "Attempt 5 at step 1 met ValueError.")
    assert len(effects(conn)) == 10, "the others did their work"


def test_a_database_that_is_away_leaves_the_job_to_the_timer(conn: psycopg.Connection, work: Work) -> None:
    def step(one: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
        result = write(one, cursor, arguments, now)
        if result.cursor["at"] == 3:
            (pid,) = one.execute("SELECT pg_backend_pid()").fetchall()[0]
            conn.execute("SELECT pg_terminate_backend(%(pid)s)", {"pid": pid})
        return result

    job_id = work(step)
    run(job_id, NOW)
    job = state(conn, job_id)
    assert (job.status, job.step) == (JobStatus.RUNNING, 2)
    assert effects(conn) == [10, 20]


def test_the_timer_wakes_for_what_nobody_came_for(conn: psycopg.Connection, work: Work) -> None:
    job_id = work(write)
    assert waking.wake_waiting() == 0
    assert blobs() == []
    conn.execute("UPDATE jobs SET dropped_at = dropped_at - interval '1 minute'")
    assert waking.wake_waiting() == 1
    assert blobs() == [f"{job_id}/0"]


def test_a_storage_that_is_away_leaves_the_job_to_the_timer(
    conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from shared.settings import settings

    with monkeypatch.context() as away:
        away.setenv(
            "UPLOADS_STORAGE",
            "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=YQ==;BlobEndpoint=http://127.0.0.1:1/a",
        )
        settings.cache_clear()
        conn.execute("UPDATE schedules SET next_at = now()")
        assert queueing.enqueue_due(NOW) == 1
    settings.cache_clear()
    assert "waits for the timer" in caplog.text
    conn.execute("UPDATE jobs SET dropped_at = dropped_at - interval '1 minute'")
    assert waking.wake_waiting() == len(purge.TABLES)
    assert len(blobs()) == len(purge.TABLES)
