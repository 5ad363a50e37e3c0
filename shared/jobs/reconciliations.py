"""Reconciliations: begun by somebody, by an upload of receipts or by a decision; some stores' day a step."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from shared import pool
from shared.actions import jobs as job_actions
from shared.actions import reconciliations as actions
from shared.domain.audit import Action, By, Subject
from shared.domain.jobs import JobKind, Json, StepResult, Wake
from shared.domain.reconciliation.runs import Reconciliation
from shared.jobs.waking import wake
from shared.store import Conn, audit, reconciliations

# A second's work.
_STORES = 50


class ReconciliationGone(Exception):
    """The reconciliation of the job was deleted."""


def slices(_: Json) -> list[Json]:
    """None: its steps are short."""
    return []


def step(conn: Conn, cursor: Json | None, arguments: Json, now: datetime) -> StepResult:
    """Reconcile the next stores on the earliest day that is not done."""
    reconciliation_id = UUID(arguments["reconciliation_id"])
    if not reconciliations.exists(conn, reconciliation_id):
        raise ReconciliationGone
    days = reconciliations.find_due(conn, reconciliation_id, most=arguments.get("step", _STORES))
    if days:
        reconciliations.update_done(conn, reconciliation_id, actions.reconcile_days(conn, now, days))
    return StepResult(
        cursor={"day": days[-1].day.isoformat(), "store_id": days[-1].store_id} if days else cursor or {},
        done=len(days),
        total=reconciliations.count_days(conn, reconciliation_id) if cursor is None else None,
        finished=not days,
    )


def begin(
    now: datetime,
    *,
    retailer_id: str | None,
    store_id: str | None,
    from_on: date,
    until_on: date,
    by: By,
) -> Reconciliation:
    """Queue a run over the days of a retailer's stores, of one store, or of all."""
    with pool.transaction() as conn:
        reconciliation_id, workers = _queue(conn, now, retailer_id=retailer_id, user_id=by.user_id)
        reconciliations.insert_days(
            conn,
            reconciliation_id,
            retailer_id=retailer_id,
            store_id=store_id,
            from_on=from_on,
            until_on=until_on,
        )
        audit.insert(
            conn,
            now=now,
            by=by,
            action=Action.RECONCILIATION_BEGUN,
            subject=Subject.RECONCILIATION,
            subject_id=reconciliation_id,
            before=None,
            after={
                "retailer_id": retailer_id,
                "store_id": store_id,
                "from_on": from_on,
                "until_on": until_on,
            },
        )
        found = actions.get(conn, reconciliation_id)
    wake(workers)
    return found


def begin_for_upload(conn: Conn, now: datetime, *, upload_id: UUID, retailer_id: str | None) -> list[Wake]:
    """Queue a run over the days that an upload touched, in its transaction; who is to be woken after it."""
    reconciliation_id, workers = _queue(conn, now, retailer_id=retailer_id, upload_id=upload_id)
    reconciliations.insert_days_of_upload(conn, reconciliation_id, upload_id)
    return workers


def begin_for_differences(
    conn: Conn, now: datetime, *, difference_ids: Sequence[UUID], user_id: UUID
) -> tuple[UUID, list[Wake]]:
    """Queue a run over the days of differences that were resolved; who is to be woken after the commit."""
    reconciliation_id, workers = _queue(conn, now, user_id=user_id)
    reconciliations.insert_days_of_differences(conn, reconciliation_id, difference_ids)
    return reconciliation_id, workers


def _queue(
    conn: Conn,
    now: datetime,
    *,
    retailer_id: str | None = None,
    upload_id: UUID | None = None,
    user_id: UUID | None = None,
) -> tuple[UUID, list[Wake]]:
    reconciliation_id = reconciliations.new_id(conn)
    job_id, workers = job_actions.enqueue(
        conn,
        now,
        kind=JobKind.RECONCILIATION,
        arguments={"reconciliation_id": str(reconciliation_id)},
        slices=(),
        user_id=user_id,
    )
    reconciliations.insert(
        conn,
        reconciliation_id=reconciliation_id,
        job_id=job_id,
        retailer_id=retailer_id,
        upload_id=upload_id,
        user_id=user_id,
        now=now,
    )
    return reconciliation_id, workers
