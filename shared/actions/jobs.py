"""Jobs: queueing, cancelling, and what a worker's claim comes to."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.audit import Action, By, Subject
from shared.domain.jobs import (
    ATTEMPTS,
    Claim,
    JobDetail,
    JobEnded,
    JobKind,
    JobStatus,
    JobUnknown,
    Json,
    LeaseLost,
    StepResult,
    Wake,
    outcome,
    pause_after,
)
from shared.store import Conn, audit, claims, jobs

_GIVEN_UP = f"{ATTEMPTS} attempts ended without a word."


def enqueue(
    conn: Conn,
    now: datetime,
    *,
    kind: JobKind,
    arguments: Json,
    slices: Sequence[Json],
    user_id: UUID | None,
) -> tuple[UUID, list[Wake]]:
    """Queue a job, cut into slices where there are any; its id, and who is to be woken after the commit."""
    job_id = jobs.insert(
        conn, kind=kind, arguments=arguments, slice_count=len(slices), created_by=user_id, now=now
    )
    workers = jobs.insert_slices(conn, job_id, slices) if slices else [job_id]
    return job_id, [Wake(worker, 0) for worker in workers]


def cancel(conn: Conn, now: datetime, job_id: UUID, *, by: By) -> JobDetail:
    """Cancel a job and its slices, at once where nobody is at work and after the step at hand elsewhere.

    `conn` must be in a transaction. Raises JobUnknown, JobEnded.
    """
    status = jobs.lock_with_slices(conn, job_id)
    if status is None:
        raise JobUnknown(job_id=job_id)
    if status.ended:
        raise JobEnded(job_id=job_id, status=status)
    jobs.update_cancelled(conn, job_id)
    _settle(conn, job_id)
    job = jobs.get(conn, job_id)
    if job is None:
        raise JobUnknown(job_id=job_id)
    if job.parent_id is not None:
        _settle(conn, job.parent_id)
    audit.insert(
        conn,
        now=now,
        by=by,
        action=Action.JOB_CANCELLED,
        subject=Subject.JOB,
        subject_id=job_id,
        before={"status": status},
        after={"status": job.status, "cancel_requested": job.cancel_requested},
    )
    return job


def save(conn: Conn, held: Claim, result: StepResult, lease: timedelta) -> JobStatus:
    """Save a step in its transaction. Raises LeaseLost, and then nothing of the step may be committed."""
    status = claims.update_saved(conn, held, result, lease)
    if status is None:
        raise LeaseLost
    if status.ended and held.parent_id is not None:
        _settle(conn, held.parent_id)
    return status


def end(conn: Conn, held: Claim, status: JobStatus, reason: str | None = None) -> None:
    """End it without another step. `conn` must be in a transaction. Raises LeaseLost."""
    if not claims.update_ended(conn, held, status=status, reason=reason):
        raise LeaseLost
    if held.parent_id is not None:
        _settle(conn, held.parent_id)


def postpone(conn: Conn, held: Claim, reason: str) -> None:
    """Leave it alone for a while after an attempt that met `reason`, or fail it after the last.

    `conn` must be in a transaction. Raises LeaseLost.
    """
    if held.attempt >= ATTEMPTS:
        end(conn, held, JobStatus.FAILED, reason)
    elif not claims.update_postponed(conn, held, pause=pause_after(held.attempt), reason=reason):
        raise LeaseLost


def give_up(conn: Conn, job_id: UUID) -> bool:
    """Fail a job whose last attempt nobody is left to end; whether it did. `conn` is in a transaction."""
    ended = claims.update_exhausted(conn, job_id=job_id, attempts=ATTEMPTS, reason=_GIVEN_UP)
    if ended is not None and ended.parent_id is not None:
        _settle(conn, ended.parent_id)
    return ended is not None


def _settle(conn: Conn, parent_id: UUID) -> None:
    """End a job of slices with the last of them; nothing for one without."""
    jobs.lock_parent(conn, parent_id)
    slices = jobs.count_slices(conn, parent_id)
    status = outcome(slices) if slices else None
    if status is not None:
        jobs.update_settled(conn, parent_id, status)
