"""The doors of reconciliation: mappings and rules of retailers, runs, the work list and decisions on it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions import differences, reconciliations, retailers, uploads
from shared.domain.users import Caller, Role
from shared.jobs.runner import run
from tests.actions.selling import a_seller, request, sell, sold, three_lenses
from tests.functions.doors import Doors
from tests.rows import UPLOAD, Conn, a_store

TEN = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
R1: dict[str, Any] = {"path": {"retailer_id": "S1"}}
MAPPING: dict[str, Any] = {
    "columns": {
        "store_id": "Shop",
        "number": "Ticket",
        "sold_on": "Date",
        "sold_time": "Time",
        "sku": "Code",
        "quantity": "Count",
        "amount": "Paid",
    },
    "constants": {"currency": "EUR"},
    "date_format": "DD/MM/YY",
    "hour_format": "hh:mm A",
    "decimal_mark": ",",
}


@pytest.fixture
def doors(app: None, conn: Conn) -> Doors:  # noqa: ARG001
    return Doors(conn)


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn, "10.00")
    return a_seller(conn)


def a_sale(conn: Conn, seller: Caller, minute: int, sku: str = "A", number: str | None = None) -> str:
    sale = request((sku, 1), receipt_number=number)
    return str(sold(sell(conn, seller, sale, TEN + timedelta(minutes=minute))))


def a_receipt(conn: Conn, minute: int, sku: str = "A", net: int = 1000, number: str | None = None) -> str:
    number = number or f"T{uuid4()}"
    row = conn.execute(
        """
        INSERT INTO receipts (retailer_id, store_id, kind, key, number, sold_at, day, currency, net_minor,
                              lines, upload_id, created_at, updated_at)
        VALUES ('S1', 'S1', 'sale', %(number)s, %(number)s, %(at)s, '2026-06-15', 'EUR', %(net)s,
                jsonb_build_array(jsonb_build_object('sku', %(sku)s::text, 'quantity', 1, 'net_minor',
                                                     %(net)s::integer, 'promotion', NULL)),
                %(upload)s, %(at)s, %(at)s)
        RETURNING id
        """,
        {"number": number, "at": TEN + timedelta(minutes=minute), "net": net, "sku": sku, "upload": UPLOAD},
    ).fetchall()[0]
    return str(row[0])


def reconcile(doors: Doors) -> dict[str, Any]:
    body = {"retailer_id": "S1", "from_on": "2026-06-15", "until_on": "2026-06-15"}
    status, begun = doors.call(reconciliations.create_reconciliation, body=body, role=Role.BACK_OFFICE)
    assert (status, begun["status"], begun["total"]) == (202, "queued", 1)
    run(UUID(begun["job_id"]), TEN + timedelta(days=30))
    status, ended = doors.call(
        reconciliations.get_reconciliation, path={"reconciliation_id": begun["id"]}, role=Role.BACK_OFFICE
    )
    assert (status, ended["status"], ended["done"]) == (200, "completed", 1)
    return ended


def work(doors: Doors, **query: str) -> list[dict[str, Any]]:
    status, page = doors.call(
        differences.list_differences, query={"state": "open", **query}, role=Role.BACK_OFFICE
    )
    assert status == 200
    return page["items"]


def resolve(doors: Doors, difference_id: str, resolution: str, **body: str) -> tuple[int, Any]:
    return doors.call(
        differences.resolve_difference,
        path={"difference_id": difference_id},
        body={"resolution": resolution, "reason": "Looked at the paper", **body},
        role=Role.BACK_OFFICE,
    )


def resolve_many(doors: Doors, **body: Any) -> dict[str, Any]:
    status, found = doors.call(
        differences.resolve_differences,
        body={"resolution": "accept_ours", "reason": "All the same", **body},
        role=Role.BACK_OFFICE,
    )
    assert status == 200
    if found["reconciliation_id"]:
        _, begun = doors.call(
            reconciliations.get_reconciliation, path={"reconciliation_id": found["reconciliation_id"]}
        )
        run(UUID(begun["job_id"]), TEN + timedelta(days=30))
    return found


def status_of(conn: Conn, sale_id: str) -> str:
    return conn.execute("SELECT status FROM transactions WHERE id = %s", [sale_id]).fetchall()[0][0]


def test_a_mapping_is_written_in_revisions(doors: Doors, conn: Conn, seller: Caller) -> None:  # noqa: ARG001
    assert doors.call(retailers.get_receipt_mapping, **R1)[1]["code"] == "receipt_mapping_not_found"
    status, first = doors.call(retailers.put_receipt_mapping, **R1, body=MAPPING)
    assert (status, first["revision"], first["mapping"]["decimal_mark"]) == (200, 1, ",")
    assert doors.call(retailers.put_receipt_mapping, **R1, body=MAPPING)[0] == 428
    stale = {"if-match": '"7"'}
    assert doors.call(retailers.put_receipt_mapping, **R1, body=MAPPING, headers=stale)[0] == 412
    status, second = doors.call(
        retailers.put_receipt_mapping,
        **R1,
        body=MAPPING | {"store_by": "attribute:code"},
        headers={"if-match": '"1"'},
    )
    assert (status, second["revision"]) == (200, 2)
    assert doors.call(retailers.get_receipt_mapping, **R1)[1] == second
    told = conn.execute(
        "SELECT before -> 'revision', after #>> '{terms,store_by}' FROM audit_entries"
        " WHERE action = 'retailer.receipt_mapping_changed' ORDER BY id"
    ).fetchall()
    assert told == [(None, "id"), (1, "attribute:code")]


def test_a_bad_mapping_is_told_where(doors: Doors, conn: Conn) -> None:
    a_store(conn, "S1")
    bad = MAPPING | {"columns": MAPPING["columns"] | {"colour": "Colour"}}
    status, problem = doors.call(retailers.put_receipt_mapping, **R1, body=bad)
    assert (status, problem["code"]) == (422, "receipt_mapping_invalid")
    assert problem["errors"][0]["pointer"] == "/columns/colour"


def test_rules_hold_for_everybody_until_a_retailer_has_others(
    doors: Doors, conn: Conn, seller: Caller
) -> None:
    usual = doors.call(retailers.get_reconciliation_rules, **R1)[1]
    assert (usual["revision"], usual["rules"]["window_minutes"]) == (0, 15)
    status, problem = doors.call(retailers.put_reconciliation_rules, **R1, body={"window_minutes": 0})
    assert (status, problem["errors"][0]["pointer"]) == (422, "/window_minutes")
    body = {"amount_tolerance": "0.50", "window_minutes": 5, "review": False}
    assert doors.call(retailers.put_reconciliation_rules, **R1, body=body)[1]["revision"] == 1
    near, far, off = (a_sale(conn, seller, minute) for minute in (0, 60, 120))
    for minute, net in ((4, 1050), (66, 1000), (120, 900)):
        a_receipt(conn, minute, net=net)
    reconcile(doors)
    assert [status_of(conn, each) for each in (near, far, off)] == ["Verified", "New", "New"]
    assert [each["kind"] for each in work(doors)].count("amount") == 1


def test_only_retailers_have_terms(doors: Doors, conn: Conn, seller: Caller) -> None:  # noqa: ARG001
    path = {"path": {"retailer_id": "NOBODY"}}
    assert doors.call(retailers.get_reconciliation_rules, **path)[1]["code"] == "retailer_unknown"
    ask = {"kind": "receipts", "filename": "r.csv", "retailer_id": "NOBODY"}
    assert doors.call(uploads.create_upload, body=ask)[1]["code"] == "retailer_unknown"
    ask = {"kind": "stores", "filename": "r.csv", "retailer_id": "S1"}
    assert doors.call(uploads.create_upload, body=ask)[1]["code"] == "retailer_not_wanted"


def test_accepting_ours_verifies_and_accepting_theirs_does_not(
    doors: Doors, conn: Conn, seller: Caller
) -> None:
    ours, theirs = a_sale(conn, seller, 0), a_sale(conn, seller, 60)
    a_receipt(conn, 0, net=900)
    a_receipt(conn, 60, net=800)
    reconcile(doors)
    by_sale = {each["transaction_id"]: each for each in work(doors, kind="amount", store_id="S1")}
    assert (by_sale[ours]["ours"]["net"], by_sale[ours]["theirs"]["net"]) == ("10.00", "9.00")
    status, resolved = resolve(doors, by_sale[ours]["id"], "accept_ours")
    assert (status, resolved["state"], resolved["resolution"]) == (200, "resolved", "accept_ours")
    assert resolve(doors, by_sale[theirs]["id"], "accept_theirs")[0] == 200
    assert (status_of(conn, ours), status_of(conn, theirs)) == ("Verified", "Under Review")
    status, problem = resolve(doors, by_sale[ours]["id"], "dismiss")
    assert (status, problem["code"]) == (409, "difference_resolved")
    reconcile(doors)
    assert (status_of(conn, ours), status_of(conn, theirs), work(doors)) == ("Verified", "Under Review", [])


def test_a_decision_is_on_what_was_seen(doors: Doors, conn: Conn, seller: Caller) -> None:
    sale, receipt = a_sale(conn, seller, 0), a_receipt(conn, 0, net=999)
    a_receipt(conn, 0, net=990)
    conn.execute("DELETE FROM receipts WHERE net_minor = 990")
    conn.execute("UPDATE receipts SET net_minor = 900 WHERE id = %s", [receipt])
    reconcile(doors)
    (found,) = work(doors)
    resolve(doors, found["id"], "accept_ours")
    conn.execute("UPDATE receipts SET net_minor = 500 WHERE id = %s", [receipt])
    reconcile(doors)
    (again,) = work(doors)
    assert (again["theirs"]["net"], status_of(conn, sale)) == ("5.00", "Under Review")


def test_somebody_says_which_lookalike_it_is(doors: Doors, conn: Conn, seller: Caller) -> None:
    """With the one said, the other is sure."""
    first, second = a_sale(conn, seller, 0), a_sale(conn, seller, 1)
    one, other = a_receipt(conn, 0), a_receipt(conn, 1)
    reconcile(doors)
    assert (status_of(conn, first), status_of(conn, second)) == ("Under Review", "Under Review")
    found = {each["receipt_id"]: each for each in work(doors, kind="unsure")}
    assert {each["id"] for each in found[one]["candidates"]} == {first, second}
    status, problem = resolve(doors, found[one]["id"], "match")
    assert (status, problem["code"]) == (422, "other_side_needed")
    status, problem = resolve(doors, found[one]["id"], "match", transaction_id=str(uuid4()))
    assert (status, problem["code"]) == (422, "cannot_match")
    status, matched = resolve(doors, found[one]["id"], "match", transaction_id=second)
    assert (status, matched["matched_with"]) == (200, second)
    assert (status_of(conn, first), status_of(conn, second), work(doors)) == ("Verified", "Verified", [])
    reconcile(doors)
    pairs = dict(
        conn.execute("SELECT receipt_id::text, transaction_id::text FROM reconciled_sales").fetchall()
    )
    assert pairs == {one: second, other: first}


def test_a_sale_without_a_receipt_is_matched_by_hand(doors: Doors, conn: Conn, seller: Caller) -> None:
    """Of other goods: the till had a wrong code. What differs then is accepted in a second decision."""
    sale, receipt = a_sale(conn, seller, 0, "A"), a_receipt(conn, 20, "B")
    reconcile(doors)
    missing = {each["kind"]: each for each in work(doors)}
    status, matched = resolve(doors, missing["missing_with_them"]["id"], "match", receipt_id=receipt)
    assert (status, matched["matched_with"]) == (200, receipt)
    told = conn.execute(
        "SELECT before, after FROM audit_entries WHERE action = 'difference.resolved'"
    ).fetchall()[0]
    assert [each.get("matched_with") for each in told] == [None, receipt]
    (found,) = work(doors)
    assert (found["kind"], found["transaction_id"], found["receipt_id"]) == ("quantity", sale, receipt)
    status, problem = resolve(doors, found["id"], "match", receipt_id=receipt)
    assert (status, problem["code"]) == (422, "nothing_to_match")
    assert resolve(doors, found["id"], "accept_ours")[0] == 200
    assert (status_of(conn, sale), work(doors)) == ("Verified", [])


def test_many_are_resolved_by_ids_and_by_a_filter(doors: Doors, conn: Conn, seller: Caller) -> None:
    sales = [a_sale(conn, seller, 60 * hour) for hour in range(5)]
    for hour in range(5):
        a_receipt(conn, 60 * hour, net=900)
    a_receipt(conn, 550, "C")
    reconcile(doors)
    ids = [each["id"] for each in work(doors, kind="amount")]
    strange = str(uuid4())
    resolve(doors, ids[0], "dismiss")
    found = resolve_many(doors, ids=[ids[0], ids[1], strange])
    assert [each["outcome"] for each in found["items"]] == ["resolved_before", "resolved", "not_found"]
    assert (found["resolved"], found["more"]) == (1, False)
    found = resolve_many(doors, filter={"kind": "amount", "store_id": "S1"}, limit=2)
    assert (found["resolved"], found["more"], len(found["items"])) == (2, True, 2)
    found = resolve_many(doors, filter={"kind": "amount"})
    assert (found["resolved"], found["more"]) == (1, False)
    assert {status_of(conn, each) for each in sales} == {"Verified"}
    assert [each["kind"] for each in work(doors)] == ["missing_with_us"]
    assert resolve_many(doors, filter={"kind": "amount"})["reconciliation_id"] is None
    entries = conn.execute(
        "SELECT count(*), count(actor), count(after ->> 'reason') FROM audit_entries"
        " WHERE action = 'difference.resolved'"
    ).fetchall()
    assert entries == [(5, 5, 5)]


def test_the_list_goes_back_page_by_page(doors: Doors, conn: Conn, seller: Caller) -> None:  # noqa: ARG001
    for minute in range(3):
        a_receipt(conn, 60 * minute)
    reconcile(doors)
    status, page = doors.call(differences.list_differences, query={"limit": "2", "retailer_id": "S1"})
    assert (status, len(page["items"])) == (200, 2)
    status, rest = doors.call(
        differences.list_differences, query={"limit": "2", "cursor": page["next_cursor"]}
    )
    assert (len(rest["items"]), rest["next_cursor"]) == (1, None)
    assert len({each["id"] for each in (*page["items"], *rest["items"])}) == 3
    assert doors.call(differences.get_difference, path={"difference_id": rest["items"][0]["id"]})[0] == 200
    assert doors.call(differences.get_difference, path={"difference_id": str(uuid4())})[0] == 404
    assert doors.call(reconciliations.list_reconciliations)[1]["items"][0]["found"] == {"missing_with_us": 3}


def test_days_are_a_period_that_is_not_too_long(doors: Doors) -> None:
    for body in (
        {"from_on": "2026-06-15", "until_on": "2026-06-14"},
        {"from_on": "2026-01-01", "until_on": "2026-12-31"},
        {"from_on": "9999-12-31", "until_on": "9999-12-31"},
        {"from_on": "0001-01-01", "until_on": "0001-01-01"},
    ):
        status, problem = doors.call(reconciliations.create_reconciliation, body=body)
        assert (status, problem["code"]) == (422, "days_invalid")
