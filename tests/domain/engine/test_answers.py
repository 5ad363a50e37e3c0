"""Offers that stack with none, each doing what is best for it: that settles what is left of a search."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import Basket, RuleSet, compile_rule_set, evaluate
from tests.domain.engine.baskets import NOW, any_promos, basket, line, percent, pieces, promotion, skus
from tests.domain.engine.oracle import Piece, Promo
from tests.domain.engine.test_combination import (
    agrees,
    test_ties_between_single_units_are_settled_as_the_oracle_does,
)

# What a search of the example cost before offers were asked for their answers: 300 and more.
FEW_NODES = 100


@st.composite
def loners(draw: st.DrawFn) -> list[Promo]:
    """Promotions of every kind that stack with none and have no cap: those that can be asked."""
    return [one._replace(stackable=False, max_discount=None) for one in draw(any_promos(most=4))]


@settings(max_examples=150, deadline=None)
@given(pieces(most=5), loners())
def test_asked_or_searched_the_best_combination_is_that_of_the_oracle(
    units: list[Piece], rivals: list[Promo]
) -> None:
    agrees(units, rivals)


@settings(max_examples=100, deadline=None)
@given(pieces(), loners())
def test_of_equally_good_combinations_it_is_that_of_the_oracle(
    units: list[Piece], rivals: list[Promo]
) -> None:
    test_ties_between_single_units_are_settled_as_the_oracle_does.hypothesis.inner_test(units, rivals)


def test_once_what_is_disputed_is_decided_the_rest_needs_no_search() -> None:
    """A bundle wants a frame and lenses; frames have an offer of their own, lenses another, some one more."""
    found = evaluate(optician(), glasses(), NOW, node_budget=FEW_NODES)
    assert found.optimal
    assert found.bound == found.discount == evaluate(optician(), glasses(), NOW, node_budget=50_000).discount


def optician() -> RuleSet:
    frames, lenses = skus("f1", "f2", "f3", "f4"), skus("l1", "l2", "l3", "l4", "l5")
    half = {"units": 1, "where": frames, "percent": "50"}
    return compile_rule_set(
        1,
        [
            promotion(
                "second frame", {"kind": "buy_x_get_y", "buy": {"units": 1, "where": frames}, "get": half}
            ),
            promotion(
                "fourth lens",
                {"kind": "buy_x_get_y", "buy": {"units": 3, "where": lenses}, "get": {"units": 1}},
            ),
            promotion(
                "a pair",
                {
                    "kind": "bundle_price",
                    "items": [{"units": 1, "where": frames}, {"units": 2, "where": skus("l1", "l2", "l3")}],
                    "price": "299.00",
                    "currency": "EUR",
                    "max_applications": 1,
                },
            ),
            promotion("some lenses", percent("10", target=skus("l2", "l4"))),
            promotion("some frames", percent("15", target=skus("f1", "f3"))),
        ],
    )


def glasses() -> Basket:
    return basket(
        line("f1", 23_900),
        line("f2", 19_900),
        line("f3", 14_900),
        line("f4", 9_900, 2),
        line("l1", 8_900, 2),
        line("l2", 7_400, 2),
        line("l3", 6_900),
        line("l4", 5_900, 2),
        line("l5", 4_900),
    )
