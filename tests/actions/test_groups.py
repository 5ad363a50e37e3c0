"""Groups: what is refused, what is kept, and whom a filter selects."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.actions import groups
from shared.domain.audit import By
from shared.domain.filters import FilterInvalid
from shared.domain.groups import Group, GroupNameTaken, GroupNotFound, GroupTerms, Subject
from tests.rows import NOW, Conn, a_product, a_store, a_user

BY = By(UUID(int=7), "request-7")
LUMEN = {"fact": "product.brand", "op": "eq", "value": "Lumen"}
ROMAN = {"fact": "store.city", "op": "eq", "value": "Roma"}


def define(conn: Conn, subject: Subject = Subject.PRODUCT, **changes: Any) -> Group:
    terms = GroupTerms(name="A group", description="", filter=LUMEN if subject is Subject.PRODUCT else ROMAN)
    return groups.create(conn, NOW, subject, terms=replace(terms, **changes), by=By(a_user(conn)))


def revise(conn: Conn, group_id: UUID, subject: Subject = Subject.PRODUCT, **changes: Any) -> Group:
    return groups.revise(
        conn, NOW, subject, group_id=group_id, change=lambda group: replace(group.terms, **changes), by=BY
    )


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({}, "/filter"),
        (ROMAN, "/filter/fact"),
        ({"all": [LUMEN, {**LUMEN, "op": "like"}]}, "/filter/all/1/op"),
        ({"fact": "product.price", "op": "gt", "value": float("inf")}, "/filter/value"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_at_its_place(
    conn: Conn, document: dict[str, Any], pointer: str
) -> None:
    group = define(conn)
    for refused in (
        lambda: define(conn, name="Another", filter=document),
        lambda: revise(conn, group.id, filter=document),
        lambda: groups.preview_products(conn, document),
    ):
        with pytest.raises(FilterInvalid) as refusal:
            refused()
        assert refusal.value.pointer == pointer
    assert groups.get(conn, Subject.PRODUCT, group.id) == group


def test_a_group_of_stores_asks_about_stores(conn: Conn) -> None:
    with pytest.raises(FilterInvalid) as refusal:
        define(conn, Subject.STORE, filter=LUMEN)
    assert refusal.value.pointer == "/filter/fact"
    with pytest.raises(FilterInvalid):
        groups.preview_stores(conn, LUMEN)


def test_a_name_is_taken_once_for_each_subject(conn: Conn) -> None:
    define(conn, name="Summer")
    other = define(conn, name="Winter")
    define(conn, Subject.STORE, name="Summer")
    with pytest.raises(GroupNameTaken, match="SUMMER") as refusal:
        define(conn, name="SUMMER")
    assert refusal.value.pointer == "/name"
    with pytest.raises(GroupNameTaken):
        revise(conn, other.id, name="summer")
    assert revise(conn, other.id, name="WINTER").name == "WINTER"


def test_a_group_is_found_under_its_subject_only(conn: Conn) -> None:
    group = define(conn)
    for missing in (group.id, uuid4()):
        with pytest.raises(GroupNotFound, match=str(missing)):
            groups.get(conn, Subject.STORE, missing)
        with pytest.raises(GroupNotFound, match=str(missing)):
            groups.delete(conn, NOW, Subject.STORE, missing, by=BY)
        with pytest.raises(GroupNotFound):
            revise(conn, missing, Subject.STORE)
    assert groups.get(conn, Subject.PRODUCT, group.id) == group


def test_a_change_counts_and_no_change_does_not(conn: Conn) -> None:
    group = define(conn, description="All of it")
    assert revise(conn, group.id) == group
    narrower = {"all": [LUMEN, {"fact": "product.price", "op": "lt", "value": "50"}]}
    changed = revise(conn, group.id, filter=narrower)
    assert (changed.revision, changed.filter, changed.description) == (2, narrower, "All of it")
    assert groups.get(conn, Subject.PRODUCT, group.id) == changed


def test_a_deleted_group_is_gone_and_its_name_free(conn: Conn) -> None:
    group = define(conn)
    assert groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=BY) == group
    with pytest.raises(GroupNotFound):
        groups.get(conn, Subject.PRODUCT, group.id)
    define(conn, name=group.name)


def test_a_preview_counts_what_is_active_and_shows_twenty(conn: Conn) -> None:
    skus = [a_product(conn, f"L-{number:02}", "33.33") for number in range(30)]
    a_product(conn, "L-OFF", "33.33", active=False)
    a_product(conn, "Z-1", "33.33", brand="Zenith")
    preview = groups.preview_products(conn, LUMEN)
    shown = [product.sku for product in preview.sample]
    assert (preview.count, len(shown)) == (30, 20)
    assert set(shown) < set(skus)
    assert shown == sorted(shown)
    assert shown != skus[:20], "a sample from all over, not the first"
    a_product(conn, "Z-2", "33.33", brand="Zenith")
    assert groups.preview_products(conn, LUMEN) == preview
    assert groups.preview_products(conn, {"not": LUMEN}).count == 2


def test_a_preview_of_nobody_is_empty(conn: Conn) -> None:
    preview = groups.preview_stores(conn, ROMAN)
    assert (preview.count, preview.sample) == (0, ())
    a_store(conn, "S1")
    a_store(conn, "S2", city="Milano")
    preview = groups.preview_stores(conn, ROMAN)
    assert (preview.count, [store.id for store in preview.sample]) == (1, ["S1"])


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE products; --", '"', "%s", "%(value_0)s", "{seen}", "\\", "$1"]
)
def test_whatever_a_document_says_is_a_value(conn: Conn, text: str) -> None:
    a_product(conn, "A", "33.33", brand=text)
    conn.execute("UPDATE products SET attributes = jsonb_build_object(%s::text, %s::text)", [text, text])
    for document in (
        {"fact": "product.brand", "op": "in", "value": [text]},
        {"fact": f"product.attributes.{text}", "op": "eq", "value": text},
        {"fact": f"product.attributes.{text}", "op": "contains", "value": text},
        {"not": {"fact": f"product.attributes.{text}", "op": "gt", "value": 1}},
    ):
        assert groups.preview_products(conn, document).count == 1
    assert groups.preview_products(conn, {"fact": "product.name", "op": "eq", "value": text}).count == 0


def test_the_largest_filters_are_understood(conn: Conn) -> None:
    a_product(conn, "A", "33.33")
    wide = {"all": [{"any": [{**LUMEN, "op": "ne", "value": f"{n}"} for n in range(100)]} for _ in range(2)]}
    many = {**LUMEN, "op": "in", "value": [*map(str, range(9999)), "Lumen"]}
    deep: dict[str, Any] = LUMEN
    for _ in range(10):
        deep = {"not": deep}
    for document in (wide, many, deep):
        assert groups.preview_products(conn, document).count == 1


def test_every_change_of_a_group_is_told(conn: Conn) -> None:
    group = define(conn)
    revise(conn, group.id)
    revise(conn, group.id, name="Others")
    groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=BY)
    told = conn.execute(
        """
        SELECT action, subject_id, before ->> 'name', after ->> 'name', after -> 'filter', request_id
          FROM audit_entries
         ORDER BY id
        """
    ).fetchall()
    key = str(group.id)
    assert told == [
        ("group.created", key, None, "A group", LUMEN, None),
        ("group.changed", key, "A group", "Others", LUMEN, "request-7"),
        ("group.deleted", key, "Others", None, None, "request-7"),
    ]
