"""Settlements: reading one with its sums, and marking some paid."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from shared.domain.audit import Action, By, Subject
from shared.domain.closings import ClosingUnderWay
from shared.domain.quotes import TransactionStatus
from shared.domain.settlement_entries import SettlementEntry
from shared.domain.settlements import (
    Payment,
    Settlement,
    SettlementDetail,
    SettlementNamedTwice,
    SettlementNotFound,
    SettlementUnderReview,
    is_new,
    require_payable,
)
from shared.domain.transactions import TransactionNotFound
from shared.domain.users import EVERY_STORE, Reach
from shared.store import Conn, audit, settlement_entries, settlements, transaction_statuses, transactions

_BEFORE_EVERY_ID = UUID(int=0)
# Transactions whose status is changed by one statement.
_AT_ONCE = 20_000


def get(conn: Conn, settlement_id: UUID, reach: Reach = EVERY_STORE) -> SettlementDetail:
    """Raises SettlementNotFound."""
    found = settlements.get(conn, settlement_id, reach)
    if found is None:
        raise SettlementNotFound(settlement_id=settlement_id)
    own = {field.name: getattr(found, field.name) for field in fields(Settlement)}
    return SettlementDetail(**own, totals=tuple(settlements.find_totals(conn, settlement_id)))


def find_entries(conn: Conn, transaction_id: UUID, reach: Reach) -> list[SettlementEntry]:
    """Where a transaction was stated, in that order. Raises TransactionNotFound."""
    if not transactions.exists(conn, transaction_id, reach):
        raise TransactionNotFound(transaction_id=transaction_id)
    return settlement_entries.find(conn, transaction_id, reach)


def pay(
    conn: Conn, now: datetime, *, ids: Sequence[UUID], payment: Payment, by: By
) -> list[SettlementDetail]:
    """Mark all of these paid, or none: their transactions become Settlement Complete. In the order of `ids`.

    One that was paid just so before stays as it is. `conn` must be in a transaction. Raises
    SettlementNamedTwice, SettlementNotFound, SettlementPaid, PaidInFuture, PaymentTooLarge, ClosingUnderWay
    while something is being taken off one, SettlementUnderReview.
    """
    for place, settlement_id in enumerate(ids):
        if settlement_id in ids[:place]:
            raise SettlementNamedTwice(pointer=f"/ids/{place}", settlement_id=settlement_id)
    held = {each.id: each for each in settlements.lock(conn, ids)}
    for settlement_id in ids:
        if settlement_id not in held:
            raise SettlementNotFound(settlement_id=settlement_id)
    new = [each for each in sorted(held.values(), key=lambda one: one.id) if is_new(each, payment, now)]
    require_payable(new)
    for each in new:
        _pay(conn, now, each.id, payment, by)
    return [get(conn, settlement_id) for settlement_id in ids]


def _pay(conn: Conn, now: datetime, settlement_id: UUID, payment: Payment, by: By) -> None:
    correcting = settlements.get_correcting(conn, settlement_id)
    if correcting is not None:
        raise ClosingUnderWay(closing_id=correcting)
    stated, missing = 0, 0
    last = _BEFORE_EVERY_ID
    while ids := settlements.find_stated_ids(conn, settlement_id, after=last, limit=_AT_ONCE):
        last = ids[-1]
        changed = transaction_statuses.update(
            conn,
            ids,
            to=TransactionStatus.SETTLEMENT_COMPLETE,
            reason=payment.reference,
            by=by,
            now=now,
        )
        stated += len(ids)
        missing += len(ids) - len(changed)
    if missing:
        raise SettlementUnderReview(settlement_id=settlement_id, transactions=missing)
    settlements.update_paid(
        conn,
        settlement_id,
        paid_on=payment.paid_on,
        reference=payment.reference,
        user_id=by.user_id,
        now=now,
    )
    audit.insert(
        conn,
        now=now,
        by=by,
        action=Action.SETTLEMENT_PAID,
        subject=Subject.SETTLEMENT,
        subject_id=settlement_id,
        before=None,
        after={"paid_on": payment.paid_on, "reference": payment.reference, "transactions": stated},
    )
