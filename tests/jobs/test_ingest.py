"""Ingest: what a file becomes, row by row, and what is told of it."""

from pathlib import Path

import psycopg
import pytest

from shared.domain.uploads import Mode, Rows, Status
from tests.jobs.conftest import NOW, Client

SAMPLES = Path(__file__).parents[2] / "samples"
LENS = "New Code,Name,Price,Currency,Tax Rate %,Brand,Coating,Active\n"


def table(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "SELECT sku, kind, name, price, brand, attributes FROM products ORDER BY sku"
    ).fetchall()


def test_the_samples_are_taken_whole(client: Client, conn: psycopg.Connection) -> None:
    for kind, count in (("products_lens", 300), ("products_frame", 100), ("stores", 40)):
        upload = client.send(kind, (SAMPLES / f"{kind}.csv").read_bytes())
        assert upload.status is Status.COMPLETED, upload.reason
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
    assert upload.status is Status.COMPLETED
    assert upload.rows == Rows(read=12, inserted=7, rejected=5)
    assert [(error.line, error.column, error.code, error.value) for error in upload.errors] == [
        (4, "New Code", "missing", ""),
        (6, "Price", "price_malformed", "abc"),
        (8, "Price", "price_malformed", "-37.90"),
        (10, "New Code", "duplicate", "DEMO-UPLOAD-01"),
        (12, "Currency", "currency_unknown", "ZZZ"),
    ]
    assert upload.errors[3].detail == "Line 2 has the same key."
    assert upload.progress == 100
    assert upload.received_at == NOW
