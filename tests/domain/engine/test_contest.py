"""Whole offers that stack with none and want the same units: the best sets of them, and ties among those."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import compile_rule_set, evaluate
from shared.domain.engine.alone import alone
from shared.domain.engine.contest import contest
from shared.domain.engine.lane import Grant, LaneProblem, Offer, Part, Pool
from shared.domain.engine.rule import Per
from shared.domain.money import SCALE
from tests.domain.engine import oracle
from tests.domain.engine.baskets import (
    NOW,
    SKUS,
    amount,
    basket,
    line,
    percent,
    pieces,
    promotion,
    skus,
)
from tests.domain.engine.oracle import Piece, Promo
from tests.domain.engine.test_combination import agrees, solved


@st.composite
def contestants(draw: st.DrawFn) -> list[Promo]:
    """Amounts spread over a basket, capped percents, and free percents beside them; few values, many ties."""
    found: list[Promo] = []
    for number in range(draw(st.integers(2, 5))):
        kind = draw(st.sampled_from(["spread", "spread", "capped", "free"]))
        value: dict[str, Any] = {"percent": draw(st.sampled_from([1000, 2000, 5000]))}
        if kind == "spread":
            value = {"amount": draw(st.sampled_from([50, 100, 150])), "per": "basket"}
        found.append(
            Promo(
                name=f"p{number}",
                priority=draw(st.sampled_from([0, 0, 1])),
                stackable=False,
                skus=frozenset(draw(st.sets(st.sampled_from(SKUS), min_size=1))),
                max_discount=draw(st.sampled_from([100, 150])) if kind == "capped" else None,
                max_units=draw(st.sampled_from([None, None, 1])) if kind != "free" else None,
                floor_minor=draw(st.sampled_from([0, 0, 90])),
                **value,
            )
        )
    return found


@settings(max_examples=80, deadline=None)
@given(pieces(), contestants())
def test_contests_equal_the_oracle(units: list[Piece], rivals: list[Promo]) -> None:
    agrees(units, rivals)


@settings(max_examples=80, deadline=None)
@given(pieces(), contestants())
def test_their_ties_are_settled_as_the_oracle_does(units: list[Piece], rivals: list[Promo]) -> None:
    units = list(dict.fromkeys(units))
    solution, answer = solved(units, rivals), oracle.best(units, rivals)
    assert solution.optimal
    assert (solution.applied, solution.used) == (answer.applied, answer.used)


def applied(*terms: Any) -> list[str]:
    of = basket(line("a", 1000), line("b", 1000), line("c", 1000))
    found = evaluate(compile_rule_set(1, terms), of, NOW)
    assert found.optimal
    return [one.promotion_id for one in found.promotions if one.outcome == "applied"]


def test_two_that_fit_beside_each_other_beat_one_that_alone_gives_more() -> None:
    wide = promotion("0", amount("5.00", "basket"))
    left, right = (promotion(name, amount("3.00", "basket", target=skus(name))) for name in "ac")
    assert applied(wide, left, right) == ["a", "c"]


def test_of_those_that_want_the_same_units_the_best_one_counts_though_it_comes_last() -> None:
    rivals = [promotion(str(number), amount(f"{number}.00", "basket")) for number in range(1, 6)]
    assert applied(*rivals) == ["5"]


def test_of_equals_the_first_counts_also_beside_others() -> None:
    pairs = [
        promotion(f"{sku}{number}", amount("2.00", "basket", target=skus(sku)))
        for sku in "ab"
        for number in range(3)
    ]
    assert applied(*reversed(pairs)) == ["a0", "b0"]


def test_what_free_offers_would_give_on_the_units_counts_against_an_offer() -> None:
    free = promotion("free", percent("30"))
    assert applied(
        free, promotion("less", amount("8.00", "basket")), promotion("least", amount("7.00", "basket"))
    ) == ["free"]
    assert applied(
        free, promotion("more", amount("9.10", "basket")), promotion("most", amount("9.20", "basket"))
    ) == ["most"]


def overlapping(wanted: Sequence[Sequence[int]], pools: int = 12, **more: Any) -> LaneProblem:
    offers = [
        Offer(
            index,
            stackable=False,
            whole=True,
            grants=(Grant(Per.BASKET, dict.fromkeys(places, 1000), 100 * SCALE),),
            parts=tuple(Part(place, 1, (0,), 0) for place in places),
            floors={},
            **more,
        )
        for index, places in enumerate(wanted)
    ]
    return LaneProblem([Pool(place, 1, 1000, 1000, 0, 1) for place in range(pools)], offers)


def tried(problem: LaneProblem) -> Any:
    members = range(len(problem.offers))
    return contest(problem, members, [alone(problem, place) for place in members], [0] * len(problem.pools))


def test_all_best_sets_are_found() -> None:
    found = tried(overlapping([(0, 1), (1, 2), (2, 3), (0,), (4, 5)]))
    # Of the first four, only the two that leave each other's units alone, or the last and one in the middle.
    assert sorted(tuple(sorted(one.totals)) for one in found) == [(0, 2, 4), (1, 3, 4), (2, 3, 4)]
    assert {one.value for one in found} == {300 * SCALE}


@pytest.mark.parametrize(
    "wanted",
    [
        [(place, (place + 1) % 12) for place in range(12)]
        + [(place, (place + 5) % 12) for place in range(12)],
        [(place // 3,) for place in range(36)],
    ],
    ids=["too many sets to try", "too many equally good"],
)
def test_what_is_too_much_to_try_is_left_to_the_search(wanted: Sequence[Sequence[int]]) -> None:
    assert tried(overlapping(wanted)) is None


def test_others_than_whole_offers_that_stack_with_none_are_left_to_the_search() -> None:
    problem = overlapping([(0, 1), (1, 2)])
    problem.offers[1].stackable = True
    assert tried(problem) is None


def test_two_of_one_kind_that_both_find_units_are_left_to_the_search() -> None:
    problem = overlapping([(0,), (0,)])
    problem.pools[0].units = 2
    assert tried(problem) is None
