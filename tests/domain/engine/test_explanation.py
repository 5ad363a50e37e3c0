"""Explanations by example: which reason is told, and with which figures."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from shared.domain.engine import (
    Basket,
    BeatenBy,
    Missing,
    NotMet,
    Outcome,
    OutsideSchedule,
    PromotionOutcome,
    PromotionTerms,
    StoreNotTargeted,
    Unmet,
    compile_rule_set,
    evaluate,
)
from shared.domain.engine.rule import Measure
from tests.domain.engine.baskets import NOW, amount, basket, line, percent, promotion, skus

SOLD = basket(line("a", 1000, 2, brand="Lumen"), line("b", 500, 1, brand="Orbit"))
CITY = {"fact": "store.city", "op": "eq", "value": "Milano"}


def told(*terms: PromotionTerms, of: Basket = SOLD) -> dict[str, PromotionOutcome]:
    found = evaluate(compile_rule_set(1, terms), of, NOW)
    return {one.promotion_id: one for one in found.promotions}


def unmet(when: dict[str, Any]) -> PromotionOutcome:
    one = told(promotion("p", percent("10"), when=when))["p"]
    assert one.outcome is Outcome.NOT_MET
    return one


def aggregate(measure: str, op: str, value: Any, **more: Any) -> dict[str, Any]:
    return {measure: "lines", "op": op, "value": value, **more}


@pytest.mark.parametrize(
    ("when", "seen", "missing"),
    [
        (aggregate("sum_quantity", "ge", 4), 3, Missing(Measure.SUM_QUANTITY, 1)),
        (aggregate("sum_quantity", "gt", 4), 3, Missing(Measure.SUM_QUANTITY, 2)),
        (aggregate("sum_quantity", "between", [5, 9]), 3, Missing(Measure.SUM_QUANTITY, 2)),
        (aggregate("sum_quantity", "between", [1, 2]), 3, None),
        (aggregate("sum_quantity", "le", 2), 3, None),
        (aggregate("sum_quantity", "eq", 4), 3, None),
        (aggregate("count", "ge", 3), 2, Missing(Measure.COUNT, 1)),
        ({"distinct": "product.brand", "op": "ge", "value": 3}, 2, Missing(Measure.DISTINCT, 1)),
        ({"distinct": "product.name", "op": "ge", "value": 1}, 0, Missing(Measure.DISTINCT, 1)),
        (
            aggregate("sum_amount", "ge", "37.50", currency="EUR", basis="list"),
            2500,
            Missing(Measure.SUM_AMOUNT, 1250),
        ),
        (aggregate("sum_quantity", "ge", 3, where=skus("a")), 2, Missing(Measure.SUM_QUANTITY, 1)),
    ],
)
def test_an_aggregate_tells_what_it_saw_and_what_is_missing(
    when: dict[str, Any], seen: int, missing: Missing | None
) -> None:
    one = unmet(when)
    assert isinstance(one.detail, NotMet)
    assert (one.detail.reason, one.detail.unmet[0].seen, one.detail.unmet[0].pointer) == (
        "condition",
        seen,
        "/if",
    )
    assert one.missing == missing


def test_a_fact_tells_what_it_saw_and_wanted() -> None:
    assert unmet(CITY).detail == NotMet(
        "condition", (Unmet("/if", "store.city", "eq", "Roma", "Milano", None),)
    )
    absent = {"fact": "store.attributes.size", "op": "ge", "value": 5}
    assert unmet(absent).detail == NotMet(
        "condition", (Unmet("/if", "store.attributes.size", "ge", None, Decimal(5), None),)
    )


def test_all_tells_every_failing_part_and_what_is_missing_only_when_it_would_be_enough() -> None:
    four = aggregate("sum_quantity", "ge", 4)
    one = unmet({"all": [aggregate("sum_quantity", "ge", 1), four, CITY]})
    assert isinstance(one.detail, NotMet)
    assert [part.pointer for part in one.detail.unmet] == ["/if/all/1", "/if/all/2"]
    assert one.detail.unmet[0].missing == Missing(Measure.SUM_QUANTITY, 1)
    assert one.missing is None


def test_any_tells_every_part_and_what_completes_the_first_that_can_be() -> None:
    one = unmet({"any": [CITY, aggregate("sum_quantity", "ge", 5), aggregate("count", "ge", 3)]})
    assert isinstance(one.detail, NotMet)
    assert [part.pointer for part in one.detail.unmet] == ["/if/any/0", "/if/any/1", "/if/any/2"]
    assert one.missing == Missing(Measure.SUM_QUANTITY, 2)


def test_not_is_told_as_a_whole_and_nothing_is_missing() -> None:
    one = unmet({"all": [{"not": aggregate("sum_quantity", "ge", 2)}]})
    assert one.detail == NotMet("condition", (Unmet("/if/all/0/not", "not", "not", None, None, None),))
    assert one.missing is None


def test_conditions_on_channel_and_currency() -> None:
    for fact, value in (("channel", "pos"), ("basket.currency", "EUR"), ("store.id", "S1")):
        when = {"fact": fact, "op": "eq", "value": value}
        assert told(promotion("p", percent("10"), when=when))["p"].outcome is Outcome.APPLIED
        assert told(promotion("p", percent("10"), when={"not": when}))["p"].outcome is Outcome.NOT_MET


def test_a_rule_in_another_currency_is_not_met() -> None:
    one = told(promotion("p", amount("5.00")), of=basket(line("a", 1000), currency="USD"))["p"]
    assert (one.outcome, one.detail) == (Outcome.NOT_MET, NotMet("currency"))
    assert told(promotion("p", percent("5")), of=basket(line("a", 1000), currency="USD"))["p"].discount == 50


def test_without_a_target_or_without_room_it_is_not_met() -> None:
    assert told(promotion("p", percent("10", target=skus("z"))))["p"].detail == NotMet("no_target")
    floor = {"amount": "10.00", "currency": "EUR"}
    assert told(promotion("p", percent("10", price_floor=floor)))["p"].detail == NotMet("no_discount")


def test_outside_its_schedule() -> None:
    early = datetime(2026, 6, 15, 15)  # noqa: DTZ001
    late = datetime(2026, 6, 15, 14)  # noqa: DTZ001
    assert (
        told(promotion("p", percent("10"), starts_at=early, zone_policy="Asia/Kolkata"))["p"].outcome
        == "applied"
    )
    one = told(promotion("p", percent("10"), starts_at=early))["p"]
    assert one.outcome is Outcome.OUTSIDE_SCHEDULE
    assert one.detail == OutsideSchedule("not_started", early, None, "Europe/Rome")
    ended = told(promotion("p", percent("10"), ends_at=late))["p"]
    assert ended.detail == OutsideSchedule("ended", None, late, "Europe/Rome")


def test_the_first_reason_of_the_order_is_told() -> None:
    late = datetime(2026, 6, 15, 14)  # noqa: DTZ001
    assert (
        told(promotion("p", percent("10"), when=CITY, stores=CITY, ends_at=late))["p"].outcome
        == "outside_schedule"
    )
    one = told(promotion("p", percent("10"), when=CITY, stores=CITY))["p"]
    assert (one.outcome, one.detail) == (Outcome.STORE_NOT_TARGETED, StoreNotTargeted("S1"))
    found = told(promotion("p", percent("10"), when=CITY), promotion("x", percent("50"), exclusive=True))
    assert (found["p"].outcome, found["x"].outcome) == (Outcome.NOT_MET, Outcome.APPLIED)
    assert told(promotion("p", percent("10"), stores={"not": CITY}))["p"].outcome is Outcome.APPLIED


def test_beaten_by_tells_the_winners_on_the_units_it_would_use_and_by_how_much() -> None:
    found = told(
        promotion("half-a", percent("50", target=skus("a"))),
        promotion("most-b", percent("60", target=skus("b"))),
        promotion("ten", percent("10")),
        promotion("ten-a", percent("10", target=skus("a"))),
        promotion("two", percent("20", max_units={"units": 1, "per": "basket"})),
    )
    assert found["ten"].beaten_by == BeatenBy(("half-a", "most-b"), 1000 + 300 - 250)
    assert found["ten-a"].beaten_by == BeatenBy(("half-a",), 1000 - 200)
    assert found["two"].beaten_by == BeatenBy(("half-a",), 500 - 200)


def test_a_tie_is_beaten_by_nothing() -> None:
    found = told(promotion("a", percent("10")), promotion("b", percent("10")))
    assert found["b"].beaten_by == BeatenBy(("a",), 0)


def test_only_rivals_of_the_same_lane_beat_a_promotion() -> None:
    found = told(
        promotion("ten", percent("10")),
        promotion("nine", percent("9")),
        promotion("order-20", percent("20"), lane="order"),
        promotion("order-10", percent("10"), lane="order"),
    )
    assert found["nine"].beaten_by == BeatenBy(("ten",), 250 - 225)
    assert found["order-10"].beaten_by == BeatenBy(("order-20",), 450 - 225)


def test_an_exclusive_promotion_is_beaten_by_all_others_together() -> None:
    found = told(
        promotion("half-a", percent("50", target=skus("a"))),
        promotion("order", percent("10"), lane="order"),
        promotion("x", percent("20"), exclusive=True),
    )
    assert found["x"].outcome is Outcome.BEATEN_BY
    assert found["x"].beaten_by == BeatenBy(("half-a", "order"), 1000 + 150 - 500)


def test_excluded_by_names_the_exclusive_one() -> None:
    found = told(
        promotion("ten", percent("10")),
        promotion("x", percent("50"), exclusive=True),
        promotion("y", percent("40"), exclusive=True),
    )
    assert found["ten"].beaten_by == found["y"].beaten_by == BeatenBy(("x",), None)
    assert found["ten"].outcome is found["y"].outcome is Outcome.EXCLUDED_BY
