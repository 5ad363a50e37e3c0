"""Reconciliation from the file of a till to the work list, and again after late and corrected files."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from shared.actions import promotions, reconciliations, transactions
from shared.domain.audit import By
from shared.domain.jobs import JobStatus
from shared.domain.reconciliation.runs import Reconciliation
from shared.domain.users import Caller
from shared.jobs import reconciliations as jobs
from shared.jobs.runner import run
from shared.store import reconciliations as runs
from tests.actions.selling import a_seller, at_once, publish, request, sell, sold, three_lenses
from tests.jobs.conftest import Client
from tests.rows import Conn, a_user

HEADER = "Store ID,Receipt Number,Sold At,SKU,Quantity,Amount,Promotion,Currency\n"
# Ten in the morning in Rome; the receipts come two days later, the grace is over after four.
TEN = datetime(2026, 6, 15, 8, 0, tzinfo=UTC)
SOON = TEN + timedelta(days=2)
LATER = TEN + timedelta(days=4)

type Line = tuple[str, int, str]


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn, "10.00")
    return a_seller(conn)


@pytest.fixture(autouse=True)
def _audited(conn: Conn) -> Iterator[None]:
    """Whatever a test did, entries tell each difference from nothing to what it is now."""
    yield
    for now, states in conn.execute(
        """
        SELECT difference_facts(differences),
               array_agg(jsonb_build_array(before, after) ORDER BY audit_entries.id)
          FROM differences
          LEFT JOIN audit_entries
            ON (subject_kind, subject_id) = ('difference', differences.id::text)
         GROUP BY differences.id
        """
    ):
        before, after = zip(*states, strict=True)
        assert (before[0], after[-1]) == (None, now)
        assert list(before[1:]) == list(after[:-1])


def receipt(number: str, minute: int, *lines: Line, promotion: str = "", store_id: str = "S1") -> str:
    """The rows of a receipt some minutes after ten."""
    at = f"2026-06-15 {10 + minute // 60}:{minute % 60:02}"
    return "".join(
        f"{store_id},{number},{at},{sku},{quantity},{amount},{promotion},EUR\n"
        for sku, quantity, amount in lines
    )


def a_sale(
    conn: Conn, seller: Caller, minute: int, *lines: tuple[str, int], number: str | None = None
) -> UUID:
    sale = request(*lines, receipt_number=number)
    return sold(sell(conn, seller, sale, TEN + timedelta(minutes=minute)))


def upload(client: Client, conn: Conn, *rows: str, now: datetime = SOON) -> Reconciliation:
    """Send the rows, and run the reconciliation that this begins to its end."""
    sent = client.send("receipts", HEADER + "".join(rows))
    assert sent.rows.rejected == 0, sent.errors
    (found,) = [
        each
        for each in runs.find(conn, reconciliation_id=None, before=None, limit=50)
        if each.upload_id == sent.id
    ]
    return ended(conn, found, now)


def asked(conn: Conn, now: datetime = LATER) -> Reconciliation:
    begun = jobs.begin(
        now,
        retailer_id=None,
        store_id="S1",
        from_on=date(2026, 6, 15),
        until_on=date(2026, 6, 15),
        by=By(a_user(conn)),
    )
    return ended(conn, begun, now)


def ended(conn: Conn, begun: Reconciliation, now: datetime) -> Reconciliation:
    run(begun.job_id, now)
    found = reconciliations.get(conn, begun.id)
    assert (found.status, found.done) == (JobStatus.COMPLETED, found.total)
    return found


def statuses(conn: Conn, *ids: UUID) -> list[str]:
    found = dict(
        conn.execute("SELECT id, status FROM transactions WHERE id = ANY(%s)", [list(ids)]).fetchall()
    )
    return [found[each] for each in ids]


def open_kinds(conn: Conn) -> list[tuple[str, UUID | None]]:
    return conn.execute(
        "SELECT kind, transaction_id FROM differences WHERE state = 'open' ORDER BY kind, id"
    ).fetchall()


def test_what_matches_is_verified_and_what_differs_is_reviewed(
    client: Client, conn: Conn, seller: Caller
) -> None:
    by_number = a_sale(conn, seller, 0, ("A", 1), number="R1")
    by_content = a_sale(conn, seller, 20, ("A", 1), ("B", 2))
    off = a_sale(conn, seller, 40, ("B", 1))
    more = a_sale(conn, seller, 60, ("C", 1))
    silent = a_sale(conn, seller, 300, ("C", 3))
    found = upload(
        client,
        conn,
        receipt("R1", 30, ("A", 1, "10.01")),
        receipt("R2", 21, ("B", 2, "20.00"), ("A", 1, "10.00")),
        receipt("R3", 41, ("B", 1, "9.00")),
        receipt("R4", 62, ("C", 2, "20.00")),
        receipt("R5", 200, ("A", 7, "70.00")),
        receipt("R6", 200, ("A", 7, "70.00")),
    )
    assert statuses(conn, by_number, by_content, off, more, silent) == [
        "Verified",
        "Verified",
        "Under Review",
        "Under Review",
        "New",
    ]
    assert open_kinds(conn) == [
        ("amount", off),
        ("duplicate", None),
        ("missing_with_us", None),
        ("quantity", more),
    ]
    assert (found.sales, found.receipts, found.matched) == (5, 6, 4)
    assert (found.verified, found.reviewed, found.waiting) == (2, 2, 1)
    assert found.found == {"amount": 1, "duplicate": 1, "missing_with_us": 1, "quantity": 1}
    again = asked(conn)
    assert (again.verified, again.reviewed, again.found["missing_with_them"]) == (0, 1, 1)
    assert statuses(conn, silent) == ["Under Review"]


def test_a_receipt_that_comes_late_mends_what_was_found(client: Client, conn: Conn, seller: Caller) -> None:
    sale = a_sale(conn, seller, 0, ("A", 1))
    asked(conn)
    assert (open_kinds(conn), statuses(conn, sale)) == ([("missing_with_them", sale)], ["Under Review"])
    upload(client, conn, receipt("R1", 1, ("A", 1, "9.00")))
    assert (open_kinds(conn), statuses(conn, sale)) == ([("amount", sale)], ["Under Review"])
    upload(client, conn, receipt("R1", 1, ("A", 1, "8.00")))
    (theirs,) = conn.execute("SELECT theirs ->> 'net' FROM differences WHERE state = 'open'").fetchall()
    assert theirs == ("8.00",)
    upload(client, conn, receipt("R1", 1, ("A", 1, "10.00")))
    assert (open_kinds(conn), statuses(conn, sale)) == ([], ["Verified"])
    upload(client, conn, receipt("R1", 1, ("B", 1, "10.00")), now=LATER)
    assert statuses(conn, sale) == ["Under Review"]


def test_a_second_run_changes_nothing(client: Client, conn: Conn, seller: Caller) -> None:
    for minute in range(0, 100, 10):
        a_sale(conn, seller, minute, ("A", 1 + minute % 3), number=f"R{minute}" if minute % 20 else None)
    upload(
        client,
        conn,
        *(receipt(f"R{m}", m, ("A", 1 + m % 3, f"{10 + m % 3 * 10}.00")) for m in range(0, 90, 10)),
    )
    asked(conn)
    before = everything(conn)
    asked(conn)
    assert everything(conn) == before


def everything(conn: Conn) -> list[Any]:
    return [
        conn.execute("SELECT * FROM differences ORDER BY id").fetchall(),
        conn.execute("SELECT * FROM reconciled_sales ORDER BY transaction_id").fetchall(),
        conn.execute("SELECT id, status FROM transactions ORDER BY id").fetchall(),
        conn.execute("SELECT count(*) FROM audit_entries WHERE action <> 'reconciliation.begun'").fetchall(),
    ]


def test_voids_and_returns_have_receipts_of_their_own(client: Client, conn: Conn, seller: Caller) -> None:
    """A sale voided before anything was printed is nothing to either side."""
    gone, back = a_sale(conn, seller, 0, ("A", 1)), a_sale(conn, seller, 60, ("B", 1), number="R1")
    voids = [void(conn, seller, gone, 5), void(conn, seller, back, 90)]
    upload(client, conn, receipt("R1", 60, ("B", 1, "10.00")), receipt("R2", 91, ("B", -1, "-10.00")))
    assert statuses(conn, gone, back, *voids) == ["Verified"] * 4
    assert open_kinds(conn) == []


def void(conn: Conn, seller: Caller, sale_id: UUID, minute: int) -> UUID:
    with conn.transaction():
        voided, _ = transactions.void(
            conn,
            TEN + timedelta(minutes=minute),
            transaction_id=sale_id,
            reason="Changed their mind",
            caller=seller,
            key=str(sale_id),
        )
    return voided.id


def test_a_promotion_that_was_over_is_told_by_the_stores_own_clock(
    client: Client, conn: Conn, seller: Caller
) -> None:
    """It ends at half past ten, local: the first receipt is before that, the second after."""
    publish(conn, TEN - timedelta(days=1), name="Morning", ends_at=datetime(2026, 6, 15, 10, 30))  # noqa: DTZ001
    early, late = a_sale(conn, seller, 0, ("A", 1)), a_sale(conn, seller, 60, ("B", 1))
    upload(
        client,
        conn,
        receipt("R1", 0, ("A", 1, "9.00"), promotion="morning"),
        receipt("R2", 60, ("B", 1, "10.00"), promotion="Morning"),
        receipt("R3", 500, ("C", 1, "9.00"), promotion="Never heard of"),
    )
    assert statuses(conn, early, late) == ["Verified", "Under Review"]
    assert open_kinds(conn) == [
        ("missing_with_us", None),
        ("promotion_not_allowed", late),
        ("promotion_not_allowed", None),
    ]


def test_what_the_sale_got_is_allowed_whatever_the_tills_clock_says(
    client: Client, conn: Conn, seller: Caller
) -> None:
    """It ended at half past ten, and the till, some minutes ahead, printed after that."""
    publish(conn, TEN - timedelta(days=1), name="Morning", ends_at=datetime(2026, 6, 15, 10, 30))  # noqa: DTZ001
    got, without = a_sale(conn, seller, 25, ("A", 1)), a_sale(conn, seller, 40, ("B", 1))
    upload(
        client,
        conn,
        receipt("R1", 33, ("A", 1, "9.00"), promotion="MORNING"),
        receipt("R2", 48, ("B", 1, "10.00"), promotion="MORNING"),
    )
    assert statuses(conn, got, without) == ["Verified", "Under Review"]
    assert open_kinds(conn) == [("promotion_not_allowed", without)]


def test_a_promotion_paused_at_the_time_is_not_allowed(client: Client, conn: Conn, seller: Caller) -> None:
    promotion_id = publish(conn, TEN - timedelta(days=1), name="On and off")
    early = a_sale(conn, seller, 0, ("A", 1))
    with conn.transaction():
        promotions.pause(conn, TEN + timedelta(minutes=30), promotion_id, by=By(a_user(conn)))
    late = a_sale(conn, seller, 60, ("B", 1))
    upload(
        client,
        conn,
        receipt("R1", 0, ("A", 1, "9.00"), promotion=str(promotion_id)),
        receipt("R2", 60, ("B", 1, "10.00"), promotion=str(promotion_id)),
    )
    assert (statuses(conn, early, late), len(open_kinds(conn))) == (["Verified", "Under Review"], 1)


def test_around_midnight_days_agree(client: Client, conn: Conn, seller: Caller) -> None:
    """Sold two minutes before midnight, printed a minute after; the days are reconciled one by one."""
    sale = a_sale(conn, seller, 14 * 60 - 2, ("A", 1))
    found = upload(client, conn, "S1,R1,2026-06-16 00:01,A,1,10.00,,EUR\n")
    assert (found.total, statuses(conn, sale)) == (1, ["Verified"])
    asked(conn)
    assert (open_kinds(conn), statuses(conn, sale)) == ([], ["Verified"])


def test_what_somebody_decided_of_a_status_stays(client: Client, conn: Conn, seller: Caller) -> None:
    sale = a_sale(conn, seller, 0, ("A", 1), number="R1")
    conn.execute("UPDATE transactions SET status = 'Under Review' WHERE id = %s", [sale])
    upload(client, conn, receipt("R1", 0, ("A", 1, "10.00")))
    assert statuses(conn, sale) == ["Under Review"]
    other = a_sale(conn, seller, 100, ("B", 1), number="R2")
    upload(client, conn, receipt("R2", 100, ("B", 1, "9.00")))
    conn.execute("UPDATE transactions SET status = 'Verified' WHERE id = %s", [other])
    asked(conn)
    assert (statuses(conn, other), open_kinds(conn)) == (["Verified"], [("amount", other)])


def test_every_status_is_told_in_the_audit(client: Client, conn: Conn, seller: Caller) -> None:
    sale = a_sale(conn, seller, 0, ("A", 1), number="R1")
    upload(client, conn, receipt("R1", 0, ("A", 1, "10.00")))
    entries = conn.execute(
        "SELECT actor, before ->> 'status', after ->> 'status', after ->> 'reason' FROM audit_entries"
        " WHERE action = 'transaction.status_changed' AND subject_id = %s",
        [str(sale)],
    ).fetchall()
    assert entries == [(None, "New", "Verified", "Reconciliation: a receipt says the same.")]


def test_every_change_of_the_work_list_is_told_in_the_audit(
    client: Client, conn: Conn, seller: Caller
) -> None:
    sale = a_sale(conn, seller, 0, ("A", 1))
    asked(conn)
    upload(client, conn, receipt("R1", 1, ("A", 1, "9.00")))
    upload(client, conn, receipt("R1", 1, ("A", 1, "8.00")))
    asked(conn)
    entries = conn.execute(
        """
        SELECT action, actor, after ->> 'kind', after #>> '{theirs,net}', after ->> 'state',
               after ->> 'resolution'
          FROM audit_entries
         WHERE subject_kind = 'difference'
         ORDER BY id
        """
    ).fetchall()
    assert entries == [
        ("difference.found", None, "missing_with_them", None, "open", None),
        ("difference.withdrawn", None, "missing_with_them", None, "resolved", "withdrawn"),
        ("difference.found", None, "amount", "9.00", "open", None),
        ("difference.revised", None, "amount", "8.00", "open", None),
    ]
    assert open_kinds(conn) == [("amount", sale)]


def test_a_run_goes_on_where_it_was_cut_off(client: Client, conn: Conn, seller: Caller) -> None:
    """A step a day of a store, and a worker that has time for one."""
    sales = [a_sale(conn, seller, 24 * 60 * day, ("A", 1)) for day in range(3)]
    begun = jobs.begin(
        LATER,
        retailer_id="S1",
        store_id=None,
        from_on=date(2026, 6, 15),
        until_on=date(2026, 6, 17),
        by=By(client.user_id),
    )
    conn.execute("UPDATE jobs SET arguments = arguments || '{\"step\": 1}'")
    for done in (1, 2, 3):
        run(begun.job_id, LATER + timedelta(days=9), budget=timedelta(0))
        found = reconciliations.get(conn, begun.id)
        assert (found.done, found.total, found.reviewed) == (done, 3, done)
    assert found.status is JobStatus.RUNNING
    assert statuses(conn, *sales) == ["Under Review"] * 3
    ended(conn, begun, LATER)


def test_runs_over_the_same_days_at_once_agree(
    client: Client, conn: Conn, seller: Caller, database_url: str
) -> None:
    sales = [a_sale(conn, seller, 10 * n, ("A", 1 + n % 2)) for n in range(20)]
    upload(client, conn, *(receipt(f"R{n}", 10 * n, ("A", 1, "10.00")) for n in range(0, 20, 2)))
    conn.execute("TRUNCATE differences, reconciled_sales")
    days = runs.find_days_of(conn, "S1", [TEN])

    def reconcile(own: Conn) -> None:
        with own.transaction():
            reconciliations.reconcile_days(own, LATER, days)

    at_once(database_url, [reconcile] * 6)
    assert len(open_kinds(conn)) == 10
    assert sorted(statuses(conn, *sales)) == ["Under Review"] * 10 + ["Verified"] * 10
