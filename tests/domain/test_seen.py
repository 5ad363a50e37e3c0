"""Seen: what is written down is read back as it was, to the byte."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.baskets import exact_number, facts_of
from shared.domain.engine import Basket, BasketLine, StoreFacts, canonical_json
from shared.domain.engine.basket import CustomerFacts, Facts, Headroom
from shared.domain.seen import Seen, seen_from, seen_text

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
NUMBERS = st.decimals(-10_000, 10_000, allow_nan=False, places=3).map(lambda each: exact_number(str(each)))
FACTS = st.dictionaries(
    TEXTS, TEXTS | NUMBERS | st.booleans() | st.lists(TEXTS, max_size=3).map(tuple), max_size=4
).map(Facts)
LINES = st.builds(
    BasketLine,
    TEXTS,
    st.integers(1, 9),
    st.integers(0, 99_999),
    st.decimals(0, 100, places=2, allow_nan=False),
    FACTS,
)
SOME = st.none() | st.integers(1, 9999)
CUSTOMERS = st.builds(
    CustomerFacts,
    st.none() | TEXTS,
    st.fixed_dictionaries(
        {"history.spend.30d": st.integers(0, 99_999).map(lambda minor: Decimal(minor).scaleb(-2))},
        optional={"customer.attributes.tier": TEXTS, "history.orders": st.integers(0, 9)},
    ),
)
BASKETS = st.builds(
    Basket,
    store=st.builds(StoreFacts, TEXTS, st.just("Europe/Rome"), FACTS, st.booleans()),
    currency=st.just("EUR"),
    channel=TEXTS,
    codes=st.lists(TEXTS, max_size=2).map(tuple),
    lines=st.lists(LINES, min_size=1, max_size=3).map(tuple),
    customer=st.none() | CUSTOMERS,
    headroom=st.dictionaries(TEXTS, st.builds(Headroom, st.none() | TEXTS, SOME, SOME), max_size=2),
    gifts=st.lists(LINES, max_size=2).map(lambda lines: {line.sku: line for line in lines}),
)


def plain(basket: Basket) -> dict[str, Any]:
    """A basket as values that compare by what they hold; facts do not."""

    def line(one: BasketLine) -> tuple[object, ...]:
        return (*one[:4], dict(one.facts))

    return {
        "store": (*basket.store[:2], dict(basket.store.facts), basket.store.prices_include_tax),
        "rest": (basket.currency, basket.channel, basket.codes, basket.customer, dict(basket.headroom)),
        "lines": [line(one) for one in basket.lines],
        "gifts": {sku: line(one) for sku, one in basket.gifts.items()},
    }


@given(BASKETS, st.frozensets(st.integers(0, 3)), st.integers(0, 99))
def test_what_was_seen_is_read_back(basket: Basket, overridden: frozenset[int], version: int) -> None:
    seen = Seen(basket, overridden, version, NOW)
    text = seen_text(seen)
    again = seen_from(text)
    assert seen_text(again) == text
    assert plain(again.basket) == plain(basket)
    assert (again.overridden, again.rule_set_version, again.now) == (overridden, version, NOW)
    assert canonical_json(json.loads(text, parse_float=Decimal)) == text


def test_amounts_of_history_keep_their_form() -> None:
    customer = CustomerFacts("c", {"history.spend": Decimal("200.00"), "history.orders": 3})
    basket = Basket(StoreFacts("S1", "UTC", Facts()), "EUR", "store", (), (), customer)
    again = seen_from(seen_text(Seen(basket, frozenset(), 1, NOW))).basket.customer
    assert again is not None
    assert str(again.facts["history.spend"]) == "200.00"


def test_equal_facts_are_one_object_again() -> None:
    """By which the engine merges lines of one product."""
    facts = Facts({"product.brand": "Lumen"})
    line = BasketLine("A", 1, 100, Decimal(22), facts)
    basket = Basket(StoreFacts("S1", "UTC", Facts()), "EUR", "store", (), (line, line))
    one, other = seen_from(seen_text(Seen(basket, frozenset(), 1, NOW))).basket.lines
    assert one.facts is other.facts


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.50", "1.5"), ("2.0", "2"), ("1e2", "100"), ("0.10", "0.1"), ("-0.0", "0")],
)
def test_a_number_has_one_form(text: str, expected: str) -> None:
    assert str(exact_number(text)) == expected
    assert canonical_json(exact_number(text)) == expected


def test_the_same_text_is_the_same_facts() -> None:
    text = '{"kind": "lens", "brand": null, "attributes": {"index": "1.50"}, "groups": ["g"]}'
    facts = facts_of("product", text)
    assert dict(facts) == {
        "product.kind": "lens",
        "product.attributes.index": "1.50",
        "product.groups": ("g",),
    }
    assert facts_of("product", text) is facts
    assert "store.kind" in facts_of("store", text)


def test_facts_may_be_named_like_what_stands_around_them() -> None:
    """Whatever attributes hold, the text is read as the whole document would be."""
    nested = {"facts": {"id": "x", "quantity": 1}, "quantity": 2}
    named = Facts({"product.attributes.a": nested, "quantity": '},"id":', "facts": '"facts":{},"quantity":1'})
    line = BasketLine("A", 1, 100, Decimal(22), named)
    store = StoreFacts("S1", "UTC", Facts({"store.attributes.b": {"x": {}, "id": "},", "quantity": 1}}))
    customer = CustomerFacts("c", {"customer.attributes.facts": '},"id":'})
    basket = Basket(store, "EUR", "store", (), (line, line), customer, {"facts": Headroom()}, {"A": line})
    text = seen_text(Seen(basket, frozenset(), 1, NOW))
    assert plain(seen_from(text).basket) == plain(basket)
    assert seen_text(seen_from(text)) == text
