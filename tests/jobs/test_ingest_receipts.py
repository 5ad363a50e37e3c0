"""Receipts of tills: read as the retailer's mapping says, taken whole, the same however often they come."""

from datetime import date
from typing import Any

import pytest

from shared.actions import retailer_terms
from shared.domain.audit import By
from shared.domain.receipt_mappings import ReceiptMapping
from shared.domain.uploads import Upload, UploadStatus
from tests.jobs.conftest import NOW, Client
from tests.rows import Conn, a_product, a_store

HEADER = "Store ID,Receipt Number,Sold At,SKU,Quantity,Amount,Promotion,Currency\n"
TWO = "S1,R1,2026-03-01 10:00,A,1,10.00,,EUR\nS1,R1,2026-03-01 10:00,B,2,39.90,Spring,EUR\n"
MAPPING = ReceiptMapping(
    columns={
        "store_id": "Negozio",
        "number": "Scontrino",
        "sold_on": "Data",
        "sold_time": "Ora",
        "sku": "Articolo",
        "quantity": "Qta",
        "amount": "Totale",
    },
    constants={"currency": "EUR"},
    date_format="DD/MM/YYYY",
    hour_format="HH:mm",
    decimal_mark=",",
    store_by="attribute:codice",
    skip_other_goods=True,
)
ITALIAN = "Cassa;Negozio;Scontrino;Data;Ora;Articolo;Qta;Totale\n"


@pytest.fixture(autouse=True)
def world(conn: Conn) -> None:
    for sku in "ABC":
        a_product(conn, sku, "10.00")
    for store_id in ("R", "S1", "OTHER"):
        a_store(conn, store_id)
    conn.execute("UPDATE stores SET parent_id = 'R', attributes = '{\"codice\": \"0 12\"}' WHERE id = 'S1'")


def receipts(conn: Conn) -> dict[tuple[str, str], Any]:
    """Net and lines by key and kind."""
    return {
        (row[0], row[1]): (row[2], [(line["sku"], line["quantity"], line["net_minor"]) for line in row[3]])
        for row in conn.execute("SELECT key, kind, net_minor, lines FROM receipts")
    }


def faults(upload: Upload) -> list[tuple[int, str, str]]:
    return [(error.line, error.column, error.code) for error in upload.errors]


def days(conn: Conn, upload: Upload) -> list[tuple[str, date]]:
    return [
        (row[0], row[1])
        for row in conn.execute(
            "SELECT store_id, day FROM reconciliation_days JOIN reconciliations ON id = reconciliation_id"
            " WHERE upload_id = %s ORDER BY 1, 2",
            [upload.id],
        )
    ]


def test_lines_become_receipts_and_once_more_changes_nothing(client: Client, conn: Conn) -> None:
    rows = HEADER + TWO + "S1,R1,2026-03-01 10:00,C,-1,-10,,EUR\n"
    first = client.send("receipts", rows)
    assert (first.status, first.rows.inserted, first.rows.rejected) == (UploadStatus.COMPLETED, 3, 0)
    assert receipts(conn) == {
        ("R1 2026-03-01", "sale"): (4990, [("A", 1, 1000), ("B", 2, 3990)]),
        ("R1 2026-03-01", "return"): (-1000, [("C", -1, -1000)]),
    }
    (sold_at,) = conn.execute("SELECT DISTINCT sold_at::text FROM receipts").fetchall()
    assert sold_at == ("2026-03-01 09:00:00+00",)
    assert days(conn, first) == [("S1", date(2026, 3, 1))]
    again = client.send("receipts", rows)
    assert (again.rows.unchanged, again.rows.inserted, again.rows.updated) == (3, 0, 0)
    assert days(conn, again) == []


def test_a_corrected_receipt_takes_the_place_of_the_first(client: Client, conn: Conn) -> None:
    client.send("receipts", HEADER + TWO + "S1,R1,2026-03-01 10:00,C,-1,-10,,EUR\n")
    corrected = client.send("receipts", HEADER + TWO.replace("10:00", "10:05").replace("39.90", "38.90"))
    assert (corrected.rows.updated, corrected.rows.inserted) == (2, 0)
    assert receipts(conn) == {("R1 2026-03-01", "sale"): (4890, [("A", 1, 1000), ("B", 2, 3890)])}
    assert days(conn, corrected) == [("S1", date(2026, 3, 1))]


def test_numbers_may_begin_anew_each_morning(client: Client, conn: Conn) -> None:
    client.send("receipts", HEADER + TWO + TWO.replace("2026-03-01", "2026-03-02"))
    assert list(receipts(conn)) == [("R1 2026-03-01", "sale"), ("R1 2026-03-02", "sale")]


def test_a_line_of_no_day_spoils_every_receipt_of_its_number(client: Client, conn: Conn) -> None:
    bad = TWO.replace("2026-03-01 10:00,A", "soon,A")
    upload = client.send("receipts", HEADER + bad + TWO.replace("2026-03-01", "2026-03-02"))
    assert [code for _, _, code in faults(upload)] == ["local_time_malformed", *["receipt_incomplete"] * 3]
    assert receipts(conn) == {}


def test_without_a_number_it_is_the_time_and_the_till(client: Client, conn: Conn) -> None:
    header = "Store ID,Till,Sold At,SKU,Quantity,Unit Price,Discount,Currency\n"
    client.send(
        "receipts",
        header
        + "S1,1,2026-03-01T10:00:05,A,2,10.00,1.50,EUR\nS1,2,2026-03-01T10:00:05,A,-1,10.00,0.50,EUR\n",
    )
    assert receipts(conn) == {
        ("@2026-03-01 10:00:05 1", "sale"): (1850, [("A", 2, 1850)]),
        ("@2026-03-01 10:00:05 2", "return"): (-950, [("A", -1, -950)]),
    }


def test_a_receipt_with_a_bad_line_is_left_out_whole(client: Client, conn: Conn) -> None:
    upload = client.send(
        "receipts",
        HEADER
        + TWO.replace("39.90", "39.9x")
        + TWO.replace("R1", "R2").replace(",B,", ",UNKNOWN,")
        + TWO.replace("R1", "R3").replace("10:00,B", "10:01,B")
        + TWO.replace("R1", "R4").replace("S1", "NOWHERE")
        + TWO.replace("R1", "R5").replace("39.90", "-39.90")
        + TWO.replace("R1", "R6").replace("39.90", "")
        + TWO.replace("R1", "R7").replace("39.90", "1.500")
        + TWO.replace("R1", "R8"),
    )
    assert faults(upload) == [
        (2, "Receipt Number", "receipt_incomplete"),
        (3, "Amount", "amount_malformed"),
        (4, "Receipt Number", "receipt_incomplete"),
        (5, "SKU", "sku_unknown"),
        (6, "Receipt Number", "receipt_incomplete"),
        (7, "Receipt Number", "receipt_conflict"),
        (8, "Store ID", "store_unknown"),
        (9, "Store ID", "store_unknown"),
        (10, "Receipt Number", "receipt_incomplete"),
        (11, "Amount", "sign_conflict"),
        (12, "Receipt Number", "receipt_incomplete"),
        (13, "Amount", "missing"),
        (14, "Receipt Number", "receipt_incomplete"),
        (15, "Amount", "thousands_separated"),
    ]
    assert list(receipts(conn)) == [("R8 2026-03-01", "sale")]
    assert upload.rows.rejected == 14


def test_a_retailer_names_its_columns(client: Client, conn: Conn) -> None:
    put(conn, client)
    upload = client.send(
        "receipts",
        ITALIAN + "1;0 12;77;01/03/2026;10:30;A;1;1.010,00\n1;0 12;77;01/03/2026;10:30;BAG;1;0,10\n",
        retailer_id="R",
    )
    assert (upload.status, upload.rows.inserted, upload.rows.unchanged) == (UploadStatus.COMPLETED, 1, 1)
    assert receipts(conn) == {("77 2026-03-01", "sale"): (101000, [("A", 1, 101000)])}


def test_what_a_mapping_cannot_read_is_told_by_the_headers_of_the_file(client: Client, conn: Conn) -> None:
    put(conn, client)
    upload = client.send(
        "receipts",
        ITALIAN
        + "1;0 12;77;2026-03-01;10:30;A;1;1,00\n"
        + "1;99;78;01/03/2026;10:30;A;1,5;1,00\n"
        + "1;S9;79;01/03/2026;10:30;A;1,000;1,00\n",
        retailer_id="R",
    )
    assert faults(upload) == [
        (2, "Data", "local_time_malformed"),
        (3, "Qta", "quantity_malformed"),
        (4, "Negozio", "store_unknown"),
    ]


def test_a_file_of_a_retailer_has_no_stores_of_others(client: Client, conn: Conn) -> None:
    upload = client.send("receipts", HEADER + TWO.replace("S1", "OTHER"), retailer_id="R")
    assert {code for _, _, code in faults(upload)} == {"store_of_another"}
    assert receipts(conn) == {}


def put(conn: Conn, client: Client) -> None:
    with conn.transaction():
        retailer_terms.put_mapping(
            conn, NOW, "R", mapping=MAPPING, expects=lambda _: None, by=By(client.user_id)
        )
