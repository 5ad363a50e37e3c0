"""The doors of the catalogue: pages, single things, and who sees which store."""

import psycopg
import pytest

from functions import catalogue
from shared.domain.users import Role
from tests.functions.doors import Doors
from tests.rows import a_product, a_store


@pytest.fixture
def doors(app: None, conn: psycopg.Connection) -> Doors:  # noqa: ARG001
    for sku in ("B", "A/1", "C"):
        a_product(conn, sku, "33.33")
    for store_id in ("S1", "S2", "S3"):
        a_store(conn, store_id)
    return Doors(conn)


def test_products_come_in_pages(doors: Doors) -> None:
    status, page = doors.call(catalogue.list_products, query={"limit": "2"})
    assert (status, [product["sku"] for product in page["items"]], page["next_cursor"]) == (
        200,
        ["A/1", "B"],
        "B",
    )
    _, page = doors.call(catalogue.list_products, query={"limit": "2", "cursor": "B"})
    assert ([product["sku"] for product in page["items"]], page["next_cursor"]) == (["C"], None)
    _, page = doors.call(catalogue.list_products, query={"kind": "frame"})
    assert page["items"] == []


def test_a_product_has_its_price_as_text(doors: Doors) -> None:
    status, product = doors.call(catalogue.get_product, path={"sku": "B"})
    assert status == 200
    assert (product["price"], product["currency"], product["tax_rate_pct"]) == ("33.33", "EUR", "22.00")
    assert product["attributes"] == {"index": "1.50"}
    status, problem = doors.call(catalogue.get_product, path={"sku": "D"})
    assert (status, problem["code"]) == (404, "product_unknown")


def test_stores_come_in_pages(doors: Doors) -> None:
    _, page = doors.call(catalogue.list_stores, query={"limit": "2"})
    assert ([store["id"] for store in page["items"]], page["next_cursor"]) == (["S1", "S2"], "S2")
    _, page = doors.call(catalogue.list_stores, query={"limit": "2", "cursor": "S2"})
    assert [store["id"] for store in page["items"]] == ["S3"]


def test_a_shop_sees_itself_only(doors: Doors) -> None:
    shop = {"role": Role.STORE_USER, "store_id": "S2"}
    _, page = doors.call(catalogue.list_stores, **shop)
    assert [store["id"] for store in page["items"]] == ["S2"]
    assert doors.call(catalogue.get_store, path={"store_id": "S2"}, **shop)[0] == 200
    status, problem = doors.call(catalogue.get_store, path={"store_id": "S1"}, **shop)
    assert (status, problem["code"]) == (404, "store_unknown")
    assert doors.call(catalogue.list_stores, role=Role.STORE_USER)[1]["items"] == []


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"kind": "shoe"}, {"page": "2"}])
def test_a_query_of_another_shape_is_refused(doors: Doors, query: dict[str, str]) -> None:
    assert doors.call(catalogue.list_products, query=query)[0] == 422


def test_nobody_sees_nothing(doors: Doors) -> None:
    for door in (catalogue.list_products, catalogue.list_stores):
        assert doors.call(door, role=None)[0] == 401
