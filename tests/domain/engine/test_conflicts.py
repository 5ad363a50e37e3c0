"""The conflict scan: known conflicts are proved, known strangers are left out, and every proof proves."""

from collections.abc import Iterable
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import (
    BasketLine,
    Outcome,
    PromotionTerms,
    StoreFacts,
    compile_rule_set,
    evaluate,
    parse_rule,
)
from shared.domain.engine.conflicts import Conflict, Supply, find_conflict
from shared.domain.engine.proofs import Effect, Proof
from shared.domain.engine.witnesses import witnesses
from shared.domain.filters import matches, parse_filter
from shared.domain.schedules import Window

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
LENS = {"fact": "product.kind", "op": "eq", "value": "lens"}
FRAME = {"fact": "product.kind", "op": "eq", "value": "frame"}
LUMEN = {"fact": "product.brand", "op": "eq", "value": "Lumen"}


def a_promotion(name: str, *benefits: dict[str, Any], when: Any = None, **changes: Any) -> PromotionTerms:
    rule = {"schema": 1, "then": list(benefits) or [off("10")]} | ({"if": when} if when else {})
    values: dict[str, Any] = {
        "promotion_id": name,
        "version": 1,
        "name": name,
        "lane": "line",
        "priority": 0,
        "exclusive": False,
        "stackable": False,
        "starts_at": None,
        "ends_at": None,
        "zone_policy": "store",
        "stores": None,
        "rule": parse_rule(rule),
    }
    return PromotionTerms(**(values | changes))


def off(percent: str, target: Any = None, **more: Any) -> dict[str, Any]:
    return {"kind": "percent_off", "percent": percent, **({"target": target} if target else {}), **more}


def amount(value: str, per: str = "basket", **more: Any) -> dict[str, Any]:
    return {"kind": "amount_off", "amount": value, "currency": "EUR", "per": per, **more}


def fact(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"fact": name, "op": op, "value": value}


def spend(value: str) -> dict[str, Any]:
    return {"sum_amount": "lines", "op": "ge", "value": value, "currency": "EUR", "basis": "list"}


def pieces(least: int, where: Any = None) -> dict[str, Any]:
    return {"sum_quantity": "lines", "op": "ge", "value": least, **({"where": where} if where else {})}


def stores(**filters: str) -> Any:
    tree = [fact(f"store.{name}", "eq", value) for name, value in filters.items()]
    return parse_filter({"all": tree}, namespaces=("store",))


def local(day: int, month: int = 6) -> datetime:
    return datetime(2026, month, day)  # noqa: DTZ001 - schedules are local


def scanned(one: PromotionTerms, other: PromotionTerms, supply: Supply | None = None) -> Conflict | None:
    return find_conflict(one, other, supply or Supply(), NOW)


def proved(one: PromotionTerms, other: PromotionTerms, supply: Supply | None = None) -> Proof:
    found = scanned(one, other, supply)
    assert found is not None
    assert found.proof is not None, "a proof exists"
    assert_proves(one, other, found.proof)
    return found.proof


def assert_proves(one: PromotionTerms, other: PromotionTerms, proof: Proof) -> None:
    """Evaluated anew: each applies alone, and together they are in each other's way or on the same units."""
    alone = {}
    for each in (one, other):
        (own,) = evaluate(compile_rule_set(1, [each]), proof.basket, proof.at).promotions
        assert own.outcome is Outcome.APPLIED
        alone[each.promotion_id] = own.discount
    both = evaluate(compile_rule_set(1, [other, one]), proof.basket, proof.at)
    assert proof.alone == alone
    assert proof.together == {each.promotion_id: each.discount for each in both.promotions}
    assert set(proof.winners) == {
        each.promotion_id for each in both.promotions if each.outcome is Outcome.APPLIED
    }
    lost = {each.outcome for each in both.promotions} - {Outcome.APPLIED}
    less = [name for name, discount in proof.together.items() if discount < alone[name]]
    match proof.effect:
        case Effect.EXCLUDES:
            assert lost == {Outcome.EXCLUDED_BY}
        case Effect.BEATS:
            assert Outcome.BEATEN_BY in lost
        case Effect.SPLITS:
            assert less
            assert not lost
        case Effect.STACKS:
            assert not less
            assert not lost
            shared = [sum(a.units for a in line.allocations) > line.quantity for line in both.lines]
            assert any(shared)


def sizes(proof: Proof) -> list[int]:
    return [line.quantity for line in proof.basket.lines]


def test_two_percents_on_one_brand() -> None:
    one, other = a_promotion("one", off("10", LUMEN)), a_promotion("other", off("20", LENS))
    proof = proved(one, other)
    assert (proof.effect, proof.winners, sizes(proof)) == (Effect.BEATS, ("other",), [1])
    (line,) = proof.basket.lines
    assert line.facts == {"product.brand": "Lumen", "product.kind": "lens"}


@pytest.mark.parametrize(
    ("one", "other", "effect", "least"),
    [
        ({}, {"stackable": True}, Effect.BEATS, 1),
        ({"stackable": True}, {"stackable": True}, Effect.STACKS, 1),
        ({"exclusive": True}, {}, Effect.BEATS, 1),
        ({}, {"exclusive": True}, Effect.EXCLUDES, 1),
        ({"lane": "order"}, {"exclusive": True}, Effect.EXCLUDES, 1),
    ],
    ids=["plain", "stackable", "exclusive loses", "exclusive wins", "exclusive across lanes"],
)
def test_how_they_meet(one: dict[str, Any], other: dict[str, Any], effect: Effect, least: int) -> None:
    proof = proved(a_promotion("one", **one), a_promotion("other", off("20"), **other))
    assert (proof.effect, sum(sizes(proof))) == (effect, least)


@pytest.mark.parametrize(
    ("one", "other", "units"),
    [
        (a_promotion("one", when=pieces(3)), a_promotion("other", off("20")), 3),
        (a_promotion("one", when=spend("250.00")), a_promotion("other", off("20", LUMEN)), 1),
        (
            a_promotion("one", amount("5.00"), when={"all": [spend("100.00"), pieces(2, LENS)]}),
            a_promotion("other", off("20", FRAME)),
            3,
        ),
        (
            a_promotion(
                "one", {"kind": "buy_x_get_y", "buy": {"units": 2, "where": LENS}, "get": {"units": 1}}
            ),
            a_promotion("other", off("5", LUMEN)),
            3,
        ),
        (
            a_promotion(
                "one",
                {
                    "kind": "bundle_price",
                    "items": [{"units": 1, "where": FRAME}, {"units": 2, "where": LENS}],
                    "price": "199.00",
                    "currency": "EUR",
                },
            ),
            a_promotion("other", off("5", LUMEN)),
            3,
        ),
        (
            a_promotion(
                "one",
                {
                    "kind": "tiered",
                    "by": "quantity",
                    "where": LENS,
                    "tiers": [{"from": 4, "then": off("10")}, {"from": 9, "then": off("20")}],
                },
            ),
            a_promotion("other", {"kind": "fixed_price", "price": "9.90", "currency": "EUR", "target": LENS}),
            4,
        ),
        (
            a_promotion("one", when={"count": "lines", "op": "ge", "value": 3}),
            a_promotion("other", off("20")),
            3,
        ),
        (
            a_promotion("one", when={"distinct": "product.brand", "op": "ge", "value": 2}),
            a_promotion("other", off("20")),
            2,
        ),
        (
            a_promotion("one", when=fact("code", "eq", "SPRING")),
            a_promotion("other", when=fact("channel", "eq", "app")),
            1,
        ),
        (
            a_promotion("one", when=fact("customer.attributes.tier", "in", ["gold", "silver"])),
            a_promotion("other", when=fact("history.orders.30d", "ge", 5)),
            1,
        ),
        (
            a_promotion("one", when=fact("history.redemptions", "lt", 2)),
            a_promotion("other", when=fact("time.date", "eq", "2026-06-24")),
            1,
        ),
        (
            a_promotion("one", stores=stores(city="Roma")),
            a_promotion("other", stores=stores(country="IT"), when={"not": spend("900.00")}),
            1,
        ),
        (
            a_promotion("one", starts_at=local(1), ends_at=local(20)),
            a_promotion("other", starts_at=local(19), ends_at=local(1, 9)),
            1,
        ),
        (
            a_promotion("one", windows=(Window(frozenset({1}), time(9), time(12)),)),
            a_promotion("other", windows=(Window(frozenset({1, 2}), time(11, 30), time(13)),)),
            1,
        ),
    ],
    ids=[
        "pieces",
        "spend",
        "needs of its own",
        "buy x get y",
        "bundle",
        "tiers",
        "lines",
        "distinct",
        "code and channel",
        "customer",
        "redemptions and date",
        "stores",
        "schedules",
        "windows",
    ],
)
def test_conflicts_are_proved_with_no_more_than_they_need(
    one: PromotionTerms, other: PromotionTerms, units: int
) -> None:
    assert sum(sizes(proved(one, other))) == units
    assert sum(sizes(proved(other, one))) == units


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (a_promotion("one", off("10", LENS)), a_promotion("other", off("20", FRAME))),
        (a_promotion("one"), a_promotion("other", lane="order")),
        (a_promotion("one", stores=stores(city="Roma")), a_promotion("other", stores=stores(city="Milano"))),
        (
            a_promotion("one", starts_at=local(1), ends_at=local(15)),
            a_promotion("other", starts_at=local(15), ends_at=local(30)),
        ),
        (
            a_promotion("one", windows=(Window(frozenset({1}), time(9), time(12)),)),
            a_promotion("other", windows=(Window(frozenset({1}), time(12), None),)),
        ),
        (a_promotion("one", amount("5.00")), a_promotion("other", {**amount("5.00"), "currency": "USD"})),
        (
            a_promotion("one", when=fact("channel", "eq", "app")),
            a_promotion("other", when=fact("channel", "in", ["web", "store"])),
        ),
        (
            a_promotion("one", off("10", fact("product.price", "ge", "100.00"))),
            a_promotion("other", off("20", fact("product.price", "lt", "100.00"))),
        ),
        (
            a_promotion("one", off("10", fact("product.name", "starts_with", "Progressive"))),
            a_promotion("other", off("20", fact("product.name", "starts_with", "Single"))),
        ),
        (a_promotion("one", {"kind": "points", "fixed": 10}), a_promotion("other")),
        (a_promotion("one", {"kind": "gift", "sku": "X"}), a_promotion("other")),
    ],
    ids=[
        "targets",
        "lanes",
        "stores",
        "schedules",
        "windows",
        "currencies",
        "conditions",
        "prices",
        "names",
        "points",
        "gift",
    ],
)
def test_those_that_never_meet_are_left_out(one: PromotionTerms, other: PromotionTerms) -> None:
    assert scanned(one, other) is None
    assert scanned(other, one) is None


def test_an_exclusive_one_meets_what_it_shares_no_unit_with() -> None:
    one = a_promotion("one", off("10", LENS))
    proof = proved(one, a_promotion("other", off("20", FRAME), exclusive=True))
    assert (proof.effect, proof.winners, sizes(proof)) == (Effect.EXCLUDES, ("other",), [1, 1])


def test_without_a_proof_it_is_possible() -> None:
    """What the second needs keeps the first from applying, which no scan of constants sees."""
    few = a_promotion("one", when={"sum_quantity": "lines", "op": "le", "value": 1})
    found = scanned(few, a_promotion("other", off("20"), when=pieces(2)))
    assert found is not None
    assert found.proof is None


def test_real_goods_and_stores_are_preferred() -> None:
    facts = {"product.kind": "lens", "product.brand": "Lumen", "product.name": "A lens"}
    real = BasketLine("L-1", 1, 33_33, Decimal(22), facts)
    rome = StoreFacts("S0001", "Europe/Rome", {"store.city": "Roma"})
    proof = proved(
        a_promotion("one", off("10", LUMEN), stores=stores(city="Roma")),
        a_promotion("other", off("20", LENS)),
        Supply(goods=(real,), stores=(rome,)),
    )
    assert proof.basket.lines == (real,)
    assert proof.basket.store == rome


def test_the_answer_is_the_same_each_time() -> None:
    one = a_promotion("one", amount("5.00"), when={"all": [spend("100.00"), pieces(2, LENS)]})
    other = a_promotion("other", off("20", FRAME))
    assert scanned(one, other) == scanned(one, other)


VALUES = st.sampled_from(["lens", "frame", "Lumen", "Fjord"])
ATOMS = st.one_of(
    st.builds(
        fact, st.sampled_from(["product.kind", "product.brand"]), st.sampled_from(["eq", "ne"]), VALUES
    ),
    st.builds(fact, st.just("product.name"), st.sampled_from(["contains", "starts_with"]), VALUES),
    st.builds(
        fact,
        st.just("product.price"),
        st.sampled_from(["ge", "gt", "lt", "le", "eq", "ne"]),
        st.sampled_from(["0.50", "10.00", "99.99"]),
    ),
    st.builds(fact, st.just("product.attributes.index"), st.sampled_from(["ge", "lt", "eq"]), st.just(2)),
    st.builds(fact, st.just("product.type"), st.just("exists"), st.booleans()),
)
FILTERS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(lambda items: {"all": items}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda items: {"any": items}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda item: {"not": item}, inner),
    ),
    max_leaves=5,
)
BENEFITS = st.one_of(
    st.builds(off, st.sampled_from(["10", "33.33"]), FILTERS),
    st.builds(lambda where: amount("5.00", "unit", target=where), FILTERS),
    st.builds(lambda where: amount("7.00", "basket", target=where), FILTERS),
    st.builds(
        lambda where, units: {
            "kind": "buy_x_get_y",
            "buy": {"units": units, "where": where},
            "get": {"units": 1},
        },
        FILTERS,
        st.integers(1, 2),
    ),
)
CONDITIONS = st.one_of(
    st.none(),
    st.builds(pieces, st.integers(1, 4), FILTERS),
    st.builds(spend, st.sampled_from(["5.00", "120.00"])),
    st.builds(lambda item: {"not": item}, st.builds(pieces, st.integers(1, 4))),
)
TERMS = st.builds(
    lambda benefit, when, flags: (benefit, when, flags),
    BENEFITS,
    CONDITIONS,
    st.sampled_from([{}, {"stackable": True}, {"exclusive": True}, {"priority": 5}]),
)


def some(seeds: Iterable[tuple[dict[str, Any], Any, dict[str, Any]]]) -> list[PromotionTerms]:
    return [
        a_promotion(f"p{place}", benefit, when=when, **flags)
        for place, (benefit, when, flags) in enumerate(seeds)
    ]


@pytest.mark.parametrize("examples", [60, pytest.param(3000, marks=pytest.mark.soak)], ids=["some", "many"])
def test_every_proof_proves(examples: int) -> None:
    @settings(max_examples=examples, database=None, deadline=None)
    @given(st.tuples(TERMS, TERMS))
    def check(seeds: Any) -> None:
        one, other = some(seeds)
        found = scanned(one, other)
        if found is not None and found.proof is not None:
            assert_proves(one, other, found.proof)

    check()


@pytest.mark.parametrize(
    "examples", [200, pytest.param(20_000, marks=pytest.mark.soak)], ids=["some", "many"]
)
def test_witnesses_satisfy_their_filter_and_impossible_ones_have_none(examples: int) -> None:
    @settings(max_examples=examples, database=None, deadline=None)
    @given(FILTERS, st.data())
    def check(document: Any, data: st.DataObject) -> None:
        tree = parse_filter(document, namespaces=("product",))
        found = witnesses(tree)
        for facts in found.found:
            assert matches(tree, facts)
        if found.impossible:
            facts = {
                "product.kind": data.draw(VALUES),
                "product.brand": data.draw(VALUES),
                "product.name": data.draw(VALUES) + data.draw(VALUES),
                "product.price": data.draw(st.decimals("0", "200", places=2)),
                "product.attributes.index": data.draw(st.sampled_from(["2", "1.5", "x", "02"])),
                "product.type": data.draw(st.sampled_from(["a", None])),
            }
            assert not matches(tree, facts)

    check()
