"""Returns: what is paid back, what promotions still give on the rest, and that no cent is lost on the way."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import Basket, PromotionTerms, compile_rule_set, evaluate
from shared.domain.engine.held import Held, held_of
from shared.domain.engine.returns import Taken, take_back
from shared.domain.engine.ruleset import Funder, OnReturn
from tests.domain.engine.baskets import (
    NOW,
    any_promos,
    basket,
    line,
    lines_of,
    percent,
    pieces,
    promotion,
    skus,
    terms_of,
)
from tests.domain.engine.oracle import Piece, Promo

THIRD = {"kind": "buy_x_get_y", "buy": {"units": 2}, "get": {"units": 1}}


class Sale:
    """A sale of which units come back, step by step."""

    def __init__(self, of: Basket, *terms: PromotionTerms) -> None:
        self.of, self.rules = of, compile_rule_set(1, terms)
        self.found = evaluate(self.rules, of, NOW)
        self.held = held_of(self.found)

    def back(self, *units: int) -> Taken:
        taken = take_back(self.rules, self.of, NOW, self.held, units)
        self.held = taken.held
        return taken


def test_a_third_piece_costs_its_price_when_a_piece_that_paid_for_it_comes_back() -> None:
    # 10.00, 10.00 and a free 6.00; one of the dearer comes back: what is kept is 10.00 and 6.00.
    sale = Sale(basket(line("a", 1000, 2), line("b", 600)), promotion("third", THIRD))
    taken = sale.back(1, 0)
    assert (taken.net, taken.gross, taken.discount) == (400, 1000, 600)
    assert [one.net for one in taken.lines] == [1000, -600]


def test_the_free_piece_itself_brings_nothing_back() -> None:
    sale = Sale(basket(line("a", 1000, 2), line("b", 600)), promotion("third", THIRD))
    taken = sale.back(0, 1)
    assert (taken.net, taken.gross, taken.discount) == (0, 600, 600)


def test_a_threshold_no_longer_reached_takes_the_discount_along() -> None:
    # 10 % above 200.00: 150.00 and 100.00 cost 225.00; alone the 150.00 would not have been reduced.
    least = {"op": "ge", "value": "200.00", "currency": "EUR", "basis": "list"}
    ten = promotion("ten", percent("10"), when={"sum_amount": "lines", **least})
    sale = Sale(basket(line("a", 15_000), line("b", 10_000)), ten)
    assert sale.back(0, 1).net == 22_500 - 15_000
    assert sale.back(1, 0).net == 15_000


def test_nobody_pays_for_a_return() -> None:
    # 50 % above 200.00: 199.00 and 2.00 cost 100.50; the 199.00 alone would cost 98.50 more than was paid.
    least = {"op": "ge", "value": "200.00", "currency": "EUR", "basis": "list"}
    half = promotion("half", percent("50"), when={"sum_amount": "lines", **least})
    sale = Sale(basket(line("a", 19_900), line("b", 200)), half)
    taken = sale.back(0, 1)
    assert taken.net == 0
    assert taken.discount == 200
    assert sale.back(1, 0).net == 10_050


def test_a_broken_bundle_costs_its_parts() -> None:
    items = [{"units": 1, "where": skus("a")}, {"units": 2, "where": skus("b")}]
    bundle = promotion(
        "bundle", {"kind": "bundle_price", "items": items, "price": "100.00", "currency": "EUR"}
    )
    sale = Sale(basket(line("a", 8000), line("b", 2000, 2)), bundle)
    assert sale.found.net == 10_000
    # Frame and one lens at list price are 100.00: as much as was paid.
    assert sale.back(0, 1).net == 0
    assert sale.back(0, 1).net == 2000


def test_a_tier_is_counted_anew() -> None:
    tiers = [{"from": least, "then": percent(off)} for least, off in ((2, "10"), (4, "20"))]
    tiered = promotion("tiers", {"kind": "tiered", "by": "quantity", "where": skus("a"), "tiers": tiers})
    sale = Sale(basket(line("a", 1000, 4)), tiered)
    assert sale.found.net == 3200
    assert sale.back(1).net == 3200 - 2700
    assert sale.back(2).net == 2700 - 1000


def test_a_capped_percent_stays_capped() -> None:
    capped = promotion("capped", percent("50", max_discount={"amount": "10.00", "currency": "EUR"}))
    sale = Sale(basket(line("a", 3000, 2)), capped)
    assert sale.found.net == 5000
    assert sale.back(1).net == 5000 - 2500 - 0


def test_keep_loses_only_what_was_given_on_the_pieces_that_come_back() -> None:
    keeps = promotion("third", THIRD, on_return=OnReturn.KEEP)
    sale = Sale(basket(line("a", 1000, 2), line("b", 600)), keeps)
    assert sale.back(1, 0).net == 1000
    assert sale.back(1, 0).net == 1000
    assert sale.back(0, 1).net == 0


def test_points_are_counted_anew_and_never_become_more() -> None:
    points = promotion("points", {"kind": "points", "per_unit_of_currency": "2"})
    sale = Sale(basket(line("a", 1050, 3)), points)
    assert sale.held.points == {"points": 62}
    assert sale.back(1).points == {"points": 20}
    assert sale.back(2).points == {"points": 42}


def test_more_than_is_held_is_a_mistake_of_the_caller() -> None:
    sale = Sale(basket(line("a", 1000, 2)))
    sale.back(1)
    with pytest.raises(ValueError, match="held"):
        sale.back(2)


@st.composite
def steps(draw: st.DrawFn, lines: Sequence[int]) -> list[list[int]]:
    """Returns one after the other, the last of which brings back all that is left."""
    left, found = list(lines), []
    for _ in range(draw(st.integers(0, 3))):
        step = [draw(st.integers(0, units)) for units in left]
        left = [units - back for units, back in zip(left, step, strict=True)]
        found.append(step)
    return [*found, left]


def funded(terms: PromotionTerms, number: int) -> PromotionTerms:
    shares = ((10_000,), (7000, 3000), (3333, 3333, 3334), ())[number % 4]
    return _with(
        terms,
        funding=tuple(Funder(f"party {place}", share) for place, share in enumerate(shares)),
        on_return=OnReturn.KEEP if number % 5 == 4 else OnReturn.REPRICE,
    )


def _with(terms: PromotionTerms, **more: Any) -> PromotionTerms:
    fields = {name: getattr(terms, name) for name in PromotionTerms.__dataclass_fields__}
    return PromotionTerms(**(fields | more))


def conserves(units: list[Piece], rivals: list[Promo], data: st.DataObject) -> None:
    of = basket(*lines_of(units))
    sale = Sale(of, *(funded(terms_of(promo), number) for number, promo in enumerate(rivals)))
    left = list(sale.held.units)
    net, tax = sale.found.net, sale.found.tax
    for step in data.draw(steps(left)):
        before = sale.held
        taken = sale.back(*step)
        paid = sum(one.net for one in taken.lines)
        assert taken.net == taken.gross - taken.discount == paid
        own = _net_of(sale, before, step)
        assert 0 <= taken.net <= own
        net, tax = net - taken.net, tax - taken.tax
        _is_sound(before, taken)
        assert net == _net(sale, taken.held)
    assert sale.held.units == (0,) * len(left)
    assert net == tax == 0
    assert all(given.amount == 0 for given in sale.held.given.values())
    assert all(part == 0 for given in sale.held.given.values() for _, part in given.funding)
    assert set(sale.held.points.values()) <= {0}


def _is_sound(before: Held, taken: Taken) -> None:
    for place, given_ in taken.held.given.items():
        assert 0 <= given_.amount <= before.given[place].amount
        if given_.funding:
            assert sum(part for _, part in given_.funding) == given_.amount
        parts = zip(given_.funding, before.given[place].funding, strict=True)
        assert all(0 <= part <= earlier for (_, part), (_, earlier) in parts)
    for number, one in enumerate(taken.lines):
        assert one.discount == sum(allocation.amount for allocation in one.allocations)
        assert one.units == before.units[number] - taken.held.units[number]
    assert all(0 <= lost <= before.points[name] for name, lost in taken.points.items())


def _net(sale: Sale, held: Held) -> int:
    lines = enumerate(sale.found.lines)
    return sum(held.units[place] * line_.unit_price - held.given_on(place) for place, line_ in lines)


def _net_of(sale: Sale, held: Held, step: list[int]) -> int:
    """What was paid at most for the units of a step: their price, less nothing where all is kept."""
    kept = [units - back for units, back in zip(held.units, step, strict=True)]
    gross = sum(back * one.unit_price for back, one in zip(step, sale.found.lines, strict=True))
    gone = sum(held.given_on(place) for place, units in enumerate(kept) if not units)
    return gross - gone


@settings(max_examples=150, deadline=None)
@given(pieces(), any_promos(), st.data())
def test_any_returns_conserve_and_a_full_return_is_zero(
    units: list[Piece], rivals: list[Promo], data: st.DataObject
) -> None:
    conserves(units, rivals, data)


@pytest.mark.soak
@settings(max_examples=5000, deadline=None)
@given(pieces(), any_promos(), st.data())
def test_any_returns_conserve_and_a_full_return_is_zero_thousands(
    units: list[Piece], rivals: list[Promo], data: st.DataObject
) -> None:
    conserves(units, rivals, data)
