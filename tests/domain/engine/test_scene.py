"""What a condition sees: facts of store, basket, customer, codes and the store's own time."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from shared.domain.engine.basket import CustomerFacts, StoreFacts
from shared.domain.engine.conditions import compile_condition
from shared.domain.engine.scene import Scene, facts_of
from shared.domain.filters import Compare
from shared.domain.operators import Op
from tests.domain.engine.baskets import NOW, basket, line

CUSTOMER = CustomerFacts(
    "C1",
    {
        "customer.attributes.level": "gold",
        "history.orders.30d": 2,
        "history.redemptions:p1": 1,
        "history.redemptions.30d:p2": 5,
    },
)


def test_the_facts_are_those_of_store_basket_customer_and_codes() -> None:
    seen = replace(basket(line("a", 100)), codes=(" summer ", "VIP", " "), customer=CUSTOMER)
    assert facts_of(seen, NOW) == {
        "store.id": "S1",
        "store.city": "Roma",
        "store.attributes.cluster": "north",
        "channel": "pos",
        "basket.currency": "EUR",
        "code": frozenset({"SUMMER", "VIP"}),
        "time.date": "2026-06-15",
        "time.weekday": 1,
        "time.time_of_day": "14:00",
        "customer.id": "C1",
        **CUSTOMER.facts,
    }


def test_without_a_customer_nothing_is_known_of_one() -> None:
    assert not [name for name in facts_of(basket(), NOW) if name.startswith(("customer", "history"))]


@pytest.mark.parametrize(
    ("zone", "instant", "wanted"),
    [
        ("Pacific/Auckland", "2026-12-31T11:00", ("2027-01-01", 5, "00:00")),
        ("Pacific/Pago_Pago", "2026-12-31T11:00", ("2026-12-31", 4, "00:00")),
        ("Asia/Kathmandu", "2026-03-01T18:15", ("2026-03-02", 1, "00:00")),
        ("Europe/Rome", "2026-03-29T00:59", ("2026-03-29", 7, "01:59")),
        ("Europe/Rome", "2026-03-29T01:00", ("2026-03-29", 7, "03:00")),
        ("Europe/Rome", "2026-10-25T00:30", ("2026-10-25", 7, "02:30")),
        ("Europe/Rome", "2026-10-25T01:30", ("2026-10-25", 7, "02:30")),
    ],
)
def test_the_time_is_that_of_the_stores_zone(zone: str, instant: str, wanted: tuple[str, int, str]) -> None:
    now = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    facts = facts_of(replace(basket(), store=StoreFacts("S1", zone, {})), now)
    assert (facts["time.date"], facts["time.weekday"], facts["time.time_of_day"]) == wanted


@pytest.mark.parametrize(
    ("fact", "promotion", "op", "value", "answer"),
    [
        ("history.redemptions", "p1", "eq", 1, True),
        ("history.redemptions", "p2", "exists", False, True),
        ("history.redemptions.30d", "p2", "ge", 5, True),
        ("history.redemptions.30d", "p1", "ge", 5, False),
        ("history.orders.30d", "p1", "eq", 2, True),
        ("history.orders.30d", "p2", "eq", 2, True),
    ],
)
def test_redemptions_are_those_of_the_promotion_itself(
    fact: str, promotion: str, op: str, value: Any, answer: bool
) -> None:
    scene = Scene("EUR", facts_of(replace(basket(), customer=CUSTOMER), NOW), ())
    condition = compile_condition(Compare(fact, Op(op), value), promotion)
    assert condition.holds(scene) is answer
    (unmet,), missing = condition.unmet(scene)
    assert (unmet.subject, missing) == (fact, None)
