"""Rows that tests begin with, written as plainly as they can be."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import psycopg

from shared.domain.engine import Lane
from shared.domain.promotions import Terms
from shared.domain.users import Role
from shared.store import users

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
UPLOAD = UUID(int=1)

type Conn = psycopg.Connection[Any]

_phones = count(390_700_000_000)


def a_user(
    conn: Conn,
    role: Role = Role.ADMIN,
    *,
    store_id: str | None = None,
    phone: str | None = "",
    email: str | None = None,
) -> UUID:
    """A user with a phone number of their own unless told otherwise."""
    number = f"+{next(_phones)}" if phone == "" else phone
    user_id = users.insert(conn, name="Test", role=role, phone=number, email=email, now=NOW)
    if store_id is not None:
        users.insert_store(conn, user_id=user_id, store_id=store_id)
    return user_id


def a_store(conn: Conn, store_id: str = "S1", *, zone: str = "Europe/Rome", city: str = "Roma") -> str:
    conn.execute(
        """
        INSERT INTO stores (id, name, city, country, zone, active, attributes, upload_id, created_at,
                            updated_at)
        VALUES (%s, 'A store', %s, 'IT', %s, true, '{"cluster": "north"}', %s, %s, %s)
        """,
        [store_id, city, zone, UPLOAD, NOW, NOW],
    )
    return store_id


def a_product(
    conn: Conn,
    sku: str,
    price: str,
    *,
    brand: str = "Lumen",
    currency: str = "EUR",
    active: bool = True,
) -> str:
    conn.execute(
        """
        INSERT INTO products (sku, kind, name, brand, type, price, currency, tax_rate_pct, active, attributes,
                              upload_id, created_at, updated_at)
        VALUES (%s, 'lens', 'A lens', %s, 'Single vision', %s, %s, 22, %s, '{"index": "1.50"}', %s, %s, %s)
        """,
        [sku, brand, price, currency, active, UPLOAD, NOW, NOW],
    )
    return sku


def percent_off(percent: str, **benefit: Any) -> dict[str, Any]:
    return {"schema": 1, "then": [{"kind": "percent_off", "percent": percent, **benefit}]}


def terms(**changes: Any) -> Terms:
    """Terms of ten percent off everything, for all of 2026 in store time."""
    values: dict[str, Any] = {
        "name": "Ten percent",
        "type": "seasonal",
        "description": "",
        "lane": Lane.LINE,
        "priority": 0,
        "exclusive": False,
        "stackable": False,
        "starts_at": datetime(2026, 1, 1),  # noqa: DTZ001 - local
        "ends_at": datetime(2027, 1, 1),  # noqa: DTZ001 - local
        "zone_policy": "store",
        "stores": None,
        "rule": percent_off("10"),
    }
    return Terms(**(values | changes))


@contextmanager
def tampering(conn: Conn) -> Iterator[None]:
    """Changes as the owner of the database could make them: no trigger keeps rows as they were recorded."""
    conn.execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        conn.execute("RESET session_replication_role")


def random_key() -> str:
    return str(uuid4())
