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


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"kind": "shoe"},
        {"page": "2"},
        {"active": "yes"},
        {"active": "0"},
        {"q": "x" * 301},
    ],
)
def test_a_query_of_another_shape_is_refused(doors: Doors, query: dict[str, str]) -> None:
    assert doors.call(catalogue.list_products, query=query)[0] == 422


def test_nobody_sees_nothing(doors: Doors) -> None:
    for door in (catalogue.list_products, catalogue.list_stores):
        assert doors.call(door, role=None)[0] == 401


def test_products_are_narrowed_and_searched(doors: Doors, conn: psycopg.Connection) -> None:
    a_product(conn, "ZE-1", "10.00", brand="Zénith 50%", active=False)

    def skus(**query: str) -> list[str]:
        status, page = doors.call(catalogue.list_products, query=query)
        assert status == 200
        return [product["sku"] for product in page["items"]]

    assert skus(brand="Lumen") == ["A/1", "B", "C"]
    assert skus(brand="lumen") == skus(collection="Any") == skus(kind="frame") == []
    assert skus(type="Single vision", active="true") == ["A/1", "B", "C"]
    assert skus(active="false") == ["ZE-1"]
    assert skus(q="ZÉNITH") == skus(q=" a LENS  zénith ") == skus(q="50%") == skus(q="ze-1") == ["ZE-1"]
    assert skus(q="zenith") == skus(q="_") == skus(q="\\") == skus(q="lens lumen ze") == []
    assert skus(q="a/ LUM", kind="lens", limit="1") == ["A/1"]
    assert skus(q="lum", cursor="A/1") == ["B", "C"]


def test_stores_are_narrowed_and_searched(doors: Doors, conn: psycopg.Connection) -> None:
    a_store(conn, "M1", city="Milano")
    conn.execute("UPDATE stores SET parent_id = 'S1', region = 'Lazio', active = false WHERE id = 'S2'")
    conn.execute("UPDATE stores SET company_b_id = 'EU77', address = 'Via XX Settembre, 1' WHERE id = 'S3'")

    def ids(**query: str) -> list[str]:
        status, page = doors.call(catalogue.list_stores, query=query)
        assert status == 200
        return [store["id"] for store in page["items"]]

    assert ids(city="Milano") == ids(q="milano store") == ["M1"]
    assert ids(country="IT", cursor="S1") == ["S2", "S3"]
    assert ids(country="FR") == []
    assert ids(parent_id="S1") == ids(region="Lazio") == ids(active="false") == ["S2"]
    assert ids(q="eu77") == ids(q="settembre roma") == ["S3"]
    shop = {"role": Role.STORE_USER, "store_id": "S2"}
    assert doors.call(catalogue.list_stores, query={"city": "Milano"}, **shop)[1]["items"] == []


def test_what_is_added_meanwhile_shifts_no_page(doors: Doors, conn: psycopg.Connection) -> None:
    _, first = doors.call(catalogue.list_products, query={"limit": "2", "q": "lens"})
    for sku in ("0", "A/2", "B1", "Z"):
        a_product(conn, sku, "1.00")
    _, second = doors.call(
        catalogue.list_products, query={"limit": "9", "q": "lens", "cursor": first["next_cursor"]}
    )
    assert [product["sku"] for page in (first, second) for product in page["items"]] == [
        "A/1",
        "B",
        "B1",
        "C",
        "Z",
    ]
