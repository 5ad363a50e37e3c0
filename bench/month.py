"""A month of three million sales: `python -m bench.month` measures lists and uploads of statuses as it grows.

Each list is asked for many times, with other stores, retailers, promotions and days each time, a page of
fifty, by the statement that the endpoint runs. --write keeps the result. The database takes some 15 GB.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import psycopg

from bench import growth
from bench.document import put
from bench.figures import latencies
from bench.machine import load_average, machine, measured
from bench.month_data import Size, fill
from bench.report import table
from bench.site import Site, site
from devhost.environment import ROOT
from shared import pool
from shared.actions import uploads as upload_actions
from shared.domain.audit import By
from shared.domain.quotes import TransactionStatus
from shared.domain.transactions import TransactionFilter
from shared.domain.uploads import Mode, UploadKind, UploadStatus, blob_name
from shared.domain.users import Reach
from shared.edge import blobs, files, storage
from shared.jobs.ingest import ingest
from shared.store import stores, transaction_lists, uploads

RESULT = ROOT / "bench" / "results" / "month.json"
PICTURE = ROOT / "docs" / "month.svg"
_CALLS = 200
_PAGE = 51
_ROWS = 100_000

type Conn = psycopg.Connection[Any]
type Found = Sequence[object]


class Lists:
    """What back office and shops look for, another each time."""

    def __init__(self, conn: Conn) -> None:
        self._conn = conn
        self._dice = random.Random(7)  # noqa: S311 - a sample, not a secret
        self._stores = self._column("SELECT id FROM stores ORDER BY id")
        self._retailers = self._column("SELECT DISTINCT retailer_id FROM stores ORDER BY 1")
        self._leads = self._column(
            "SELECT DISTINCT parent_id FROM stores WHERE parent_id IS NOT NULL ORDER BY 1"
        )
        self._promotions = self._column(
            "SELECT promotion_id FROM redemptions GROUP BY 1 ORDER BY count(*), promotion_id"
        )
        self._receipts = self._column(
            "SELECT receipt_number FROM receipt_keys ORDER BY transaction_id LIMIT 5000"
        )
        (self._first,) = self._column("SELECT id FROM transactions ORDER BY id LIMIT 1")
        (self._last,) = self._column("SELECT id FROM transactions ORDER BY id DESC LIMIT 1")

    def asked(self) -> dict[str, Callable[[], Found]]:
        return {
            "the newest": lambda: self._find(TransactionFilter()),
            "a page somewhere": lambda: self._find(TransactionFilter(), before=self._anywhere()),
            "of a store": lambda: self._find(TransactionFilter(store_id=self._dice.choice(self._stores))),
            "of a retailer": lambda: self._find(
                TransactionFilter(retailer_id=self._dice.choice(self._retailers))
            ),
            "under review": lambda: self._find(
                TransactionFilter(status=TransactionStatus.UNDER_REVIEW), before=self._anywhere()
            ),
            "under review of a retailer": lambda: self._find(
                TransactionFilter(
                    status=TransactionStatus.UNDER_REVIEW, retailer_id=self._dice.choice(self._retailers)
                )
            ),
            "of a receipt, wherever": lambda: self._of_receipt(self._dice.choice(self._receipts)),
            "of a day": lambda: self._find(self._day()),
            "of a store and a day": lambda: self._find(
                replace(self._day(), store_id=self._dice.choice(self._stores))
            ),
            "of a promotion": lambda: self._of_promotion(self._dice.choice(self._promotions)),
            "of the rarest promotion": lambda: self._of_promotion(self._promotions[0]),
            "below a parent store": lambda: self._below(self._dice.choice(self._leads)),
        }

    def _column(self, query: str) -> list[Any]:
        return [row[0] for row in self._conn.execute(query.encode())]

    def _find(self, wanted: TransactionFilter, *, before: UUID | None = None) -> Found:
        return transaction_lists.find(self._conn, wanted, before=before, limit=_PAGE)

    def _of_promotion(self, promotion_id: UUID) -> Found:
        return transaction_lists.find_of_promotion(
            self._conn, promotion_id, TransactionFilter(), store_ids=None, before=None, limit=_PAGE
        )

    def _of_receipt(self, receipt_number: str) -> Found:
        return transaction_lists.find_of_receipt(
            self._conn,
            receipt_number,
            TransactionFilter(),
            promotion_id=None,
            store_ids=None,
            before=None,
            limit=_PAGE,
        )

    def _below(self, root: str) -> Found:
        below = stores.find_ids(self._conn, Reach(root, below=True)) or []
        return transaction_lists.find_of_stores(
            self._conn, below, TransactionFilter(), before=None, limit=_PAGE
        )

    def _anywhere(self) -> UUID:
        return UUID(int=self._dice.randrange(self._first.int, self._last.int))

    def _day(self) -> TransactionFilter:
        begin = _moment(self._anywhere()).replace(hour=0, minute=0, second=0, microsecond=0)
        return TransactionFilter(from_at=begin, until_at=begin + timedelta(days=1))


def _moment(transaction_id: UUID) -> datetime:
    return datetime.fromtimestamp((transaction_id.int >> 80) / 1000, UTC)


def measure(here: Site, size: Size, calls: int, say: Callable[[str], None]) -> dict[str, Any]:
    grown: list[dict[str, Any]] = []
    with psycopg.connect(here.url, autocommit=True) as conn:
        for count in fill(here, size, say):
            lists = Lists(conn)
            grown.append({"sales": count, "lists": {}})
            for what, ask in lists.asked().items():
                grown[-1]["lists"][what] = _timed(ask, calls)
                say(f"{count:,}: {what} {grown[-1]['lists'][what]}")
            grown[-1]["upload_s"] = _upload(conn, min(_ROWS, count))
            say(f"{count:,}: statuses in {grown[-1]['upload_s']:.1f} s")
        (mb,) = conn.execute(
            """
            SELECT sum(pg_total_relation_size(inhrelid)) / 1e6
              FROM pg_inherits
             WHERE inhparent = 'transactions'::regclass
            """
        ).fetchall()[0]
    pool.close()
    return {"grown": grown, "mb": round(mb)}


def _timed(ask: Callable[[], Found], calls: int) -> dict[str, float]:
    took: list[float] = []
    for _ in range(calls):
        began = time.perf_counter()
        ask()
        took.append(time.perf_counter() - began)
    return latencies(took)


def _upload(conn: Conn, rows: int) -> float:
    """Seconds from the event to the outcome of a file that changes the status of so many sales."""
    found = conn.execute(
        "SELECT id, status FROM transactions WHERE status <> 'Settlement Complete' ORDER BY id LIMIT %s",
        [rows],
    )
    lines = [f"{sale},{'Under Review' if status == 'Verified' else 'Verified'}" for sale, status in found]
    content = "\n".join(["Transaction ID,Status", *lines]).encode()
    now, kind = datetime.now(UTC), UploadKind.TRANSACTION_STATUS
    user_id = conn.execute("SELECT id FROM users LIMIT 1").fetchall()[0][0]
    upload_id, expires_at = upload_actions.request(
        conn,
        now,
        kind=kind,
        filename="statuses.csv",
        mode=Mode.VALID_ROWS,
        validate_only=False,
        by=By(user_id),
    )
    ticket = files.ticket(kind, upload_id, expires_at, now)
    httpx.put(ticket.put_url, headers=ticket.headers, content=content, timeout=600).raise_for_status()
    name = blob_name(kind, upload_id)
    blob = storage.service().get_blob_client(storage.UPLOADS, name)
    began = time.perf_counter()
    ingest(name, blobs.source(blob), now)
    took = time.perf_counter() - began
    upload = uploads.get(conn, upload_id)
    if upload is None or upload.status is not UploadStatus.COMPLETED or upload.rows.updated != len(lines):
        raise RuntimeError(f"the upload is not as it should be: {upload}")
    return round(took, 2)


def tables(result: dict[str, Any]) -> str:
    where, load, grown = result["machine"], result["load_average"], result["grown"]
    spent = (
        f"{measured(where, **load)} {result['calls']} calls a figure, p50 / p95 in ms; at the end "
        f"transactions take {result['mb']:,} MB with their indexes."
    )
    header = ("sales", *(f"{each['sales']:,}" for each in grown))
    rows = [
        (
            what,
            *(f"{each['lists'][what]['p50_ms']:.1f} / {each['lists'][what]['p95_ms']:.1f}" for each in grown),
        )
        for what in grown[0]["lists"]
    ]
    rows.append((f"{_ROWS:,} statuses by file, s", *(f"{each['upload_s']:.1f}" for each in grown)))
    return f"{spent}\n\n{table(header, rows)}"


def picture(result: dict[str, Any]) -> str:
    grown = result["grown"]
    lines = {what: [each["lists"][what]["p95_ms"] for each in grown] for what in grown[0]["lists"]}
    return growth.svg(
        "p95 of each list in ms, by the number of sales", [each["sales"] for each in grown], lines
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.month", description=__doc__)
    parser.add_argument("--daily", type=int, default=Size().daily, help="sales a day")
    parser.add_argument("--sold", type=int, help="of the first day's, through the app")
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    parser.add_argument("--tiny", action="store_true", help="everything once, as fast as can be")
    given = parser.parse_args()
    size = Size(daily=given.daily, sold=given.sold)
    calls = _CALLS
    if given.tiny:
        size, calls = Size(daily=100, days=11, products=200, stores=20), 2
    before = load_average()
    with site() as here:
        result = measure(here, size, calls, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    result |= {
        "calls": calls,
        "size": asdict(size),
        "machine": machine(),
        "load_average": {"before": before, "after": load_average()},
    }
    print(tables(result))
    if given.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        PICTURE.write_text(picture(result))
        put("month", tables(result))


if __name__ == "__main__":
    main()
