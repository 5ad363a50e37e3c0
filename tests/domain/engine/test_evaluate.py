"""Evaluations by example: who applies, on which price, in which order, and to the cent."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.engine import Basket, Evaluation, PromotionTerms, StoreFacts, compile_rule_set, evaluate
from shared.domain.money import Rounding
from tests.domain.engine.baskets import NOW, amount, basket, line, percent, promotion, skus


def result(of: Basket, *terms: PromotionTerms, **more: Any) -> Evaluation:
    return evaluate(compile_rule_set(1, terms), of, NOW, **more)


def discounts(evaluation: Evaluation) -> list[int]:
    return [one.discount for one in evaluation.lines]


TEN = promotion("ten", percent("10"))


def test_three_lines_of_33_33_with_ten_percent_off() -> None:
    found = result(basket(line("a", 3333), line("b", 3333), line("c", 3333)), TEN)
    assert discounts(found) == [334, 333, 333]
    assert (found.gross, found.discount, found.net) == (9999, 1000, 8999)


def test_the_odd_cent_follows_the_sku_and_lines_keep_the_senders_order() -> None:
    found = result(basket(line("c", 3333), line("a", 3333), line("b", 3333)), TEN)
    assert [one.sku for one in found.lines] == ["c", "a", "b"]
    assert discounts(found) == [333, 334, 333]


def test_three_lines_of_one_sku_share_the_cents_in_their_order() -> None:
    assert discounts(result(basket(*[line("a", 3333)] * 3), TEN)) == [334, 333, 333]


def big(basis: str) -> PromotionTerms:
    above = {"sum_amount": "lines", "op": "gt", "value": "100.00", "currency": "EUR", "basis": basis}
    return promotion("big", percent("20"), when=above, lane="order")


@pytest.mark.parametrize(("basis", "net"), [("list", 7560), ("running", 9450)])
def test_105_with_ten_percent_off_and_a_second_promotion_above_100(basis: str, net: int) -> None:
    assert result(basket(line("a", 10_500)), TEN, big(basis)).net == net


def test_a_percent_of_the_list_price_in_a_later_lane() -> None:
    later = promotion("later", percent("20", basis="list"), lane="order")
    assert result(basket(line("a", 10_000)), TEN, later).discount == 1000 + 2000


def test_a_hundred_percent_leaves_nothing() -> None:
    found = result(basket(line("a", 3333, 3), line("b", 1)), promotion("all", percent("100")))
    assert (found.net, found.tax, found.discount) == (0, 0, 10_000)


def test_an_amount_larger_than_the_price_gives_what_is_left() -> None:
    for per in ("unit", "line", "basket"):
        found = result(basket(line("a", 300)), promotion("five", amount("5.00", per)))
        assert (found.discount, found.net) == (300, 0)


def test_an_amount_for_each_unit_each_line_or_the_basket() -> None:
    sold = basket(line("a", 2000, 3), line("b", 1000, 1))
    assert discounts(result(sold, promotion("five", amount("5.00", "unit")))) == [1500, 500]
    assert discounts(result(sold, promotion("five", amount("5.00", "line")))) == [500, 500]
    assert discounts(result(sold, promotion("five", amount("7.00", "basket")))) == [600, 100]


def test_a_cap_is_shared_in_proportion() -> None:
    capped = promotion("capped", percent("50", max_discount={"amount": "10.00", "currency": "EUR"}))
    assert discounts(result(basket(line("a", 3000), line("b", 1000)), capped)) == [750, 250]


def test_max_units_takes_the_dearest() -> None:
    for per, wanted in (("basket", [1000, 1000]), ("line", [1000, 2000])):
        limited = promotion("limited", percent("50", max_units={"units": 2, "per": per}))
        sold = (
            basket(line("a", 2000, 1), line("b", 1000, 4))
            if per == "basket"
            else basket(line("a", 2000, 1), line("b", 2000, 4))
        )
        found = discounts(result(sold, limited))
        assert found == ([1000, 500] if per == "basket" else wanted)


def test_a_line_stays_one_line_when_its_units_cost_different_prices() -> None:
    sold = basket(line("a", 333, 3))
    for per in ("line", "basket"):
        one = promotion("one", percent("50", max_units={"units": 1, "per": per}), lane="order")
        found = result(sold, TEN, one)
        assert [(share.promotion_id, share.units) for share in found.lines[0].allocations] == [
            ("ten", 3),
            ("one", 1),
        ]
    whole = promotion("whole", amount("1.00", "line"), lane="order")
    assert result(sold, TEN, whole).discount == 100 + 100
    twice = {"count": "lines", "op": "ge", "value": 2, "basis": "running"}
    assert result(sold, TEN, promotion("two", percent("50"), when=twice, lane="order")).discount == 100


def test_a_floor_holds_in_its_lane_and_in_later_ones() -> None:
    floored = promotion("floored", percent("50", price_floor={"percent": "80"}))
    later = promotion("later", percent("50"), lane="order")
    found = result(basket(line("a", 999)), floored, later)
    assert found.lines[0].net == 800


def test_excess_is_cut_from_the_lowest_priority() -> None:
    first = promotion("first", percent("70"), stackable=True, priority=2)
    second = promotion("second", percent("70"), stackable=True, priority=1)
    found = result(basket(line("a", 1000)), second, first)
    assert {one.promotion_id: one.discount for one in found.promotions} == {"first": 700, "second": 300}


def test_stackable_promotions_add_on_the_same_price() -> None:
    found = result(
        basket(line("a", 1000)),
        promotion("one", percent("10"), stackable=True),
        promotion("two", percent("20"), stackable=True),
        promotion("alone", percent("25")),
    )
    assert found.discount == 300


def test_different_promotions_win_on_different_units() -> None:
    found = result(
        basket(line("a", 1000, 3)),
        promotion("half", percent("50", max_units={"units": 1, "per": "basket"})),
        TEN,
    )
    assert {one.promotion_id: (one.units, one.amount) for one in found.lines[0].allocations} == {
        "half": (1, 500),
        "ten": (2, 200),
    }


def test_an_exclusive_promotion_stands_against_all_others_together() -> None:
    sold = basket(line("a", 1000), line("b", 1000))
    others = [
        promotion("a5", percent("5", target=skus("a"))),
        promotion("b30", percent("30", target=skus("b"))),
    ]
    assert result(sold, promotion("x", percent("17.5"), exclusive=True), *others).discount == 350
    tied = result(sold, promotion("x", percent("17.5"), exclusive=True), *others)
    assert [one.outcome for one in tied.promotions] == ["applied", "applied", "beaten_by"]
    won = result(sold, promotion("x", percent("18"), exclusive=True), *others)
    assert won.discount == 360
    assert [one.outcome for one in won.promotions] == ["excluded_by", "excluded_by", "applied"]


def test_ties_go_to_the_higher_priority_then_to_the_lower_id() -> None:
    def winner(*terms: PromotionTerms) -> str:
        return result(basket(line("a", 1000)), *terms).lines[0].allocations[0].promotion_id

    assert winner(promotion("b", percent("10")), promotion("a", amount("1.00"))) == "a"
    assert winner(promotion("b", percent("10"), priority=1), promotion("a", amount("1.00"))) == "b"


def test_lines_that_differ_in_price_or_facts_are_different_lines() -> None:
    per_line = promotion("line", amount("1.00", "line"))
    same = basket(line("a", 1000), line("a", 1000, brand=None))
    assert result(same, per_line).discount == 200
    assert result(basket(line("a", 1000), line("a", 1000)), per_line).discount == 100
    assert result(basket(line("a", 1000), line("a", 900)), per_line).discount == 200
    red = promotion("red", percent("10", target={"fact": "product.brand", "op": "eq", "value": "Red"}))
    assert discounts(result(basket(line("a", 1000), line("a", 1000, brand="Red")), red)) == [0, 100]


def test_the_price_is_a_fact() -> None:
    dear = promotion("dear", percent("10", target={"fact": "product.price", "op": "ge", "value": "10.00"}))
    assert discounts(result(basket(line("a", 1000), line("b", 999)), dear)) == [100, 0]


def test_tax_is_a_part_of_the_net_or_comes_on_top() -> None:
    assert result(basket(line("a", 12_200))).tax == 2200
    assert result(basket(line("a", 10_000), prices_include_tax=False)).tax == 2200


def test_halves_round_as_set() -> None:
    sold = basket(line("a", 25))
    assert result(sold, TEN).discount == 2
    assert result(sold, TEN, rounding=Rounding.HALF_UP).discount == 3


def test_a_total_that_rounding_lifts_above_the_room_never_lands_on_other_units() -> None:
    halves = [promotion(name, percent("50", target=skus("a")), stackable=True) for name in ("one", "two")]
    found = result(basket(line("a", 1), line("b", 1000)), *halves, rounding=Rounding.HALF_UP)
    assert discounts(found) == [1, 0]
    assert [one.discount for one in found.promotions] == [1, 0]


def test_a_basket_without_decimals_and_with_three() -> None:
    assert result(basket(line("a", 1005), currency="JPY"), TEN).discount == 100
    above = {"sum_amount": "lines", "op": "ge", "value": "1.005", "currency": "KWD", "basis": "list"}
    assert (
        result(basket(line("a", 1005), currency="KWD"), promotion("k", percent("10"), when=above)).discount
        == 100
    )


def test_five_thousand_pieces_of_twenty_rivals_are_proved() -> None:
    rivals = [promotion(f"p{n:02}", percent(str(5 + n % 7)), priority=n % 3) for n in range(20)]
    found = result(basket(*(line(f"s{n}", 1000 + 37 * n, 5000 - n) for n in range(10))), *rivals)
    assert found.optimal
    assert found.bound == found.discount
    assert found.promotions[0].promotion_id == "p02"


def test_when_the_search_is_cut_short_the_bound_says_so() -> None:
    tangle = [
        promotion(
            f"p{n:02}",
            percent(str(11 + n), target=skus(*(f"s{(n * k + n // 3) % 9}" for k in (1, 2, 4)))),
            amount("1.50", "line", target=skus(f"s{(n + 3) % 9}")),
            stackable=n % 2 == 0,
        )
        for n in range(12)
    ]
    found = result(basket(*(line(f"s{n}", 900 + n) for n in range(9))), *tangle, node_budget=20)
    assert not found.optimal
    assert found.discount <= found.bound
    assert result(basket(*(line(f"s{n}", 900 + n) for n in range(9))), *tangle).discount <= found.bound


@pytest.mark.parametrize(
    ("of", "now"),
    [
        (basket(line("a", 100, 0)), NOW),
        (basket(line("a", -1)), NOW),
        (basket(line("a", 100)), datetime(2026, 6, 15)),  # noqa: DTZ001
    ],
)
def test_a_basket_that_cannot_be_is_a_mistake(of: Basket, now: datetime) -> None:
    with pytest.raises(ValueError, match=r"expected|offset"):
        evaluate(compile_rule_set(1, [TEN]), of, now)


def test_an_empty_basket_and_an_empty_rule_set() -> None:
    empty = Basket(StoreFacts("S1", "Europe/Rome", {}), "EUR", "pos", (), ())
    assert result(empty, TEN).net == 0
    assert result(basket(line("a", 100))).net == 100


def test_a_rule_set_has_a_promotion_once_and_knows_its_lanes() -> None:
    with pytest.raises(ValueError, match="one version"):
        compile_rule_set(1, [TEN, TEN])
    with pytest.raises(ValueError, match="sidewalk"):
        compile_rule_set(1, [promotion("x", percent("10"), lane="sidewalk")])


def test_a_tax_rate_may_have_decimals() -> None:
    sold = basket(line("a", 10_550))
    odd = Basket(sold.store, "EUR", "pos", (), (type(sold.lines[0])("a", 1, 10_550, Decimal("5.5"), {}),))
    assert result(odd).tax == 550
