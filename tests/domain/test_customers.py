"""Customers: the facts of their history that rules name, and no others."""

from decimal import Decimal
from uuid import UUID

from shared.domain.customers import history_facts

ONE, OTHER = UUID(int=1), UUID(int=2)
PURCHASES = {"orders": 4, "orders.7d": 1, "spend": 12345, "spend.30d": None, "days_since_last_purchase": 3}


def test_only_what_is_named() -> None:
    assert history_facts([], [], PURCHASES, {}, "EUR") == {}
    assert history_facts(["history.orders.7d"], [], PURCHASES, {}, "EUR") == {"history.orders.7d": 1}


def test_amounts_are_decimals_of_the_currency() -> None:
    found = history_facts(["history.spend", "history.spend.30d"], [], PURCHASES, {}, "EUR")
    assert {name: str(value) for name, value in found.items()} == {
        "history.spend": "123.45",
        "history.spend.30d": "0.00",
    }
    assert history_facts(["history.spend"], [], PURCHASES, {}, "JPY") == {"history.spend": Decimal(12345)}


def test_who_never_bought_has_no_days_since() -> None:
    wanted = ["history.orders", "history.days_since_last_purchase"]
    assert history_facts(wanted, [], {}, {}, "EUR") == {"history.orders": 0}
    assert history_facts(wanted, [], PURCHASES, {}, "EUR") == {
        "history.orders": 4,
        "history.days_since_last_purchase": 3,
    }


def test_redemptions_are_told_apart_by_promotion_and_period() -> None:
    wanted = ["history.redemptions", "history.redemptions.90d"]
    assert history_facts(wanted, [ONE, OTHER], {}, {str(ONE): [9, 1, 2, 3, 4]}, "EUR") == {
        f"history.redemptions:{ONE}": 9,
        f"history.redemptions:{OTHER}": 0,
        f"history.redemptions.90d:{ONE}": 3,
        f"history.redemptions.90d:{OTHER}": 0,
    }
