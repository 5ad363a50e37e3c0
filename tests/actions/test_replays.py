"""Replays: a sale evaluated once more is the same to the byte, and what was tampered with is seen."""

import json
import random
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from shared.actions import transactions
from shared.domain.engine import SEMANTICS, Lane
from shared.domain.limits import LimitContended
from shared.domain.replays import Replay
from shared.domain.seen import seen_from, seen_text
from shared.domain.transactions import NotASale, SemanticsChanged, TransactionNotFound
from shared.domain.users import Caller, Role
from tests.actions.selling import a_seller, buyer, confirm, publish, request, sell, sold, three_lenses
from tests.rows import NOW, Conn, a_product, a_user, percent_off, random_key, tampering


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn)
    return a_seller(conn)


def replay(conn: Conn, seller: Caller, transaction_id: Any) -> Replay:
    return transactions.replay(conn, transaction_id=transaction_id, caller=seller)


def publish_a_bit_of_everything(conn: Conn) -> None:
    """Limits that run out, history, codes, attributes, money, gifts, points and funders, over all lanes."""
    a_product(conn, "GIFT", "7.77", brand="Presents")
    publish(
        conn,
        name="Budget",
        rule=percent_off("12.5"),
        stackable=True,
        limits=({"budget": "120.00", "currency": "EUR", "partial": "grant_rest"},),
        funding=({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"}),
    )
    publish(
        conn,
        name="Regulars",
        rule={
            "schema": 1,
            "if": {
                "any": [
                    {"fact": "history.spend.90d", "op": "ge", "value": "200.00", "currency": "EUR"},
                    {"fact": "history.redemptions", "op": "between", "value": [1, 3]},
                    {"fact": "customer.attributes.tier", "op": "in", "value": ["gold", "silver"]},
                ]
            },
            "then": [{"kind": "amount_off", "amount": "1.00", "currency": "EUR", "per": "unit"}],
        },
        limits=({"redemptions": 4, "per": "customer", "period": "day"},),
    )
    publish(
        conn,
        name="Bundle",
        lane=Lane.ORDER,
        rule={
            "schema": 1,
            "if": {"fact": "code", "op": "starts_with", "value": "SPRING"},
            "then": [
                {
                    "kind": "buy_x_get_y",
                    "buy": {"units": 2, "where": {"fact": "product.brand", "op": "eq", "value": "Lumen"}},
                    "get": {"units": 1, "percent": "33.33"},
                    "choose": "cheapest",
                    "max_applications": 2,
                },
            ],
        },
    )
    publish(
        conn,
        name="Gift",
        lane=Lane.TENDER,
        rule={
            "schema": 1,
            "if": {
                "sum_amount": "lines",
                "basis": "running",
                "currency": "EUR",
                "op": "ge",
                "value": "150.00",
            },
            "then": [{"kind": "gift", "sku": "GIFT", "units": 1}, {"kind": "points", "fixed": 25}],
        },
        limits=({"redemptions": 12},),
    )


def a_random_sale(rng: random.Random, seller: Caller) -> Any:
    lines = [(sku, rng.randint(1, 4)) for sku in rng.choices("ABC", k=rng.randint(1, 4))]
    who = rng.choice(
        [
            None,
            buyer(tier=rng.choice(["gold", "tin"])),
            buyer(phone_hash=b"one", tier="tin"),
            buyer(phone_hash=b"two"),
        ]
    )
    codes = tuple(rng.sample(["SPRING26", "OTHER"], rng.randint(0, 2)))
    return request(*lines, store_id=seller.store_id, customer=who, codes=codes)


def test_every_one_of_many_random_sales_replays_to_the_byte(conn: Conn, seller: Caller) -> None:
    publish_a_bit_of_everything(conn)
    rng, sales = random.Random(5), []  # noqa: S311 - a sample, not a secret
    for number in range(60):
        try:
            sales.append(sell(conn, seller, a_random_sale(rng, seller), now=NOW + timedelta(hours=number)))
        except LimitContended:
            continue
    # What is live, what it costs and who bought it is another matter by now.
    conn.execute("UPDATE products SET price = price + 1, brand = 'Another'")
    conn.execute("DELETE FROM customers")
    publish(conn, name="Later", rule=percent_off("90"))

    told: set[tuple[str, str]] = set()
    for sale in sales:
        again = replay(conn, seller, sold(sale))
        assert again.differences == ()
        assert again.equal
        told |= {(each.name, each.outcome) for each in again.quote.promotions}
    assert {("Budget", "applied"), ("Budget", "limit_reached"), ("Gift", "limit_reached")} <= told
    assert {("Regulars", "applied"), ("Regulars", "not_met"), ("Bundle", "applied")} <= told
    for (text,) in conn.execute("SELECT seen FROM transactions"):
        assert seen_text(seen_from(text)) == text


def test_a_price_of_ones_own_replays(conn: Conn, seller: Caller) -> None:
    own = Caller(seller.user_id, Role.BACK_OFFICE, None)
    publish(conn)
    sale, _ = confirm(conn, own, request(("A", 1, "10.00"), ("A", 1)))
    assert [line.price_overridden for line in sale.lines] == [True, False]
    assert replay(conn, own, sold(sale)).equal


def change(conn: Conn, column: str, old: str, new: str) -> None:
    with tampering(conn):
        done = conn.execute(
            f"UPDATE transactions SET {column} = replace({column}, %s, %s)",  # type: ignore[arg-type]
            [old, new],
        )
    assert done.rowcount == 1
    assert conn.execute(f"SELECT strpos({column}, %s) FROM transactions", [new]).fetchone() != (0,)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("column", "old", "new", "pointers"),
    [
        ("quote", '"discount":"10.00"', '"discount":"10.01"', {"/discount", "/promotions/0/discount"}),
        ("quote", '"net":"89.99"', '"net":"89.99","more":1', {"/more"}),
        ("quote", '"points":0', '"points":5', {"/promotions/0/points"}),
        ("seen", '"quantity":1,"sku":"B"', '"quantity":2,"sku":"B"', {"/lines/1/quantity", "/gross"}),
        ("seen", '"unit_price":3333', '"unit_price":3334', {"/lines/0/unit_price", "/net"}),
        ("seen", '"tax_rate_pct":22', '"tax_rate_pct":10', {"/tax"}),
        ("seen", '"now":"2026-06-15', '"now":"2026-06-16', {"/evaluated_at"}),
        ("seen", '"rule_set_version":1', '"rule_set_version":0', {"/discount"}),
    ],
)
def test_what_was_tampered_with_is_seen(
    conn: Conn, seller: Caller, column: str, old: str, new: str, pointers: set[str]
) -> None:
    publish(conn)
    sale = sell(conn, seller)
    change(conn, column, old, new)
    again = replay(conn, seller, sold(sale))
    assert not again.equal
    assert pointers <= {each.pointer for each in again.differences}


def test_an_amount_of_the_row_that_was_tampered_with_is_seen(conn: Conn, seller: Caller) -> None:
    sale = sell(conn, seller)
    with tampering(conn):
        conn.execute("UPDATE transactions SET tax_minor = tax_minor + 1")
    (difference,) = replay(conn, seller, sold(sale)).differences
    assert (difference.pointer, difference.recorded, difference.replayed) == ("/tax_minor", "1804", "1803")


def test_a_sale_of_other_semantics_says_so(conn: Conn, seller: Caller) -> None:
    sale = sell(conn, seller)
    with tampering(conn):
        conn.execute("UPDATE transactions SET engine_semantics = 1, seen = %s", [json.dumps({"old": True})])
    with pytest.raises(SemanticsChanged) as refusal:
        replay(conn, seller, sold(sale))
    assert refusal.value.values == {"recorded": 1, "current": SEMANTICS}


def test_a_sale_that_is_not_yours_or_none_is_not_replayed(conn: Conn, seller: Caller) -> None:
    sale = sell(conn, seller)
    stranger = Caller(a_user(conn, Role.STORE_USER), Role.STORE_USER, "S2")
    for who, transaction_id in ((stranger, sold(sale)), (seller, uuid4())):
        with pytest.raises(TransactionNotFound):
            replay(conn, who, transaction_id)


def test_a_void_is_not_replayed(conn: Conn, seller: Caller) -> None:
    with conn.transaction():
        void, _ = transactions.void(
            conn,
            NOW,
            transaction_id=sold(sell(conn, seller)),
            reason="Mistake",
            caller=seller,
            key=random_key(),
        )
    with pytest.raises(NotASale):
        replay(conn, seller, void.id)
    assert void.quote.net == Decimal("-99.99")
