"""Ingest of statuses: allowed transitions only, a reason for each row that stays out, and all of it told."""

import csv
import io
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from shared.domain.uploads import Mode, Rows, UploadStatus
from shared.edge import files
from tests.actions.selling import a_seller, sell, sold, three_lenses
from tests.jobs.conftest import Client

HEADER = "Transaction ID,Status,Reason"


@pytest.fixture
def sales(conn: psycopg.Connection) -> list[UUID]:
    three_lenses(conn)
    seller = a_seller(conn)
    return [sold(sell(conn, seller)) for _ in range(5)]


def statuses(conn: psycopg.Connection) -> list[str]:
    return [row[0] for row in conn.execute("SELECT status FROM transactions ORDER BY id")]


def put(conn: psycopg.Connection, sale: UUID, status: str) -> None:
    conn.execute("UPDATE transactions SET status = %s WHERE id = %s", [status, sale])


def test_allowed_rows_change_and_the_others_say_why(
    client: Client, conn: psycopg.Connection, sales: list[UUID]
) -> None:
    put(conn, sales[2], "Verified")
    put(conn, sales[3], "Settlement Complete")
    unknown = uuid4()
    rows = [
        f"{sales[0]},Verified,Seen",
        f"{str(sales[1]).upper()},Under Review,",
        f"{sales[2]},Verified,Seen again",
        f"{sales[3]},Under Review,",
        f"{sales[2]},Under Review,",
        f"{unknown},Verified,",
        f"{sales[4]},Settlement Complete,Paid",
        "no id,Verified,",
        f"{sales[4]},Verifyed,",
    ]
    upload = client.send("transaction_status", "\n".join([HEADER, *rows]))
    assert upload.status is UploadStatus.COMPLETED
    assert upload.rows == Rows(read=9, updated=2, unchanged=1, rejected=6)
    assert statuses(conn) == ["Verified", "Under Review", "Verified", "Settlement Complete", "New"]
    assert [(error.line, error.column, error.code) for error in upload.errors] == [
        (5, "Status", "transition_not_allowed"),
        (6, "Transaction ID", "duplicate"),
        (7, "Transaction ID", "transaction_unknown"),
        (8, "Status", "status_by_settlement"),
        (9, "Transaction ID", "uuid_malformed"),
        (10, "Status", "not_one_of"),
    ]
    assert "is Settlement Complete" in upload.errors[0].detail
    assert "is New" in upload.errors[3].detail
    told = conn.execute(
        """
        SELECT actor, subject_id, before ->> 'status', after ->> 'status', after ->> 'reason',
               after ->> 'upload_id'
          FROM audit_entries
         WHERE action = 'transaction.status_changed'
         ORDER BY subject_id
        """
    ).fetchall()
    assert told == [
        (client.user_id, str(sales[0]), "New", "Verified", "Seen", str(upload.id)),
        (client.user_id, str(sales[1]), "New", "Under Review", None, str(upload.id)),
    ]
    assert client.send("transaction_status", "\n".join([HEADER, *rows[:3]])).rows == Rows(read=3, unchanged=3)


def test_each_row_has_its_result(client: Client, conn: psycopg.Connection, sales: list[UUID]) -> None:
    put(conn, sales[1], "Verified")
    rows = [
        f"{sales[0]},Verified,Seen",
        f"{sales[2]},Settlement Complete,",
        "no id,Verified,",
        f"{sales[1]},Verified,",
        f'{sales[3]},Under Review,"Two\nlines"',
        f"{sales[0]},Verified",
    ]
    upload = client.send("transaction_status", "\n".join([HEADER, *rows]))
    url = files.results_url(upload.id, datetime.now(UTC))
    told = list(csv.reader(io.StringIO(httpx.get(url).content.decode("utf-8-sig"))))
    assert told[0] == [*HEADER.split(","), "result", "line", "column", "code", "value", "detail", "fix"]
    assert [(row[0], row[3], row[4], row[6]) for row in told[1:]] == [
        (str(sales[0]), "changed", "2", ""),
        (str(sales[2]), "rejected", "3", "status_by_settlement"),
        ("no id", "rejected", "4", "uuid_malformed"),
        (str(sales[1]), "unchanged", "5", ""),
        (str(sales[3]), "changed", "6", ""),
        (str(sales[0]), "rejected", "8", "too_few_cells"),
    ]
    assert told[5][2] == "Two\nlines"


def test_all_or_nothing_and_validate_only_leave_everything(
    client: Client, conn: psycopg.Connection, sales: list[UUID]
) -> None:
    rows = [f"{sales[0]},Verified,", f"{sales[1]},Settlement Complete,"]
    upload = client.send("transaction_status", "\n".join([HEADER, *rows]), mode=Mode.ALL_OR_NOTHING)
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "rows_rejected")
    upload = client.send("transaction_status", "\n".join([HEADER, *rows]), validate_only=True)
    assert upload.rows == Rows(read=2, updated=1, rejected=1)
    assert statuses(conn) == ["New"] * 5
    told = "SELECT count(*) FROM audit_entries WHERE action = 'transaction.status_changed'"
    assert conn.execute(told).fetchone() == (0,)


def test_a_status_of_two_files_is_decided_by_the_later(
    client: Client, conn: psycopg.Connection, sales: list[UUID]
) -> None:
    for status in ("Under Review", "Verified", "Under Review"):
        assert client.send("transaction_status", f"{HEADER}\n{sales[0]},{status},\n").rows.updated == 1
    assert statuses(conn)[0] == "Under Review"
