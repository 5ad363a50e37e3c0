"""Ingest beside its limits: `python -m bench.ingest` measures one file of products and writes the tables.

The rows go by every way in one run, a round of each after the other: the whole ingest, from the blob to the
report; COPY of the finished rows into a table like products, which is the durable floor; COPY of the file
into an unlogged table; COPY and INSERT ON CONFLICT by psql, which checks nothing; the naive ingest.
"""

import argparse
import csv
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
import psycopg

from bench import naive
from bench.document import put
from bench.figures import ratio, spread
from bench.ingest_report import ingest_tables
from bench.long_file import long_file
from bench.machine import load_average, machine, measured
from bench.site import Site, site
from devhost.environment import ROOT
from devhost.services.postgres import bin_folder
from samples import lenses
from shared import pool
from shared.actions import uploads as actions
from shared.domain.audit import By
from shared.domain.uploads import Mode, UploadKind, UploadStatus, blob_name
from shared.domain.users import Role
from shared.edge import blobs, files, storage
from shared.jobs.ingest import ingest
from shared.store import uploads, users

RESULTS = ROOT / "bench" / "results" / "ingest.json"
# Twelve columns: without the diameter, of which the samples have one more.
_KEPT = [place for place, title in enumerate(lenses.HEADER) if title != "Diameter"]
_PRICE = [lenses.HEADER[place] for place in _KEPT].index("Price")
_BLOCK = 262_144

type Row = list[str]

_STAGE = """
CREATE TEMP TABLE staged (sku text, name text, brand text, collection text, type text, index text,
    coating text, material text, price numeric, currency text, tax numeric, active boolean)
"""
_UPSERT = """
INSERT INTO products SELECT sku, 'lens', name, brand, collection, type, price, currency, tax, active,
    jsonb_build_object('Index', index, 'Coating', coating, 'Material', material), uuidv7(), now(), now()
FROM staged ON CONFLICT (sku) DO UPDATE SET name = excluded.name, brand = excluded.brand,
    collection = excluded.collection, type = excluded.type, price = excluded.price,
    currency = excluded.currency,
    tax_rate_pct = excluded.tax_rate_pct, active = excluded.active, attributes = excluded.attributes,
    upload_id = excluded.upload_id, updated_at = excluded.updated_at
"""


class Bench:
    """The files and the ways."""

    def __init__(self, here: Site, rows: int) -> None:
        self.conn = psycopg.connect(here.url, autocommit=True)
        self._folder = here.folder
        self._user_id = users.insert(
            self.conn, name="Benchmark", role=Role.ADMIN, phone="+390600000099", now=datetime.now(UTC)
        )
        self._url = here.url
        self.rows = [[row[place] for place in _KEPT] for row in lenses.lenses(rows, 7)]
        dearer = [_with_price(row, f"{float(row[_PRICE]) + 1:.2f}") for row in self.rows]
        self.files = {
            "same": _text(self.rows),
            "dearer": _text(dearer),
            "1 %": _text([dearer[n] if n % 100 == 0 else row for n, row in enumerate(self.rows)]),
            "bad": _text([_with_price(row, "x") if n % 100 == 0 else row for n, row in enumerate(self.rows)]),
        }
        # The first of a process pays for imports and connections.
        self.ingest(_text(self.rows[:10]))

    def put(self, content: bytes, kind: UploadKind = UploadKind.PRODUCTS_LENS) -> UUID:
        now = datetime.now(UTC)
        upload_id, expires_at = actions.request(
            self.conn,
            now,
            kind=kind,
            filename="file.csv",
            mode=Mode.VALID_ROWS,
            validate_only=False,
            by=By(self._user_id),
        )
        ticket = files.ticket(kind, upload_id, expires_at, now)
        httpx.put(ticket.put_url, headers=ticket.headers, content=content, timeout=600).raise_for_status()
        return upload_id

    def ingest(self, content: bytes, kind: UploadKind = UploadKind.PRODUCTS_LENS) -> float:
        """From the event to the outcome."""
        upload_id = self.put(content, kind)
        took = _timed(lambda: deliver(blob_name(kind, upload_id)))
        upload = uploads.get(self.conn, upload_id)
        if upload is None or upload.status is not UploadStatus.COMPLETED:
            raise RuntimeError(f"the upload did not complete: {upload}")
        return took

    def empty(self) -> None:
        self.conn.execute("TRUNCATE products")
        self.conn.execute("CHECKPOINT")

    def finished(self) -> bytes:
        """The products as COPY writes them."""
        with self.conn.cursor().copy("COPY products TO STDOUT") as copy:
            return b"".join(bytes(block) for block in copy)

    def floor(self, finished: bytes) -> float:
        self.conn.execute("DROP TABLE IF EXISTS floor")
        self.conn.execute("CREATE TABLE floor (LIKE products INCLUDING ALL)")
        self.conn.execute("CHECKPOINT")
        return _timed(lambda: self._copy("COPY floor FROM STDIN", finished))

    def raw(self) -> float:
        self.conn.execute("DROP TABLE IF EXISTS raw")
        self.conn.execute(_STAGE.replace("TEMP TABLE staged", "UNLOGGED TABLE raw").encode())
        return _timed(lambda: self._copy("COPY raw FROM STDIN (FORMAT csv, HEADER)", self.files["same"]))

    def psql(self, name: str) -> float:
        path = self._folder / "psql.csv"
        path.write_bytes(self.files[name])
        script = f"{_STAGE};\n\\copy staged FROM '{path}' (FORMAT csv, HEADER)\n{_UPSERT};\n"
        command = [str(bin_folder() / "psql"), "-X", "-q", "-1", "-v", "ON_ERROR_STOP=1", "-d", self._url]
        return _timed(lambda: subprocess.run(command, input=script, text=True, check=True))

    def naive(self) -> float:
        upload_id = self.put(self.files["same"])
        return _timed(lambda: naive.ingest(self.conn, upload_id))

    def _copy(self, statement: str, content: bytes) -> None:
        with self.conn.cursor().copy(statement.encode()) as copy:
            for first in range(0, len(content), _BLOCK):
                copy.write(content[first : first + _BLOCK])


def deliver(name: str) -> None:
    client = storage.service().get_blob_client(storage.UPLOADS, name)
    ingest(name, blobs.source(client), datetime.now(UTC))


def measure(
    here: Site, *, rows: int, rounds: int, long_rows: Sequence[int], say: Callable[[str], None]
) -> dict[str, Any]:
    """Every way, so many rounds; then files of `long_rows` rows. What the database has of products goes."""
    say("files of products")
    bench = Bench(here, rows)
    took: dict[str, list[float]] = {}

    def note(what: str, seconds: float) -> None:
        took.setdefault(what, []).append(seconds)

    for number in range(rounds):
        say(f"ingest of {rows:,} rows, round {number + 1} of {rounds}")
        bench.empty()
        note("first load", bench.ingest(bench.files["same"]))
        finished = bench.finished()
        note("nothing changed", bench.ingest(bench.files["same"]))
        note("everything changed", bench.ingest(bench.files["dearer"]))
        bench.ingest(bench.files["same"])
        bench.conn.execute("VACUUM ANALYZE products")
        note("1 % changed", bench.ingest(bench.files["1 %"]))
        note("1 % bad", bench.ingest(bench.files["bad"]))
        note("COPY into a table like products", bench.floor(finished))
        note("COPY into an unlogged table", bench.raw())
        bench.empty()
        note("psql, first load", bench.psql("same"))
        note("psql, nothing changed", bench.psql("same"))
        note("psql, everything changed", bench.psql("dearer"))
        bench.empty()
        note("naive ingest, first load", bench.naive())
    long_files: list[dict[str, Any]] = []
    for count in long_rows:
        say(f"a file of {count:,} rows")
        bench.empty()
        content = _text([[row[place] for place in _KEPT] for row in lenses.lenses(count, 7)])
        long_files.append(long_file(bench.conn, bench.put(_text(bench.rows[:10])), bench.put(content)))
    bench.conn.close()
    pool.close()
    floor = took["COPY into a table like products"]
    return {
        "rows": rows,
        "rounds": rounds,
        "megabytes": round(len(bench.files["same"]) / 1e6, 1),
        "seconds": {what: spread(each) for what, each in took.items()},
        "to_floor": {what: ratio(each, floor) for what, each in took.items()},
        "naive_to_ingest": ratio(took["naive ingest, first load"], took["first load"]),
        "long_files": long_files,
    }


def _with_price(row: Row, price: str) -> Row:
    return [*row[:_PRICE], price, *row[_PRICE + 1 :]]


def csv_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue().encode()


def _text(rows: Sequence[Row]) -> bytes:
    return csv_of([lenses.HEADER[place] for place in _KEPT], rows)


def _timed(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--long", type=int, default=1_000_000, help="rows of the longest file")
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    given = parser.parse_args()
    before = load_average()
    with site() as here:
        result = measure(
            here,
            rows=given.rows,
            rounds=given.rounds,
            long_rows=(given.rows, given.long),
            say=lambda text: print(f"  {text}", file=sys.stderr),
        )
    result |= {"machine": machine(), "load_average": {"before": before, "after": load_average()}}
    where, load = result["machine"], result["load_average"]
    text = f"{measured(where, **load)} {ingest_tables(result)}"
    print(text)
    if given.write:
        RESULTS.write_text(json.dumps(result, indent=1) + "\n")
        put("ingest", text)


if __name__ == "__main__":
    main()
