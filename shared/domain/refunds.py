"""Refunds: what a return pays back, told line by line, in amounts above zero."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.domain.left import left_of
from shared.domain.quotes import Allocation, Outcome, Quote, QuotedLine, undone
from shared.domain.returns import RecordedReturn, ReturnableSale


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """What is taken back of a line of the sale; `line` is its place from 0.

    A line that is kept and lost discount has no units here and a net below zero.
    """

    line: int
    sku: str
    units: int
    gross: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    allocations: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True)
class RefundedPromotion:
    """What a promotion of the sale gave before the return, and gives after it."""

    promotion_id: UUID
    version: int
    name: str
    before: Decimal
    after: Decimal
    points_before: int
    points_after: int


@dataclass(frozen=True, slots=True)
class ReturnableLine:
    """Units of a line of the sale that can still come back."""

    line: int
    sku: str
    quantity: int
    gift: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A return of some units of a sale. `refund` is paid back: gross less discount.

    `id`, `number` and `reason` are those of a recorded return. `returnable` is what was left after it.
    """

    id: UUID | None
    original_id: UUID
    number: int | None
    reason: str | None
    returned_at: datetime
    currency: str
    refund: Decimal
    gross: Decimal
    discount: Decimal
    tax: Decimal
    points: int
    lines: tuple[RefundedLine, ...]
    promotions: tuple[RefundedPromotion, ...]
    returnable: tuple[ReturnableLine, ...]


@dataclass(frozen=True, slots=True)
class Refunds:
    """The returns of a sale in the order in which they came, and what can still come back."""

    items: tuple[Refund, ...]
    returnable: tuple[ReturnableLine, ...]


def refund_of(sale: ReturnableSale, recorded: RecordedReturn) -> Refund:
    """What a recorded return told when it was recorded, whatever came after it."""
    return _refund(sale, recorded.quote, sale.left(before=recorded.number), recorded)


def preview_of(sale: ReturnableSale, quote: Quote) -> Refund:
    """What a return of this quote would be."""
    return _refund(sale, quote, sale.left(), None)


def refunds_of(sale: ReturnableSale) -> Refunds:
    returnable = () if sale.voided_by else _returnable(sale.left())
    return Refunds(tuple(refund_of(sale, each) for each in sale.returns), returnable)


def _refund(sale: ReturnableSale, quote: Quote, before: Quote, recorded: RecordedReturn | None) -> Refund:
    taken, after = undone(quote, quote.evaluated_at), left_of(before, [quote])
    return Refund(
        id=recorded and recorded.id,
        original_id=sale.id,
        number=recorded and recorded.number,
        reason=recorded and recorded.reason,
        returned_at=quote.evaluated_at,
        currency=taken.currency,
        refund=taken.net,
        gross=taken.gross,
        discount=taken.discount,
        tax=taken.tax,
        points=sum(one.points for one in taken.promotions),
        lines=tuple(_line(place, line) for place, line in enumerate(taken.lines) if _counts(line)),
        promotions=tuple(
            RefundedPromotion(
                one.promotion_id,
                one.version,
                one.name,
                one.discount,
                other.discount,
                one.points,
                other.points,
            )
            for one, other in zip(before.promotions, after.promotions, strict=True)
            if one.outcome is Outcome.APPLIED
        ),
        returnable=_returnable(after),
    )


def _counts(line: QuotedLine) -> bool:
    return bool(line.quantity or line.allocations)


def _line(place: int, line: QuotedLine) -> RefundedLine:
    return RefundedLine(
        place,
        line.sku,
        line.quantity,
        line.gross,
        line.discount,
        line.net,
        line.tax,
        line.allocations,
    )


def _returnable(left: Quote) -> tuple[ReturnableLine, ...]:
    return tuple(
        ReturnableLine(place, line.sku, line.quantity, line.gift)
        for place, line in enumerate(left.lines)
        if line.quantity
    )
