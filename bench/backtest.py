"""A backtest at full size: `python -m bench.backtest` measures it; --write keeps the result in the document.

Some thousand sales of one to seven lines are made through the app under twenty live promotions, and copied in
the database until there are enough, spread over a month. Each round then runs a draft over all of them, by
the job's own runner in this process.
"""

import argparse
import os
import random
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import psutil
import psycopg

from bench import world
from bench.document import put
from bench.figures import spread
from bench.machine import load_average, machine, measured
from bench.offers import offers
from bench.plan import Plan
from bench.site import site
from samples.lenses import BRANDS as LENS_BRANDS
from shared import pool
from shared.actions import backtests, promotions, transactions
from shared.domain.audit import By
from shared.domain.backtests import parse_period
from shared.domain.baskets import RequestedLine, SaleRequest
from shared.domain.jobs import JobStatus
from shared.jobs import backtests as jobs
from shared.jobs.runner import run

_MADE = 2_100
_MOST_LINES = 7
_DAYS = 30
_SALES_GOAL, _SECONDS_GOAL = 100_000, 30
_PROGRESSIVE = {"fact": "product.type", "op": "starts_with", "value": "Progressive"}
_COPY = """
INSERT INTO transactions (id, store_id, retailer_id, status, currency, gross_minor, discount_minor,
                          net_minor, tax_minor, channel, user_id, rule_set_version, engine_semantics,
                          allocations, seen, quote, customer_id, created_at)
SELECT transaction_id(%(begin)s + number * %(each)s), store_id, retailer_id, status, currency,
       gross_minor, discount_minor, net_minor, tax_minor, channel, user_id, rule_set_version,
       engine_semantics, allocations, seen, quote, customer_id,
       %(begin)s + number * %(each)s
  FROM generate_series(1, %(count)s) AS number
  JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM transactions) AS made
    ON place = number %% %(made)s
"""

type Connection = psycopg.Connection[Any]


def measure(sales: int, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    now = datetime.now(UTC)
    begin = now - timedelta(days=_DAYS)
    with site() as here:
        say("making sales through the app")
        tills = world.load(here, Plan(products=5_000, stores=200), now)
        with psycopg.connect(here.url, autocommit=True) as conn:
            made = min(_MADE, sales)
            lines = _sell(conn, now, tills, made)
            say(f"copying {made:,} sales of {lines:.1f} lines until there are {sales:,}")
            wanted = {
                "count": sales,
                "made": made,
                "begin": begin,
                "each": timedelta(days=_DAYS) / (sales + 1),
            }
            conn.execute(_COPY, wanted)
            conn.execute("VACUUM ANALYZE")
            period = f"{begin.isoformat()}", f"{(now - timedelta(seconds=1)).isoformat()}"
            brand = {"fact": "product.brand", "op": "eq", "value": LENS_BRANDS[3].name}
            drafts = {
                "a draft for one brand": _draft(conn, now, brand),
                "a draft for every second sale": _draft(conn, now, _PROGRESSIVE),
                "the same, with a budget": _draft(conn, now, _PROGRESSIVE, sales),
            }
            found = {what: _rounds(conn, draft, period, rounds, say) for what, draft in drafts.items()}
        pool.close()
    return {"sales": sales, "lines": round(lines, 2), "rounds": rounds, "drafts": found}


def _sell(conn: Connection, now: datetime, tills: list[world.Basket], count: int) -> float:
    """Make so many sales; returns how many lines they have on average."""
    rng = random.Random(world.SEED)  # noqa: S311 - a sample, not a secret
    skus = [row[0] for row in conn.execute("SELECT sku FROM products WHERE active ORDER BY sku")]
    lines = 0
    for number in range(count):
        till = tills[number % len(tills)]
        bought = rng.sample(skus, 1 + number % _MOST_LINES)
        lines += len(bought)
        request = SaleRequest(
            store_id=till.store_id,
            currency="EUR",
            channel="store",
            lines=tuple(
                RequestedLine(sku=sku, quantity=rng.choice((1, 1, 2)), unit_price=None) for sku in bought
            ),
            receipt_number=None,
            expected_net=None,
        )
        transactions.confirm(conn, now, request=request, caller=till.caller, key=str(uuid4()))
    return lines / count


def _draft(conn: Connection, now: datetime, target: dict[str, str], sales: int | None = None) -> UUID:
    """22 % off what is targeted; with a budget for a small part of so many sales."""
    terms = replace(
        offers(now)[0],
        name="The draft",
        rule={"schema": 1, "then": [{"kind": "percent_off", "percent": "22", "target": target}]},
        limits=({"budget": str(Decimal(sales) * 20), "currency": "EUR"},) if sales else (),
        funding=({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"}),
    )
    by = By(conn.execute("SELECT id FROM users LIMIT 1").fetchall()[0][0])
    with conn.transaction():
        return promotions.create(conn, now, terms=terms, by=by).id


def _rounds(
    conn: Connection, draft: UUID, period: tuple[str, str], rounds: int, say: Callable[[str], None]
) -> dict[str, Any]:
    took: list[float] = []
    worked: list[float] = []
    found = None
    for number in range(rounds):
        say(f"round {number + 1} of {rounds}")
        queued = jobs.begin(
            datetime.now(UTC),
            promotion_id=draft,
            version=None,
            period=parse_period(*period),
            keep_dates=False,
            stores=None,
            by=By(conn.execute("SELECT id FROM users LIMIT 1").fetchall()[0][0]),
        )
        began, used = time.perf_counter(), _processors_s()
        run(queued.job_id, datetime.now(UTC))
        took.append(time.perf_counter() - began)
        worked.append(_processors_s() - used)
        found = backtests.get(conn, queued.id)
        if found.status is not JobStatus.COMPLETED:
            raise RuntimeError(f"the backtest is not as it should be: {found}")
    total = found.totals[0] if found else None
    return {
        "seconds": spread(took, 1),
        "processor_seconds": spread(worked, 1),
        "affected": total.affected if total else 0,
        "limited": total.limited if total else 0,
        "parent_mb": round(psutil.Process().memory_info().rss / 1e6),
    }


def _processors_s() -> float:
    """What this process and those it has seen to their end have used, without the database."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def table(result: dict[str, Any], facts: dict[str, Any]) -> str:
    where, load = facts["machine"], facts["load_average"]
    lines = [
        (
            f"{measured(where, **load)} {result['sales']:,} sales of "
            f"{result['lines']} lines on average under 20 live promotions; the median of {result['rounds']} "
            "rounds with the least and the greatest."
        ),
        "",
        "| | seconds | of processors | affected | limited | MB of the worker | goal |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for what, each in result["drafts"].items():
        took = each["seconds"]
        goal = f"≤ {_SECONDS_GOAL}" if result["sales"] == _SALES_GOAL else ""
        told = f"{took['median']:.1f} ({took['min']:.1f} to {took['max']:.1f})"
        figures = f"{each['affected']:,} | {each['limited']:,} | {each['parent_mb']}"
        worked = f"{each['processor_seconds']['median']:.1f}"
        lines.append(f"| {what} | {told} | {worked} | {figures} | {goal} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.backtest", description=__doc__)
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
        put("backtest", text)


if __name__ == "__main__":
    main()
