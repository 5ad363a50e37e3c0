"""Groups that promotions stand on: who belongs to them is settled at a publish and after each upload."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.actions import groups, promotions
from shared.domain.audit import By
from shared.domain.filters import FilterInvalid
from shared.domain.groups import Group, GroupChange, GroupInUse, GroupTerms, GroupUnknown, Subject
from shared.domain.promotions import Promotion
from shared.store import group_members
from tests.harness import eventually
from tests.rows import NOW, UPLOAD, Conn, a_product, a_store, a_user, terms

LUMEN = {"fact": "product.brand", "op": "eq", "value": "Lumen"}
ROMAN = {"fact": "store.city", "op": "eq", "value": "Roma"}
QUANTITY = {"sum_quantity": "lines", "op": "ge", "value": 2}


@pytest.fixture
def by(conn: Conn) -> By:
    return By(a_user(conn))


def define(conn: Conn, by: By, subject: Subject = Subject.PRODUCT, name: str = "A group") -> Group:
    terms = GroupTerms(name=name, description="", filter=LUMEN if subject is Subject.PRODUCT else ROMAN)
    return groups.create(conn, NOW, subject, terms=terms, by=by)


def percent_off(**benefit: Any) -> dict[str, Any]:
    return {"schema": 1, "then": [{"kind": "percent_off", "percent": "10", **benefit}]}


def draft(conn: Conn, by: By, **changes: object) -> Promotion:
    with conn.transaction():
        return promotions.create(conn, NOW, terms=terms(**changes), by=by)


def publish(conn: Conn, by: By, promotion: Promotion) -> Promotion:
    with conn.transaction():
        return promotions.publish(conn, NOW, promotion.id, by=by, approval_required=False)


def published(conn: Conn, by: By, group: Group, **changes: object) -> Promotion:
    rule = percent_off(target={"in_group": str(group.id)})
    return publish(conn, by, draft(conn, by, **({"rule": rule} | changes)))


def reresolve(conn: Conn, subject: Subject = Subject.PRODUCT, upload_id: UUID = UPLOAD) -> list[GroupChange]:
    with conn.transaction():
        return groups.reresolve(conn, NOW, subject, upload_id)


def members(conn: Conn, group: Group) -> set[str]:
    return {
        key
        for (key,) in conn.execute("SELECT key FROM group_members WHERE group_id = %s", [group.id]).fetchall()
    }


def rule_set_count(conn: Conn) -> int:
    return conn.execute("SELECT count(*) FROM rule_sets").fetchall()[0][0]


def find_changes(conn: Conn, group: Group) -> list[tuple[Any, ...]]:
    found = group_members.find_changes(conn, group.id, before=None, limit=50)
    return [(each.upload_id, each.joined, each.left, each.joined_sample, each.left_sample) for each in found]


# Naming a group.


def test_a_group_that_is_named_must_be_there_and_of_the_right_things(conn: Conn, by: By) -> None:
    products, stores = define(conn, by), define(conn, by, Subject.STORE)
    of_products, of_stores, of_nobody = ({"in_group": str(key)} for key in (products.id, stores.id, uuid4()))
    for changes, pointer in [
        ({"stores": {"any": [of_stores, of_products]}}, "/stores/any/1/in_group"),
        ({"stores": of_nobody}, "/stores/in_group"),
        ({"rule": percent_off(target=of_stores)}, "/rule/then/0/target/in_group"),
        ({"rule": percent_off(target={"not": of_nobody})}, "/rule/then/0/target/not/in_group"),
        ({"rule": {**percent_off(), "if": of_products}}, "/rule/if/in_group"),
        ({"rule": {**percent_off(), "if": {**QUANTITY, "where": of_stores}}}, "/rule/if/where/in_group"),
    ]:
        with pytest.raises(GroupUnknown) as refusal:
            draft(conn, by, **changes)
        assert refusal.value.pointer == pointer
    draft(conn, by, stores=of_stores, rule={**percent_off(target=of_products), "if": of_stores})


def test_a_revision_names_groups_that_are_there(conn: Conn, by: By) -> None:
    promotion = draft(conn, by)
    with pytest.raises(GroupUnknown), conn.transaction():
        promotions.revise(
            conn,
            NOW,
            promotion_id=promotion.id,
            change=lambda _: terms(stores={"in_group": str(uuid4())}),
            by=by,
        )


def test_the_filter_of_a_group_names_no_group(conn: Conn, by: By) -> None:
    with pytest.raises(FilterInvalid):
        groups.preview_products(conn, {"in_group": str(define(conn, by).id)})


def test_a_group_that_is_gone_is_not_published(conn: Conn, by: By) -> None:
    group = define(conn, by)
    promotion = draft(conn, by, rule=percent_off(target={"in_group": str(group.id)}))
    groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=by)
    with pytest.raises(GroupUnknown) as refusal:
        publish(conn, by, promotion)
    assert refusal.value.pointer == "/rule/then/0/target/in_group"
    assert rule_set_count(conn) == 0


# Who belongs to it.


def test_a_publish_settles_who_belongs(conn: Conn, by: By) -> None:
    a_product(conn, "A", "10")
    a_product(conn, "B", "10")
    a_product(conn, "OFF", "10", active=False)
    a_product(conn, "Z", "10", brand="Zenith")
    a_store(conn, "S1")
    a_store(conn, "S2", city="Milano")
    products, stores, unused = (
        define(conn, by),
        define(conn, by, Subject.STORE),
        define(conn, by, name="Unused"),
    )
    promotion = draft(
        conn, by, stores={"in_group": str(stores.id)}, rule=percent_off(target={"in_group": str(products.id)})
    )
    assert members(conn, products) == set(), "a draft settles nothing"
    publish(conn, by, promotion)
    assert [members(conn, group) for group in (products, stores, unused)] == [{"A", "B"}, {"S1"}, set()]
    assert find_changes(conn, products) == [(None, 2, 0, ("A", "B"), ())]


def test_a_second_promotion_of_the_same_group_settles_nothing_anew(conn: Conn, by: By) -> None:
    a_product(conn, "A", "10")
    group = define(conn, by)
    published(conn, by, group)
    published(conn, by, group)
    assert members(conn, group) == {"A"}
    assert len(find_changes(conn, group)) == 1


def test_an_upload_that_moves_goods_moves_the_members(conn: Conn, by: By) -> None:
    for sku in "ABC":
        a_product(conn, sku, "10")
    a_product(conn, "Z", "10", brand="Zenith")
    group, other = define(conn, by), define(conn, by, name="Unused")
    published(conn, by, group)
    conn.execute(
        "UPDATE products SET brand = CASE sku WHEN 'Z' THEN 'Lumen' ELSE 'Zenith' END WHERE sku IN ('A', 'Z')"
    )
    conn.execute("UPDATE products SET active = false WHERE sku = 'B'")
    (change,) = reresolve(conn)
    assert (change.group_id, change.upload_id) == (group.id, UPLOAD)
    assert members(conn, group) == {"C", "Z"}
    assert find_changes(conn, group)[0] == (UPLOAD, 1, 2, ("Z",), ("A", "B"))
    assert rule_set_count(conn) == 2
    assert members(conn, other) == set()


def test_an_upload_that_moves_nobody_makes_no_rule_set(conn: Conn, by: By) -> None:
    a_product(conn, "A", "10")
    group = define(conn, by)
    published(conn, by, group)
    conn.execute("UPDATE products SET name = 'Another name'")
    assert reresolve(conn) == []
    assert rule_set_count(conn) == 1


def test_uploads_of_stores_move_stores_only(conn: Conn, by: By) -> None:
    a_store(conn, "S1")
    products, stores = define(conn, by), define(conn, by, Subject.STORE)
    published(conn, by, products, stores={"in_group": str(stores.id)})
    a_store(conn, "S2")
    a_product(conn, "A", "10")
    assert [change.group_id for change in reresolve(conn, Subject.STORE)] == [stores.id]
    assert (members(conn, products), members(conn, stores)) == (set(), {"S1", "S2"})


def test_a_paused_promotion_keeps_its_groups_fresh(conn: Conn, by: By) -> None:
    group = define(conn, by)
    promotion = published(conn, by, group)
    with conn.transaction():
        promotions.pause(conn, NOW, promotion.id, by=by)
    a_product(conn, "A", "10")
    assert len(reresolve(conn)) == 1
    assert members(conn, group) == {"A"}


def test_no_group_in_use_is_nothing_to_do(conn: Conn, by: By) -> None:
    a_product(conn, "A", "10")
    draft(conn, by, rule=percent_off(target={"in_group": str(define(conn, by).id)}))
    assert reresolve(conn) == []
    assert conn.execute("SELECT count(*) FROM group_members").fetchone() == (0,)


def test_members_are_forgotten_with_the_last_promotion(conn: Conn, by: By) -> None:
    a_product(conn, "A", "10")
    group = define(conn, by)
    first, second = published(conn, by, group), published(conn, by, group)
    with conn.transaction():
        promotions.archive(conn, NOW, first.id, by=by)
    assert members(conn, group) == {"A"}
    with conn.transaction():
        promotions.revise(conn, NOW, promotion_id=second.id, change=lambda _: terms(), by=by)
    assert members(conn, group) == {"A"}, "what is published stands on it still"
    publish(conn, by, second)
    assert members(conn, group) == set()


def test_the_samples_are_twenty_and_the_counts_all(conn: Conn, by: By) -> None:
    for number in range(30):
        a_product(conn, f"L-{number:02}", "10")
    group = define(conn, by)
    published(conn, by, group)
    ((_, joined, _, sample, _),) = find_changes(conn, group)
    assert (joined, len(sample), sample[0], sample[-1]) == (30, 20, "L-00", "L-19")


# What promotions stand on stays as it is.


def test_a_group_in_use_selects_whom_it_selected(conn: Conn, by: By) -> None:
    group = define(conn, by)
    promotion = published(conn, by, group, name="Summer")

    def change(**to: Any) -> Group:
        return groups.revise(
            conn,
            NOW,
            Subject.PRODUCT,
            group_id=group.id,
            change=lambda group: replace(group.terms, **to),
            by=by,
        )

    narrower = {"all": [LUMEN]}
    for step in (
        lambda: change(filter=narrower),
        lambda: groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=by),
    ):
        with pytest.raises(GroupInUse, match=rf"Summer \({promotion.id}\)"), conn.transaction():
            step()
    assert change(name="Called otherwise").name == "Called otherwise"
    with conn.transaction():
        promotions.archive(conn, NOW, promotion.id, by=by)
        assert change(filter=narrower).filter == narrower
        groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=by)


@pytest.mark.parametrize("approved", [False, True], ids=["submitted", "approved"])
def test_what_somebody_reads_to_approve_it_stays_as_it_is(conn: Conn, by: By, *, approved: bool) -> None:
    group = define(conn, by)
    promotion = draft(conn, by, rule=percent_off(target={"in_group": str(group.id)}))
    with conn.transaction():
        promotions.submit(conn, NOW, promotion.id, by=by)
        if approved:
            promotions.approve(conn, NOW, promotion.id, by=By(a_user(conn)))
    with pytest.raises(GroupInUse), conn.transaction():
        groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=by)
    with conn.transaction():
        promotions.revise(conn, NOW, promotion_id=promotion.id, change=lambda _: terms(), by=by)
        groups.delete(conn, NOW, Subject.PRODUCT, group.id, by=by)


# At the same time.


def held_up(conn: Conn) -> bool:
    return conn.execute(
        """
        SELECT EXISTS (
                 SELECT FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))
               )
        """
    ).fetchall()[0][0]


def wait_until_held_up(conn: Conn) -> None:
    eventually(partial(held_up, conn), within_s=20)


def test_a_publish_during_an_upload_sees_what_that_applied(conn: Conn, by: By, database_url: str) -> None:
    group = define(conn, by)
    promotion = draft(conn, by, rule=percent_off(target={"in_group": str(group.id)}))

    def publish_aside() -> None:
        with psycopg.connect(database_url, autocommit=True) as own:
            publish(own, by, promotion)

    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            a_product(conn, "A", "10")
            assert groups.reresolve(conn, NOW, Subject.PRODUCT, UPLOAD) == []
            publishing = threads.submit(publish_aside)
            wait_until_held_up(conn)
        publishing.result()
    assert members(conn, group) == {"A"}


def test_an_upload_during_a_publish_finds_the_group_in_use(conn: Conn, by: By, database_url: str) -> None:
    group = define(conn, by)
    promotion = draft(conn, by, rule=percent_off(target={"in_group": str(group.id)}))

    def apply_aside() -> list[GroupChange]:
        with psycopg.connect(database_url, autocommit=True) as own, own.transaction():
            a_product(own, "A", "10")
            return groups.reresolve(own, NOW, Subject.PRODUCT, UPLOAD)

    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            promotions.publish(conn, NOW, promotion.id, by=by, approval_required=False)
            applying = threads.submit(apply_aside)
            wait_until_held_up(conn)
        assert [change.joined for change in applying.result()] == [1]
    assert members(conn, group) == {"A"}
    assert rule_set_count(conn) == 2


def test_a_group_is_not_deleted_under_a_publish(conn: Conn, by: By, database_url: str) -> None:
    group = define(conn, by)
    promotion = draft(conn, by, rule=percent_off(target={"in_group": str(group.id)}))

    def delete_aside() -> None:
        with psycopg.connect(database_url, autocommit=True) as own, own.transaction():
            groups.delete(own, NOW, Subject.PRODUCT, group.id, by=by)

    with ThreadPoolExecutor(1) as threads:
        with conn.transaction():
            promotions.publish(conn, NOW, promotion.id, by=by, approval_required=False)
            deleting = threads.submit(delete_aside)
            wait_until_held_up(conn)
        with pytest.raises(GroupInUse):
            deleting.result()


def test_a_group_of_everything_moves_in_one_go(conn: Conn, by: By) -> None:
    """Statistics of a moment ago know none of the members; to look for each among all would take minutes."""
    conn.execute(
        """
        INSERT INTO products (sku, kind, name, brand, price, currency, tax_rate_pct, active, attributes,
                              upload_id, created_at, updated_at)
        SELECT 'P' || number, 'lens', 'A lens', 'Lumen', 10, 'EUR', 22, true, '{}', %s, %s, %s
          FROM generate_series(1, 20000) AS number
        """,
        [UPLOAD, NOW, NOW],
    )
    conn.execute("ANALYZE products, group_members")
    group = define(conn, by)
    published(conn, by, group)
    conn.execute("UPDATE products SET active = false")
    conn.execute("SET statement_timeout = '20s'")
    (change,) = reresolve(conn)
    assert (change.joined, change.left) == (0, 20_000)
