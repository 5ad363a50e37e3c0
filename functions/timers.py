"""Timers: each minute, each doing whatever is due by state, so that the next run makes up a missed one."""

import logging
from datetime import UTC, datetime

import azure.functions as func

from shared import pool
from shared.actions import promotions as actions
from shared.edge import rate_limits
from shared.jobs import (
    audit_export,
    audit_sealing,
    ingest_recovery,
    outbox,
    partitioning,
    queueing,
    rollups,
    waking,
)
from shared.store import promotions

bp = func.Blueprint()

_log = logging.getLogger(__name__)


@bp.timer_trigger(arg_name="timer", schedule="0 * * * * *", run_on_startup=False, use_monitor=True)
def archive_promotions(timer: func.TimerRequest) -> None:
    """Move promotions that began to Active and those that ended to Archived, one transaction each."""
    now = datetime.now(UTC)
    with pool.connection() as conn:
        due = promotions.find_unarchived_ids(conn)
    for promotion_id in due:
        with pool.transaction() as conn:
            status = actions.relabel(conn, now, promotion_id)
        if status is not None:
            _log.info("promotion %s is %s now", promotion_id, status.value)
    if timer.past_due:
        _log.warning("archive_promotions ran late")


@bp.timer_trigger(arg_name="timer", schedule="30 * * * * *", run_on_startup=False, use_monitor=True)
def run_due_work(timer: func.TimerRequest) -> None:
    """Queue jobs that are due, wake for work nobody came for, make the partitions of months to come, send
    what was not sent right away, forget old counts, seal and export the audit, roll it up.
    """
    now = datetime.now(UTC)
    try:
        queued = queueing.enqueue_due(now)
        woken = waking.wake_waiting() + ingest_recovery.recover(now)
        made = partitioning.make_due(now)
    finally:
        # Messages must not wait for jobs to be well.
        sent = outbox.send_due()
        rate_limits.purge(now)
        sealed = audit_sealing.seal_due(now)
        exported = audit_export.export_due()
        rollups.roll_up_due()
    if sealed or exported:
        _log.info("run_due_work sealed %d entries of the audit, exported %d", sealed, exported)
    if made or queued or woken or sent:
        _log.info(
            "run_due_work made %d partitions, queued %d jobs, woke for %d, delivered %d messages",
            made,
            queued,
            woken,
            sent,
        )
    if timer.past_due:
        _log.warning("run_due_work ran late")
