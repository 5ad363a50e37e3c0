"""Queueing: a job is queued by somebody or by its schedule, and its workers are woken after the commit."""

import logging
from collections.abc import Sequence
from datetime import datetime

from shared import pool
from shared.actions import jobs as actions
from shared.domain.audit import By
from shared.domain.jobs import JobDetail, JobKind, Json, Wake
from shared.jobs.kinds import KINDS
from shared.jobs.waking import wake
from shared.store import jobs, schedules

_log = logging.getLogger(__name__)


def enqueue(now: datetime, *, kind: JobKind, arguments: Json, by: By) -> JobDetail:
    """Queue a job for somebody."""
    with pool.transaction() as conn:
        job_id, workers = actions.enqueue_by_hand(
            conn, now, kind=kind, arguments=arguments, slices=_slices(kind, arguments), by=by
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
            kind, arguments = scheduled.kind, scheduled.arguments
            workers += actions.enqueue(
                conn, now, kind=kind, arguments=arguments, slices=_slices(kind, arguments), user_id=None
            )[1]
    wake(workers)
    return len(due)


def _slices(kind: JobKind, arguments: Json) -> Sequence[Json]:
    return KINDS[kind].slices(arguments)
