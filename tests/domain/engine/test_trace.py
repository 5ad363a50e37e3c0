"""Traces and repricing: what each promotion used, and what it gives on what is kept of that."""

from typing import Any

from hypothesis import given, settings

from shared.domain.engine import Kept, PromotionTerms, compile_rule_set, evaluate, reprice, trace
from tests.domain.engine.baskets import (
    NOW,
    amount,
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

TEN = promotion("ten", percent("10"))


def gift(buy: int, get: int, **more: Any) -> dict[str, Any]:
    return {"kind": "buy_x_get_y", "buy": {"units": buy}, "get": {"units": get}, **more}


def repriced(terms: PromotionTerms, *kept: Kept) -> tuple[int, ...]:
    return reprice(compile_rule_set(1, [terms]), terms.promotion_id, basket(), NOW, kept)


def test_a_trace_tells_units_roles_entry_prices_and_amounts() -> None:
    order = promotion("order", percent("50", max_units={"units": 1, "per": "basket"}), lane="order")
    rules = compile_rule_set(1, [promotion("third", gift(2, 1)), order])
    _, uses = trace(rules, basket(line("a", 1000, 2), line("b", 500, 2)), NOW)
    assert [use[:1] + use[2:] for use in uses] == [
        ("third", 0, "trigger", 2, 1000, 0),
        ("order", 0, "discounted", 1, 1000, 500),
        ("third", 1, "discounted", 1, 500, 500),
    ]


@settings(max_examples=50, deadline=None)
@given(pieces(), any_promos())
def test_a_trace_sums_to_the_discounts(units: list[Piece], rivals: list[Promo]) -> None:
    rules = compile_rule_set(1, [terms_of(promo) for promo in rivals])
    of = basket(*lines_of(units))
    found, uses = trace(rules, of, NOW)
    assert found == evaluate(rules, of, NOW)
    for promotion_ in found.promotions:
        mine = [use for use in uses if use.promotion_id == promotion_.promotion_id]
        assert sum(use.amount for use in mine) == promotion_.discount


@settings(max_examples=50, deadline=None)
@given(pieces(), any_promos(most=1))
def test_repricing_everything_kept_gives_the_discount_of_the_sale(
    units: list[Piece], rivals: list[Promo]
) -> None:
    rules = compile_rule_set(1, [terms_of(rivals[0])])
    of = basket(*lines_of(units))
    kept = [Kept(one, one.unit_price, one.quantity) for one in of.lines]
    again = reprice(rules, rivals[0].name, of, NOW, kept)
    found, uses = trace(rules, of, NOW)
    if not found.optimal:
        return
    assert sum(again) == found.discount
    used = [sum(use.units for use in uses if use.line == place) for place in range(len(of.lines))]
    kept = [Kept(one, one.unit_price, usable) for one, usable in zip(of.lines, used, strict=True)]
    assert sum(reprice(rules, rivals[0].name, of, NOW, kept)) == found.discount


def test_a_condition_is_asked_of_all_that_is_kept_and_a_benefit_of_what_it_may_use() -> None:
    two = {"sum_quantity": "lines", "op": "ge", "value": 2}
    half = promotion("half", percent("50", target=skus("a")), when=two)
    assert repriced(half, Kept(line("a", 1000, 1), 1000, 1), Kept(line("b", 500, 1), 500, 0)) == (500, 0)
    assert repriced(half, Kept(line("a", 1000, 1), 1000, 1)) == (0,)
    assert repriced(half, Kept(line("a", 1000, 3), 1000, 1)) == (500,)


def test_repricing_looks_at_the_entry_price() -> None:
    assert repriced(TEN, Kept(line("a", 1000, 2), 900, 2)) == (180,)
    assert repriced(promotion("five", amount("5.00", "basket")), Kept(line("a", 1000, 1), 300, 1)) == (300,)


def test_what_is_left_of_an_application_forms_none() -> None:
    third = promotion("third", gift(2, 1))
    assert repriced(third, Kept(line("a", 1000, 2), 1000, 2)) == (0,)
    assert repriced(third, Kept(line("a", 1000, 3), 1000, 3)) == (1000,)
    assert repriced(third, Kept(line("a", 1000, 2), 1000, 2), Kept(line("b", 600, 1), 600, 1)) == (0, 600)
