"""Closings: asking for one, and what each of its steps does."""

import hashlib
from datetime import datetime
from uuid import UUID

from pydantic_core import to_json

from shared.domain.audit import Action, By, Subject
from shared.domain.closings import (
    Closing,
    ClosingUnderWay,
    ClosingUnknown,
    Days,
    NothingToCorrect,
    RetailerUnknown,
    periods_of,
)
from shared.domain.quotes import TransactionStatus
from shared.domain.settlements import (
    Settlement,
    SettlementNotFound,
    SettlementPaid,
    SettlementStatus,
    SumsDiffer,
)
from shared.domain.transactions import IdempotencyKeyReused
from shared.store import (
    Conn,
    audit,
    closings,
    settlement_drafts,
    settlement_issues,
    settlement_sums,
    settlements,
    transaction_statuses,
)

_VERIFIED_WITH = "It undoes a sale that is stated."
# Deleted in one step, of what a closing left behind that did not end.
_ABANDONED = 50_000


def find_earlier(conn: Conn, *, by: By, key: str, request: object) -> Closing | None:
    """The closing asked for before under this key. Raises IdempotencyKeyReused when it was another.

    Whoever asks for a closing waits here for whoever else does; `conn` must be in a transaction.
    """
    closings.lock(conn)
    earlier = closings.get_by_key(conn, user_id=by.user_id, key=key)
    if earlier is None:
        return None
    closing_id, request_hash = earlier
    if request_hash != _hash(request):
        raise IdempotencyKeyReused
    return get(conn, closing_id)


def begin(
    conn: Conn,
    now: datetime,
    *,
    closing_id: UUID,
    job_id: UUID,
    retailer_id: str | None,
    days: Days,
    by: By,
    key: str,
    request: object,
) -> Closing:
    """Write down what is to be closed: the retailers, each with its period. Needs `find_earlier`.

    Raises RetailerUnknown, PeriodNotOver, ClosingUnderWay.
    """
    retailers = closings.find_retailers(conn, retailer_id)
    if retailer_id is not None and not retailers:
        raise RetailerUnknown(pointer="/retailer_id", retailer_id=retailer_id)
    periods = periods_of(days, retailers, now)
    _refuse_second(conn, retailer_id)
    closings.insert(
        conn,
        closing_id=closing_id,
        job_id=job_id,
        retailer_id=retailer_id,
        from_on=days.from_on,
        until_on=days.until_on,
        corrects=None,
        reason=None,
        user_id=by.user_id,
        request_id=by.request_id,
        key=key,
        request_hash=_hash(request),
        now=now,
    )
    closings.insert_retailers(conn, closing_id, periods)
    audit.insert(
        conn,
        now=now,
        by=by,
        action=Action.CLOSING_BEGUN,
        subject=Subject.CLOSING,
        subject_id=closing_id,
        before=None,
        after={"retailer_id": retailer_id, "from": days.from_on, "until": days.until_on},
    )
    return get(conn, closing_id)


def reopen(
    conn: Conn,
    now: datetime,
    *,
    closing_id: UUID,
    job_id: UUID,
    settlement_id: UUID,
    reason: str,
    by: By,
    key: str,
    request: object,
) -> Closing:
    """Write down that a settlement is to be corrected. Needs `find_earlier`.

    Raises SettlementNotFound, SettlementPaid, ClosingUnderWay, NothingToCorrect.
    """
    settlement = _get_unpaid(conn, settlement_id)
    _refuse_second(conn, settlement.retailer_id)
    if not settlements.has_corrections(conn, settlement_id):
        raise NothingToCorrect
    closings.insert(
        conn,
        closing_id=closing_id,
        job_id=job_id,
        retailer_id=settlement.retailer_id,
        from_on=settlement.from_on,
        until_on=settlement.until_on,
        corrects=settlement_id,
        reason=reason,
        user_id=by.user_id,
        request_id=by.request_id,
        key=key,
        request_hash=_hash(request),
        now=now,
    )
    closings.insert_correction_retailer(conn, closing_id, settlement_id)
    audit.insert(
        conn,
        now=now,
        by=by,
        action=Action.SETTLEMENT_REOPENED,
        subject=Subject.SETTLEMENT,
        subject_id=settlement_id,
        before=None,
        after={"closing_id": closing_id, "reason": reason},
    )
    return get(conn, closing_id)


def get(conn: Conn, closing_id: UUID) -> Closing:
    """Raises ClosingUnknown."""
    closing = closings.get(conn, closing_id)
    if closing is None:
        raise ClosingUnknown(closing_id=closing_id)
    return closing


def discard(conn: Conn) -> bool:
    """Delete some of the drafts that closings left behind which did not end; whether any is left."""
    left = (
        settlement_drafts.delete_abandoned_lines(conn, _ABANDONED) == _ABANDONED
        or settlement_drafts.delete_abandoned_entries(conn, _ABANDONED) == _ABANDONED
    )
    if not left:
        settlement_drafts.delete_abandoned(conn)
    return left


def take_correction(conn: Conn, closing_id: UUID, settlement_id: UUID) -> None:
    """Take what corrects the settlement. Raises SettlementPaid when it was paid meanwhile."""
    settlements.lock_unpaid(conn, settlement_id)
    _get_unpaid(conn, settlement_id)
    settlement_drafts.insert_corrected(conn, closing_id)


def total(conn: Conn, ids: list[UUID]) -> None:
    """Sum up these drafts, and hold the sums against the transactions. Raises SumsDiffer."""
    settlement_sums.insert_totals(conn, ids)
    settlement_sums.insert_documents(conn, ids)
    if settlement_sums.count_differences(conn, ids):
        raise SumsDiffer


def issue(conn: Conn, now: datetime, closing_id: UUID) -> None:
    """Issue all drafts of the closing at once.

    What undoes a sale becomes Verified with it. The numbers come last, since others wait for them.
    """
    by = closings.get_by(conn, closing_id)
    new = settlement_issues.lock_new_ids(conn, closing_id)
    if new:
        transaction_statuses.update(
            conn, new, to=TransactionStatus.VERIFIED, reason=_VERIFIED_WITH, by=by, now=now
        )
    settlement_issues.update_numbered(conn, closing_id, now)
    for each in settlement_issues.update_issued(conn, closing_id, now):
        audit.insert(
            conn,
            now=now,
            by=by,
            action=Action.SETTLEMENT_ISSUED,
            subject=Subject.SETTLEMENT,
            subject_id=each.id,
            before=None,
            after={
                "retailer_id": each.retailer_id,
                "numbers": each.numbers,
                "currency": each.currency,
                "owed_minor": each.owed_minor,
                "corrects": each.corrects,
                "reason": each.reason,
            },
        )


def _get_unpaid(conn: Conn, settlement_id: UUID) -> Settlement:
    settlement = settlements.get(conn, settlement_id)
    if settlement is None:
        raise SettlementNotFound(settlement_id=settlement_id)
    if settlement.status is SettlementStatus.PAID:
        raise SettlementPaid(
            settlement_id=settlement_id, paid_on=settlement.paid_on, reference=settlement.reference
        )
    return settlement


def _refuse_second(conn: Conn, retailer_id: str | None) -> None:
    under_way = closings.get_under_way(conn, retailer_id)
    if under_way is not None:
        raise ClosingUnderWay(closing_id=under_way)


def _hash(request: object) -> bytes:
    return hashlib.sha256(to_json(request)).digest()
