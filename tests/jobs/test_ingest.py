"""Ingest: what a file becomes, row by row, and what is told of it."""

import csv
import io
from pathlib import Path

import psycopg
import pytest

from shared.domain.uploads import Mode, Rows, UploadStatus
from tests.jobs.conftest import NOW, Client

SAMPLES = Path(__file__).parents[2] / "samples"
LENS = "New Code,Name,Price,Currency,Tax Rate %"
FRAME = "EAN_New,SKU Code,Name,Price,Currency,Tax Rate %"
STORE = "Store ID,Name,Country,Zone,Parent Store ID,Company A ID,Company B ID"


def lenses(*codes: str, price: str = "10.00") -> str:
    return "\n".join([LENS, *(f"{code},Lens {code},{price},EUR,22" for code in codes), ""])


def skus(conn: psycopg.Connection) -> list[str]:
    return [row[0] for row in conn.execute("SELECT sku FROM products ORDER BY sku")]


def store_ids(conn: psycopg.Connection) -> list[str]:
    return [row[0] for row in conn.execute("SELECT id FROM stores ORDER BY id")]


def test_the_samples_are_taken_whole(client: Client, conn: psycopg.Connection) -> None:
    for kind, count in (("products_lens", 300), ("products_frame", 100), ("stores", 40)):
        upload = client.send(kind, (SAMPLES / f"{kind}.csv").read_bytes())
        assert upload.status is UploadStatus.COMPLETED, upload.reason
        assert upload.rows == Rows(read=count, inserted=count)
        again = client.send(kind, (SAMPLES / f"{kind}.csv").read_bytes())
        assert again.rows == Rows(read=count, unchanged=count)
    row = conn.execute(
        "SELECT kind, price, tax_rate_pct, active, attributes->>'Coating' FROM products "
        "WHERE sku = 'DEMO-LENS-A'"
    ).fetchone()
    assert row is not None
    assert (row[0], str(row[1]), str(row[2]), row[3], row[4]) == ("lens", "33.33", "22.00", True, "Hard")


def test_bad_rows_are_told_and_the_others_taken(client: Client) -> None:
    upload = client.send("products_lens", (SAMPLES / "products_lens_with_errors.csv").read_bytes())
    assert upload.status is UploadStatus.COMPLETED
    assert upload.rows == Rows(read=12, inserted=7, rejected=5)
    assert [(error.line, error.column, error.code, error.value) for error in upload.errors] == [
        (4, "New Code", "missing", ""),
        (6, "Price", "price_malformed", "abc"),
        (8, "Price", "price_malformed", "-37.90"),
        (10, "Name", "duplicate_conflict", "Lux Basica 1.50 Hard 75 mm"),
        (12, "Currency", "currency_unknown", "ZZZ"),
    ]
    assert upload.errors[3].detail == "Line 2 has the same key and says otherwise here."
    assert upload.progress == 100
    assert upload.received_at == NOW
    assert upload.finished_at is not None


def test_counts_say_what_was_done_and_unchanged_rows_are_not_written(
    client: Client, conn: psycopg.Connection
) -> None:
    client.send("products_lens", lenses("A", "B", "C"))
    written = dict(conn.execute("SELECT sku, ctid::text FROM products").fetchall())
    upload = client.send(
        "products_lens", f"{LENS}\nA,Lens A,10.0,EUR,22.00\nB,Lens B,11,EUR,22\nD,D,1,EUR,4\n"
    )
    assert upload.rows == Rows(read=3, inserted=1, updated=1, unchanged=1)
    after = dict(conn.execute("SELECT sku, ctid::text FROM products").fetchall())
    assert {sku for sku in written if after[sku] != written[sku]} == {"B"}
    assert skus(conn) == ["A", "B", "C", "D"]


def test_what_a_file_does_not_mention_stays(client: Client, conn: psycopg.Connection) -> None:
    client.send(
        "products_lens", f"{LENS},Brand,Type,Index,Coating,Active\nA,A,1,EUR,22,Lumen,Sun,1.5,Hard,no\n"
    )
    upload = client.send("products_lens", f"{LENS},Type,Coating,Tint\nA,A,1,EUR,22,,,Grey\n")
    assert upload.rows == Rows(read=1, updated=1)
    row = conn.execute("SELECT brand, type, active, attributes FROM products").fetchone()
    assert row == ("Lumen", None, False, {"Index": "1.5", "Tint": "Grey"})
    again = client.send("products_lens", f"{LENS}\nA,A,1,EUR,22\n")
    assert again.rows == Rows(read=1, unchanged=1)


def test_an_empty_table_is_a_table(client: Client) -> None:
    upload = client.send("products_lens", f"{LENS}\n\n,,,,\n")
    assert (upload.status, upload.rows) == (UploadStatus.COMPLETED, Rows())


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (lenses("A").encode("utf-16")[:-1], "encoding"),
        (lenses("A").encode() + b"\x81", "encoding"),
        (f"{LENS},Name\n".encode(), "header_duplicate"),
        (b"New Code,Name,Price\nA,A,1\n", "header_missing"),
        (lenses("A").encode() + b"B,B\0,1,EUR,22\n", "nul"),
        (lenses("A").encode() + b'B,"B,1,EUR,22\n', "unclosed_quote"),
        (lenses("A").encode() + b'B,"B"B,1,EUR,22\n', "stray_quote"),
        (lenses("A").encode() + b"B,B,1,EUR,22,more\n", "too_many_cells"),
        (b"PK\x03\x04" + b"\0" * 100, "not_text"),
    ],
)
def test_a_bad_file_fails_as_a_whole(
    client: Client, conn: psycopg.Connection, content: bytes, code: str
) -> None:
    upload = client.send("products_lens", content)
    assert (upload.status, upload.reason_code, upload.rows) == (UploadStatus.FAILED, code, Rows())
    assert upload.reason
    assert upload.finished_at is not None
    assert skus(conn) == []


def test_a_mistake_after_many_good_rows_takes_none_of_them(client: Client, conn: psycopg.Connection) -> None:
    good = lenses(*(f"L{number}" for number in range(20_000)))
    upload = client.send("products_lens", good + 'X,"never closed\n')
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "unclosed_quote")
    assert "line 20002" in (upload.reason or "")
    assert skus(conn) == []


def test_a_file_over_the_limit_is_not_read(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.jobs.ingest.SIZE_LIMIT", 100)
    upload = client.send("products_lens", lenses("A", "B", "C"))
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "too_large")


def test_all_or_nothing_takes_nothing_for_one_bad_row(client: Client, conn: psycopg.Connection) -> None:
    content = lenses("A", "B") + "C,C,bad,EUR,22\n"
    upload = client.send("products_lens", content, mode=Mode.ALL_OR_NOTHING)
    assert (upload.status, upload.reason_code) == (UploadStatus.FAILED, "rows_rejected")
    assert upload.rows == Rows(read=3, rejected=1)
    assert [error.line for error in upload.errors] == [4]
    assert "C,C,bad,EUR,22" in client.rejected(upload)
    assert skus(conn) == []
    good = client.send("products_lens", lenses("A", "B"), mode=Mode.ALL_OR_NOTHING)
    assert good.rows == Rows(read=2, inserted=2)


def test_validating_only_says_what_would_be_done_and_does_nothing(
    client: Client, conn: psycopg.Connection
) -> None:
    client.send("products_lens", lenses("A", "B"))
    content = f"{LENS}\nA,Lens A,10,EUR,22\nB,Lens B,11,EUR,22\nC,C,1,EUR,22\n,D,1,EUR,22\n"
    before = conn.execute("SELECT * FROM products ORDER BY sku").fetchall()
    upload = client.send("products_lens", content, validate_only=True)
    assert upload.status is UploadStatus.COMPLETED
    assert upload.rows == Rows(read=4, inserted=1, updated=1, unchanged=1, rejected=1)
    assert conn.execute("SELECT * FROM products ORDER BY sku").fetchall() == before


def test_a_product_does_not_change_its_kind(client: Client) -> None:
    client.send("products_lens", lenses("A"))
    upload = client.send(
        "products_frame", f"{FRAME}\nA,,Frame,10,EUR,22\nB,B,Frame,10,EUR,22\nC,D,Frame,1,EUR,22\n"
    )
    assert upload.rows == Rows(read=3, inserted=1, rejected=2)
    assert [(each.line, each.column, each.code) for each in upload.errors] == [
        (2, "EAN_New", "kind_conflict"),
        (4, "EAN_New", "conflicting_columns"),
    ]
    assert "kind lens" in upload.errors[0].detail


def test_parents_may_come_later_and_fall_with_their_own_parents(
    client: Client, conn: psycopg.Connection
) -> None:
    client.send("stores", f"{STORE}\nOLD,Old,IT,Europe/Rome,,,\n")
    rows = [
        "S1,One,IT,Europe/Rome,S2,,",
        "S2,Two,IT,Europe/Rome,OLD,,",
        "S3,Three,IT,Europe/Rome,S4,,",
        "S4,Four,IT,Europe/Rome,S5,,",
        "S5,Five,IT,Nowhere,,,",
        "S6,Six,IT,Europe/Rome,S6,,",
    ]
    upload = client.send("stores", "\n".join([STORE, *rows, ""]))
    assert upload.rows == Rows(read=6, inserted=2, rejected=4)
    assert [(each.line, each.code, each.value) for each in upload.errors] == [
        (4, "parent_unknown", "S4"),
        (5, "parent_unknown", "S5"),
        (6, "zone_unknown", "Nowhere"),
        (7, "own_parent", "S6"),
    ]
    assert store_ids(conn) == ["OLD", "S1", "S2"]


def test_a_company_id_belongs_to_one_store(client: Client, conn: psycopg.Connection) -> None:
    client.send(
        "stores",
        f"{STORE}\nS1,One,IT,Europe/Rome,,A1,B1\nS2,Two,IT,Europe/Rome,,A2,B2\nS3,Three,IT,Europe/Rome,,A3,\n",
    )
    rows = [
        "N1,New,IT,Europe/Rome,,A1,",  # S1 is not in the file and keeps it
        "N2,New,IT,Europe/Rome,,,B2",  # S2 keeps it, later in this file
        "N3,New,IT,Europe/Rome,,A3,",  # S3 gives it up in this file
        "N4,New,IT,Europe/Rome,,A9,",
        "N5,New,IT,Europe/Rome,,A9,",  # N4 comes first
        "S2,Two,IT,Europe/Rome,,A2,B2",
        "S3,Three,IT,Europe/Rome,,A33,",
    ]
    upload = client.send("stores", "\n".join([STORE, *rows, ""]))
    assert [(each.line, each.column, each.value) for each in upload.errors] == [
        (2, "Company A ID", "A1"),
        (3, "Company B ID", "B2"),
        (6, "Company A ID", "A9"),
    ]
    assert [each.detail for each in upload.errors] == [
        "The store S1 has this id.",
        "The store S2 has this id.",
        "The store N4 has this id.",
    ]
    assert upload.rows == Rows(read=7, inserted=2, updated=1, unchanged=1, rejected=3)
    assert store_ids(conn) == ["N3", "N4", "S1", "S2", "S3"]


def test_an_id_given_up_in_a_rejected_row_is_not_given_up(client: Client, conn: psycopg.Connection) -> None:
    client.send("stores", f"{STORE}\nS1,One,IT,Europe/Rome,,A1,\n")
    upload = client.send("stores", f"{STORE}\nS2,Two,IT,Europe/Rome,,A1,\nS1,One,IT,Europe/Rome,GONE,A2,\n")
    assert [(each.line, each.code) for each in upload.errors] == [
        (2, "company_id_taken"),
        (3, "parent_unknown"),
    ]
    assert conn.execute("SELECT id, company_a_id FROM stores").fetchall() == [("S1", "A1")]


def test_company_ids_may_be_exchanged(client: Client, conn: psycopg.Connection) -> None:
    client.send("stores", f"{STORE}\nS1,One,IT,Europe/Rome,,A1,\nS2,Two,IT,Europe/Rome,,A2,\n")
    upload = client.send("stores", f"{STORE}\nS1,One,IT,Europe/Rome,,A2,\nS2,Two,IT,Europe/Rome,,A1,\n")
    assert upload.rows == Rows(read=2, updated=2)
    assert conn.execute("SELECT id, company_a_id FROM stores ORDER BY id").fetchall() == [
        ("S1", "A2"),
        ("S2", "A1"),
    ]


def test_the_file_of_rejected_rows_can_be_mended_and_sent_again(
    client: Client, conn: psycopg.Connection
) -> None:
    content = (
        "New Code;Name;Price;Currency;Tax Rate %;Note\n"
        'G1;"Good; one";1;EUR;22;\n'
        'B1;"=HYPERLINK(""x"")";bad;EUR;22;"line\nbreak"\n'
        "B2;Two;-5;ZZZ;22;+39 06 1234\n"
        "B3;Three\n"
    )
    upload = client.send("products_lens", content)
    assert upload.rows == Rows(read=4, inserted=1, rejected=3)
    report = client.rejected(upload)
    rows = list(csv.reader(io.StringIO(report, newline="")))
    assert rows[0] == [
        "New Code", "Name", "Price", "Currency", "Tax Rate %", "Note",
        "line", "column", "code", "value", "detail", "fix",
    ]  # fmt: skip
    assert rows[1][:10] == [
        "B1", '\'=HYPERLINK("x")', "bad", "EUR", "22", "line\nbreak", "3", "Price", "price_malformed", "bad",
    ]  # fmt: skip
    assert rows[2][2:10] == [
        "-5", "ZZZ", "22", "'+39 06 1234", "5", "Price | Currency", "price_malformed | currency_unknown",
        "'-5 | ZZZ",
    ]  # fmt: skip
    assert rows[3][:9] == ["B3", "Three", "", "", "", "", "6", "Price", "too_few_cells"]
    mended = client.send("products_lens", report.replace(",bad,", ",2,", 1).replace(",-5,ZZZ,", ",5,EUR,"))
    assert mended.rows == Rows(read=3, inserted=2, rejected=1)
    assert conn.execute(
        "SELECT sku, name, attributes FROM products WHERE sku LIKE 'B%' ORDER BY sku"
    ).fetchall() == [
        ("B1", '=HYPERLINK("x")', {"Note": "line\nbreak"}),
        ("B2", "Two", {"Note": "+39 06 1234"}),
    ]


def test_the_status_shows_a_hundred_errors_and_the_file_all(client: Client) -> None:
    upload = client.send("products_lens", lenses(*(f"L{number}" for number in range(250)), price="x"))
    assert upload.rows == Rows(read=250, rejected=250)
    assert [error.line for error in upload.errors] == list(range(2, 102))
    assert len(client.rejected(upload).splitlines()) == 251


def test_rings_of_parents_are_refused_and_nothing_else(client: Client, conn: psycopg.Connection) -> None:
    client.send("stores", f"{STORE}\nTOP,Top,IT,Europe/Rome,,,\nMID,Mid,IT,Europe/Rome,TOP,,\n")
    rows = [
        "A,A,IT,Europe/Rome,B,,",
        "B,B,IT,Europe/Rome,C,,",
        "C,C,IT,Europe/Rome,A,,",
        "TOP,Top,IT,Europe/Rome,MID,,",  # closes a ring with what is stored
        "D,D,IT,Europe/Rome,MID,,",
        "E,E,IT,Europe/Rome,D,,",
    ]
    upload = client.send("stores", "\n".join([STORE, *rows, ""]))
    assert [(each.line, each.code) for each in upload.errors] == [
        (2, "parent_ring"),
        (3, "parent_ring"),
        (4, "parent_ring"),
        (5, "parent_ring"),
    ]
    assert upload.errors[0].detail == "The store would be its own ancestor: A > B > C > A."
    assert upload.rows == Rows(read=6, inserted=2, rejected=4)
    assert store_ids(conn) == ["D", "E", "MID", "TOP"]


def test_company_ids_that_disagree_are_refused(client: Client) -> None:
    client.send("stores", f"{STORE}\nS1,One,IT,Europe/Rome,,A1,B1\nS2,Two,IT,Europe/Rome,,A2,B2\n")
    upload = client.send("stores", f"{STORE}\nS3,Three,IT,Europe/Rome,,A1,B2\nS1,One,IT,Europe/Rome,,A1,B2\n")
    assert [(each.line, each.column, each.detail) for each in upload.errors] == [
        (2, "Company A ID", "The store S1 has this id."),
        (3, "Company B ID", "The store S2 has this id."),
    ]
    assert upload.rows == Rows(read=2, rejected=2)
