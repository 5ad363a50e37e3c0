"""The audit: what an entry costs a sale, and what sealing, exporting, rolling up, verifying, finding take.

`python -m bench.audit` measures and prints; --write keeps the result in the document. Some sales are made
through the app and copied in the database, with their entries, until there are enough.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter
from typing import Any, LiteralString
from uuid import uuid4

import psycopg

from bench import world
from bench.document import put
from bench.machine import load_average, machine, measured
from bench.plan import Plan
from bench.report import table
from bench.site import Site, site
from bench.timing import Point, timed
from shared import pool
from shared.actions import transactions
from shared.domain.audit import Action, Subject
from shared.domain.baskets import RequestedLine, SaleRequest
from shared.jobs.audit_export import export_due
from shared.jobs.audit_sealing import seal_due
from shared.jobs.audit_verify import verify
from shared.jobs.rollups import rebuild, roll_up_due
from shared.store import audit

_MADE = 200
_LONG = timedelta(hours=1)
_ALONE = """
INSERT INTO transactions (id, store_id, retailer_id, status, currency, gross_minor, discount_minor, net_minor,
                          tax_minor, channel, user_id, rule_set_version, engine_semantics, allocations, seen,
                          quote, created_at)
SELECT transaction_id(now), store_id, retailer_id, status, currency, gross_minor, discount_minor, net_minor,
       tax_minor, channel, user_id, rule_set_version, engine_semantics, allocations, seen, quote, now
  FROM transactions, (SELECT clock_timestamp()) AS clock (now)
 WHERE id = %(sale)s
"""
_WITH_ENTRY = """
  WITH sale AS (
         INSERT INTO transactions (id, store_id, retailer_id, status, currency, gross_minor, discount_minor,
                                   net_minor, tax_minor, channel, user_id, rule_set_version,
                                   engine_semantics, allocations, seen, quote, created_at)
         SELECT transaction_id(now), store_id, retailer_id, status, currency, gross_minor, discount_minor,
                net_minor, tax_minor, channel, user_id, rule_set_version, engine_semantics, allocations,
                seen, quote, now
           FROM transactions, (SELECT clock_timestamp()) AS clock (now)
          WHERE id = %(sale)s
         RETURNING id, created_at, user_id, transaction_facts(transactions) AS facts
       )
INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id, after, request_id)
SELECT id, created_at, user_id, 'transaction.recorded', 'transaction', id, facts, 'bench'
  FROM sale
"""
_COPY = """
  WITH copied AS (
         INSERT INTO transactions (id, store_id, retailer_id, status, currency, gross_minor, discount_minor,
                                   net_minor, tax_minor, channel, user_id, rule_set_version,
                                   engine_semantics, allocations, seen, quote, created_at)
         SELECT transaction_id(now), store_id, retailer_id, status, currency, gross_minor, discount_minor,
                net_minor, tax_minor, channel, user_id, rule_set_version, engine_semantics, allocations,
                seen, quote, now
           FROM generate_series(1, %(count)s) AS number
           JOIN (SELECT *, row_number() OVER (ORDER BY id) - 1 AS place FROM transactions) AS made
             ON place = number %% %(made)s,
                LATERAL (SELECT %(begin)s + number * interval '50 milliseconds') AS clock (now)
         RETURNING id, created_at, user_id, transaction_facts(transactions) AS facts
       )
INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id, after, request_id)
SELECT id, created_at, user_id, 'transaction.recorded', 'transaction', id, facts, id
  FROM copied
"""
_OLDER = """
INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id, after, request_id)
SELECT transaction_id(at - days), at - days, actor, action, subject_kind, gen_random_uuid(), after, request_id
  FROM audit_entries,
       LATERAL (SELECT interval '1 day' * day FROM generate_series(1, %(days)s) AS day) AS earlier (days)
"""


def measure(entries: int, days: int, seconds: float, say: Callable[[str], None]) -> dict[str, Any]:
    now = datetime.now(UTC)
    with site() as here:
        try:
            say("making sales through the app")
            tills = world.load(here, Plan(products=1_000, stores=50), now)
            with psycopg.connect(here.url, autocommit=True) as conn:
                _sell(conn, now, tills)
                cost = _cost(conn, seconds)
                say(f"copying sales until there are {entries:,} entries")
                begin = now - timedelta(milliseconds=50) * entries
                conn.execute(_COPY, {"count": entries, "made": _MADE, "begin": begin})
                conn.execute("VACUUM ANALYZE")
            say("sealing, exporting, verifying")
            chain = _chain(now, here)
            with psycopg.connect(here.url, autocommit=True) as conn:
                sums = _sums(conn)
                say(f"copying entries to {days} days before")
                conn.execute("SET session_replication_role = replica")
                conn.execute(_OLDER, {"days": days})
                conn.execute("RESET session_replication_role")
                conn.execute("VACUUM ANALYZE audit_entries")
                total = conn.execute("SELECT count(*) FROM audit_entries").fetchall()[0][0]
                found = _found(conn, seconds)
        finally:
            pool.close()
    return {"cost": cost, "chain": chain, "sums": sums, "total": total, "found": found}


def _sell(conn: psycopg.Connection[Any], now: datetime, tills: list[world.Basket]) -> None:
    skus = [row[0] for row in conn.execute("SELECT sku FROM products WHERE active ORDER BY sku LIMIT 500")]
    for number in range(_MADE):
        till = tills[number % len(tills)]
        lines = tuple(
            RequestedLine(sku=skus[(number * 7 + place) % len(skus)], quantity=1, unit_price=None)
            for place in range(1 + number % 7)
        )
        request = SaleRequest(
            store_id=till.store_id,
            currency="EUR",
            channel="store",
            lines=lines,
            receipt_number=None,
            expected_net=None,
        )
        transactions.confirm(conn, now, request=request, caller=till.caller, key=str(uuid4()))


def _cost(conn: psycopg.Connection[Any], seconds: float) -> Mapping[str, Point]:
    """The insert of a sale's row without and with its entry, which waits for the disk and does not."""
    sale = {"sale": conn.execute("SELECT id FROM transactions ORDER BY id OFFSET 3 LIMIT 1").fetchall()[0][0]}
    statements: dict[str, LiteralString] = {"the row alone": _ALONE, "with its entry": _WITH_ENTRY}
    points: dict[str, Point] = {}
    for commit, how in (("on", "on disk"), ("off", "without the disk")):
        conn.execute("SELECT set_config('synchronous_commit', %(commit)s, false)", {"commit": commit})
        for name, statement in statements.items():
            points[f"{name}, {how}"] = timed(partial(conn.execute, statement, sale), seconds)
    conn.execute("RESET synchronous_commit")
    return points


def _chain(now: datetime, here: Site) -> Mapping[str, float]:
    """Seconds of each step over all entries."""
    took: dict[str, float] = {}

    def clocked(name: str, step: Callable[[], object]) -> None:
        began = perf_counter()
        step()
        took[name] = round(perf_counter() - began, 2)

    clocked("sealing", lambda: seal_due(now, budget=_LONG))
    clocked("exporting to the emulator", lambda: export_due(budget=_LONG))
    clocked("rolling up", lambda: roll_up_due(budget=_LONG))
    clocked("rolling up anew", rebuild)
    clocked("verifying without the export", lambda: _holds(now, storage=False))
    clocked("verifying with the export", lambda: _holds(now, storage=True))
    with psycopg.connect(here.url) as conn:
        took["entries"] = conn.execute("SELECT count(*) FROM audit_links").fetchall()[0][0]
    return took


def _sums(conn: psycopg.Connection[Any]) -> Mapping[str, tuple[int, float]]:
    """Rows and megabytes of each table of sums, and of the transactions that they are of."""
    conn.execute("ANALYZE")
    return {
        name: (rows, megabytes)
        for name, rows, megabytes in conn.execute(
            """
            SELECT name, sum(reltuples)::bigint,
                   round(sum(pg_total_relation_size(pg_class.oid)) / 1e6, 1)::float
              FROM pg_class,
                   LATERAL (SELECT CASE WHEN relname LIKE 'rollup%' THEN relname ELSE 'transactions' END)
                     AS kind (name)
             WHERE relkind = 'r'
               AND (relname LIKE 'rollup%' OR relname LIKE 'transactions%')
               AND relname <> 'rollup_progress'
             GROUP BY name
             ORDER BY name
            """
        )
    }


def _holds(now: datetime, *, storage: bool) -> None:
    broken = verify(now.date(), storage=storage).broken
    # What was inserted alone, to be compared, has no entry and is rightly missed.
    if broken is not None and broken.damage != "transaction_not_recorded":
        raise ValueError(f"the chain is broken: {broken}")


def _found(conn: psycopg.Connection[Any], seconds: float) -> Mapping[str, Point]:
    """A page of fifty entries of each kind of question."""
    names = ("subject", "subject_id", "actor", "action", "from_at", "until_at", "before")
    nothing: dict[str, Any] = dict.fromkeys(names) | {"limit": 51}
    actor, subject, at = conn.execute(
        "SELECT actor, subject_id, at FROM audit_entries "
        "WHERE subject_kind = 'transaction' LIMIT 1 OFFSET 1000"
    ).fetchall()[0]
    asked: dict[str, dict[str, Any]] = {
        "the newest": {},
        "of one sale": {"subject": Subject.TRANSACTION, "subject_id": subject},
        "of one user": {"actor": actor},
        "of a rare action": {"action": Action.PROMOTION_PUBLISHED},
        "of an hour": {"from_at": at, "until_at": at + timedelta(hours=1)},
        "of a user in a month": {"actor": actor, "until_at": at, "from_at": at - timedelta(days=30)},
    }
    return {
        name: timed(lambda each=each: audit.find(conn, **(nothing | each)), seconds)
        for name, each in asked.items()
    }


def tables(result: Mapping[str, Any]) -> str:
    chain = result["chain"]
    count = chain["entries"]
    return "\n\n".join(
        (
            _points("a sale's row", result["cost"]),
            table(
                (f"{count:,} entries", "seconds", "entries a second"),
                (
                    (name, f"{took:.1f}", f"{count / took:,.0f}")
                    for name, took in chain.items()
                    if name != "entries"
                ),
            ),
            table(
                ("sums of a day", "rows", "MB"),
                ((name, f"{rows:,}", f"{mb:.1f}") for name, (rows, mb) in result["sums"].items()),
            ),
            _points(f"a page of {result['total']:,}", result["found"]),
        )
    )


def _points(name: str, points: Mapping[str, Point]) -> str:
    return table(
        (name, "a second", "p50 ms", "p95 ms", "p99 ms"),
        (
            (
                what,
                f"{point['per_s']:,.0f}",
                *(f"{point[each]:.3f}" for each in ("p50_ms", "p95_ms", "p99_ms")),
            )
            for what, point in points.items()
        ),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--days", type=int, default=20, help="so many more days of as many, to find pages in")
    parser.add_argument("--seconds", type=float, default=3, help="of each line")
    parser.add_argument("--write", action="store_true", help="keep the result in the document")
    given = parser.parse_args()
    before = load_average()
    result = measure(
        given.entries, given.days, given.seconds, lambda text: print(f"  {text}", file=sys.stderr, flush=True)
    )
    where, after = machine(), load_average()
    text = f"{measured(where, before, after)}\n\n{tables(result)}"
    print(text)
    if given.write:
        put("audit", text)


if __name__ == "__main__":
    main()
