"""Selling in tests: a shop assistant, what is published, baskets, and many tills at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg

from shared.actions import promotions, transactions
from shared.domain.audit import By
from shared.domain.baskets import RequestedLine, SaleRequest
from shared.domain.customers import RequestedCustomer
from shared.domain.quotes import Outcome, Quote
from shared.domain.users import Caller, Role
from tests.rows import NOW, Conn, a_product, a_store, a_user, random_key, terms


def a_seller(conn: Conn, store_id: str = "S1", *, zone: str = "Europe/Rome") -> Caller:
    """A shop assistant of a new store."""
    a_store(conn, store_id, zone=zone)
    return Caller(a_user(conn, Role.STORE_USER, store_id=store_id), Role.STORE_USER, store_id)


def three_lenses(conn: Conn, price: str = "33.33") -> None:
    for sku in "ABC":
        a_product(conn, sku, price)


def request(*lines: tuple[str, int] | tuple[str, int, str], **changes: Any) -> SaleRequest:
    values: dict[str, Any] = {
        "store_id": "S1",
        "currency": "EUR",
        "channel": "store",
        "receipt_number": None,
        "expected_net": None,
        "lines": tuple(
            RequestedLine(
                sku=line[0], quantity=line[1], unit_price=Decimal(line[2]) if len(line) == 3 else None
            )
            for line in lines or (("A", 1), ("B", 1), ("C", 1))
        ),
    }
    return SaleRequest(**(values | changes))


def buyer(
    customer_id: UUID | None = None, phone_hash: bytes | None = None, **attributes: str
) -> RequestedCustomer:
    return RequestedCustomer(id=customer_id, phone_hash=phone_hash, attributes=attributes)


def publish(conn: Conn, now: datetime = NOW, **changes: Any) -> UUID:
    with conn.transaction():
        by = By(a_user(conn))
        promotion = promotions.create(conn, now, terms=terms(**changes), by=by)
        promotions.publish(conn, now, promotion.id, by=by, approval_required=False)
    return promotion.id


def publish_anew(conn: Conn, promotion_id: UUID, **changes: Any) -> None:
    """A new version in the place of the one that was published."""
    with conn.transaction():
        by = By(a_user(conn))
        promotions.revise(conn, NOW, promotion_id=promotion_id, change=lambda _: terms(**changes), by=by)
        promotions.publish(conn, NOW, promotion_id, by=by, approval_required=False)


def quote(conn: Conn, seller: Caller, sale: SaleRequest | None = None, now: datetime = NOW) -> Quote:
    return transactions.evaluate(conn, now, request=sale or request(), caller=seller)


def confirm(
    conn: Conn,
    seller: Caller,
    sale: SaleRequest | None = None,
    *,
    key: str | None = None,
    now: datetime = NOW,
) -> tuple[Quote, bool]:
    return transactions.confirm(conn, now, request=sale or request(), caller=seller, key=key or random_key())


def sell(conn: Conn, seller: Caller, sale: SaleRequest | None = None, now: datetime = NOW) -> Quote:
    return confirm(conn, seller, sale, now=now)[0]


def sold(quote: Quote) -> UUID:
    assert quote.transaction is not None
    return quote.transaction.id


def outcome_of(quote: Quote, promotion_id: UUID) -> Outcome:
    return {each.promotion_id: each.outcome for each in quote.promotions}[promotion_id]


def count(conn: Conn, table: str) -> int:
    row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def at_once[T](database_url: str, calls: Sequence[Callable[[Conn], T]]) -> list[T]:
    """What each call returns, all of them at the same time on connections of their own."""
    with ThreadPoolExecutor(len(calls)) as threads:
        connections = list(
            threads.map(lambda _: psycopg.connect(database_url, autocommit=True), range(len(calls)))
        )
        try:
            return list(threads.map(lambda call, own: call(own), calls, connections))
        finally:
            for own in connections:
                own.close()


def used(conn: Conn) -> dict[tuple[UUID, str, str, str], int]:
    """What each counter says was used; it must be what the ledger says was charged to it."""
    counted = conn.execute(
        """
        SELECT promotion_id, name, subject, starts_on::text, max(cap) - sum(room)
          FROM limit_counters
         GROUP BY 1, 2, 3, 4
        """
    ).fetchall()
    charged = conn.execute(
        """
        SELECT promotion_id, name, subject, starts_on::text, sum(amount)
          FROM redemptions, jsonb_to_recordset(taken)
                            AS charge (name text, subject text, starts_on date, amount bigint)
         GROUP BY 1, 2, 3, 4
        """
    ).fetchall()
    found = {(row[0], row[1], row[2], row[3]): int(row[4]) for row in counted}
    assert found == {(row[0], row[1], row[2], row[3]): int(row[4]) for row in charged}
    return found
