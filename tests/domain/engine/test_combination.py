"""The best combination agrees with an oracle that tries every assignment of every unit."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from shared.domain.engine import compile_rule_set
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.money import SCALE
from tests.domain.engine import oracle
from tests.domain.engine.baskets import any_promos, lines_of, pieces, promos, terms_of
from tests.domain.engine.lanes import Solved, play_of, solve
from tests.domain.engine.oracle import Piece, Promo


def solved(units: Sequence[Piece], rivals: Sequence[Promo], node_budget: int = NODE_BUDGET) -> Solved:
    return solve(lines_of(units), [terms_of(promo) for promo in rivals], node_budget)


@settings(max_examples=120, deadline=None)
@given(pieces(), promos())
def test_best_combination_equals_the_oracle(units: list[Piece], rivals: list[Promo]) -> None:
    agrees(units, rivals)


@settings(max_examples=200, deadline=None)
@given(pieces(), any_promos())
def test_every_kind_of_benefit_equals_the_oracle(units: list[Piece], rivals: list[Promo]) -> None:
    agrees(units, rivals)


@pytest.mark.soak
@settings(max_examples=5000, deadline=None)
@given(pieces(most=7), any_promos(most=4))
def test_every_kind_of_benefit_equals_the_oracle_on_larger_baskets(
    units: list[Piece], rivals: list[Promo]
) -> None:
    assume(oracle.size(oracle.in_order(units), rivals) < 100_000)
    agrees(units, rivals)


def agrees(units: list[Piece], rivals: list[Promo]) -> None:
    solution = solved(units, rivals)
    answer = oracle.best(units, rivals)
    value = Fraction(solution.value) / SCALE
    event(f"optimal: {solution.optimal}")
    if solution.optimal:
        assert value == answer.value
        assert solution.bound == solution.value
    assert value <= answer.value <= Fraction(solution.bound) / SCALE
    assert sum(piece.units for piece in solution.pieces) == len(units)


@settings(max_examples=200, deadline=None)
@given(pieces(), any_promos())
def test_ties_between_single_units_are_settled_as_the_oracle_does(
    units: list[Piece], rivals: list[Promo]
) -> None:
    units = list(dict.fromkeys(units))
    solution = solved(units, rivals)
    answer = oracle.best(units, rivals)
    if solution.optimal:
        assert (solution.applied, solution.used) == (answer.applied, answer.used)


def test_a_tie_alone_never_splits_equal_units() -> None:
    rivals = [
        Promo("p0", 0, stackable=False, skus=frozenset("a"), percent=1000),
        Promo("p1", 0, stackable=False, skus=frozenset("a"), percent=1000),
        Promo("p2", 0, stackable=False, skus=frozenset("b"), percent=1000),
    ]
    units = [Piece("a", 700), Piece("a", 700), Piece("b", 700)]
    assert solved(units, rivals).applied == ("p0", "p2")


@settings(max_examples=60, deadline=None)
@given(pieces(), promos())
def test_a_short_budget_gives_a_lawful_solution_and_a_true_bound(
    units: list[Piece], rivals: list[Promo]
) -> None:
    short = solved(units, rivals, node_budget=3)
    best = oracle.best(units, rivals).value * SCALE
    assert short.value <= best <= short.bound
    if short.optimal:
        assert short.value == best


def a_tangle(node_budget: int) -> Solved:
    """Return twelve capped and limited offers over nine lines, all tied together."""
    names = "abcdefghi"
    rivals = [
        Promo(
            f"p{n:02}",
            n % 3,
            stackable=n % 2 == 0,
            skus=frozenset(names[n % 9] + names[(n * 4 + 1) % 9] + names[(n * 7 + 2) % 9]),
            percent=1000 + 700 * n,
            max_units=n + 1 if n % 4 == 1 else None,
            max_discount=900 + 10 * n if n % 4 != 1 else None,
        )
        for n in range(12)
    ]
    return solved([Piece(name, 1000 + 137 * n) for n, name in enumerate(names)] * 3, rivals, node_budget)


def test_when_the_budget_runs_out_more_of_it_is_never_worse() -> None:
    found = [a_tangle(nodes) for nodes in (10, 100, 1000)]
    assert not found[0].optimal
    assert [one.value for one in found] == sorted(one.value for one in found)
    assert all(one.bound >= found[-1].value for one in found)


def test_the_search_is_a_function_of_the_problem() -> None:
    assert a_tangle(500).told == a_tangle(500).told


def test_offers_that_tie_no_lines_together_are_proved_at_any_quantity() -> None:
    rivals = [
        Promo(f"p{n:02}", n % 3, stackable=n % 5 == 0, skus=frozenset("abc"), percent=500 + n)
        for n in range(20)
    ]
    solution = solved([Piece(name, 1000) for name in "abc"] * 1000, rivals, node_budget=0)
    assert solution.optimal
    stacked = sum(500 + n for n in range(0, 20, 5))
    assert solution.value == 3000 * 1000 * stacked


def test_one_limited_offer_takes_the_units_it_gains_most_on() -> None:
    rivals = [
        Promo("everyday", 0, stackable=False, skus=frozenset("abc"), percent=1000),
        Promo("limited", 0, stackable=False, skus=frozenset("abc"), percent=5000, max_units=2500),
    ]
    units = [Piece("a", 100)] * 2000 + [Piece("b", 300)] * 2000 + [Piece("c", 200)] * 1000
    solution = solved(units, rivals)
    assert solution.optimal
    assert solution.value == 5000 * (2000 * 300 + 500 * 200) + 1000 * (500 * 200 + 2000 * 100)


def test_a_limited_stackable_offer_adds_to_what_is_free() -> None:
    rivals = [
        Promo("alone", 0, stackable=False, skus=frozenset("a"), percent=2500, max_units=1),
        Promo("free", 0, stackable=True, skus=frozenset("a"), percent=1000),
        Promo("limited", 0, stackable=True, skus=frozenset("a"), percent=2000, max_units=1),
    ]
    solution = solved([Piece("a", 100)], rivals)
    assert (solution.value, solution.applied) == (3000 * 100, ("free", "limited"))


def test_of_many_stackable_offers_only_those_that_give_anything_apply() -> None:
    rivals = [
        Promo(f"p{n}", -n, stackable=True, skus=frozenset("a"), percent=percent)
        for n, percent in enumerate([6000, 4000, *[1000] * 6])
    ]
    solution = solved([Piece("a", 100)] * 2, rivals)
    assert (solution.value, solution.applied) == (2 * 10_000 * 100, ("p0", "p1"))
    assert [len(piece.given) for piece in solution.pieces] == [2]


def test_a_limited_offer_leaves_its_best_units_to_one_that_needs_them() -> None:
    rivals = [
        Promo("spread", 0, stackable=False, skus=frozenset("ab"), amount=105, per="basket"),
        Promo("either", 0, stackable=False, skus=frozenset("ab"), percent=5000, max_units=1),
        Promo("only-a", 0, stackable=False, skus=frozenset("a"), percent=6000, max_units=1),
    ]
    solution = solved([Piece("a", 100), Piece("b", 98)], rivals)
    assert solution.value == (60 + 49) * SCALE


def test_a_bundle_that_its_floor_cuts_leaves_the_unit_to_one_that_gives_more() -> None:
    rivals = [
        Promo("fixed", 0, stackable=False, skus=frozenset("b"), kind="fixed", price=150),
        Promo(
            "set",
            0,
            stackable=False,
            skus=frozenset("b"),
            kind="bundle",
            price=100,
            picks=((1, frozenset("b")),),
            floor_percent=5000,
        ),
    ]
    solution = solved([Piece("b", 333)], rivals)
    assert (solution.value, solution.applied) == ((333 - 150) * SCALE, ("fixed",))


def test_a_trigger_has_no_floor() -> None:
    a, c = frozenset("a"), frozenset("c")
    rivals = [
        Promo("p0", 0, stackable=True, skus=a, percent=10_000, kind="gift", picks=((1, a), (1, c))),
        Promo(
            "p1",
            0,
            stackable=True,
            skus=c,
            percent=10_000,
            kind="gift",
            picks=((1, c), (1, a | c)),
            floor_percent=5000,
        ),
    ]
    assert solved([Piece("a", 7), Piece("c", 7)], rivals).value == (7 + 3) * SCALE


def test_a_limited_offer_leaves_the_unit_on_which_the_first_in_order_applies() -> None:
    a, b = frozenset("a"), frozenset("b")
    rivals = [
        Promo("p", 0, stackable=False, skus=a, percent=1000),
        Promo("q", 0, stackable=False, skus=b, percent=1000),
        Promo("z", 0, stackable=False, skus=a | b, percent=5000, max_units=1),
    ]
    assert solved([Piece("a", 100), Piece("b", 100)], rivals).applied == ("p", "z")


@settings(max_examples=80, deadline=None)
@given(pieces(), any_promos())
def test_a_lane_served_by_priority_equals_the_oracle(units: list[Piece], rivals: list[Promo]) -> None:
    rules = compile_rule_set(1, [terms_of(promo) for promo in rivals], ["line"])
    value, optimal = play_of(lines_of(units), rules)
    if optimal:
        assert Fraction(value) / SCALE in oracle.by_priority(units, rivals)


def test_a_floor_that_comes_later_cuts_what_was_given_before() -> None:
    """A whole offer takes also the units on which it finds nothing left, and brings its floor to them."""
    rivals = [
        Promo("p0", 0, stackable=True, skus=frozenset("a"), amount=50, per="unit"),
        Promo("p1", 0, stackable=True, skus=frozenset("ab"), amount=50, per="line", floor_percent=2525),
    ]
    units = [Piece("a", 7), Piece("b", 7)]
    rules = compile_rule_set(1, [terms_of(promo) for promo in rivals], ["line"])
    assert play_of(lines_of(units), rules) == ((5 + 5) * SCALE, True)
    assert oracle.by_priority(units, rivals) == {Fraction(10)}


@settings(max_examples=60, deadline=None)
@given(pieces(), any_promos(), st.data())
def test_an_exclusive_promotion_stands_against_the_best_of_the_others(
    units: list[Piece], rivals: list[Promo], data: st.DataObject
) -> None:
    lonely = {promo.name for promo in rivals if data.draw(st.booleans())}
    rules = compile_rule_set(1, [terms_of(promo, exclusive=promo.name in lonely) for promo in rivals])
    value, optimal = play_of(lines_of(units), rules)
    together = oracle.best(units, [promo for promo in rivals if promo.name not in lonely])
    alone = [oracle.best(units, [promo]) for promo in rivals if promo.name in lonely]
    if optimal:
        assert Fraction(value) / SCALE == max(answer.value for answer in (together, *alone))
