"""Limits as documents: what is taken, and where exactly the rest is refused."""

from typing import Any

import pytest

from shared.domain.limits import (
    MOST_LIMITS,
    Limit,
    LimitsInvalid,
    Measure,
    Partial,
    Period,
    Scope,
    parse_limits,
)

TAKEN: list[tuple[dict[str, Any], Limit, str]] = [
    ({"redemptions": 5}, Limit(Measure.REDEMPTIONS, 5), "redemptions"),
    (
        {"redemptions": 1, "per": "customer", "period": "day"},
        Limit(Measure.REDEMPTIONS, 1, Scope.CUSTOMER, Period.DAY),
        "redemptions per customer and day",
    ),
    (
        {"budget": "5000.00", "currency": "EUR", "partial": "grant_rest"},
        Limit(Measure.BUDGET, 500_000, partial=Partial.GRANT_REST, currency="EUR"),
        "budget",
    ),
    (
        {"budget": "500", "currency": "JPY", "per": "store", "period": "month"},
        Limit(Measure.BUDGET, 500, Scope.STORE, Period.MONTH, currency="JPY"),
        "budget per store and month",
    ),
    (
        {"redemptions": 3, "period": "week"},
        Limit(Measure.REDEMPTIONS, 3, period=Period.WEEK),
        "redemptions per week",
    ),
]


@pytest.mark.parametrize(("document", "limit", "name"), TAKEN, ids=[each[2] for each in TAKEN])
def test_a_limit(document: dict[str, Any], limit: Limit, name: str) -> None:
    assert parse_limits([document]) == (limit,)
    assert limit.name == name


def test_no_limits_and_many() -> None:
    assert parse_limits([]) == ()
    assert len(parse_limits([document for document, _, _ in TAKEN])) == len(TAKEN)


REFUSED: list[tuple[Any, str]] = [
    ({}, ""),
    ({"redemptions": 0}, "/redemptions"),
    ({"redemptions": True}, "/redemptions"),
    ({"redemptions": "5"}, "/redemptions"),
    ({"redemptions": 10**9 + 1}, "/redemptions"),
    ({"redemptions": 5, "per": "shop"}, "/per"),
    ({"redemptions": 5, "period": "year"}, "/period"),
    ({"redemptions": 5, "partial": "refuse"}, "/partial"),
    ({"redemptions": 5, "currency": "EUR"}, "/currency"),
    ({"budget": "5.00"}, ""),
    ({"budget": 5, "currency": "EUR"}, "/budget"),
    ({"budget": "5.001", "currency": "EUR"}, "/budget"),
    ({"budget": "0.00", "currency": "EUR"}, "/budget"),
    ({"budget": "-1.00", "currency": "EUR"}, "/budget"),
    ({"budget": "10000000000000.01", "currency": "EUR"}, "/budget"),
    ({"budget": "5.00", "currency": "XQX"}, "/currency"),
    ({"budget": "5.00", "currency": "EUR", "partial": "some"}, "/partial"),
    ({"budget": "5.00", "redemptions": 5, "currency": "EUR"}, "/redemptions"),
    ("five", ""),
]


@pytest.mark.parametrize(("document", "place"), REFUSED, ids=str)
def test_what_is_no_limit_is_refused_at_its_place(document: Any, place: str) -> None:
    with pytest.raises(LimitsInvalid) as refusal:
        parse_limits([{"redemptions": 7, "per": "store"}, document])
    assert refusal.value.pointer == f"/limits/1{place}"


def test_two_of_a_name_and_too_many_are_refused() -> None:
    with pytest.raises(LimitsInvalid) as refusal:
        parse_limits([{"redemptions": 1}, {"redemptions": 2}])
    assert refusal.value.pointer == "/limits/1"
    with pytest.raises(LimitsInvalid):
        parse_limits([{"redemptions": 1}] * (MOST_LIMITS + 1))
