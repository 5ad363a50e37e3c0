"""Membership as SQL asks for it and as the engine does: they agree, whoever belongs to what."""

from typing import Any
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.filters import matches, parse_filter
from shared.domain.groups import Subject
from shared.store import filters
from tests.rows import a_product, a_store

GROUPS = [UUID(int=number) for number in range(1, 4)]
KEYS = ["A", "B", "C", "D", "é", "A B"]
LUMEN = {"fact": "product.brand", "op": "eq", "value": "Lumen"}
ROMAN = {"fact": "store.city", "op": "eq", "value": "Roma"}


def documents(leaf: dict[str, Any]) -> st.SearchStrategy[Any]:
    leaves = st.sampled_from([{"in_group": str(group)} for group in GROUPS] + [leaf])
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(lambda items: {"all": items}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda items: {"any": items}, st.lists(inner, min_size=1, max_size=3)),
            st.builds(lambda item: {"not": item}, inner),
        ),
        max_leaves=5,
    )


MEMBERSHIPS = st.sets(st.tuples(st.sampled_from(GROUPS), st.sampled_from(KEYS)))


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def check(conn: psycopg.Connection, subject: Subject, leaf: dict[str, Any], data: st.DataObject) -> None:
    found = data.draw(MEMBERSHIPS)
    document = data.draw(documents(leaf))
    conn.execute("DELETE FROM group_members")
    with conn.cursor() as cursor:
        cursor.executemany("INSERT INTO group_members (group_id, key) VALUES (%s, %s)", list(found))
    tree = parse_filter(document, namespaces=(subject,), group_subject=subject)
    odd = "Lumen" if subject is Subject.PRODUCT else "Roma"
    fact = "product.brand" if subject is Subject.PRODUCT else "store.city"
    expected = sorted(
        key
        for place, key in enumerate(KEYS)
        if matches(
            tree,
            {
                f"{subject}.groups": frozenset(str(group) for group, member in found if member == key),
                fact: odd if place % 2 else "Other",
            },
        )
    )
    chosen = filters.choose(conn, subject, tree, sample=len(KEYS))
    assert (chosen.count, sorted(chosen.keys)) == (len(expected), expected)


def test_products_in_groups(conn: psycopg.Connection) -> None:
    for place, key in enumerate(KEYS):
        a_product(conn, key, "10", brand="Lumen" if place % 2 else "Other")
    check(conn, Subject.PRODUCT, LUMEN)


def test_stores_in_groups(conn: psycopg.Connection) -> None:
    for place, key in enumerate(KEYS):
        a_store(conn, key, city="Roma" if place % 2 else "Other")
    check(conn, Subject.STORE, ROMAN)
