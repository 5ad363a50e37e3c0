"""Reconciliation at full size: `python -m bench.reconcile` measures it; --write keeps it in the document.

Days of tills are made, with lookalikes and everything that goes wrong in its share, and half of the sales
without their receipt's number. Their sales are copied into the database and their receipts sent as one file,
through the whole ingest; the run that this begins is done by the job's own runner in this process. A store's
day alone is reconciled again and again and rolled back each time.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

import httpx
import psycopg

from bench.document import put
from bench.figures import spread
from bench.ingest import csv_of, deliver
from bench.machine import load_average, machine, measured
from bench.site import site
from samples.tills import Day, a_day, days, midnight
from samples.tills_rows import HEADER, RETAILER, load, receipts
from shared import pool
from shared.actions import reconciliations as actions
from shared.actions import uploads as upload_actions
from shared.domain.audit import By
from shared.domain.reconciliation.matching import match
from shared.domain.reconciliation.rules import Rules
from shared.domain.uploads import Mode, Upload, UploadKind, UploadStatus, blob_name
from shared.domain.users import Role
from shared.edge import files
from shared.jobs.runner import run
from shared.store import differences, reconciliations, uploads, users

_SALES_A_STORE = 20
_BUSY = 2_000
_SKUS = 20_000
_SALES_GOAL = 100_000
_ON = midnight(2026, 3, 2)
_LATER = datetime(2026, 4, 1, tzinfo=UTC)

type Connection = psycopg.Connection[Any]


class Bench:
    """A database with the sales of some days, and their receipts on the way."""

    def __init__(self, conn: Connection) -> None:
        self.conn = conn
        self.user_id = users.insert(
            conn, name="Benchmark", role=Role.ADMIN, phone="+390600000099", now=datetime.now(UTC)
        )

    def load(self, told: Sequence[Day]) -> None:
        load(self.conn, told, skus=_SKUS, user_id=self.user_id)
        self.conn.execute("ANALYZE")

    def ingest(self, content: bytes) -> tuple[float, Upload]:
        """Send a file of receipts; the seconds from its event to its outcome."""
        now = datetime.now(UTC)
        upload_id, expires_at = upload_actions.request(
            self.conn,
            now,
            kind=UploadKind.RECEIPTS,
            filename="receipts.csv",
            mode=Mode.VALID_ROWS,
            validate_only=False,
            by=By(self.user_id),
            retailer_id=RETAILER,
        )
        ticket = files.ticket(UploadKind.RECEIPTS, upload_id, expires_at, now)
        httpx.put(ticket.put_url, headers=ticket.headers, content=content, timeout=600).raise_for_status()
        began = time.perf_counter()
        deliver(blob_name(UploadKind.RECEIPTS, upload_id))
        took = time.perf_counter() - began
        upload = uploads.get(self.conn, upload_id)
        if upload is None or upload.status is not UploadStatus.COMPLETED or upload.rows.rejected:
            raise RuntimeError(f"the upload did not complete: {upload}")
        return took, upload

    def run(self, upload_id: UUID) -> tuple[float, dict[str, Any]]:
        """The run that an upload began; its seconds and what it found."""
        job_id, run_id = self.conn.execute(
            "SELECT job_id, id FROM reconciliations WHERE upload_id = %s", [upload_id]
        ).fetchall()[0]
        began = time.perf_counter()
        run(job_id, _LATER, budget=timedelta(hours=1))
        took = time.perf_counter() - began
        found = actions.get(self.conn, run_id)
        if found.done != found.total:
            raise RuntimeError(f"the run is not done: {found}")
        return took, {"matched": found.matched, "verified": found.verified, "found": dict(found.found)}

    def store_day(self, store_id: str, on: datetime, rounds: int) -> list[float]:
        """Milliseconds of reconciling a store's day, with all that is written, each time rolled back."""
        took: list[float] = []
        for _ in range(rounds):
            with self.conn.transaction(force_rollback=True):
                due = reconciliations.find_days_of(self.conn, store_id, [on + timedelta(hours=12)])
                began = time.perf_counter()
                actions.reconcile_days(self.conn, _LATER, due)
                took.append((time.perf_counter() - began) * 1000)
        return took

    def pages(self, rounds: int) -> list[float]:
        """Milliseconds of a page of fifty of the work list, from all over it."""
        ids = [row[0] for row in self.conn.execute("SELECT id FROM differences ORDER BY random() LIMIT 1000")]
        took: list[float] = []
        for before in ids[:rounds]:
            began = time.perf_counter()
            differences.find(
                self.conn, kind=None, state=None, retailer_id=RETAILER, store_id=None, before=before, limit=51
            )
            took.append((time.perf_counter() - began) * 1000)
        return took


def measure(sales: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    with site() as here, psycopg.connect(here.url, autocommit=True) as conn:
        bench = Bench(conn)
        grown = [
            _at_size(bench, _ON + timedelta(days=place), sales * part // 4, rounds, say=say)
            for place, part in enumerate((1, 2, 4))
        ]
        store_days = _store_days(bench, _ON + timedelta(days=7), rounds, say)
        pool.close()
    return {"sales": sales, "rounds": rounds, "grown": grown, "store_days": store_days}


def _at_size(
    bench: Bench, on: datetime, sales: int, rounds: int, *, say: Callable[[str], None]
) -> dict[str, Any]:
    """A day of so many sales, beside those before."""
    say(f"a day of {sales:,} sales")
    numbers = Random(on.day)  # noqa: S311 - a sample, not a secret
    stores = sales // _SALES_A_STORE
    told = list(days(numbers, stores=stores, sales=_SALES_A_STORE, skus=_SKUS, on=on))
    rows = list(receipts(told))
    bench.load(told)
    say(f"  a file of {len(rows):,} rows")
    first, upload = bench.ingest(csv_of(HEADER, rows))
    again, _ = bench.ingest(csv_of(HEADER, rows))
    say("  the run")
    took, found = bench.run(upload.id)
    pages = bench.pages(50 * rounds)
    began = time.perf_counter()
    for day in told:
        match(day.sales, day.receipts, Rules())
    return {
        "sales": sum(len(day.sales) for day in told),
        "rows": len(rows),
        "first": first,
        "again": again,
        "run": took,
        "match": time.perf_counter() - began,
        "page_p95": sorted(pages)[len(pages) * 95 // 100],
        **found,
    }


def _store_days(bench: Bench, on: datetime, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """One store's day of a usual and of a busy store."""
    found: dict[str, Any] = {}
    for count in (_SALES_A_STORE, _BUSY):
        say(f"a store's day of {count:,} sales")
        numbers = Random(count)  # noqa: S311 - a sample, not a secret
        told = [a_day(numbers, f"S-{count}", sales=count, skus=_SKUS, on=on)]
        bench.load(told)
        bench.ingest(csv_of(HEADER, receipts(told)))
        bench.conn.execute("VACUUM ANALYZE")
        found[str(count)] = spread(bench.store_day(f"S-{count}", on, 5 * rounds), 1)
    return found


def table(result: dict[str, Any], facts: dict[str, Any]) -> str:
    where, load_then = facts["machine"], facts["load_average"]
    lines = [
        f"{measured(where, **load_then)} {_SALES_A_STORE} sales a store.",
        "",
        (
            "| sales | rows of receipts | ingest s | again s | run s | matching alone s | matched "
            "| differences | page p95 ms |"
        ),
        "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    lines += [
        f"| {each['sales']:,} | {each['rows']:,} | {each['first']:.1f} | {each['again']:.1f} "
        f"| {each['run']:.1f} | {each['match']:.1f} | {each['matched']:,} "
        f"| {sum(each['found'].values()):,} | {each['page_p95']:.1f} |"
        for each in result["grown"]
    ]
    lines += ["", "| a store's day of | ms, with all that is written |", "|--:|--:|"]
    for count, took in result["store_days"].items():
        lines.append(
            f"| {int(count):,} sales | {took['median']:.0f} ({took['min']:.0f} to {took['max']:.0f}) |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reconcile", description=__doc__)
    parser.add_argument("--sales", type=int, default=_SALES_GOAL)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="bring docs/benchmarks.md up to date")
    given = parser.parse_args()
    before = load_average()
    result = measure(given.sales, given.rounds, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    facts = {"machine": machine(), "load_average": {"before": before, "after": load_average()}}
    text = table(result, facts)
    print(text)
    if given.write:
        put("reconcile", text)


if __name__ == "__main__":
    main()
