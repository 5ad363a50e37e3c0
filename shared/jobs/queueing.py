"""Queueing: a job is queued by somebody or by its schedule, and its workers are woken after the commit."""

import logging
from datetime import datetime
from uuid import UUID

from shared import pool
from shared.actions import jobs as actions
from shared.domain.audit import Action, By, Subject
from shared.domain.jobs import JobDetail, JobKind, Json, Wake
from shared.jobs.kinds import KINDS
from shared.jobs.waking import wake
from shared.store import Conn, audit, jobs, schedules

_log = logging.getLogger(__name__)


def enqueue(now: datetime, *, kind: JobKind, arguments: Json, by: By) -> JobDetail:
    """Queue a job for somebody."""
    with pool.transaction() as conn:
        job_id, workers = _insert(conn, now, kind, arguments, by.user_id)
        audit.insert(
            conn,
            now=now,
            by=by,
            action=Action.JOB_QUEUED,
            subject=Subject.JOB,
            subject_id=job_id,
            before=None,
            after={"kind": kind, "arguments": arguments},
        )
        job = jobs.get(conn, job_id)
    assert job is not None  # noqa: S101 - this transaction wrote it
    wake(workers)
    return job


def enqueue_due(now: datetime) -> int:
    """Queue what is due by its schedule, once however many ask at the same time; returns how many."""
    workers: list[Wake] = []
    with pool.transaction() as conn:
        due = schedules.lock_due(conn)
        for scheduled in due:
            workers += _insert(conn, now, scheduled.kind, scheduled.arguments, None)[1]
    wake(workers)
    return len(due)


def _insert(
    conn: Conn, now: datetime, kind: JobKind, arguments: Json, user_id: UUID | None
) -> tuple[UUID, list[Wake]]:
    slices = KINDS[kind].slices(arguments)
    return actions.enqueue(conn, now, kind=kind, arguments=arguments, slices=slices, user_id=user_id)
