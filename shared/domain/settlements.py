"""Settlements: what the brand owes a retailer for a period, as it was stated, and what may become of that."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from shared.domain.engine.evaluation import UnitRole
from shared.domain.errors import Conflict, NotFound, Refused
from shared.domain.quotes import TransactionKind

_CURSOR = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}):([0-9]{1,9})")

MOST_PAID = 500_000
"""Transactions of all settlements that are paid in one request, which Azure ends after 230 seconds."""

BRAND, RETAILER = "brand", "retailer"
"""Parties of a promotion's funding: what the brand bears is owed; what nobody bears is the retailer's own."""


class SettlementNotFound(NotFound):
    """There is no settlement {settlement_id}, or not of your retailer."""

    code = "settlement_not_found"


class SettlementPaid(Conflict):
    """The settlement {settlement_id} was paid on {paid_on} under the reference {reference}."""

    code = "settlement_paid"


class SettlementUnderReview(Conflict):
    """{transactions} transactions of the settlement {settlement_id} are Under Review."""

    code = "settlement_under_review"


class SettlementNamedTwice(Refused):
    """The settlement {settlement_id} is named more than once."""

    code = "settlement_named_twice"


class PaymentTooLarge(Refused):
    """These settlements state {transactions} transactions; at most {most} are paid in one request."""

    code = "payment_too_large"


class PaidInFuture(Refused):
    """The day {paid_on} has not begun for the retailer."""

    code = "paid_in_future"


class LineCursorInvalid(Refused):
    """The cursor is none that a page of these lines gave."""

    code = "line_cursor_invalid"


class SumsDiffer(Exception):
    """Lines, totals and the transactions' own allocations do not agree: nothing may be issued."""


class Document(StrEnum):
    """The documents of a settlement: what was sold, and what came back of sales stated earlier."""

    STATEMENT = "statement"
    CREDIT_NOTE = "credit_note"


class SettlementStatus(StrEnum):
    ISSUED = "issued"
    PAID = "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedDocument:
    """A document as it was issued.

    `owed` is what the brand bears, `retailer_part` what the retailer bears, `others_part` what other parties
    do; together they are the discount. `transactions` counts what is stated, `carried_over` those of it that
    were made before the period, `reversed` what is taken off again.
    """

    document: Document
    number: str
    transactions: int
    carried_over: int
    reversed: int
    lines: int
    gross: Decimal
    discount: Decimal
    owed: Decimal
    retailer_part: Decimal
    others_part: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedTotal:
    """What one party bears of the discounts of a promotion's version."""

    document: Document
    promotion_id: UUID
    version: int
    name: str
    party: str
    lines: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreTotal:
    """What of a settlement was sold in one store."""

    store_id: str
    name: str
    transactions: int
    discount: Decimal
    owed: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """A statement with its credit note, if any, for the local days `from_on` through `until_on`.

    `owed` sums its documents; `net_owed` also what corrected it. `corrects` is the settlement that this one
    corrects, for `reason`.
    """

    id: UUID
    closing_id: UUID
    retailer_id: str
    retailer_name: str
    zone: str
    currency: str
    from_on: date
    until_on: date
    from_at: datetime
    until_at: datetime
    status: SettlementStatus
    issued_at: datetime
    issued_on: date
    documents: tuple[StatedDocument, ...]
    owed: Decimal
    net_owed: Decimal
    corrects: UUID | None
    reason: str | None
    corrected_by: tuple[UUID, ...]
    paid_on: date | None
    reference: str | None

    @property
    def number(self) -> str:
        """That of its statement."""
        return self.documents[0].number


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementDetail(Settlement):
    """A settlement with the sums of its lines by promotion, version and party, the retailer's too."""

    totals: tuple[StatedTotal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementLine:
    """What a party bears of what a promotion took off a line of a transaction; below zero, what it gets back.

    `line` is the place in the transaction's quote. `reversed` takes off what was stated before; then the
    signs are the other way round. A line is there once for each party: units are not to be summed over them.
    """

    transaction_id: UUID
    place: int
    document: Document
    carried_over: bool
    reversed: bool
    kind: TransactionKind
    original_id: UUID | None
    created_at: datetime
    sold_on: date
    store_id: str
    store_name: str
    receipt_number: str | None
    line: int
    sku: str
    promotion_id: UUID
    version: int
    promotion_name: str
    role: UnitRole
    units: int
    party: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """What paying a settlement asks about it."""

    id: UUID
    retailer_id: str
    zone: str
    paid_on: date | None
    reference: str | None
    transactions: int


@dataclass(frozen=True, slots=True)
class Payment:
    """When a settlement was paid, by the retailer's calendar, and under which reference."""

    paid_on: date
    reference: str


def is_new(settlement: Payable, payment: Payment, now: datetime) -> bool:
    """Whether the payment is still to be recorded, or is the one that was.

    Raises SettlementPaid for another one, PaidInFuture.
    """
    if settlement.paid_on is not None:
        if (settlement.paid_on, settlement.reference) == (payment.paid_on, payment.reference):
            return False
        raise SettlementPaid(
            settlement_id=settlement.id, paid_on=settlement.paid_on, reference=settlement.reference
        )
    if payment.paid_on > now.astimezone(ZoneInfo(settlement.zone)).date():
        raise PaidInFuture(pointer="/paid_on", paid_on=payment.paid_on)
    return True


def require_payable(settlements: Sequence[Payable]) -> None:
    """Raise PaymentTooLarge when several have more transactions than a request has time to complete.

    One alone is paid whatever its size.
    """
    transactions = sum(each.transactions for each in settlements)
    if len(settlements) > 1 and transactions > MOST_PAID:
        raise PaymentTooLarge(pointer="/ids", transactions=transactions, most=MOST_PAID)


def line_cursor(line: SettlementLine) -> str:
    """The cursor that asks for the lines after this one."""
    return f"{line.transaction_id}:{line.place}"


def line_place(cursor: str) -> tuple[UUID, int]:
    """The place that a cursor stands for. Raises LineCursorInvalid."""
    match = _CURSOR.fullmatch(cursor)
    if match is None:
        raise LineCursorInvalid(pointer="/cursor")
    return UUID(match[1]), int(match[2])
