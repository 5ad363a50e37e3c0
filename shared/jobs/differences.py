"""Differences resolved: the decision, and its days reconciled anew, at once for one and by a job for many."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared import pool
from shared.actions import differences as actions
from shared.actions import reconciliations
from shared.domain.audit import By
from shared.domain.jobs import Wake
from shared.domain.reconciliation.differences import (
    BulkResult,
    Difference,
    DifferenceKind,
    Resolution,
    results,
)
from shared.jobs import reconciliations as runs
from shared.jobs.waking import wake
from shared.store import differences


def resolve(
    now: datetime,
    difference_id: UUID,
    *,
    resolution: Resolution,
    transaction_id: UUID | None,
    receipt_id: UUID | None,
    reason: str,
    by: By,
) -> Difference:
    """Decide on one difference, and reconcile its days. Raises what `actions.differences.resolve` does."""
    with pool.transaction() as conn:
        moments = actions.resolve(
            conn,
            now,
            difference_id,
            resolution=resolution,
            transaction_id=transaction_id,
            receipt_id=receipt_id,
            reason=reason,
            by=by,
        )
        difference = actions.get(conn, difference_id)
        reconciliations.reconcile_moments(conn, now, difference.store_id, moments)
        return actions.get(conn, difference_id)


def resolve_many(
    now: datetime,
    *,
    ids: Sequence[UUID] | None,
    kind: DifferenceKind | None,
    retailer_id: str | None,
    store_id: str | None,
    limit: int,
    resolution: Resolution,
    reason: str,
    by: By,
) -> BulkResult:
    """Decide on the differences of these ids, or on the first `limit` open ones that the others narrow to."""
    workers: list[Wake] = []
    reconciliation_id: UUID | None = None
    with pool.transaction() as conn:
        found = differences.find_open(
            conn, ids=ids, kind=kind, retailer_id=retailer_id, store_id=store_id, limit=limit + 1
        )
        resolved = actions.resolve_many(conn, now, found[:limit], resolution=resolution, reason=reason, by=by)
        if resolved:
            reconciliation_id, workers = runs.begin_for_differences(
                conn, now, difference_ids=resolved, user_id=by.user_id
            )
        asked = [difference_id for difference_id, _ in found[:limit]] if ids is None else ids
        items = results(asked, differences.find_known(conn, asked), set(resolved))
    wake(workers)
    return BulkResult(
        items=items,
        resolved=len(resolved),
        more=ids is None and len(found) > limit,
        reconciliation_id=reconciliation_id,
    )
