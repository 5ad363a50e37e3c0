"""The naive ingest, which the benchmarks compare with, does the job that the app's does."""

import psycopg
import pytest

from bench import naive
from shared.domain.uploads import Rows
from tests.jobs.conftest import Client

HEADER = "New Code,Name,Brand,Collection,Type,Index,Price,Currency,Tax Rate %,Active"
GOOD = [
    f'L{number},"Lens ""{number}""",Lumen,,Sun,1.5{number % 10},{number}.50,EUR,22,yes'
    for number in range(2_500)
]
DEARER = [row.replace(".50,EUR", ".75,EUR") if number % 3 else row for number, row in enumerate(GOOD)]
BAD = ["L1,Again,,,,,1,EUR,22,", "B1,,,,,,1,EUR,22,", "B2,Price,,,,,x,EUR,22,", "B3,Tax,,,,,1,EUR,122,"]


@pytest.mark.parametrize(
    ("files", "rows"),
    [
        ([GOOD], Rows(read=2_500, inserted=2_500)),
        ([GOOD, GOOD], Rows(read=2_500, unchanged=2_500)),
        ([GOOD, DEARER], Rows(read=2_500, updated=1_666, unchanged=834)),
        ([[*GOOD, *BAD]], Rows(read=2_504, inserted=2_500, rejected=4)),
    ],
    ids=["first load", "nothing changed", "some changed", "some bad"],
)
def test_naive_and_app_come_to_the_same(
    client: Client, conn: psycopg.Connection, files: list[list[str]], rows: Rows
) -> None:
    contents = ["\n".join([HEADER, *lines]) for lines in files]
    for content in contents:
        ours = client.send("products_lens", content)
    stored = products(conn)
    conn.execute("TRUNCATE products CASCADE")
    for content in contents:
        ticket = client.ask("products_lens")
        client.put(ticket, content.encode())
        naive.ingest(conn, ticket.upload_id)
    theirs = client.status(ticket.upload_id)
    assert ours.rows == theirs.rows == rows
    assert stored == products(conn)
    assert {error.line for error in ours.errors} == {error.line for error in theirs.errors}
    if rows.rejected:
        assert len(client.rejected(theirs).splitlines()) == rows.rejected


def products(conn: psycopg.Connection) -> list[tuple[object, ...]]:
    return conn.execute(
        "SELECT sku, kind, name, brand, collection, type, price, currency, tax_rate_pct, active, attributes "
        "FROM products ORDER BY sku"
    ).fetchall()
