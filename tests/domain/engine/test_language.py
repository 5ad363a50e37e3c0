"""The rule language: what it reads."""

from decimal import Decimal
from typing import Any

import pytest

from shared.domain.engine import Rule, RuleInvalid, parse_rule
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Basis,
    BundlePrice,
    BuyXGetY,
    Choose,
    FixedPrice,
    Gift,
    MaxUnits,
    Measure,
    Per,
    PercentOff,
    Pick,
    Points,
    PriceFloor,
    Tier,
    TierBy,
    Tiered,
)
from shared.domain.filters import AllOf, Compare, InGroup, NotOf
from shared.domain.operators import Op
from tests.domain.engine.baskets import amount, percent
from tests.domain.engine.language_examples import (
    BUNDLE,
    BUY,
    GIFT,
    GROUP,
    POINTS,
    SHOES,
    SPEND,
    TEN,
    TIERED,
    rule,
    when,
)


def test_a_full_rule_is_read() -> None:
    frames = {"fact": "product.kind", "op": "eq", "value": "frame"}
    document = rule(
        percent(
            "12.5",
            target=frames,
            max_units={"units": 2, "per": "line"},
            max_discount={"amount": "50.00", "currency": "EUR"},
            price_floor={"percent": 60},
            basis="list",
        ),
        amount("5.00", "basket", price_floor={"amount": "20.00", "currency": "EUR"}),
        **{
            "if": {
                "all": [
                    {"fact": "store.city", "op": "eq", "value": "Roma"},
                    {
                        "sum_amount": "lines",
                        "op": "ge",
                        "value": "100.00",
                        "currency": "EUR",
                        "basis": "running",
                    },
                    {"distinct": "product.brand", "where": frames, "op": "between", "value": [2, 3]},
                ]
            }
        },
    )
    wanted = Compare("product.kind", Op.EQ, "frame")
    assert parse_rule(document) == Rule(
        AllOf(
            (
                Compare("store.city", Op.EQ, "Roma"),
                Aggregate(Measure.SUM_AMOUNT, None, None, Op.GE, 10_000, Basis.RUNNING),
                Aggregate(Measure.DISTINCT, "product.brand", wanted, Op.BETWEEN, (2, 3), Basis.LIST),
            )
        ),
        (
            PercentOff(
                basis_points=1250,
                target=wanted,
                max_units=MaxUnits(2, Per.LINE),
                max_discount_minor=5000,
                price_floor=PriceFloor(basis_points=6000),
                basis=Basis.LIST,
            ),
            AmountOff(amount_minor=500, per=Per.BASKET, price_floor=PriceFloor(minor=2000)),
        ),
        "EUR",
    )


@pytest.mark.parametrize("always", [{}, {"if": {}}])
def test_no_condition_means_always(always: dict[str, Any]) -> None:
    assert parse_rule(rule(TEN, **always)).condition is None


@pytest.mark.parametrize("written", ["10", "10.00", 10, Decimal("10.0")])
def test_a_percent_is_a_number_or_a_decimal_string(written: object) -> None:
    assert parse_rule(rule({"kind": "percent_off", "percent": written})) == parse_rule(rule(TEN))


SHOE = Compare("product.type", Op.EQ, "shoe")


@pytest.mark.parametrize(
    ("benefit", "wanted"),
    [
        pytest.param(
            {"kind": "fixed_price", "price": "9.90", "currency": "EUR", "max_applications": 2},
            FixedPrice(price_minor=990, max_applications=2),
            id="fixed price",
        ),
        pytest.param(
            {"kind": "fixed_price", "price": "0", "currency": "EUR"}, FixedPrice(price_minor=0), id="free"
        ),
        pytest.param(
            BUY, BuyXGetY(buy=Pick(2, None), get=Pick(1, None), basis_points=10_000), id="buy x get y"
        ),
        pytest.param(
            {**BUY, "buy": {"units": 2, "where": SHOES}},
            BuyXGetY(buy=Pick(2, SHOE), get=Pick(1, SHOE), basis_points=10_000),
            id="what is got is what is bought",
        ),
        pytest.param(
            {
                **BUY,
                "get": {"units": 1, "where": SHOES, "percent": "12.5"},
                "choose": "dearest",
                "max_applications": 1,
                "basis": "list",
            },
            BuyXGetY(
                buy=Pick(2, None),
                get=Pick(1, SHOE),
                basis_points=1250,
                choose=Choose.DEAREST,
                max_applications=1,
                basis=Basis.LIST,
            ),
            id="buy x get another y",
        ),
        pytest.param(BUNDLE, BundlePrice(picks=(Pick(2, SHOE),), price_minor=900), id="bundle"),
        pytest.param(
            {**TIERED, "where": SHOES, "tiers": [{"from": 2, "then": TEN}, {"from": 3, "then": amount("5")}]},
            Tiered(
                by=TierBy.QUANTITY,
                where=SHOE,
                tiers=(
                    Tier(2, PercentOff(basis_points=1000, target=SHOE)),
                    Tier(3, AmountOff(amount_minor=500, per=Per.UNIT, target=SHOE)),
                ),
            ),
            id="tiers by quantity",
        ),
        pytest.param(
            {**SPEND, "where": SHOES, "tiers": [{"from": "10", "then": {**TEN, "target": {"not": SHOES}}}]},
            Tiered(
                by=TierBy.SPEND,
                where=SHOE,
                tiers=(Tier(1000, PercentOff(basis_points=1000, target=NotOf(SHOE))),),
                basis=Basis.LIST,
            ),
            id="tiers by spend",
        ),
        pytest.param({**GIFT, "units": 2}, Gift(sku="X", units=2), id="gift"),
        pytest.param(GIFT, Gift(sku="X", units=1), id="one gift"),
        pytest.param(POINTS, Points(fixed=5), id="points"),
        pytest.param(
            {"kind": "points", "per_unit_of_currency": "1.5", "target": SHOES},
            Points(per_major_hundredths=150, target=SHOE),
            id="points by spend",
        ),
    ],
)
def test_benefits_are_read(benefit: dict[str, Any], wanted: object) -> None:
    assert parse_rule(rule(benefit)).benefits == (wanted,)


@pytest.mark.parametrize("alone", [BUY, BUNDLE, TIERED], ids=lambda benefit: benefit["kind"])
def test_beside_what_stands_alone_are_gifts_and_points(alone: dict[str, Any]) -> None:
    assert len(parse_rule(rule(GIFT, alone, POINTS, GIFT)).benefits) == 4
    for benefits in [(alone, TEN), (TEN, alone), (alone, alone), (alone, BUY)]:
        with pytest.raises(RuleInvalid, match=r"beside \w+ no other benefit can use units") as refusal:
            parse_rule(rule(GIFT, *benefits))
        assert refusal.value.pointer == "/then/2"


@pytest.mark.parametrize(
    ("condition", "wanted"),
    [
        pytest.param({"in_group": GROUP.upper()}, InGroup("store", GROUP), id="group"),
        pytest.param(
            {"fact": "history.spend.90d", "op": "ge", "value": "200.0", "currency": "EUR"},
            Compare("history.spend.90d", Op.GE, Decimal("200.00")),
            id="spend",
        ),
        pytest.param(
            {"fact": "history.spend", "op": "between", "value": ["1", "2"], "currency": "EUR"},
            Compare("history.spend", Op.BETWEEN, (Decimal(1), Decimal(2))),
            id="range of spend",
        ),
        pytest.param(
            {"fact": "history.spend", "op": "exists", "value": False},
            Compare("history.spend", Op.EXISTS, False),
            id="no spend known",
        ),
        pytest.param(
            {"fact": "code", "op": "in", "value": [" a", "straße"]},
            Compare("code", Op.IN, ("A", "STRASSE")),
            id="codes",
        ),
        pytest.param(
            {"fact": "time.weekday", "op": "in", "value": [6, "7"]},
            Compare("time.weekday", Op.IN, (Decimal(6), Decimal(7))),
            id="weekdays",
        ),
        pytest.param(
            {"fact": "time.date", "op": "starts_with", "value": "2026-12"},
            Compare("time.date", Op.STARTS_WITH, "2026-12"),
            id="month",
        ),
        pytest.param(
            {"count": "lines", "op": "ge", "value": Decimal("2.0"), "where": {"in_group": GROUP}},
            Aggregate(Measure.COUNT, None, InGroup("product", GROUP), Op.GE, 2, Basis.LIST),
            id="lines of a group",
        ),
    ],
)
def test_conditions_are_read(condition: dict[str, Any], wanted: object) -> None:
    assert parse_rule(when(condition)).condition == wanted
