"""What users of other systems complain about, as tests: each is a defect that must not exist here.

The name of a test says the complaint; the comment says where it was made.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shared.domain.engine import Basket, Evaluation, Outcome, PromotionTerms, compile_rule_set, evaluate
from shared.domain.engine.held import held_of
from shared.domain.engine.returns import take_back
from shared.domain.money import Rounding
from shared.domain.schedules import parse_end, parse_start
from tests.domain.engine.baskets import NOW, amount, basket, line, percent, promotion, skus


def priced(of: Basket, *terms: PromotionTerms, now: datetime = NOW, **more: Any) -> Evaluation:
    return evaluate(compile_rule_set(1, terms), of, now, **more)


def outcomes(found: Evaluation) -> dict[str, str]:
    return {one.promotion_id: one.outcome for one in found.promotions}


# Rounding and allocation ------------------------------------------------------------------------------


@pytest.mark.parametrize("includes", [True, False])
def test_everything_free_leaves_exactly_nothing(*, includes: bool) -> None:
    # medusajs/medusa#12226 (-1.647059e-14), odoo/odoo#156897 and #271032 (0.01 left)
    lines = [line("a", 3333, 3), line("b", 1, 7), line("c", 19_999)]
    for benefit in (percent("100"), amount("9999.99", "basket")):
        found = priced(basket(*lines, prices_include_tax=includes), promotion("free", benefit))
        assert (found.net, found.tax) == (0, 0)
        assert all((one.net, one.tax) == (0, 0) for one in found.lines)


@pytest.mark.parametrize("quantity", [1, 7, 99, 100_000])
def test_shares_sum_to_the_discount_at_any_quantity(quantity: int) -> None:
    # medusajs/medusa#13129, frappe/erpnext#58042 (9.98 of 10.00), VTEX "microrounding divergence"
    of = basket(line("a", 1999, quantity), line("b", 333, 3), line("c", 1))
    found = priced(of, promotion("ten", amount("10.00", "basket")))
    shares = [one.amount for each in found.lines for one in each.allocations]
    assert found.discount == sum(shares) == sum(each.discount for each in found.lines) == 1000
    assert all(share >= 0 for share in shares)


def test_the_tax_is_that_of_what_is_paid_line_by_line() -> None:
    # shopware/shopware#11611: the discount's tax differs by cents from that of the lines
    found = priced(basket(line("a", 1099, 3), line("b", 555, 7)), promotion("odd", percent("12.5")))
    assert found.tax == sum(one.tax for one in found.lines)
    for one in found.lines:
        assert abs(one.tax - one.net * 22 / 122) <= 0.5


def test_totals_are_rounded_once_whichever_way_is_set() -> None:
    # saleor/saleor#12041: totals move by 0.01 with the rounding mode
    of = basket(line("a", 5, 1), line("b", 15, 1))
    half = promotion("half", percent("50"))
    assert priced(of, half, rounding=Rounding.HALF_EVEN).discount == 10
    assert priced(of, half, rounding=Rounding.HALF_UP).discount == 10
    one = basket(line("a", 5))
    assert priced(one, half, rounding=Rounding.HALF_EVEN).discount == 2
    assert priced(one, half, rounding=Rounding.HALF_UP).discount == 3


# Stacking ---------------------------------------------------------------------------------------------


def test_promotions_do_not_all_apply_because_they_match() -> None:
    # vendurehq/vendure#3585, saleor/saleor#14920
    found = priced(
        basket(line("a", 1000)), *(promotion(name, percent(off)) for name, off in (("x", "10"), ("y", "20")))
    )
    assert found.discount == 200
    assert outcomes(found) == {"x": Outcome.BEATEN_BY, "y": Outcome.APPLIED}


def test_an_exclusive_promotion_gives_way_to_a_better_deal() -> None:
    # solidusio/solidus#2959
    alone = promotion("alone", percent("15"), exclusive=True)
    better = promotion("better", percent("20"))
    assert outcomes(priced(basket(line("a", 1000)), alone, better))["better"] == Outcome.APPLIED
    worse = promotion("worse", percent("10"))
    assert outcomes(priced(basket(line("a", 1000)), alone, worse))["worse"] == Outcome.EXCLUDED_BY


def test_which_promotion_wins_is_not_a_matter_of_chance() -> None:
    # reactioncommerce/reaction#6817: "randomly"
    equal = [promotion(name, percent("10")) for name in "abcd"]
    first = priced(basket(line("a", 1000)), *equal)
    assert first == priced(basket(line("a", 1000)), *reversed(equal))
    assert outcomes(first)["a"] == Outcome.APPLIED


def test_stackable_promotions_stack() -> None:
    # BroadleafCommerce/BroadleafCommerce#129
    both = (promotion(name, percent("10"), stackable=True) for name in "ab")
    assert priced(basket(line("a", 1000)), *both).discount == 200


# Speed: no time is judged, but what runs away elsewhere ends here ------------------------------


def test_a_set_of_packs_at_quantity_5000_ends() -> None:
    # shopware/shopware#4075: exponential, 30 s
    packs = [
        promotion(f"pack {buy}", {"kind": "buy_x_get_y", "buy": {"units": buy}, "get": {"units": 1}})
        for buy in (2, 3, 5)
    ]
    found = priced(basket(line("a", 1999, 5000), line("b", 1499, 5000)), *packs)
    assert found.discount > 0
    assert found.discount == sum(one.discount for one in found.promotions)


# Time -------------------------------------------------------------------------------------------------

ZONES = (
    "Europe/Rome",
    "America/New_York",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "Pacific/Pago_Pago",
)


def in_zone(zone: str) -> Basket:
    of = basket(line("a", 1000))
    return Basket(of.store._replace(zone=zone), of.currency, of.channel, of.codes, of.lines)


def december() -> PromotionTerms:
    return promotion(
        "december", percent("10"), starts_at=parse_start("2026-12-01"), ends_at=parse_end("2026-12-31")
    )


@pytest.mark.parametrize("zone", ZONES)
def test_the_last_day_is_included_in_the_stores_own_time(zone: str) -> None:
    # VirtoCommerce/vc-platform#956, mitodl/mitxpro#991 (7 pm the day before), easy-digital-downloads#7492
    last = datetime(2026, 12, 31, 23, 59, 59, tzinfo=ZoneInfo(zone))
    assert priced(in_zone(zone), december(), now=last.astimezone(UTC)).discount == 100
    after = last.astimezone(UTC) + timedelta(seconds=1)
    assert priced(in_zone(zone), december(), now=after).discount == 0
    first = datetime(2026, 12, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert priced(in_zone(zone), december(), now=first).discount == 100
    assert priced(in_zone(zone), december(), now=first - timedelta(seconds=1)).discount == 0


def test_a_promotion_ends_although_no_timer_ran() -> None:
    # thelia/thelia#2641, magento/merchdocs#842: the schedule left the rule active
    assert priced(in_zone("Europe/Rome"), december(), now=datetime(2027, 3, 1, tzinfo=UTC)).discount == 0


# Returns ----------------------------------------------------------------------------------------------


def test_part_of_a_buy_and_get_comes_back_at_its_worth() -> None:
    # solidusio/solidus#512, PrestaShop/PrestaShop#42502, dynamics-365-unified-operations-public#4215
    third = {"kind": "buy_x_get_y", "buy": {"units": 2}, "get": {"units": 1}}
    rules = compile_rule_set(1, [promotion("third", third)])
    of = basket(line("a", 1000, 3))
    held = held_of(evaluate(rules, of, NOW))
    taken = take_back(rules, of, NOW, held, [1])
    # Three for 20.00; the two that are kept cost 20.00 by themselves.
    assert taken.net == 0
    assert take_back(rules, of, NOW, taken.held, [2]).net == 2000


def test_points_earned_with_a_sale_go_back_with_it() -> None:
    # odoo/odoo#257854: buy, earn, refund, keep points
    rules = compile_rule_set(1, [promotion("points", {"kind": "points", "fixed": 100})])
    of = basket(line("a", 1000))
    held = held_of(evaluate(rules, of, NOW))
    assert held.points == {"points": 100}
    assert take_back(rules, of, NOW, held, [1]).points == {"points": 100}


def test_points_come_once_however_many_pieces_are_bought() -> None:
    # fushengqian/fuint#71: 100 points gifted 20 times
    fixed = promotion("points", {"kind": "points", "fixed": 100})
    found = priced(basket(*(line(f"s{number}", 1000, 5) for number in range(20))), fixed)
    assert found.promotions[0].points == 100


# Why not? ---------------------------------------------------------------------------------------------


def test_a_promotion_that_does_not_apply_says_what_is_missing() -> None:
    # bigcommerce/checkout-sdk-js#1303 ("not eligible"), spree/spree#14569 (silence)
    least = {"op": "ge", "value": "20.00", "currency": "EUR", "basis": "list"}
    wants = promotion("wants", percent("10"), when={"sum_amount": "lines", **least})
    (told,) = priced(basket(line("a", 1500)), wants).promotions
    assert told.outcome is Outcome.NOT_MET
    assert told.missing is not None
    assert told.missing.amount == 500


def test_who_won_is_named() -> None:
    # reactioncommerce/reaction#6727: the conflicting ones must be listed
    found = priced(basket(line("a", 1000)), promotion("x", percent("10")), promotion("y", percent("20")))
    told = next(one for one in found.promotions if one.promotion_id == "x")
    assert told.beaten_by is not None
    assert (told.beaten_by.promotion_ids, told.beaten_by.amount) == (("y",), 100)


def test_applied_means_that_something_was_given() -> None:
    # SalesforceCommerceCloud/pwa-kit#3928: valid but ineligible, shown as applied
    code = promotion("code", percent("10", target=skus("z")), when={"fact": "code", "op": "eq", "value": "X"})
    of = basket(line("a", 1000))
    found = priced(Basket(of.store, of.currency, of.channel, ("X",), of.lines), code)
    assert outcomes(found) == {"code": Outcome.NOT_MET}
