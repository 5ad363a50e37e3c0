"""Products and stores in the database: pages by key, and staging as wide as the kinds."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest

from shared import copy_text
from shared.domain.kinds import KINDS
from shared.domain.kinds.kind import Kind
from shared.domain.uploads import Applied, Slice
from shared.domain.users import Reach
from shared.jobs.targets import STATEMENTS
from shared.store import products, stores

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BY_NAME = {kind.name: kind for kind in KINDS.values()}
LENS, FRAME, STORES = BY_NAME["products_lens"], BY_NAME["products_frame"], BY_NAME["stores"]


def put(
    conn: psycopg.Connection,
    kind: Kind,
    rows: list[tuple[str | None, ...]],
    *,
    given: list[str],
    attributes: list[str],
) -> Applied:
    statements = STATEMENTS[kind.target]
    with conn.transaction():
        statements.stage(conn, [copy_text.of(list(zip(*rows, strict=True)))])
        part = Slice(
            constants=kind.constants, given=given, attributes=attributes, upload_id=uuid4(), now=NOW,
            first=0, end=statements.pages(conn),
        )  # fmt: skip
        return statements.merge(conn, part)


def put_products(conn: psycopg.Connection, kind: Kind, *skus: str) -> Applied:
    rows = [
        (str(line), sku, "A lens", "Lumen", None, None, "33.33", "EUR", "22", None, '{"Coating": "Hard"}')
        for line, sku in enumerate(skus, start=2)
    ]
    return put(conn, kind, rows, given=["brand"], attributes=["Coating"])


def put_stores(conn: psycopg.Connection, *ids: str) -> Applied:
    rows = [
        (str(line), each, "A shop", None, None, None, None, None, None, "IT", None, None, None, "Europe/Rome",
         None, "{}")
        for line, each in enumerate(ids, start=2)
    ]  # fmt: skip
    return put(conn, STORES, rows, given=[], attributes=[])


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_the_staging_table_has_the_columns_of_the_kind(conn: psycopg.Connection, kind: Kind) -> None:
    with conn.transaction():
        STATEMENTS[kind.target].stage(conn, [])
        found = conn.execute(
            "SELECT attname::text FROM pg_attribute "
            "WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = '' ORDER BY attnum",
            [f"staged_{kind.target}"],
        ).fetchall()
    columns = [name for (name,) in found if name != "user_id"]
    attributes = ["attributes"] if kind.takes_attributes else []
    assert columns == ["line", *(column.name for column in kind.columns), *attributes]


def test_products_come_in_pages_by_sku(conn: psycopg.Connection) -> None:
    assert put_products(conn, LENS, "B", "A", "D") == Applied(inserted=3, updated=0)
    put_products(conn, FRAME, "C")
    page = products.find(conn, kind=None, after="", limit=3)
    assert [product.sku for product in page] == ["A", "B", "C"]
    assert [product.sku for product in products.find(conn, kind=None, after="C", limit=3)] == ["D"]
    assert [product.sku for product in products.find(conn, kind="frame", after="", limit=3)] == ["C"]


def test_a_product_comes_as_it_was_put(conn: psycopg.Connection) -> None:
    put_products(conn, LENS, "A")
    product = products.get(conn, "A")
    assert product is not None
    assert (product.kind, product.price, product.currency) == ("lens", Decimal("33.33"), "EUR")
    assert (product.tax_rate_pct, product.active, product.type) == (Decimal("22.00"), True, None)
    assert (product.attributes, product.updated_at) == ({"Coating": "Hard"}, NOW)
    assert products.get(conn, "B") is None


def test_stores_come_in_pages_by_id_or_one_alone(conn: psycopg.Connection) -> None:
    put_stores(conn, "S2", "S1", "S3")
    assert [store.id for store in stores.find(conn, after="", limit=2)] == ["S1", "S2"]
    assert [store.id for store in stores.find(conn, after="S2", limit=2)] == ["S3"]
    assert [store.id for store in stores.find(conn, reach=Reach("S2"), after="", limit=2)] == ["S2"]
    store = stores.get(conn, "S1")
    assert store is not None
    assert (store.country, store.zone, store.active, store.attributes) == ("IT", "Europe/Rome", True, {})
    assert stores.get(conn, "S9") is None
