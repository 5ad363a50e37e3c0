"""Customers: recognised by a keyed digest, their attributes and their history as rules see them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from shared.actions import transactions
from shared.domain.customers import phone_hash
from shared.domain.quotes import Quote
from shared.domain.users import Caller
from tests.actions.selling import (
    a_seller,
    at_once,
    buyer,
    confirm,
    count,
    publish,
    quote,
    request,
    sell,
    sold,
    three_lenses,
)
from tests.rows import NOW, Conn, random_key

PHONE = phone_hash("+390612345678", "pepper")
ONE_OF_A = ("A", 1)


@pytest.fixture
def seller(conn: Conn) -> Caller:
    """A shop assistant of S1, where three lenses at 100.00 are sold."""
    three_lenses(conn, "100.00")
    return a_seller(conn)


def ten_percent_when(fact: str, op: str, value: Any, **more: str) -> dict[str, Any]:
    return {
        "schema": 1,
        "if": {"fact": fact, "op": op, "value": value, **more},
        "then": [{"kind": "percent_off", "percent": "10"}],
    }


def the_customer(conn: Conn) -> UUID:
    (row,) = conn.execute("SELECT id FROM customers").fetchall()
    return row[0]


def void(conn: Conn, seller: Caller, sale: Quote) -> None:
    with conn.transaction():
        transactions.void(
            conn, NOW, transaction_id=sold(sale), reason="Mistake", caller=seller, key=random_key()
        )


def test_a_digest_is_of_the_number_and_the_pepper() -> None:
    assert phone_hash("+390612345678", "pepper") == PHONE
    assert len({PHONE, phone_hash("+390612345679", "pepper"), phone_hash("+390612345678", "other")}) == 3


def test_a_phone_number_makes_a_customer_with_the_first_sale_only(conn: Conn, seller: Caller) -> None:
    sale = request(ONE_OF_A, customer=buyer(phone_hash=PHONE))
    quote(conn, seller, sale)
    assert count(conn, "customers") == 0
    sell(conn, seller, sale)
    sell(conn, seller, sale, now=NOW + timedelta(days=2))
    row = conn.execute("SELECT phone_hash, first_active_at, last_active_at FROM customers").fetchall()
    assert row == [(PHONE, NOW, NOW + timedelta(days=2))]
    assert {each[0] for each in conn.execute("SELECT customer_id FROM transactions")} == {the_customer(conn)}


def test_64_first_sales_at_once_make_one_customer(conn: Conn, seller: Caller, database_url: str) -> None:
    sale = request(ONE_OF_A, customer=buyer(phone_hash=PHONE))
    at_once(database_url, [lambda own: confirm(own, seller, sale)] * 64)
    assert {each[0] for each in conn.execute("SELECT customer_id FROM transactions")} == {the_customer(conn)}
    assert count(conn, "transactions") == 64


def test_a_sale_is_another_request_for_another_customer() -> None:
    one = request(customer=buyer(phone_hash=PHONE))
    assert one.hash == request(customer=buyer(phone_hash=PHONE)).hash
    others = [
        request(),
        request(customer=buyer(phone_hash=b"other")),
        request(customer=buyer(phone_hash=PHONE, tier="gold")),
        request(customer=buyer(phone_hash=PHONE), codes=("SPRING",)),
    ]
    assert len({each.hash for each in (one, *others)}) == 5


def test_attributes_of_the_request_come_before_those_that_are_kept(conn: Conn, seller: Caller) -> None:
    publish(conn, rule=ten_percent_when("customer.attributes.tier", "eq", "gold"))
    sell(conn, seller, request(ONE_OF_A, customer=buyer(phone_hash=PHONE, tier="gold")))
    assert conn.execute("SELECT attributes FROM customers").fetchone() == ({},)

    def discount(**attributes: str) -> Decimal:
        return quote(conn, seller, request(ONE_OF_A, customer=buyer(phone_hash=PHONE, **attributes))).discount

    assert discount() == 0
    conn.execute("""UPDATE customers SET attributes = '{"tier": "gold"}'""")
    assert discount() == Decimal("10.00")
    assert discount(tier="silver") == 0
    assert quote(conn, seller, request(ONE_OF_A, customer=buyer(tier="gold"))).discount == Decimal("10.00")


def test_who_is_not_named_has_no_id(conn: Conn, seller: Caller) -> None:
    publish(conn, rule=ten_percent_when("customer.id", "exists", value=True))
    assert quote(conn, seller, request(ONE_OF_A, customer=buyer(tier="gold"))).discount == 0
    assert quote(conn, seller, request(ONE_OF_A, customer=buyer(phone_hash=PHONE))).discount == Decimal(
        "10.00"
    )


def discounts(conn: Conn, seller: Caller, steps: list[tuple[timedelta, bool]]) -> list[bool]:
    """Whether each moment's quote has a discount; after it, where so told, the basket is sold."""
    found = []
    for after, buys in steps:
        sale = request(ONE_OF_A, customer=buyer(phone_hash=PHONE))
        found.append(quote(conn, seller, sale, now=NOW + after).discount > 0)
        if buys:
            sell(conn, seller, sale, now=NOW + after)
    return found


DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("rule", "steps", "expected"),
    [
        (
            ten_percent_when("history.orders", "ge", 2),
            [(0 * DAY, True), (1 * DAY, True), (400 * DAY, False)],
            [False, False, True],
        ),
        (
            ten_percent_when("history.orders.7d", "eq", 1),
            [(0 * DAY, True), (7 * DAY, False), (7 * DAY + MOMENT, False)],
            [False, True, False],
        ),
        (
            ten_percent_when("history.spend.30d", "ge", "190.00", currency="EUR"),
            [(0 * DAY, True), (1 * DAY, True), (30 * DAY, False), (31 * DAY, False)],
            [False, False, True, False],
        ),
        (
            ten_percent_when("history.redemptions", "lt", 2),
            [(0 * DAY, True), (1 * DAY, True), (2 * DAY, True), (365 * DAY, False)],
            [True, True, False, False],
        ),
        (
            ten_percent_when("history.redemptions.30d", "lt", 1),
            [(0 * DAY, True), (30 * DAY, False), (30 * DAY + MOMENT, False)],
            [True, False, True],
        ),
        (
            ten_percent_when("history.days_since_last_purchase", "ge", 2),
            [(0 * DAY, True), (DAY, False), (2 * DAY, False)],
            [False, False, True],
        ),
    ],
    ids=[
        "orders",
        "orders in 7 days",
        "spend in 30 days",
        "redemptions",
        "redemptions in 30 days",
        "days since",
    ],
)
def test_history(
    conn: Conn,
    seller: Caller,
    rule: dict[str, Any],
    steps: list[tuple[timedelta, bool]],
    expected: list[bool],
) -> None:
    publish(conn, rule=rule, ends_at=None)
    assert discounts(conn, seller, steps) == expected


def test_days_since_the_last_purchase_are_those_of_the_stores_calendar(conn: Conn, seller: Caller) -> None:
    publish(conn, rule=ten_percent_when("history.days_since_last_purchase", "eq", 1))
    sale = request(ONE_OF_A, customer=buyer(phone_hash=PHONE))
    sell(conn, seller, sale, now=datetime.fromisoformat("2026-06-15T23:59+02:00"))
    assert quote(conn, seller, sale, now=datetime.fromisoformat("2026-06-16T00:00+02:00")).discount > 0


@pytest.mark.parametrize(
    "fact", ["history.orders", "history.spend", "history.redemptions", "history.days_since_last_purchase"]
)
def test_what_was_voided_is_no_history(conn: Conn, seller: Caller, fact: str) -> None:
    """A rule that applies only to who is new: no orders, nothing spent or redeemed, and no last purchase."""
    rules: dict[str, Callable[[], dict[str, Any]]] = {
        "history.spend": lambda: ten_percent_when(fact, "eq", "0.00", currency="EUR"),
        "history.days_since_last_purchase": lambda: ten_percent_when(fact, "exists", value=False),
    }
    publish(conn, rule=rules.get(fact, lambda: ten_percent_when(fact, "eq", 0))())
    sale = request(ONE_OF_A, customer=buyer(phone_hash=PHONE))
    first = sell(conn, seller, sale)
    assert first.discount == Decimal("10.00")
    assert quote(conn, seller, sale).discount == 0
    void(conn, seller, first)
    assert quote(conn, seller, sale).discount == Decimal("10.00")


def test_only_what_live_rules_name_is_kept_with_the_sale(conn: Conn, seller: Caller) -> None:
    publish(conn, rule=ten_percent_when("history.orders.90d", "ge", 0))
    sell(conn, seller, request(ONE_OF_A, customer=buyer(phone_hash=PHONE)))
    row = conn.execute("SELECT seen::json -> 'customer' -> 'facts' FROM transactions").fetchone()
    assert row == ({"history.orders.90d": 0},)
    (text,) = conn.execute("SELECT seen FROM transactions").fetchone() or ("",)
    assert "390612345678" not in text
