"""Every kind of benefit by example: what it gives, on which units, and why not."""

import gc
import itertools
from dataclasses import replace
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.engine import (
    Basket,
    BasketLine,
    Evaluation,
    NotMet,
    Outcome,
    PromotionOutcome,
    PromotionTerms,
    compile_rule_set,
    evaluate,
)
from shared.domain.engine.basket import Facts, Headroom, StoreFacts
from shared.domain.engine.evaluation import EvaluatedLine, LimitReached, NearMiss
from shared.domain.engine.terms import Funder
from shared.domain.schedules import Window
from tests.domain.engine.baskets import NOW, amount, basket, line, percent, promotion, skus


def result(of: Basket, *terms: PromotionTerms, **more: Any) -> Evaluation:
    return evaluate(compile_rule_set(1, terms, more.pop("priority_lanes", ())), of, NOW, **more)


def told(of: Basket, *terms: PromotionTerms, **more: Any) -> dict[str, PromotionOutcome]:
    return {one.promotion_id: one for one in result(of, *terms, **more).promotions}


def discounts(evaluation: Evaluation) -> list[int]:
    return [one.discount for one in evaluation.lines]


def gift_of(buy: int, get: int, **more: Any) -> dict[str, Any]:
    return {"kind": "buy_x_get_y", "buy": {"units": buy}, "get": {"units": get}, **more}


def bundle(price: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"kind": "bundle_price", "items": list(items), "price": price, "currency": "EUR", **more}


def tiered(by: str = "quantity", **more: Any) -> dict[str, Any]:
    tiers = [
        {"from": 2 if by == "quantity" else "20.00", "then": percent("10")},
        {"from": 4 if by == "quantity" else "40.00", "then": percent("25")},
    ]
    return {"kind": "tiered", "by": by, "tiers": tiers, **more}


def test_a_fixed_price_is_no_surcharge() -> None:
    fixed = {"kind": "fixed_price", "price": "9.90", "currency": "EUR"}
    assert discounts(result(basket(line("a", 1500, 2), line("b", 500)), promotion("p", fixed))) == [1020, 0]


def test_buy_two_get_the_cheapest_of_three_in_runs_of_price() -> None:
    lines = [line(name, price) for name, price in zip("abcdef", [900, 800, 700, 600, 500, 400], strict=True)]
    found = result(basket(*lines), promotion("third", gift_of(2, 1)))
    assert discounts(found) == [0, 0, 700, 0, 0, 400]
    assert [one.allocations[0].role for one in found.lines] == ["trigger", "trigger", "discounted"] * 2


def test_the_dearest_may_be_chosen() -> None:
    found = result(basket(line("a", 900), line("b", 300)), promotion("p", gift_of(1, 1, choose="dearest")))
    assert discounts(found) == [900, 0]


def test_the_one_bought_and_the_one_given_may_be_different_things() -> None:
    frame, lens = {"units": 1, "where": skus("a")}, {"units": 2, "where": skus("b"), "percent": "50"}
    rule = {"kind": "buy_x_get_y", "buy": frame, "get": lens}
    assert discounts(result(basket(line("a", 500), line("b", 900, 3)), promotion("p", rule))) == [0, 900]


def test_too_few_units_form_no_application() -> None:
    one = told(basket(line("a", 500, 2)), promotion("third", gift_of(2, 1)))["third"]
    assert (one.outcome, one.detail) == (Outcome.NOT_MET, NotMet("too_few_units"))


def test_a_bundle_spreads_what_its_members_cost_more_than_its_price() -> None:
    items = [{"units": 1, "where": skus("a")}, {"units": 2, "where": skus("b")}]
    of = basket(line("a", 1000, 2), line("b", 500, 4))
    assert discounts(result(of, promotion("set", bundle("11.00", *items)))) == [900, 900]
    assert discounts(result(of, promotion("set", bundle("11.00", *items, max_applications=1)))) == [450, 450]


def test_a_bundle_dearer_than_its_members_gives_nothing() -> None:
    one = told(basket(line("a", 300, 2)), promotion("set", bundle("9.00", {"units": 2})))["set"]
    assert one.detail == NotMet("no_discount")


def test_the_highest_tier_reached_counts_and_takes_all_its_units() -> None:
    for quantity, given in ((2, 200), (3, 300), (4, 1000)):
        found = result(basket(line("a", 1000, quantity)), promotion("p", tiered()))
        assert found.discount == given
    spent = promotion("p", tiered("spend", currency="EUR", basis="list"))
    assert result(basket(line("a", 2000), line("b", 2000)), spent).discount == 1000


def test_a_tier_not_reached_tells_what_is_missing_and_that_is_enough() -> None:
    one = told(basket(line("a", 1000)), promotion("p", tiered()))["p"]
    assert isinstance(one.detail, NotMet)
    assert (one.detail.reason, one.missing and one.missing.amount) == ("no_tier", 1)
    assert one.detail.unmet[0].pointer == "/then/0/tiers/0/from"
    assert told(basket(line("a", 1000, 2)), promotion("p", tiered()))["p"].outcome is Outcome.APPLIED


GIFT = BasketLine("cloth", 1, 450, line("x", 1).tax_rate_pct, {})


def test_a_gift_is_a_line_of_its_own_that_costs_nothing() -> None:
    of = replace(basket(line("a", 1000)), gifts={"cloth": GIFT})
    found = result(
        of, promotion("gift", {"kind": "gift", "sku": "cloth", "units": 2}), promotion("t", percent("10"))
    )
    last = found.lines[-1]
    assert (last.gift, last.sku, last.quantity, last.gross, last.discount, last.net) == (
        True,
        "cloth",
        2,
        900,
        900,
        0,
    )
    assert (found.gross, found.discount, found.net) == (1900, 1000, 900)
    assert {one.promotion_id: one.discount for one in found.promotions} == {"gift": 900, "t": 100}


def test_a_gift_that_is_not_to_be_had_is_not_met() -> None:
    one = told(basket(line("a", 1000)), promotion("gift", {"kind": "gift", "sku": "cloth", "units": 1}))[
        "gift"
    ]
    assert one.detail == NotMet("gift_unavailable")


def test_points_count_whole_major_units_of_what_is_paid() -> None:
    points = {"kind": "points", "per_unit_of_currency": "1.5", "target": skus("a")}
    found = told(
        basket(line("a", 1999), line("b", 5000)), promotion("p", points), promotion("t", percent("10"))
    )
    assert (found["p"].points, found["p"].outcome, found["p"].discount) == (25, Outcome.APPLIED, 0)
    assert told(basket(line("a", 100)), promotion("p", {"kind": "points", "fixed": 100}))["p"].points == 100


def test_max_applications_counts_units_lines_and_sets() -> None:
    of = basket(line("a", 1000, 2), line("b", 900, 2))
    assert discounts(result(of, promotion("p", percent("10", max_applications=3)))) == [200, 90]
    assert discounts(result(of, promotion("p", amount("1.00", "line", max_applications=1)))) == [100, 0]
    assert result(of, promotion("p", gift_of(1, 1, max_applications=1))).discount == 1000


def with_headroom(of: Basket, **more: Any) -> Basket:
    return replace(of, headroom={"p": Headroom(**more)})


def test_a_limit_used_up_is_told_before_a_condition() -> None:
    never = {"sum_quantity": "lines", "op": "ge", "value": 99}
    of = with_headroom(basket(line("a", 1000)), used_up="redemptions")
    one = told(of, promotion("p", percent("10"), when=never))["p"]
    assert (one.outcome, one.detail) == (Outcome.LIMIT_REACHED, LimitReached("redemptions", None))


def test_a_budget_that_is_short_refuses_or_gives_the_rest() -> None:
    of = basket(line("a", 1000), line("b", 500))
    one = told(with_headroom(of, refuse_above=149), promotion("p", percent("10")))["p"]
    assert (one.outcome, one.detail) == (Outcome.LIMIT_REACHED, LimitReached("budget", 149))
    assert told(with_headroom(of, refuse_above=150), promotion("p", percent("10")))["p"].discount == 150
    rest = told(with_headroom(of, grant_up_to=100), promotion("p", percent("10")))["p"]
    assert (rest.outcome, rest.wanted, rest.discount) == (Outcome.APPLIED, 150, 100)
    ample = told(with_headroom(of, grant_up_to=150), promotion("p", percent("10")))["p"]
    assert (ample.wanted, ample.discount) == (150, 150)


def test_a_promotion_whose_window_is_closed_is_outside_its_schedule() -> None:
    window = Window(frozenset({1}), time(14), time(15))
    happy = promotion("p", percent("10"), windows=(window,))
    of = basket(line("a", 1000))
    of = replace(of, store=of.store._replace(facts=Facts(of.store.facts)))
    rules = compile_rule_set(1, [happy])

    def outcome(minute: int) -> Any:
        at = datetime(2026, 6, 15, 12, minute, tzinfo=UTC)
        one = evaluate(rules, of, at).promotions[0]
        return getattr(one.detail, "reason", one.outcome)

    assert [outcome(minute) for minute in (0, 59)] == ["applied", "applied"]
    closed = evaluate(rules, of, datetime(2026, 6, 15, 13, 0, tzinfo=UTC)).promotions[0]
    assert getattr(closed.detail, "reason", None) == "outside_window"
    assert outcome(30) == "applied"


def test_in_a_priority_lane_the_first_takes_what_suits_it_best() -> None:
    first = promotion("first", percent("20"), priority=1)
    second = promotion("second", percent("50"))
    of = basket(line("a", 1000))
    assert told(of, first, second)["second"].discount == 500
    served = told(of, first, second, priority_lanes=["line"])
    assert (served["first"].discount, served["second"].outcome) == (200, Outcome.BEATEN_BY)


def test_funders_bear_their_parts_of_every_allocation() -> None:
    funding = (Funder("brand", 7000), Funder("retailer", 3000))
    found = result(basket(line("a", 1005), line("b", 333)), promotion("p", percent("10"), funding=funding))
    for one in found.lines:
        (share,) = one.allocations
        assert sum(part for _, part in share.funding) == share.amount
    assert found.lines[0].allocations[0].funding == (("brand", 71), ("retailer", 30))


def test_near_misses_are_tried_and_the_best_comes_first() -> None:
    third = promotion("third", gift_of(2, 1))
    three = {"sum_quantity": "lines", "where": skus("b"), "op": "ge", "value": 3}
    many = promotion("many", percent("10", target=skus("b")), when=three, lane="order")
    of = basket(line("a", 1000), line("b", 500))
    assert result(of, third, many).near_misses == ()
    assert result(of, third, many, near_misses=True).near_misses == (
        NearMiss("third", "a", 2, 1000, 1000),
        NearMiss("many", "b", 2, 600, 600),
    )


@pytest.mark.parametrize(
    "store", [{"store.city": "Roma"}, Facts({"store.city": "Roma"})], ids=["plain", "facts"]
)
def test_what_is_remembered_of_stores_and_products_changes_nothing(store: Any) -> None:
    terms = promotion("p", percent("10", target={"fact": "product.price", "op": "ge", "value": "10.00"}))
    rules = compile_rule_set(1, [terms])
    facts = Facts({"product.brand": "A"})
    for price, given in ((1000, 100), (999, 0), (1000, 100)):
        of = replace(basket(line("a", price)), store=StoreFacts("S1", "Europe/Rome", store))
        of = replace(of, lines=(of.lines[0]._replace(facts=facts),))
        assert evaluate(rules, of, NOW).discount == given


def test_one_basket_after_another_is_told_as_if_it_were_the_first() -> None:
    least = {"sum_quantity": "lines", "op": "ge", "value": 5}
    terms = [
        promotion("spread", amount("1.00", "basket"), when=least),
        promotion("percent", percent("10"), lane="order"),
        promotion("tender", percent("0.5"), lane="tender", funding=(Funder("a", 5000), Funder("b", 5000))),
    ]
    rules = compile_rule_set(1, terms)
    facts = Facts({"product.brand": "A"})
    for first, second, tax in itertools.product((1, 2, 4), (1, 3), (Decimal(22), Decimal(4))):
        lines = [line("a", 1000, first), line("b", 799, second)]
        of = basket(*(one._replace(facts=facts, tax_rate_pct=tax) for one in lines))
        assert evaluate(rules, of, NOW) == evaluate(compile_rule_set(1, terms), of, NOW)


def test_what_is_remembered_of_a_product_has_a_limit() -> None:
    rules = compile_rule_set(1, [promotion("percent", percent("10"))])
    facts = Facts({"product.brand": "A"})

    def remembered() -> int:
        gc.collect()
        return sum(isinstance(each, EvaluatedLine) for each in gc.get_objects())

    before = remembered()
    for quantity in range(1, 200):
        evaluate(rules, basket(line("a", 1000, quantity)._replace(facts=facts)), NOW)
    assert remembered() < before + 10


def test_facts_cannot_be_changed_and_are_themselves_alone() -> None:
    facts = Facts({"product.brand": "A"})
    with pytest.raises(TypeError):
        facts["product.brand"] = "B"
    with pytest.raises(TypeError):
        facts.update({"product.brand": "B"})
    assert facts != Facts({"product.brand": "A"})
    assert len({facts, Facts({"product.brand": "A"})}) == 2


@pytest.mark.parametrize("quantity", [5000, 5001])
def test_three_buy_x_get_y_offers_on_five_thousand_units(quantity: int) -> None:
    offers = [gift_of(2, 1), gift_of(3, 1), gift_of(3, 2, choose="dearest")]
    found = result(
        basket(line("a", 1000, quantity)), *(promotion(f"p{n}", offer) for n, offer in enumerate(offers))
    )
    assert found.discount == quantity // 5 * 2000 + quantity % 5 // 3 * 1000
    assert found.bound >= found.discount
    assert sum(one.discount for one in found.promotions) == found.discount


def test_two_benefits_of_a_promotion_that_stacks_never_count_a_unit_twice() -> None:
    """The first unit gets both tenths, the second one; beside a rival one unit was once given both twice."""
    limited = percent("10", target=skus("a"), max_units={"units": 1, "per": "basket"})
    found = result(
        basket(line("a", 1000), line("a", 1000)),
        promotion("rival", percent("10", target=skus("a"))),
        promotion("two", limited, percent("10", target=skus("a")), stackable=True),
    )
    assert found.optimal
    assert discounts(found) == [200, 100]
    assert [share.units for one in found.lines for share in one.allocations] == [1, 1]
