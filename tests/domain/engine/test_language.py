"""The rule language: what it reads, and what it refuses at which place."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.engine import Rule, RuleInvalid, groups_of, parse_rule
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
from shared.domain.filters import AllOf, Compare, GroupUse, InGroup, NotOf
from shared.domain.operators import Op
from tests.domain.engine.baskets import amount, percent
from tests.domain.engine.rules import mutated, places, rule_documents

TEN = percent("10")


def rule(*benefits: Any, **more: Any) -> dict[str, Any]:
    return {"schema": 1, "then": list(benefits), **more}


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


SHOES = {"fact": "product.type", "op": "eq", "value": "shoe"}
SHOE = Compare("product.type", Op.EQ, "shoe")
BUY = {"kind": "buy_x_get_y", "buy": {"units": 2}, "get": {"units": 1}}
BUNDLE = {"kind": "bundle_price", "items": [{"units": 2, "where": SHOES}], "price": "9", "currency": "EUR"}
GIFT = {"kind": "gift", "sku": "X"}
POINTS = {"kind": "points", "fixed": 5}
TIERED = {"kind": "tiered", "by": "quantity", "tiers": [{"from": 2, "then": TEN}, {"from": 5, "then": TEN}]}
SPEND = {
    "kind": "tiered",
    "by": "spend",
    "currency": "EUR",
    "basis": "list",
    "tiers": [{"from": "10", "then": TEN}, {"from": "20.00", "then": TEN}],
}
GROUP = "0000000a-aaaa-4bbb-8ccc-00000000000b"


def tiers(*found: Any, **more: Any) -> dict[str, Any]:
    return rule({**TIERED, "tiers": list(found), **more})


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


def test_groups_are_told_with_their_places() -> None:
    named = {"in_group": GROUP}
    product, store = ({"subject": subject, "group_id": GROUP} for subject in ("product", "store"))
    document = rule(
        percent("10", target={"any": [SHOES, named]}),
        {"kind": "points", "per_unit_of_currency": 1, "target": named},
        **{"if": {"all": [{"not": named}, {**COUNT, "where": {"not": named}}, COUNT]}},
    )
    assert groups_of(parse_rule(document), "/rule") == (
        GroupUse(**store, pointer="/rule/if/all/0/not/in_group"),
        GroupUse(**product, pointer="/rule/if/all/1/where/not/in_group"),
        GroupUse(**product, pointer="/rule/then/0/target/any/1/in_group"),
        GroupUse(**product, pointer="/rule/then/1/target/in_group"),
    )


@pytest.mark.parametrize(
    ("benefit", "pointers"),
    [
        pytest.param({**BUY, "buy": {"units": 2, "where": {"in_group": GROUP}}}, ["buy/where"], id="bought"),
        pytest.param({**BUY, "get": {"units": 2, "where": {"in_group": GROUP}}}, ["get/where"], id="got"),
        pytest.param(
            {**BUNDLE, "items": [{"units": 2}, {"units": 2, "where": {"in_group": GROUP}}]},
            ["items/1/where"],
            id="bundle",
        ),
        pytest.param({**TIERED, "where": {"in_group": GROUP}}, ["where"], id="tiers"),
        pytest.param(
            {**TIERED, "tiers": [{"from": 1, "then": {**TEN, "target": {"in_group": GROUP}}}]},
            ["tiers/0/then/target"],
            id="tier",
        ),
        pytest.param(GIFT, [], id="gift"),
    ],
)
def test_a_group_is_told_where_the_document_names_it(benefit: dict[str, Any], pointers: list[str]) -> None:
    told = [use.pointer for use in groups_of(parse_rule(rule(benefit)))]
    assert told == [f"/then/0/{pointer}/in_group" for pointer in pointers]


@given(rule_documents())
def test_every_group_of_a_document_is_told(document: dict[str, Any]) -> None:
    named = {at for at, holder, key in places(document) if key == "in_group" and isinstance(holder, dict)}
    told = groups_of(parse_rule(document))
    assert {use.pointer for use in told} <= named
    assert {use.group_id for use in told} == {
        str(item).lower() for at, item in values(document) if at in named
    }


def values(document: Any) -> list[tuple[str, Any]]:
    return [(at, holder[key]) for at, holder, key in places(document)]


@given(mutated(rule_documents()))
def test_a_changed_rule_is_read_or_refused_at_a_place_it_has(document: dict[str, Any]) -> None:
    pointer: str | None = ""
    try:
        parse_rule(document)
    except RuleInvalid as refusal:
        pointer = refusal.pointer
    assert pointer in {"", *(at for at, _ in values(document))}


def when(condition: object) -> dict[str, Any]:
    return rule(TEN, **{"if": condition})


COUNT = {"count": "lines", "op": "ge", "value": 2}
SUM = {"sum_amount": "lines", "op": "ge", "value": "10.00", "currency": "EUR", "basis": "list"}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ([], ""),
        ({"then": [TEN]}, ""),
        ({"schema": 1}, ""),
        (rule(TEN, note=1), "/note"),
        ({"schema": 2, "then": [TEN]}, "/schema"),
        ({"schema": True, "then": [TEN]}, "/schema"),
        ({"schema": 1, "then": []}, "/then"),
        ({"schema": 1, "then": TEN}, "/then"),
        (rule(TEN, 5), "/then/1"),
        (rule({"percent": "10"}), "/then/0"),
        (rule({"kind": "rebate", "sku": "x"}), "/then/0/kind"),
        (rule(percent("0")), "/then/0/percent"),
        (rule(percent("100.01")), "/then/0/percent"),
        (rule(percent("12.345")), "/then/0/percent"),
        (rule({"kind": "percent_off", "percent": 12.5}), "/then/0/percent"),
        (rule({"kind": "percent_off", "percent": "\u0661\u0660"}), "/then/0/percent"),
        (rule(percent("10", amount="5.00")), "/then/0/amount"),
        (rule(amount("5.001")), "/then/0/amount"),
        (rule(amount("0.00")), "/then/0/amount"),
        (rule(amount("-5.00")), "/then/0/amount"),
        (rule({**amount("5"), "amount": 5}), "/then/0/amount"),
        (rule({**amount("5"), "currency": "XXX"}), "/then/0/currency"),
        (rule(amount("5"), {**amount("5"), "currency": "USD"}), "/then/1/currency"),
        (rule(amount("5", "piece")), "/then/0/per"),
        (rule(percent("10", target={})), "/then/0/target"),
        (rule(percent("10", target={"fact": "store.city", "op": "eq", "value": "x"})), "/then/0/target/fact"),
        (rule(percent("10", max_units=2)), "/then/0/max_units"),
        (rule(percent("10", max_units={"units": 0, "per": "line"})), "/then/0/max_units/units"),
        (rule(percent("10", max_units={"units": 1, "per": "unit"})), "/then/0/max_units/per"),
        (rule(percent("10", max_discount={"amount": "5.00"})), "/then/0/max_discount"),
        (rule(percent("10", price_floor={"percent": "0"})), "/then/0/price_floor/percent"),
        (rule(percent("10", price_floor={"percent": "5", "amount": "1"})), "/then/0/price_floor/amount"),
        (rule(percent("10", basis="net")), "/then/0/basis"),
        (when([]), "/if"),
        (when({"fact": "product.brand", "op": "eq", "value": "x"}), "/if/fact"),
        (when({"fact": "basket.total", "op": "eq", "value": "x"}), "/if/fact"),
        (when({"all": [COUNT, {**COUNT, "op": "above"}]}), "/if/all/1/op"),
        (when({"not": {**COUNT, "value": "2"}}), "/if/not/value"),
        (when({**COUNT, "count": "units"}), "/if/count"),
        (when({**COUNT, "op": "between", "value": [3, 2]}), "/if/value"),
        (when({**COUNT, "op": "between", "value": 3}), "/if/value"),
        (when({**COUNT, "op": "in", "value": [1]}), "/if/op"),
        (when({**COUNT, "sum_quantity": "lines"}), "/if/sum_quantity"),
        (when({**COUNT, "where": {"all": []}}), "/if/where/all"),
        (when({key: SUM[key] for key in SUM if key != "basis"}), "/if"),
        (when({**SUM, "value": "10.001"}), "/if/value"),
        (when({**SUM, "op": "between", "value": ["1.00", 2]}), "/if/value/1"),
        (when({**SUM, "currency": "euro"}), "/if/currency"),
        (rule(percent("10", max_applications=0)), "/then/0/max_applications"),
        (rule(percent("10", target={"in_group": "lenses"})), "/then/0/target/in_group"),
        (rule(percent("10", target={"in_group": f"{{{GROUP}}}"})), "/then/0/target/in_group"),
        (rule(percent("10", target={"in_group": GROUP, "op": "eq"})), "/then/0/target/op"),
        (rule(percent("10", target={"in_group": [GROUP]})), "/then/0/target/in_group"),
        (rule({"kind": "fixed_price", "price": "-0", "currency": "EUR"}), "/then/0/price"),
        (rule({"kind": "fixed_price", "price": "5"}), "/then/0"),
        (rule({**BUY, "max_units": {"units": 1, "per": "line"}}), "/then/0/max_units"),
        (rule({**BUY, "buy": {"units": 0}}), "/then/0/buy/units"),
        (rule({**BUY, "buy": {"units": 1, "percent": 5}}), "/then/0/buy/percent"),
        (rule({**BUY, "get": {"units": 1, "percent": 0}}), "/then/0/get/percent"),
        (rule({**BUY, "get": {"units": 1, "where": []}}), "/then/0/get/where"),
        (rule({**BUY, "choose": "any"}), "/then/0/choose"),
        (rule({**BUNDLE, "items": []}), "/then/0/items"),
        (rule({**BUNDLE, "items": [{"units": 1}, {"where": SHOES}]}), "/then/0/items/1"),
        (rule({**BUNDLE, "items": [{"units": 1, "percent": 5}]}), "/then/0/items/0/percent"),
        (
            rule({**BUNDLE, "max_discount": {"amount": "1", "currency": "USD"}}),
            "/then/0/max_discount/currency",
        ),
        (rule({key: TIERED[key] for key in ("kind", "tiers")}), "/then/0"),
        (rule({**TIERED, "by": "count"}), "/then/0/by"),
        (rule({**TIERED, "currency": "EUR"}), "/then/0/currency"),
        (rule({key: SPEND[key] for key in SPEND if key != "basis"}), "/then/0"),
        (rule({key: SPEND[key] for key in SPEND if key != "currency"}), "/then/0"),
        (tiers({"from": 2, "then": TEN}, {"from": 2, "then": TEN}), "/then/0/tiers/1/from"),
        (tiers({"from": 0, "then": TEN}), "/then/0/tiers/0/from"),
        (tiers({"from": "2", "then": TEN}), "/then/0/tiers/0/from"),
        (tiers({"from": 2, "then": GIFT}), "/then/0/tiers/0/then/kind"),
        (tiers({"from": 2, "then": BUY}), "/then/0/tiers/0/then/kind"),
        (tiers({"from": 2, "then": {"kind": "percent_off"}}), "/then/0/tiers/0/then"),
        (tiers({"from": 2}), "/then/0/tiers/0"),
        (tiers(), "/then/0/tiers"),
        (rule({**SPEND, "tiers": [{"from": 2, "then": TEN}]}), "/then/0/tiers/0/from"),
        (rule({**SPEND, "tiers": [{"from": "0", "then": TEN}]}), "/then/0/tiers/0/from"),
        (
            rule({**SPEND, "tiers": [{"from": "2.00", "then": TEN}, {"from": "2", "then": TEN}]}),
            "/then/0/tiers/1/from",
        ),
        (
            rule({**SPEND, "tiers": [{"from": "2", "then": {**amount("5"), "currency": "USD"}}]}),
            "/then/0/tiers/0/then/currency",
        ),
        (rule({**GIFT, "sku": "x" * 65}), "/then/0/sku"),
        (rule({**GIFT, "units": 0}), "/then/0/units"),
        (rule({**GIFT, "max_applications": 1}), "/then/0/max_applications"),
        (rule({"kind": "points"}), "/then/0"),
        (rule({**POINTS, "fixed": 0}), "/then/0/fixed"),
        (rule({**POINTS, "target": SHOES}), "/then/0/target"),
        (rule({"kind": "points", "per_unit_of_currency": "1.005"}), "/then/0/per_unit_of_currency"),
        (rule({"kind": "points", "per_unit_of_currency": 0}), "/then/0/per_unit_of_currency"),
        (when({"fact": "history.spend", "op": "ge", "value": "5"}), "/if"),
        (when({"fact": "history.spend", "op": "ge", "value": 5, "currency": "EUR"}), "/if/value"),
        (when({"fact": "history.spend", "op": "ge", "value": "5.001", "currency": "EUR"}), "/if/value"),
        (when({"fact": "history.spend", "op": "in", "value": ["1", "x"], "currency": "EUR"}), "/if/value/1"),
        (when({"fact": "history.spend", "op": "contains", "value": "5", "currency": "EUR"}), "/if/op"),
        (when({"fact": "history.spend", "op": [], "value": "5", "currency": "EUR"}), "/if/op"),
        (when({"fact": "history.spend", "op": "exists", "value": True, "currency": "EUR"}), "/if/currency"),
        (when({"fact": "history.orders", "op": "ge", "value": 5, "currency": "EUR"}), "/if/currency"),
        (when({"fact": "history.orders.60d", "op": "ge", "value": 5}), "/if/fact"),
        (when({"fact": "customer.name", "op": "eq", "value": "x"}), "/if/fact"),
        (when({"fact": ["history.spend"], "op": "eq", "value": "x"}), "/if/fact"),
        (when({"fact": "code", "op": "lt", "value": "A"}), "/if/op"),
        (when({"fact": "code", "op": "between", "value": ["A", "B"]}), "/if/op"),
        (when({"fact": "code", "op": "eq", "value": "  "}), "/if/value"),
        (when({"fact": "code", "op": "eq", "value": "\ufb03" * 500}), "/if/value"),
        (when({"fact": "time.weekday", "op": "eq", "value": 0}), "/if/value"),
        (when({"fact": "time.weekday", "op": "in", "value": [1, Decimal("1.5")]}), "/if/value/1"),
        (when({"fact": "time.date", "op": "eq", "value": "2026-02-29"}), "/if/value"),
        (when({"fact": "time.date", "op": "eq", "value": "20261224"}), "/if/value"),
        (when({"fact": "time.date", "op": "between", "value": ["2026-12-24", "2026-12-01"]}), "/if/value"),
        (when({"fact": "time.time_of_day", "op": "ge", "value": "24:00"}), "/if/value"),
        (when({"fact": "time.time_of_day", "op": "ge", "value": "9:00"}), "/if/value"),
        (when({"in_group": GROUP, "count": "lines"}), "/if/in_group"),
        (when({"all": [{"any": [COUNT] * 100}] * 3}), "/if/all/2/any/0"),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(document: object, pointer: str) -> None:
    with pytest.raises(RuleInvalid) as refusal:
        parse_rule(document, at="/rule")
    assert refusal.value.pointer == f"/rule{pointer}"
    assert refusal.value.code == "rule_invalid"
    assert str(refusal.value.values["detail"]) in str(refusal.value)


def test_an_unknown_benefit_names_the_known_ones() -> None:
    with pytest.raises(RuleInvalid, match="percent_off, amount_off, fixed_price, buy_x_get_y"):
        parse_rule(rule({"kind": "rebate"}))


json_like = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["lines", "ge", "10"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["all", "not", "fact", "op", "value", "count", "sum_amount", "kind", "percent", "where"]
            ),
            inner,
        )
    ),
)


@given(json_like, json_like)
def test_any_document_is_read_or_refused_with_a_pointer(condition: object, benefit: object) -> None:
    pointer: str | None = ""
    try:
        parse_rule({"schema": 1, "if": condition, "then": [benefit]})
    except RuleInvalid as refusal:
        pointer = refusal.pointer
    assert pointer is not None
