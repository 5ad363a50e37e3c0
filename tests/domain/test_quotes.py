"""Quotes: everything that an evaluation says, in the decimals of its currency."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from shared.domain.engine.evaluation import (
    Allocation,
    EvaluatedLine,
    Evaluation,
    LimitReached,
    NearMiss,
    Outcome,
    PromotionOutcome,
    UnitRole,
)
from shared.domain.quotes import FundedPart, quote_of, undone

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def evaluation() -> Evaluation:
    """A line of 20.00 with 5.00 off, a gift of 7.77, and a promotion whose budget was short."""
    given = Allocation(str(ONE), 3, UnitRole.DISCOUNTED, 2, 500, (("brand", 350), ("retailer", 150)))
    gift = Allocation(str(ONE), 3, UnitRole.DISCOUNTED, 1, 777)
    return Evaluation(
        currency="EUR",
        gross=2777,
        discount=1277,
        net=1500,
        tax=270,
        optimal=True,
        bound=1277,
        lines=(
            EvaluatedLine("A", 2, 1000, 2000, 500, 1500, 270, (given,)),
            EvaluatedLine("GIFT", 1, 777, 777, 777, 0, 0, (gift,), gift=True),
        ),
        promotions=(
            PromotionOutcome(str(ONE), 3, "One", Outcome.APPLIED, 1277, wanted=1500, points=25),
            PromotionOutcome(
                str(OTHER), 1, "Other", Outcome.LIMIT_REACHED, 0, detail=LimitReached("budget", 199)
            ),
        ),
        near_misses=(NearMiss(str(OTHER), "A", 1, 1500, 223),),
    )


def test_a_quote_says_all_of_it() -> None:
    quote = quote_of(evaluation(), NOW, {0})
    line, gift = quote.lines
    assert (line.price_overridden, line.gift, gift.price_overridden, gift.gift) == (True, False, False, True)
    (given,) = line.allocations
    assert given.funding == (
        FundedPart("brand", Decimal("3.50")),
        FundedPart("retailer", Decimal("1.50")),
    )
    applied, short = quote.promotions
    assert (applied.discount, applied.wanted, applied.points) == (Decimal("12.77"), Decimal("15.00"), 25)
    assert short.detail is not None
    assert (short.detail.reason, short.detail.limit, short.detail.left) == (
        "limit_reached",
        "budget",
        Decimal("1.99"),
    )
    (miss,) = quote.near_misses
    assert (miss.promotion_id, miss.sku, miss.units, miss.discount, miss.gained) == (
        OTHER,
        "A",
        1,
        Decimal("15.00"),
        Decimal("2.23"),
    )


def test_what_undoes_a_quote_sums_with_it_to_zero() -> None:
    quote = quote_of(evaluation(), NOW)
    other = undone(quote, NOW)
    for name in ("gross", "discount", "net", "tax"):
        assert getattr(quote, name) + getattr(other, name) == 0
        for one, back in zip(quote.lines, other.lines, strict=True):
            assert getattr(one, name) + getattr(back, name) == 0
    assert [(each.promotion_id, each.discount, each.points) for each in other.promotions] == [
        (ONE, Decimal("-12.77"), -25)
    ]
    assert other.lines[0].allocations[0].funding[0].amount == Decimal("-3.50")
    assert other.lines[0].quantity * other.lines[0].unit_price == other.lines[0].gross
    assert str(other.lines[1].net) == "0.00"
