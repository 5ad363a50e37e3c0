"""The doors of groups: who may, changes by ETag, pages, and what a preview tells."""

from typing import Any
from uuid import uuid4

import psycopg
import pytest

from functions import groups
from shared.domain.users import Role
from tests.functions.doors import Doors
from tests.rows import a_product, a_store

LUMEN = {"fact": "product.brand", "op": "eq", "value": "Lumen"}
ROMAN = {"fact": "store.city", "op": "eq", "value": "Roma"}
OF_PRODUCTS = (
    groups.create_product_group,
    groups.get_product_group,
    groups.update_product_group,
    groups.delete_product_group,
    groups.list_product_groups,
    LUMEN,
)
OF_STORES = (
    groups.create_store_group,
    groups.get_store_group,
    groups.update_store_group,
    groups.delete_store_group,
    groups.list_store_groups,
    ROMAN,
)


@pytest.fixture
def doors(app: None, conn: psycopg.Connection) -> Doors:  # noqa: ARG001
    a_product(conn, "A", "33.33")
    a_store(conn, "S1")
    return Doors(conn)


@pytest.mark.parametrize("role", [None, Role.STORE_USER, Role.BACK_OFFICE])
def test_only_admin_and_marketing_define(doors: Doors, role: Role | None) -> None:
    expected = 401 if role is None else 403
    for door, body in (
        (groups.create_product_group, {"name": "G", "filter": LUMEN}),
        (groups.create_store_group, {"name": "G", "filter": ROMAN}),
        (groups.preview_product_group, {"filter": LUMEN}),
        (groups.preview_store_group, {"filter": ROMAN}),
    ):
        assert doors.call(door, role=role, body=body)[0] == expected
    path = {"group_id": str(uuid4())}
    for door in (groups.delete_product_group, groups.delete_store_group):
        assert doors.call(door, role=role, path=path)[0] == expected
    for door in (groups.update_product_group, groups.update_store_group):
        assert doors.call(door, role=role, path=path, body={}, headers={"if-match": "*"})[0] == expected


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"filter": LUMEN}, "/name"),
        ({"name": "", "filter": LUMEN}, "/name"),
        ({"name": "G"}, "/filter"),
        ({"name": "G", "filter": []}, "/filter"),
        ({"name": "G", "filter": LUMEN, "members": []}, "/members"),
        ({"name": "G", "filter": {**LUMEN, "op": "is"}}, "/filter/op"),
        ({"name": "G", "filter": {**LUMEN, "value": "a\0"}}, "/filter/value"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(doors: Doors, body: dict[str, Any], pointer: str) -> None:
    status, problem = doors.call(groups.create_product_group, body=body)
    assert (status, problem["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(("create", "get", "update", "delete", "find", "document"), [OF_PRODUCTS, OF_STORES])
def test_a_group_from_beginning_to_end(
    doors: Doors, create: Any, get: Any, update: Any, delete: Any, find: Any, document: dict[str, Any]
) -> None:
    status, group = doors.call(create, body={"name": "G", "filter": document})
    assert (status, group["name"], group["description"], group["filter"]) == (201, "G", "", document)
    path = {"group_id": group["id"]}
    assert doors.call(get, path=path, role=Role.STORE_USER) == (200, group)
    status, problem = doors.call(create, body={"name": "g", "filter": document})
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (409, "group_name_taken", "/name")

    change = {"description": "Those"}
    assert doors.call(update, path=path, body=change)[0] == 428
    assert doors.call(update, path=path, body=change, headers={"if-match": '"2"'})[0] == 412
    status, changed = doors.call(update, path=path, body=change, headers={"if-match": '"1"'})
    assert (status, changed["description"], changed["filter"]) == (200, "Those", document)
    assert changed["revision"] == 2

    status, page = doors.call(find, query={"q": "THOSE"})
    assert (status, page["items"], page["next_cursor"]) == (200, [changed], None)
    assert doors.call(find, query={"q": "nothing like it"})[1]["items"] == []

    assert doors.call(delete, path=path) == (200, changed)
    for door in (get, delete):
        status, problem = doors.call(door, path=path)
        assert (status, problem["code"]) == (404, "group_not_found")
    assert doors.call(update, path=path, body={}, headers={"if-match": "*"})[0] == 404


def test_groups_come_in_pages_newest_first(doors: Doors) -> None:
    ids = [
        doors.call(groups.create_store_group, body={"name": f"G{n}", "filter": ROMAN})[1]["id"]
        for n in range(3)
    ]
    _, page = doors.call(groups.list_store_groups, query={"limit": "2"})
    assert [group["id"] for group in page["items"]] == ids[:0:-1]
    doors.call(groups.create_store_group, body={"name": "New", "filter": ROMAN})
    _, page = doors.call(groups.list_store_groups, query={"limit": "2", "cursor": page["next_cursor"]})
    assert ([group["id"] for group in page["items"]], page["next_cursor"]) == (ids[:1], None)
    assert doors.call(groups.list_product_groups)[1]["items"] == []


def test_a_preview_counts_and_shows(doors: Doors) -> None:
    status, problem = doors.call(groups.preview_store_group, body={"filter": {"all": [ROMAN, LUMEN]}})
    assert (status, problem["code"], problem["errors"][0]["pointer"]) == (
        422,
        "filter_invalid",
        "/filter/all/1/fact",
    )
    status, preview = doors.call(groups.preview_product_group, body={"filter": LUMEN})
    assert (status, preview["count"], preview["sample"][0]["sku"]) == (200, 1, "A")
    assert preview["sample"][0]["price"] == "33.33"
    above = {"fact": "product.attributes.index", "op": "gt", "value": 1.45}
    assert doors.call(groups.preview_product_group, body={"filter": above})[1]["count"] == 1
    status, preview = doors.call(groups.preview_store_group, body={"filter": {"not": ROMAN}})
    assert (status, preview) == (200, {"count": 0, "sample": []})


@pytest.mark.parametrize(
    ("create", "find", "document"),
    [
        (groups.create_product_group, groups.list_product_group_changes, LUMEN),
        (groups.create_store_group, groups.list_store_group_changes, ROMAN),
    ],
    ids=["products", "stores"],
)
def test_who_joined_and_left_is_read(
    doors: Doors, conn: psycopg.Connection, create: Any, find: Any, document: dict[str, Any]
) -> None:
    _, group = doors.call(create, body={"name": "G", "filter": document})
    path = {"group_id": group["id"]}
    assert doors.call(find, path=path) == (200, {"items": [], "next_cursor": None})
    for joined in (1, 2, 3):
        conn.execute(
            """
            INSERT INTO group_changes (group_id, at, joined, "left", joined_sample, left_sample)
            VALUES (%s, now(), %s, 0, '{A}', '{}')
            """,
            [group["id"], joined],
        )
    _, page = doors.call(find, path=path, query={"limit": "2"})
    assert [(each["joined"], each["left"], each["joined_sample"]) for each in page["items"]] == [
        (3, 0, ["A"]),
        (2, 0, ["A"]),
    ]
    _, page = doors.call(find, path=path, query={"cursor": page["next_cursor"]})
    assert [each["joined"] for each in page["items"]] == [1]
    for other in (groups.list_product_group_changes, groups.list_store_group_changes):
        if other is not find:
            assert doors.call(other, path=path)[0] == 404, "it is a group of the others"
