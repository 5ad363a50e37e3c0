"""The rule language: what it refuses, and at which place."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import RuleInvalid, parse_rule
from tests.domain.engine.baskets import amount, percent
from tests.domain.engine.language_examples import (
    BUNDLE,
    BUY,
    COUNT,
    GIFT,
    GROUP,
    POINTS,
    SHOES,
    SPEND,
    SUM,
    TEN,
    TIERED,
    rule,
    tiers,
    when,
)
from tests.domain.engine.rules import mutated, places, rule_documents


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
        (rule(percent("10", max_applications=Decimal("2.5"))), "/then/0/max_applications"),
        (rule(percent("10", max_applications=Decimal("NaN"))), "/then/0/max_applications"),
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


@given(mutated(rule_documents()))
def test_a_changed_rule_is_read_or_refused_at_a_place_it_has(document: dict[str, Any]) -> None:
    refused_where_it_is(document)


def refused_where_it_is(document: dict[str, Any]) -> None:
    pointer: str | None = ""
    try:
        parse_rule(document)
    except RuleInvalid as refusal:
        pointer = refusal.pointer
    assert pointer in {"", *(at for at, _, _ in places(document))}


@pytest.mark.soak
@settings(max_examples=4000, deadline=None)
@given(mutated(rule_documents()))
def test_many_changed_rules_are_read_or_refused_at_a_place_they_have(document: dict[str, Any]) -> None:
    refused_where_it_is(document)
