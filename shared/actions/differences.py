"""Differences: what somebody decides on one, or on many alike."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.audit import By
from shared.domain.reconciliation.differences import (
    CannotMatch,
    Difference,
    DifferenceKind,
    DifferenceNotFound,
    DifferenceResolved,
    NothingToMatch,
    OtherSideNeeded,
    Resolution,
)
from shared.domain.reconciliation.matching import How
from shared.domain.reconciliation.runs import StoredReceipt, StoredSale
from shared.store import Conn, differences, reconciliations, slips

_WANT_SALE = frozenset({DifferenceKind.MISSING_WITH_US, DifferenceKind.DUPLICATE, DifferenceKind.UNSURE})


def get(conn: Conn, difference_id: UUID) -> Difference:
    """Raises DifferenceNotFound."""
    found = differences.get(conn, difference_id)
    if found is None:
        raise DifferenceNotFound(difference_id=difference_id)
    return found


def resolve(
    conn: Conn,
    now: datetime,
    difference_id: UUID,
    *,
    resolution: Resolution,
    transaction_id: UUID | None,
    receipt_id: UUID | None,
    reason: str,
    by: By,
) -> list[datetime]:
    """Decide on one difference; the moments of what it is about, whose days are to be looked at anew.

    To match, the other side is named. `conn` must be in a transaction. Raises DifferenceNotFound,
    DifferenceResolved, OtherSideNeeded, NothingToMatch, CannotMatch.
    """
    reconciliations.lock_stores(conn, [get(conn, difference_id).store_id])
    difference = get(conn, difference_id)
    if not differences.lock_open(conn, [difference_id]):
        raise DifferenceResolved(resolution=difference.resolution)
    moments = [side.at for side in (difference.ours, difference.theirs) if side is not None]
    matched_with = None
    if resolution is Resolution.MATCH:
        sale, receipt = _to_match(conn, difference, transaction_id, receipt_id)
        reconciliations.update_matched(
            conn, sale_id=sale.slip.id, receipt_id=receipt.slip.id, store_id=sale.store_id, now=now
        )
        moments = [sale.slip.at, receipt.slip.at]
        matched_with = receipt.slip.id if sale.slip.id == difference.transaction_id else sale.slip.id
    differences.update_resolved(
        conn, [difference_id], resolution=resolution, reason=reason, by=by, now=now, matched_with=matched_with
    )
    return moments


def resolve_many(
    conn: Conn,
    now: datetime,
    found: Sequence[tuple[UUID, str]],
    *,
    resolution: Resolution,
    reason: str,
    by: By,
) -> list[UUID]:
    """Decide on differences (id, store) alike; those that were open. `conn` must be in a transaction."""
    reconciliations.lock_stores(conn, list({store_id for _, store_id in found}))
    ids = differences.lock_open(conn, [difference_id for difference_id, _ in found])
    differences.update_resolved(conn, ids, resolution=resolution, reason=reason, by=by, now=now)
    return ids


def _to_match(
    conn: Conn, difference: Difference, transaction_id: UUID | None, receipt_id: UUID | None
) -> tuple[StoredSale, StoredReceipt]:
    if difference.kind in _WANT_SALE:
        if transaction_id is None:
            raise OtherSideNeeded(pointer="/transaction_id", side="transaction")
        receipt_id = difference.receipt_id
    elif difference.kind is DifferenceKind.MISSING_WITH_THEM:
        if receipt_id is None:
            raise OtherSideNeeded(pointer="/receipt_id", side="receipt")
        transaction_id = difference.transaction_id
    else:
        raise NothingToMatch(pointer="/resolution", kind=difference.kind.value)
    at = "/transaction_id" if difference.kind in _WANT_SALE else "/receipt_id"
    sales = slips.find_sales_named(conn, [], [transaction_id] if transaction_id else [])
    receipts = slips.find_receipts_named(conn, [], [receipt_id] if receipt_id else [])
    if not sales or not receipts:
        raise CannotMatch(pointer=at, detail="there is no such transaction or receipt")
    sale, receipt = sales[0], receipts[0]
    _require_alike(sale, receipt, at)
    return sale, receipt


def _require_alike(sale: StoredSale, receipt: StoredReceipt, at: str) -> None:
    detail = None
    if sale.store_id != receipt.store_id:
        detail = "they are of two stores"
    elif sale.slip.kind is not receipt.slip.kind:
        detail = "one is a sale and the other took goods back"
    elif sale.slip.currency != receipt.slip.currency:
        detail = "they are in two currencies"
    elif How.PERSON in {sale.how, receipt.how}:
        detail = "somebody matched one of them before"
    if detail is not None:
        raise CannotMatch(pointer=at, detail=detail)
