"""Rules in words: what is said of each, and that different rules are never told alike."""

from datetime import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import RuleInvalid, canonical_json, document_of, parse_rule
from shared.domain.engine.words import filter_words, rule_words, windows_words
from shared.domain.filters import parse_filter
from shared.domain.schedules import Window
from tests.domain.engine.baskets import amount, percent
from tests.domain.engine.rules import GROUPS, Json, grafted, mutated, rule_documents

LENSES, FRAMES, OR, NORTH = (f"00000000-aaaa-4bbb-8ccc-00000000000{n}" for n in range(4))
NAMES = {LENSES: "premium lenses", FRAMES: "frames", OR: "lenses or frames", NORTH: "North-West"}


def group(name: str) -> Json:
    return {"in_group": name}


def fact(name: str, op: str, value: Any, **more: Any) -> Json:
    return {"fact": name, "op": op, "value": value, **more}


def product(name: str, op: str, value: Any) -> Json:
    return fact(f"product.{name}", op, value)


def money(text: str) -> Json:
    return {"amount": text, "currency": "EUR"}


BRAND = product("brand", "eq", "Aurora")
OVER_200 = product("price", "gt", "200")
COUNT = {"count": "lines", "op": "ge", "value": 2}
SUM = {"sum_amount": "lines", "op": "ge", "value": "100", "currency": "EUR", "basis": "list"}
BUY = {"kind": "buy_x_get_y", "buy": {"units": 2}, "get": {"units": 1}}
BUNDLE = {
    "kind": "bundle_price",
    "items": [{"units": 1, "where": group(FRAMES)}, {"units": 2, "where": group(LENSES)}],
    "price": "199",
    "currency": "EUR",
}
FIXED = {"kind": "fixed_price", "price": "9.9", "currency": "EUR"}


def tiered(by: str, *tiers: tuple[Any, Json], **more: Any) -> Json:
    return {
        "kind": "tiered", "by": by, **more, "tiers": [{"from": least, "then": then} for least, then in tiers]
    }  # fmt: skip


@pytest.mark.parametrize(
    ("benefits", "told"),
    [
        pytest.param(benefits, told, id=told)
        for benefits, told in [
            (
                [percent("20", target={"all": [group(LENSES), OVER_200]}, max_discount=money("50"))],
                "20 % off premium lenses over 200.00 EUR, at most 50.00 EUR",
            ),
            ([percent("12.50")], "12.5 % off everything"),
            ([percent("5", basis="list")], "5 % off everything, on list prices"),
            ([percent("5", target=group(FRAMES))], "5 % off frames"),
            (
                [percent("5", target={"any": [group(FRAMES), group(LENSES)]})],
                "5 % off frames or premium lenses",
            ),
            ([percent("5", target=group(OR))], '5 % off "lenses or frames"'),
            ([percent("5", target=BRAND)], '5 % off goods where brand is "Aurora"'),
            ([percent("5", target=OVER_200)], "5 % off goods over 200"),
            (
                [percent("5", target={"all": [group(FRAMES), OVER_200, product("price", "le", 300), BRAND]})],
                '5 % off frames over 200 up to 300 where brand is "Aurora"',
            ),
            (
                [percent("5", target={"all": [group(FRAMES), BRAND, OVER_200]})],
                '5 % off frames where brand is "Aurora" and price is over 200',
            ),
            (
                [percent("5", target={"all": [group(FRAMES), {"any": [BRAND, {"not": group(LENSES)}]}]})],
                '5 % off frames where (brand is "Aurora" or not (group is premium lenses))',
            ),
            (
                [percent("5", target=product("attributes.size", "between", [1, 2]))],
                "5 % off goods where attribute size is from 1 to 2",
            ),
            (
                [percent("5", target=product("attributes.Größe", "in", [True, "true", 5]))],
                '5 % off goods where attribute "Größe" is one of true, "true", 5',
            ),
            (
                [percent("5", target=product("collection", "exists", False))],
                "5 % off goods where collection is unknown",
            ),
            (
                [percent("5", target=product("sku", "starts_with", 'L"'))],
                '5 % off goods where sku starts with "L\\""',
            ),
            (
                [percent("5", max_units={"units": 2, "per": "line"}, max_applications=3)],
                "5 % off everything, at most 2 units a line, at most 3 times",
            ),
            (
                [percent("5", max_units={"units": 2, "per": "basket"}, price_floor={"percent": 60})],
                "5 % off everything, at most 2 units, no unit below 60 % of its list price",
            ),
            ([percent("5", price_floor=money("20"))], "5 % off everything, no unit below 20.00 EUR"),
            ([amount("5.00")], "5.00 EUR off each unit"),
            ([amount("5.00", "line", target=group(FRAMES))], "5.00 EUR off each line of frames"),
            ([amount("5.00", "basket")], "5.00 EUR off in all"),
            ([amount("5.00", "basket", target=group(FRAMES))], "5.00 EUR off frames in all"),
            ([{**amount("500"), "currency": "JPY"}], "500 JPY off each unit"),
            ([{**amount("1.5"), "currency": "KWD"}], "1.500 KWD off each unit"),
            ([FIXED], "everything for 9.90 EUR each"),
            ([{**FIXED, "target": group(FRAMES)}], "frames for 9.90 EUR each"),
            ([BUY], "buy 2, get 1 free"),
            (
                [{**BUY, "choose": "dearest", "max_applications": 1}],
                "buy 2, get 1 free, dearest first, at most 1 time",
            ),
            (
                [{**BUY, "buy": {"units": 2, "where": group(FRAMES)}, "get": {"units": 1, "percent": 50}}],
                "buy 2 of frames, get 1 of them at 50 % off",
            ),
            (
                [{**BUY, "buy": {"units": 2, "where": BRAND}, "get": {"units": 1, "where": group(LENSES)}}],
                'buy 2 of (goods where brand is "Aurora"), get 1 of premium lenses free',
            ),
            ([BUNDLE], "1 of frames + 2 of premium lenses together for 199.00 EUR"),
            ([{**BUNDLE, "items": [{"units": 2}]}], "2 together for 199.00 EUR"),
            (
                [tiered("quantity", (2, percent("5")), (5, percent("10", max_discount=money("50"))))],
                "by pieces (from 2: 5 % off; from 5: 10 % off, at most 50.00 EUR)",
            ),
            (
                [tiered("spend", ("100", amount("5")), where=group(FRAMES), currency="EUR", basis="list")],
                "by spend on frames at list prices (from 100.00 EUR: 5.00 EUR off each unit)",
            ),
            (
                [tiered("quantity", (2, {**FIXED, "target": group(LENSES)}), basis="list")],
                "by pieces at list prices (from 2: premium lenses for 9.90 EUR each)",
            ),
            ([{"kind": "gift", "sku": "CASE-1"}], '1 "CASE-1" as a gift'),
            ([{"kind": "points", "fixed": 100}], "100 points"),
            (
                [{"kind": "points", "per_unit_of_currency": "1.50"}],
                "1.5 points for each whole unit of currency spent",
            ),
            (
                [amount("1"), {"kind": "points", "per_unit_of_currency": 2, "target": group(LENSES)}],
                "1.00 EUR off each unit; 2 points for each whole EUR spent on premium lenses",
            ),
        ]
    ],
)
def test_benefits(benefits: list[Json], told: str) -> None:
    assert rule_words(parse_rule({"schema": 1, "then": benefits}), NAMES) == told


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        pytest.param(condition, told, id=told)
        for condition, told in [
            (fact("store.city", "eq", "Roma"), 'store city is "Roma"'),
            (fact("store.postal_code", "ne", "0"), 'store postal code is not "0"'),
            (fact("store.attributes.size", "lt", 5), "store attribute size is below 5"),
            (group(NORTH), "store is in North-West"),
            ({"not": group(NORTH)}, "not (store is in North-West)"),
            (fact("channel", "in", ["web", "pos"]), 'channel is one of "web", "pos"'),
            (fact("basket.currency", "eq", "EUR"), 'currency is "EUR"'),
            (fact("code", "eq", " summer "), 'code is "SUMMER"'),
            (fact("code", "not_in", ["A", "B"]), 'code is none of "A", "B"'),
            (fact("customer.id", "exists", True), "customer id is known"),
            (fact("customer.attributes.level", "contains", "g"), 'customer attribute level contains "g"'),
            (fact("history.orders", "eq", 0), "number of orders is 0"),
            (
                fact("history.redemptions.30d", "lt", 2),
                "number of redemptions in the last 30 days is below 2",
            ),
            (
                fact("history.spend.365d", "ge", "200", currency="EUR"),
                "spend in the last 365 days is at least 200.00 EUR",
            ),
            (
                fact("history.days_since_last_purchase", "gt", 90),
                "days since the last purchase is over 90",
            ),
            (fact("time.weekday", "in", [6, 7]), "weekday is one of Saturday, Sunday"),
            (
                fact("time.date", "between", ["2026-12-01", "2026-12-24"]),
                "date is from 2026-12-01 to 2026-12-24",
            ),
            (fact("time.date", "contains", "2026-12-01"), 'date contains "2026-12-01"'),
            (fact("time.time_of_day", "ge", "18:00"), "time is at least 18:00"),
            (COUNT, "at least 2 lines"),
            ({**COUNT, "value": 1}, "at least 1 line"),
            (
                {**COUNT, "basis": "running", "where": group(LENSES)},
                "at least 2 lines of premium lenses at running prices",
            ),
            ({"sum_quantity": "lines", "op": "between", "value": [2, 4]}, "2 to 4 pieces"),
            (
                {"sum_quantity": "lines", "op": "lt", "value": 3, "where": BRAND},
                'less than 3 pieces of (goods where brand is "Aurora")',
            ),
            (
                {"distinct": "product.brand", "op": "eq", "value": 2, "where": group(FRAMES)},
                "exactly 2 different values of brand of frames",
            ),
            (SUM, "at least 100.00 EUR spent at list prices"),
            (
                {**SUM, "basis": "running", "where": {"all": [group(LENSES), OVER_200]}},
                "at least 100.00 EUR spent on premium lenses over 200.00 EUR at running prices",
            ),
            (
                {"all": [COUNT, {"any": [group(NORTH), {"all": [{"all": [COUNT]}]}]}]},
                "at least 2 lines and (store is in North-West or at least 2 lines)",
            ),
        ]
    ],
)
def test_conditions(condition: Json, told: str) -> None:
    rule = parse_rule({"schema": 1, "if": condition, "then": [percent("10")]})
    assert rule_words(rule, NAMES) == f"10 % off everything, if {told}"


def test_a_group_without_a_name_is_told_by_its_id() -> None:
    rule = parse_rule({"schema": 1, "then": [percent("10", target=group(LENSES))]})
    assert rule_words(rule, {}) == f'10 % off "{LENSES}"'


def test_a_filter_alone() -> None:
    stores = {"any": [group(NORTH), fact("store.city", "eq", "Roma")]}
    tree = parse_filter(stores, namespaces={"store"}, group_subject="store")
    assert filter_words(tree, NAMES) == 'store is in North-West or store city is "Roma"'


def window(days: str, opens: str = "00:00", closes: str | None = None) -> Window:
    weekdays = frozenset(map(int, days))
    return Window(weekdays, time.fromisoformat(opens), None if closes is None else time.fromisoformat(closes))


@pytest.mark.parametrize(
    ("windows", "told"),
    [
        pytest.param(windows, told, id=told)
        for windows, told in [
            ([window("12345", "09:00", "12:30")], "Monday to Friday 09:00 to 12:30"),
            ([window("67")], "Saturday, Sunday"),
            ([window("135", "08:00:30")], "Monday, Wednesday, Friday from 08:00:30"),
            ([window("1234567", "22:00", "02:00")], "every day 22:00 to 02:00 the next day"),
            ([window("1"), window("2", "10:00")], "Monday; Tuesday from 10:00"),
        ]
    ],
)
def test_windows(windows: list[Window], told: str) -> None:
    assert windows_words(windows) == told


def without_lists_of_one(document: Any) -> Any:
    """The one thing that words leave out: a list of one condition means what the condition means."""
    if isinstance(document, list):
        return [without_lists_of_one(item) for item in document]
    if not isinstance(document, dict):
        return document
    for key in ("all", "any"):
        if isinstance(document.get(key), list) and len(document[key]) == 1:
            return without_lists_of_one(document[key][0])
    return {key: without_lists_of_one(item) for key, item in document.items()}


def is_rule(document: Json) -> bool:
    try:
        parse_rule(document)
    except RuleInvalid:
        return False
    return True


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Json, Json]:
    """A rule and another that differs from it little."""
    document = draw(rule_documents())
    for _ in range(5):
        other = draw(mutated(st.just(document)) | grafted(st.just(document), rule_documents()))
        if is_rule(other):
            return document, other
    return document, draw(rule_documents())


@settings(max_examples=120)
@given(pairs())
def test_different_rules_are_told_differently(pair: tuple[Json, Json]) -> None:
    differ_alike(*pair)


@pytest.mark.soak
@settings(max_examples=4000, deadline=None)
@given(pairs())
def test_many_different_rules_are_told_differently(pair: tuple[Json, Json]) -> None:
    differ_alike(*pair)


def differ_alike(*pair: Json) -> None:
    """The words of two rules differ when their forms do, and only then."""
    one, other = map(parse_rule, pair)
    forms = [canonical_json(without_lists_of_one(document_of(rule))) for rule in (one, other)]
    told = [rule_words(rule, GROUPS) for rule in (one, other)]
    assert (told[0] == told[1]) is (forms[0] == forms[1])
