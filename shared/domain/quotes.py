"""Quotes: what a basket costs and why, in the decimals that clients read."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from uuid import UUID

from shared.domain.engine.conditions import Missing, Unmet
from shared.domain.engine.evaluation import (
    BeatenBy,
    Detail,
    EvaluatedLine,
    Evaluation,
    LimitReached,
    NearMiss,
    NotMet,
    Outcome,
    OutsideSchedule,
    PromotionOutcome,
    StoreNotTargeted,
    UnitRole,
)
from shared.domain.engine.rule import Measure
from shared.domain.money import from_minor
from shared.domain.schedules import LocalDateTime

type Scalar = str | int | Decimal | bool | None


class TransactionKind(StrEnum):
    """A sale, or what undoes one, wholly or in part."""

    SALE = "sale"
    VOID = "void"
    RETURN = "return"


class TransactionStatus(StrEnum):
    NEW = "New"
    UNDER_REVIEW = "Under Review"
    VERIFIED = "Verified"
    SETTLEMENT_COMPLETE = "Settlement Complete"


@dataclass(frozen=True, slots=True)
class FundedPart:
    """What one party bears of a discount."""

    party: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Allocation:
    """What one promotion takes off some units of a line; `funding` sums to it, or nobody bears it."""

    promotion_id: UUID
    version: int
    role: UnitRole
    units: int
    amount: Decimal
    funding: tuple[FundedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotedLine:
    """A line of the basket, or a gift that a promotion added.

    `price_overridden` tells that the request brought the price, not the catalogue.
    """

    sku: str
    quantity: int
    unit_price: Decimal
    gross: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    allocations: tuple[Allocation, ...]
    gift: bool = False
    price_overridden: bool = False


@dataclass(frozen=True, slots=True)
class QuotedMissing:
    """What would be enough: so many lines, units or different values more, or so much money."""

    measure: Measure
    amount: Decimal


@dataclass(frozen=True, slots=True)
class QuotedUnmet:
    """A part of the promotion's condition that does not hold; `pointer` is its place in the rule."""

    pointer: str
    subject: str
    op: str
    seen: Scalar
    wanted: Scalar | tuple[Scalar, ...]
    missing: QuotedMissing | None


@dataclass(frozen=True, slots=True)
class QuotedDetail:
    """Why a promotion does not apply.

    The schedule's local times, the parts of the condition not met, or the limit and the budget it leaves.
    """

    reason: str
    zone: str | None = None
    starts_at: LocalDateTime | None = None
    ends_at: LocalDateTime | None = None
    unmet: tuple[QuotedUnmet, ...] = ()
    limit: str | None = None
    left: Decimal | None = None


@dataclass(frozen=True, slots=True)
class QuotedBeatenBy:
    """The promotions that won and, where it can be said, how much more they give on the same units."""

    promotion_ids: tuple[UUID, ...]
    amount: Decimal | None


@dataclass(frozen=True, slots=True)
class QuotedPromotion:
    """What became of a promotion that was considered, and why.

    `wanted` is what it would have given without a limit on it, `discount` what it was granted. One that
    `requires_otp` and applied is recorded only with the customer's code.
    """

    promotion_id: UUID
    version: int
    name: str
    outcome: Outcome
    discount: Decimal
    wanted: Decimal | None
    missing: QuotedMissing | None
    beaten_by: QuotedBeatenBy | None
    detail: QuotedDetail | None
    points: int = 0
    requires_otp: bool = False


@dataclass(frozen=True, slots=True)
class QuotedNearMiss:
    """What buying so many units more of a SKU would bring: the discount then, and how much that is more."""

    promotion_id: UUID
    sku: str
    units: int
    discount: Decimal
    gained: Decimal


@dataclass(frozen=True, slots=True)
class RecordedSale:
    id: UUID
    status: TransactionStatus
    receipt_number: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """A basket's price. `bound` is what no combination of promotions could exceed.

    `transaction` is the sale, where one was recorded.
    """

    currency: str
    gross: Decimal
    discount: Decimal
    net: Decimal
    tax: Decimal
    optimal: bool
    bound: Decimal
    lines: tuple[QuotedLine, ...]
    promotions: tuple[QuotedPromotion, ...]
    evaluated_at: datetime
    near_misses: tuple[QuotedNearMiss, ...] = ()
    transaction: RecordedSale | None = None


@lru_cache(maxsize=4096)
def uuid_of(promotion_id: str) -> UUID:
    """The few ids that are live come up many times in each quote."""
    return UUID(promotion_id)


def quote_of(
    evaluation: Evaluation,
    now: datetime,
    overridden: Collection[int] = (),
    requiring_otp: Collection[UUID] = (),
) -> Quote:
    """The evaluation with its amounts as decimals of its currency.

    `overridden` are the places of the lines that brought their own price, `requiring_otp` the promotions
    that want the customer's code.
    """
    currency = evaluation.currency
    return Quote(
        currency=currency,
        gross=from_minor(evaluation.gross, currency),
        discount=from_minor(evaluation.discount, currency),
        net=from_minor(evaluation.net, currency),
        tax=from_minor(evaluation.tax, currency),
        optimal=evaluation.optimal,
        bound=from_minor(evaluation.bound, currency),
        lines=tuple(
            _line(line, currency, overridden=place in overridden)
            for place, line in enumerate(evaluation.lines)
        ),
        promotions=tuple(
            _promotion(promotion, currency, requiring_otp) for promotion in evaluation.promotions
        ),
        evaluated_at=now,
        near_misses=tuple(_near_miss(one, currency) for one in evaluation.near_misses),
    )


def undone(quote: Quote, now: datetime) -> Quote:
    """The quote of what undoes a sale whole: the same with everything below zero."""
    return replace(
        quote,
        gross=-quote.gross,
        discount=-quote.discount,
        net=-quote.net,
        tax=-quote.tax,
        bound=-quote.bound,
        lines=tuple(map(_undone_line, quote.lines)),
        promotions=tuple(
            replace(one, discount=-one.discount, wanted=None, points=-one.points)
            for one in quote.promotions
            if one.outcome is Outcome.APPLIED
        ),
        evaluated_at=now,
        transaction=None,
    )


def _undone_line(line: QuotedLine) -> QuotedLine:
    return replace(
        line,
        quantity=-line.quantity,
        gross=-line.gross,
        discount=-line.discount,
        net=-line.net,
        tax=-line.tax,
        allocations=tuple(
            replace(
                one,
                units=-one.units,
                amount=-one.amount,
                funding=tuple(replace(part, amount=-part.amount) for part in one.funding),
            )
            for one in line.allocations
        ),
    )


def _line(line: EvaluatedLine, currency: str, *, overridden: bool) -> QuotedLine:
    return QuotedLine(
        sku=line.sku,
        quantity=line.quantity,
        unit_price=from_minor(line.unit_price, currency),
        gross=from_minor(line.gross, currency),
        discount=from_minor(line.discount, currency),
        net=from_minor(line.net, currency),
        tax=from_minor(line.tax, currency),
        allocations=tuple(
            Allocation(
                uuid_of(allocation.promotion_id),
                allocation.version,
                allocation.role,
                allocation.units,
                from_minor(allocation.amount, currency),
                tuple(FundedPart(party, from_minor(part, currency)) for party, part in allocation.funding),
            )
            for allocation in line.allocations
        ),
        gift=line.gift,
        price_overridden=overridden,
    )


def _promotion(
    promotion: PromotionOutcome, currency: str, requiring_otp: Collection[UUID]
) -> QuotedPromotion:
    requires_otp = bool(requiring_otp) and uuid_of(promotion.promotion_id) in requiring_otp
    match promotion.detail:
        case NotMet(_, ()) | OutsideSchedule() | StoreNotTargeted():
            return _kept_promotion(promotion, currency, requires_otp=requires_otp)
        case _:
            return _quoted_promotion(promotion, currency, requires_otp=requires_otp)


def _quoted_promotion(promotion: PromotionOutcome, currency: str, *, requires_otp: bool) -> QuotedPromotion:
    return QuotedPromotion(
        promotion_id=uuid_of(promotion.promotion_id),
        version=promotion.version,
        name=promotion.name,
        outcome=promotion.outcome,
        discount=from_minor(promotion.discount, currency),
        wanted=None if promotion.wanted is None else from_minor(promotion.wanted, currency),
        missing=_missing(promotion.missing, currency),
        beaten_by=_beaten_by(promotion.beaten_by, currency),
        detail=_detail(promotion.detail, currency),
        points=promotion.points,
        requires_otp=requires_otp,
    )


# Most promotions of most baskets have no target there or are not in force, which says nothing of the basket.
# What a condition saw is left out: 1, 1.0 and true are one key, and not one text.
_kept_promotion = lru_cache(maxsize=16_384)(_quoted_promotion)


def _near_miss(one: NearMiss, currency: str) -> QuotedNearMiss:
    return QuotedNearMiss(
        uuid_of(one.promotion_id),
        one.sku,
        one.units,
        from_minor(one.discount, currency),
        from_minor(one.gained, currency),
    )


def _beaten_by(beaten_by: BeatenBy | None, currency: str) -> QuotedBeatenBy | None:
    if beaten_by is None:
        return None
    return QuotedBeatenBy(
        tuple(uuid_of(promotion_id) for promotion_id in beaten_by.promotion_ids),
        None if beaten_by.amount is None else from_minor(beaten_by.amount, currency),
    )


def _detail(detail: Detail | None, currency: str) -> QuotedDetail | None:
    match detail:
        case None:
            return None
        case OutsideSchedule(reason, starts_at, ends_at, zone):
            return QuotedDetail(reason, zone=zone, starts_at=starts_at, ends_at=ends_at)
        case StoreNotTargeted():
            return QuotedDetail("store_not_targeted")
        case NotMet(reason, unmet):
            return QuotedDetail(reason, unmet=tuple(_unmet(part, currency) for part in unmet))
        case LimitReached(limit, left):
            left_of_it = None if left is None else from_minor(left, currency)
            return QuotedDetail("limit_reached", limit=limit, left=left_of_it)


def _unmet(part: Unmet, currency: str) -> QuotedUnmet:
    in_money = part.subject == Measure.SUM_AMOUNT
    return QuotedUnmet(
        part.pointer,
        part.subject,
        part.op,
        _told(part.seen, currency, in_money=in_money),
        tuple(_told(each, currency, in_money=in_money) for each in part.wanted)
        if isinstance(part.wanted, tuple)
        else _told(part.wanted, currency, in_money=in_money),
        _missing(part.missing, currency),
    )


def _told(value: Scalar, currency: str, *, in_money: bool) -> Scalar:
    return from_minor(value, currency) if in_money and isinstance(value, int) else value


def _missing(missing: Missing | None, currency: str) -> QuotedMissing | None:
    if missing is None:
        return None
    in_money = missing.measure is Measure.SUM_AMOUNT
    amount = from_minor(missing.amount, currency) if in_money else Decimal(missing.amount)
    return QuotedMissing(missing.measure, amount)
