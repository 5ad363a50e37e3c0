"""Settlement at full size: `python -m bench.settle` closes a month as it grows, and writes a long statement.

Sales are made through the app and copied by SQL as in bench.month. Each closing takes what was added since
the one before, of all retailers; what is added last is one retailer's, whose statement is then written. With
--at-once there are two closings: of the first day, and of all the days after it, as a month is closed.
"""

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import UUID, uuid4

import psycopg

from bench.document import put
from bench.machine import load_average, machine, measured
from bench.month_data import Size, fill
from bench.report import table
from bench.site import Site, site
from bench.trace import follow
from devhost.environment import ROOT
from shared import pool
from shared.actions import closings as closing_actions
from shared.actions import settlements as settlement_actions
from shared.domain.audit import By
from shared.domain.jobs import JobStatus
from shared.domain.settlements import MOST_PAID, Payment
from shared.domain.users import EVERY_STORE
from shared.jobs import closings, statements
from shared.jobs.runner import run
from shared.jobs.statements import Form

RESULTS = ROOT / "bench" / "results"

_FOLLOWED = 2_000

type Conn = psycopg.Connection[Any]


def measure(here: Site, size: Size, say: Callable[[str], None], *, at_once: bool) -> dict[str, Any]:
    grown: list[dict[str, Any]] = []
    now = datetime.now(UTC)
    with psycopg.connect(here.url, autocommit=True) as conn:
        for count in fill(here, size, say):
            last = count == size.daily * size.days
            if at_once and grown and not last:
                continue
            alone = last and not at_once
            _verify(conn, alone=alone)
            say(f"closing what there is of {count:,}")
            grown.append({"sales": count, "alone": alone, **_close(conn, now)})
            say(f"{grown[-1]}")
        followed = follow(conn, _FOLLOWED)
        say(f"{followed}")
        files = _write(conn)
        say(f"{files}")
        paid = _pay(conn, now)
    pool.close()
    return {"grown": grown, "followed": followed, "files": files, "paid": paid}


def _verify(conn: Conn, *, alone: bool) -> None:
    """Everything is Verified; `alone`, all that is on no statement is one retailer's, as if made so."""
    conn.execute("UPDATE transactions SET status = 'Verified' WHERE status IN ('New', 'Under Review')")
    if alone:
        conn.execute("SET session_replication_role = replica")
        conn.execute(
            """
            UPDATE transactions
               SET retailer_id = (SELECT min(retailer_id) FROM stores)
             WHERE NOT EXISTS (SELECT FROM settlement_entries WHERE transaction_id = id)
            """
        )
        conn.execute("RESET session_replication_role")
    conn.execute("VACUUM ANALYZE transactions")


def _close(conn: Conn, now: datetime) -> dict[str, Any]:
    """Close all that is over until yesterday, by the job's own runner in this process."""
    by = By(conn.execute("SELECT id FROM users WHERE role = 'admin' LIMIT 1").fetchall()[0][0])
    today = now.date()
    closing, _ = closings.begin(
        # The day is over everywhere.
        now + timedelta(days=2),
        retailer_id=None,
        from_on=today - timedelta(days=60),
        until_on=today,
        by=by,
        key=str(uuid4()),
    )
    began = time.perf_counter()
    ended = closing
    while ended.status in {JobStatus.QUEUED, JobStatus.RUNNING}:
        run(closing.job_id, now + timedelta(days=2))
        ended = closing_actions.get(conn, closing.id)
    took = time.perf_counter() - began
    if ended.status is not JobStatus.COMPLETED:
        raise RuntimeError(f"the closing is not as it should be: {ended}")
    lines = conn.execute(
        """
        SELECT sum(lines)
          FROM settlements
          JOIN settlement_documents
            ON settlement_id = id
         WHERE closing_id = %s
        """,
        [closing.id],
    ).fetchall()[0][0]
    return {
        "transactions": ended.done,
        "settlements": ended.settlements,
        "lines": int(lines or 0),
        "seconds": round(took, 1),
    }


def _write(conn: Conn) -> dict[str, Any]:
    """The files of the longest statement."""
    settlement_id, lines = conn.execute(
        "SELECT settlement_id, lines FROM settlement_documents ORDER BY lines DESC LIMIT 1"
    ).fetchall()[0]
    found: dict[str, Any] = {"lines": lines}
    for form in Form:
        before, began = _most_mb(), time.perf_counter()
        statements.lines_of(
            datetime.now(UTC), settlement_id=settlement_id, reach=EVERY_STORE, form=form, most=0
        )
        found[form.value] = {
            "seconds": round(time.perf_counter() - began, 1),
            "mb_more": _most_mb() - before,
        }
    began = time.perf_counter()
    statements.pdf(settlement_id=settlement_id, reach=EVERY_STORE)
    found["pdf"] = {"seconds": round(time.perf_counter() - began, 1)}
    return found


def _pay(conn: Conn, now: datetime) -> dict[str, Any]:
    """Pay the longest statement, and as many others as one request may."""
    by = By(conn.execute("SELECT id FROM users WHERE role = 'admin' LIMIT 1").fetchall()[0][0])
    rows = conn.execute(
        "SELECT settlement_id, transactions FROM settlement_documents ORDER BY transactions DESC LIMIT 501"
    ).fetchall()
    totals = accumulate(transactions for _, transactions in rows[1:])
    others = [row for row, total in zip(rows[1:], totals, strict=True) if total <= MOST_PAID]
    return {
        "longest": _paid(conn, now, rows[:1], by),
        "many": _paid(conn, now, others, by),
    }


def _paid(conn: Conn, now: datetime, rows: list[tuple[UUID, int]], by: By) -> dict[str, Any]:
    began = time.perf_counter()
    with conn.transaction():
        settlement_actions.pay(
            conn,
            now,
            ids=[settlement_id for settlement_id, _ in rows],
            payment=Payment(date(2026, 1, 1), "Bank 7"),
            by=by,
        )
    return {
        "settlements": len(rows),
        "transactions": sum(transactions for _, transactions in rows),
        "seconds": round(time.perf_counter() - began, 1),
    }


def _most_mb() -> int:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000


def tables(result: dict[str, Any]) -> str:
    where, load, files = result["machine"], result["load_average"], result["files"]
    spent = f"{measured(where, **load)} {result['size']['daily']:,} sales a day."
    closed = table(
        ("sales so far", "closed now", "settlements", "lines", "seconds", "transactions/s"),
        [
            (
                f"{each['sales']:,}",
                f"{each['transactions']:,}" + (", one retailer's" if each["alone"] else ""),
                f"{each['settlements']:,}",
                f"{each['lines']:,}",
                f"{each['seconds']:,.1f}",
                f"{each['transactions'] / max(each['seconds'], 0.1):,.0f}",
            )
            for each in result["grown"]
        ],
    )
    followed = result["followed"]
    traced = table(
        (f"{followed['lines']:,} lines of {followed['of']:,}, at random", "p50 ms", "p95 ms", "p99 ms"),
        [
            (way, *(f"{followed[key][figure]:.1f}" for figure in ("p50_ms", "p95_ms", "p99_ms")))
            for way, key in (
                ("to the transaction and what it allocated", "there"),
                ("back to its settlements and all its lines", "back"),
            )
        ],
    )
    written = table(
        ("file", "seconds", "MB more"),
        [
            (
                f"CSV, {files['lines']:,} lines",
                f"{files['csv']['seconds']:.1f}",
                str(files["csv"]["mb_more"]),
            ),
            (
                f"JSON, {files['lines']:,} lines",
                f"{files['json']['seconds']:.1f}",
                str(files["json"]["mb_more"]),
            ),
            ("PDF", f"{files['pdf']['seconds']:.1f}", ""),
        ],
    )
    paid = table(
        ("paid at once", "transactions", "seconds"),
        [
            (f"{each['settlements']:,}", f"{each['transactions']:,}", f"{each['seconds']:.1f}")
            for each in result["paid"].values()
        ],
    )
    return f"{spent}\n\n{closed}\n\n{traced}\n\n{written}\n\n{paid}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.settle", description=__doc__)
    parser.add_argument("--daily", type=int, default=Size().daily)
    parser.add_argument("--sold", type=int, help="of the first day's, through the app")
    parser.add_argument("--days", type=int, default=Size().days)
    parser.add_argument("--stores", type=int, default=Size().stores)
    parser.add_argument("--at-once", action="store_true", help="close all days after the first together")
    parser.add_argument("--write", action="store_true", help="keep the result, here and in the document")
    given = parser.parse_args()
    size = Size(daily=given.daily, sold=given.sold, days=given.days, stores=given.stores)
    before = load_average()
    with site() as here:
        result = measure(
            here,
            size,
            lambda text: print(f"  {text}", file=sys.stderr, flush=True),
            at_once=given.at_once,
        )
    result |= {
        "machine": machine(),
        "size": asdict(size),
        "load_average": {"before": before, "after": load_average()},
    }
    text = tables(result)
    print(text)
    if given.write:
        name = "settle-at-once" if given.at_once else "settle"
        (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        put(name, text)


if __name__ == "__main__":
    main()
