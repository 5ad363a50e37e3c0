"""The rule language: what it reads, and what it refuses at which place."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.engine import Rule, RuleInvalid, parse_rule
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Basis,
    MaxUnits,
    Measure,
    Per,
    PercentOff,
    PriceFloor,
)
from shared.domain.filters import AllOf, Compare, Op
from tests.domain.engine.baskets import amount, percent

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
