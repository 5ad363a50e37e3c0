"""Lists of transactions, reviews, and who may upload statuses."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import statuses, transactions, uploads
from shared.domain.engine import Lane
from shared.domain.users import Caller, Role
from shared.store import partitions
from tests.actions.selling import buyer, confirm, publish, request, sell, sold, three_lenses
from tests.functions.doors import Doors
from tests.rows import NOW, Conn, a_store, a_user, percent_off

pytestmark = pytest.mark.usefixtures("app")

type Json = dict[str, Any]


@pytest.fixture
def doors(conn: Conn) -> Doors:
    return Doors(conn)


@pytest.fixture
def sales(conn: Conn) -> list[Json]:
    """Sales and voids of three stores of two retailers, two customers, two promotions and two months."""
    partitions.make(conn, "transactions", NOW.date().replace(day=1))
    three_lenses(conn)
    for store_id in ("S1", "S2", "S3"):
        a_store(conn, store_id)
    conn.execute("UPDATE stores SET parent_id = 'S1' WHERE id = 'S2'")
    everywhere = publish(conn)
    of_b = percent_off("5", target={"fact": "product.sku", "op": "eq", "value": "B"})
    some = publish(conn, rule=of_b, lane=Lane.ORDER)
    seller = {
        s: Caller(a_user(conn, Role.STORE_USER, store_id=s), Role.STORE_USER, s) for s in ("S1", "S2", "S3")
    }
    for number in range(24):
        store_id = f"S{number % 3 + 1}"
        moment = NOW + timedelta(days=number * 2, microseconds=number)
        lines = (("A", 1), ("B", 1)) if number % 4 else (("A", 1),)
        sale = request(
            *lines,
            store_id=store_id,
            receipt_number=f"R{number}" if number % 5 == 0 else None,
            customer=buyer(phone_hash=bytes([number % 2])) if number % 3 == 0 else None,
        )
        sold_id = sold(sell(conn, seller[store_id], sale, moment))
        if number % 6 == 0:
            actions_void(conn, sold_id, seller[store_id], moment + timedelta(hours=1))
        status = ("New", "Under Review", "Verified", "Settlement Complete")[number % 4]
        conn.execute("UPDATE transactions SET status = %s WHERE id = %s", [status, sold_id])
    rows = conn.execute(
        """
        SELECT id, kind, store_id, retailer_id, receipt_number, status, created_at, customer_id,
               ARRAY(SELECT promotion_id FROM redemptions WHERE transaction_id = id) AS promotions
          FROM transactions
         ORDER BY id DESC
        """
    )
    names = [column.name for column in rows.description or ()]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    assert {promotion for each in found for promotion in each["promotions"]} == {everywhere, some}
    return found


def actions_void(conn: Conn, sale: UUID, seller: Caller, now: datetime) -> None:
    from shared.actions import transactions as actions

    with conn.transaction():
        actions.void(conn, now, transaction_id=sale, reason="Wrong", caller=seller, key=str(uuid4()))


def listed(doors: Doors, query: dict[str, str], limit: int = 100, **signed_in: Any) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        status, page = doors.call(
            transactions.list_transactions, query=query | cursor | {"limit": str(limit)}, **signed_in
        )
        assert status == 200, page
        ids += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            return ids
        assert len(page["items"]) == limit
        cursor = {"cursor": page["next_cursor"]}


def test_filters_find_what_a_plain_look_at_all_rows_finds(doors: Doors, sales: list[Json]) -> None:
    instants = [each["created_at"] for each in sales[::5]]
    some = {
        "store_id": {str(each["store_id"]) for each in sales} | {"S9"},
        "retailer_id": {"S1", "S3", "S2"},
        "status": {str(each["status"]) for each in sales},
        "kind": {"sale", "void", "return"},
        "customer_id": {str(each["customer_id"]) for each in sales if each["customer_id"]},
        "receipt_number": {"R0", "R5", "R10"},
        "promotion_id": {str(each) for row in sales for each in row["promotions"]} | {str(uuid4())},
        "created_from": {each.astimezone(UTC).isoformat(timespec="milliseconds") for each in instants},
        "created_until": {each.astimezone(UTC).isoformat(timespec="milliseconds") for each in instants},
    }
    queries = st.fixed_dictionaries(
        {}, optional={name: st.sampled_from(sorted(v)) for name, v in some.items()}
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(query=queries, limit=st.sampled_from([1, 3, 100]))
    def look(query: dict[str, str], limit: int) -> None:
        found = [each for each in sales if fits(each, query)]
        assert listed(doors, query, limit) == [str(each["id"]) for each in found]
        if query.get("store_id") in {None, "S1", "S2"}:
            below = listed(doors, query, limit, role=Role.PARENT_STORE_USER, store_id="S1")
            assert below == [str(each["id"]) for each in found if each["store_id"] in {"S1", "S2"}]

    look()


def fits(row: Json, query: dict[str, str]) -> bool:
    moment = row["created_at"].replace(microsecond=row["created_at"].microsecond // 1000 * 1000)
    return all(
        value in {str(each) for each in row["promotions"]}
        if name == "promotion_id"
        else moment >= datetime.fromisoformat(value)
        if name == "created_from"
        else moment < datetime.fromisoformat(value)
        if name == "created_until"
        else str(row[name]) == value
        for name, value in query.items()
    )


def test_a_list_is_newest_first_and_within_reach(doors: Doors, sales: list[Json]) -> None:
    found = listed(doors, {})
    assert all(one > other for one, other in pairwise(found))
    assert len(found) == len(sales) == 28
    own = listed(doors, {}, role=Role.STORE_USER, store_id="S2")
    assert own == [str(each["id"]) for each in sales if each["store_id"] == "S2"]
    status, problem = doors.call(
        transactions.list_transactions, role=Role.STORE_USER, store_id="S2", query={"store_id": "S1"}
    )
    assert (status, problem["code"]) == (403, "store_out_of_scope")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ({"status": "Verifyed"}, "/status"),
        ({"kind": "sold"}, "/kind"),
        ({"created_from": "2026-06-01T00:00:00"}, "/created_from"),
        ({"promotion_id": "x"}, "/promotion_id"),
    ],
)
def test_a_filter_that_says_nothing_is_refused(doors: Doors, query: dict[str, str], pointer: str) -> None:
    status, problem = doors.call(transactions.list_transactions, query=query)
    assert status == 422
    assert [error["pointer"] for error in problem["errors"]] == [pointer]


def test_review_and_verify(doors: Doors, conn: Conn) -> None:
    three_lenses(conn)
    a_store(conn)
    quote, _ = confirm(conn, Caller(a_user(conn, Role.STORE_USER, store_id="S1"), Role.STORE_USER, "S1"))
    path = {"transaction_id": str(sold(quote))}
    because = {"reason": "The receipt says otherwise"}
    for door, wanted in (
        (statuses.review_transaction, "Under Review"),
        (statuses.verify_transaction, "Verified"),
    ):
        for role in (Role.BACK_OFFICE, Role.ADMIN):
            status, found = doors.call(door, role=role, path=path, body=because)
            assert (status, found["status"], found["retailer_id"]) == (200, wanted, "S1")
        assert doors.call(door, path=path, body={})[0] == 422
    conn.execute("UPDATE transactions SET status = 'Settlement Complete'")
    status, problem = doors.call(statuses.review_transaction, path=path, body=because)
    assert (status, problem["code"]) == (409, "transition_not_allowed")
    assert (
        doors.call(statuses.review_transaction, path={"transaction_id": str(uuid4())}, body=because)[0] == 404
    )


def test_back_office_uploads_statuses_and_no_master_data(doors: Doors) -> None:
    def asked(kind: str, role: Role) -> tuple[int, Any]:
        return doors.call(uploads.create_upload, role=role, body={"kind": kind, "filename": "a.csv"})

    assert asked("transaction_status", Role.BACK_OFFICE)[0] == 201
    status, problem = asked("stores", Role.BACK_OFFICE)
    assert (status, problem["code"]) == (403, "permission_missing")
    assert "uploads.write" in problem["detail"]
    master = asked("stores", Role.ADMIN)[1]["upload_id"]
    own = asked("transaction_status", Role.ADMIN)[1]["upload_id"]
    path = {"upload_id": master}
    assert doors.call(uploads.cancel_upload, role=Role.BACK_OFFICE, path=path)[0] == 403
    assert doors.call(uploads.cancel_upload, path=path)[0] == 200
    assert doors.call(uploads.cancel_upload, role=Role.BACK_OFFICE, path={"upload_id": own})[0] == 200
    kinds = {each["kind"]: each["permission"] for each in doors.call(uploads.list_upload_kinds)[1]}
    assert kinds["users"] == "uploads.write"
    assert kinds["transaction_status"] == "transactions.review"
