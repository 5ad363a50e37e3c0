"""Claims in the database: one holder at a time, and none but the holder saves anything."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from random import Random
from threading import Barrier
from uuid import UUID

import psycopg
import pytest

from shared.domain.jobs import Claim, JobKind, JobStatus, StepResult
from shared.store import claims, jobs, schedules
from tests.rows import NOW, Conn, a_user

LEASE = timedelta(seconds=60)
PARALLEL = 8


@pytest.fixture
def job_id(conn: Conn) -> UUID:
    return jobs.insert(conn, kind="purge", arguments={}, slice_count=0, created_by=None, now=NOW)


@contextmanager
def connections(database_url: str) -> Iterator[list[psycopg.Connection]]:
    with ExitStack() as stack:
        yield [stack.enter_context(psycopg.connect(database_url, autocommit=True)) for _ in range(PARALLEL)]


def claim(conn: Conn, job_id: UUID, *, lease: timedelta = LEASE, attempts: int = 1000) -> Claim | None:
    return claims.lock(conn, job_id, lease=lease, attempts=attempts)


def held(conn: Conn, job_id: UUID, *, lease: timedelta = LEASE) -> Claim:
    found = claim(conn, job_id, lease=lease)
    assert found is not None
    return found


def result(*, done: int = 1, finished: bool = False, total: int | None = None) -> StepResult:
    return StepResult(cursor={"at": done}, done=done, total=total, finished=finished)


def expire(conn: Conn) -> None:
    """As if the lease had passed."""
    conn.execute("UPDATE jobs SET lease_until = now() - interval '1 second' WHERE lease_until IS NOT NULL")


def test_of_many_who_come_at_once_one_holds_it(database_url: str, conn: Conn) -> None:
    for _ in range(20):
        job_id = jobs.insert(conn, kind="purge", arguments={}, slice_count=0, created_by=None, now=NOW)
        barrier = Barrier(PARALLEL)

        def come(one: Conn, job_id: UUID = job_id, barrier: Barrier = barrier) -> Claim | None:
            barrier.wait()
            return claim(one, job_id)

        with connections(database_url) as many, ThreadPoolExecutor(PARALLEL) as threads:
            found = [each for each in threads.map(come, many) if each is not None]
        assert [each.claim for each in found] == [1]


def test_an_expired_lease_is_taken_by_one_of_many(database_url: str, conn: Conn, job_id: UUID) -> None:
    held(conn, job_id)
    for next_claim in range(2, 12):
        expire(conn)
        barrier = Barrier(PARALLEL)

        def come(one: Conn, barrier: Barrier = barrier) -> Claim | None:
            barrier.wait()
            return claim(one, job_id)

        with connections(database_url) as many, ThreadPoolExecutor(PARALLEL) as threads:
            found = [each for each in threads.map(come, many) if each is not None]
        assert [each.claim for each in found] == [next_claim]


def test_what_the_holder_saves_counts(conn: Conn, job_id: UUID) -> None:
    holder = held(conn, job_id)
    assert claims.update_saved(conn, holder, result(done=3, total=7), LEASE) is JobStatus.RUNNING
    assert claims.update_saved(conn, holder, result(done=2), LEASE) is JobStatus.RUNNING
    job = jobs.get(conn, job_id)
    assert job is not None
    assert (job.done, job.total, job.step, job.status) == (5, 7, 2, JobStatus.RUNNING)
    assert claims.update_saved(conn, holder, result(done=1, finished=True), LEASE) is JobStatus.COMPLETED
    job = jobs.get(conn, job_id)
    assert job is not None
    assert (job.done, job.total, job.status) == (6, 6, JobStatus.COMPLETED), "what was there was done"
    assert job.finished_at is not None


def test_a_holder_that_lost_its_lease_does_nothing_any_more(conn: Conn, job_id: UUID) -> None:
    late = held(conn, job_id)
    expire(conn)
    holder = held(conn, job_id)
    assert claims.update_saved(conn, late, result(), LEASE) is None
    assert claims.update_lease(conn, late, LEASE) is False
    assert claims.update_released(conn, late) is None
    assert claims.update_postponed(conn, late, pause=LEASE, reason="late") is False
    assert claims.update_ended(conn, late, status=JobStatus.FAILED, reason="late") is False
    assert claims.update_saved(conn, holder, result(finished=True), LEASE) is JobStatus.COMPLETED
    for each in (late, holder):
        assert claims.update_saved(conn, each, result(), LEASE) is None, "it has ended"
        assert claims.update_lease(conn, each, LEASE) is False


def test_a_lease_that_ran_out_unseen_is_still_the_holders(conn: Conn, job_id: UUID) -> None:
    holder = held(conn, job_id)
    expire(conn)
    assert claims.update_saved(conn, holder, result(), LEASE) is JobStatus.RUNNING
    assert claim(conn, job_id) is None, "and it holds anew"


def test_a_claim_waits_for_a_step_that_is_being_committed(
    database_url: str, conn: Conn, job_id: UUID
) -> None:
    """The lease has passed, but its holder's step is on its way: it counts, and the other gets nothing."""
    holder = held(conn, job_id)
    expire(conn)
    with psycopg.connect(database_url) as saving, ThreadPoolExecutor(1) as thread:
        claims.update_saved(saving, holder, result(), LEASE)
        other = thread.submit(claim, conn, job_id)
        while not _waits(database_url):
            continue
        saving.commit()
        assert other.result(timeout=30) is None


def _waits(database_url: str) -> bool:
    with psycopg.connect(database_url) as watching:
        (waiting,) = watching.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock'"
        ).fetchall()[0]
    return waiting > 0


def test_a_released_job_is_taken_up_at_once(conn: Conn, job_id: UUID) -> None:
    wake = claims.update_released(conn, held(conn, job_id))
    assert wake is not None
    assert (wake.id, wake.step) == (job_id, 0)
    assert held(conn, job_id).attempt == 1


def test_attempts_are_counted_until_something_is_saved(conn: Conn, job_id: UUID) -> None:
    for attempt in (1, 2, 3):
        assert held(conn, job_id).attempt == attempt
        expire(conn)
    holder = held(conn, job_id)
    assert holder.attempt == 4
    claims.update_saved(conn, holder, result(), LEASE)
    expire(conn)
    assert held(conn, job_id).attempt == 2, "the one that saved something counts too"


def test_nobody_begins_a_sixth_attempt(conn: Conn, job_id: UUID) -> None:
    for _ in range(5):
        assert claim(conn, job_id, attempts=5) is not None
        assert claims.find_exhausted_ids(conn, attempts=5) == []
        expire(conn)
    assert claim(conn, job_id, attempts=5) is None
    assert claims.find_exhausted_ids(conn, attempts=5) == [job_id]
    ended = claims.update_exhausted(conn, job_id=job_id, attempts=5, reason="no word")
    assert ended is not None
    assert claims.update_exhausted(conn, job_id=job_id, attempts=5, reason="again") is None
    job = jobs.get(conn, job_id)
    assert job is not None
    assert (job.status, job.reason) == (JobStatus.FAILED, "no word")


def test_a_blob_is_dropped_anew_for_what_nobody_came_for(database_url: str, conn: Conn) -> None:
    def due() -> set[UUID]:
        found = claims.update_dropped(conn, attempts=5, patience=timedelta(minutes=1), most=100)
        return {each.id for each in found}

    def age() -> None:
        conn.execute("UPDATE jobs SET dropped_at = dropped_at - interval '2 minutes'")

    ids = [
        jobs.insert(conn, kind="purge", arguments={}, slice_count=0, created_by=None, now=NOW)
        for _ in range(40)
    ]
    assert due() == set(), "dropped a moment ago"
    holder, ended = held(conn, ids[0]), held(conn, ids[1])
    claims.update_ended(conn, ended, status=JobStatus.CANCELLED)
    age()
    with connections(database_url) as many, ThreadPoolExecutor(PARALLEL) as threads:
        found = [
            wake.id
            for wakes in threads.map(
                lambda one: claims.update_dropped(one, attempts=5, patience=timedelta(minutes=1), most=7),
                many,
            )
            for wake in wakes
        ]
    assert sorted(found) == sorted(ids[2:]), "each once"
    age()
    expire(conn)
    assert holder.id in due()
    assert due() == set()


def test_a_random_history_has_one_holder_at_any_time(database_url: str, conn: Conn, job_id: UUID) -> None:
    """Whatever order claims, expiries and saves come in, exactly the newest claim can save."""
    random = Random(7)  # noqa: S311
    newest: Claim | None = None
    older: list[Claim] = []
    saved = 0
    with psycopg.connect(database_url, autocommit=True) as other:
        for _ in range(400):
            one = random.choice([conn, other])
            match random.choice(["claim", "expire", "save", "late", "beat", "release"]):
                case "claim":
                    found = claim(one, job_id, attempts=10_000)
                    if found is not None:
                        older += [newest] if newest else []
                        newest = found
                case "expire":
                    expire(one)
                case "save" if newest:
                    assert claims.update_saved(one, newest, result(), LEASE) is JobStatus.RUNNING
                    saved += 1
                case "late" if older:
                    assert claims.update_saved(one, random.choice(older), result(), LEASE) is None
                case "beat" if newest:
                    assert claims.update_lease(one, newest, LEASE)
                case "release" if newest:
                    assert claims.update_released(one, newest) is not None
                    older.append(newest)
                    newest = None
                case _:
                    continue
    job = jobs.get(conn, job_id)
    assert job is not None
    assert (job.done, job.step) == (saved, saved)
    assert saved > 20


def test_pages_of_jobs_show_no_slices_and_the_sums_of_them(conn: Conn) -> None:
    user_id = a_user(conn)
    plain = jobs.insert(conn, kind="purge", arguments={}, slice_count=0, created_by=user_id, now=NOW)
    sliced = jobs.insert(conn, kind="purge", arguments={}, slice_count=2, created_by=None, now=NOW)
    one, two = jobs.insert_slices(conn, sliced, [{"table": "one"}, {"table": "two"}])
    claims.update_saved(conn, held(conn, one), result(done=3, total=10), LEASE)

    def page(**changes: object) -> list[UUID]:
        asked = {"status": None, "kind": None, "before": None, "limit": 9} | changes
        return [job.id for job in jobs.find(conn, **asked)]  # type: ignore[arg-type]

    assert page() == [sliced, plain]
    assert page(limit=1) == [sliced]
    assert page(before=sliced) == [plain]
    assert page(status=JobStatus.QUEUED) == [plain]
    assert page(status=JobStatus.RUNNING, kind=JobKind.PURGE) == [sliced]
    detail = jobs.get(conn, sliced)
    assert detail is not None
    assert (detail.done, detail.total, detail.step) == (3, None, 1), "of the other nobody knows yet"
    assert [each.id for each in detail.slices] == [one, two]
    assert [each.arguments for each in detail.slices] == [{"table": "one"}, {"table": "two"}]
    claims.update_saved(conn, held(conn, two), result(done=4, total=5), LEASE)
    detail = jobs.get(conn, sliced)
    assert detail is not None
    assert (detail.done, detail.total, detail.step) == (7, 15, 2)
    assert claim(conn, sliced) is None, "a job of slices is nobody's"


def test_a_schedule_is_due_once_and_next_in_the_future(database_url: str, conn: Conn) -> None:
    conn.execute("UPDATE schedules SET next_at = now() - interval '50 hours'")
    barrier = Barrier(PARALLEL)

    def ask(one: Conn) -> int:
        barrier.wait()
        return len(schedules.lock_due(one))

    with connections(database_url) as many, ThreadPoolExecutor(PARALLEL) as threads:
        assert sum(threads.map(ask, many)) == 1
    ahead = conn.execute("SELECT extract(epoch FROM next_at - now()) / 3600 FROM schedules").fetchall()
    assert [float(hours) for (hours,) in ahead] == [pytest.approx(22, abs=0.1)]
