"""Sales under limits that all of them share: `python -m bench.sales` measures and prints; --write keeps it.

Baskets of ten lines under twenty promotions, each with a cap that is never reached, recorded to disk by so
many connections: over HTTP by one host, through the app's actions in two processes, by psycopg with nothing
but the statement that records, by pgbench with the app's two statements, and by pgbench the way most projects
write it first, a transaction that counts in one row a promotion before it records. All take turns each round.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import uuid4

import psycopg

from bench import crowd, pgbench, statements, world
from bench.crowd import Conn, Point
from bench.document import put
from bench.figures import ratio, spread
from bench.limits import in_slot, in_turn
from bench.machine import load_average, machine, measured
from bench.plan import Plan
from bench.report import spread_text, table
from bench.site import Site, site
from bench.statements import Statement
from bench.throughput import over_http
from bench.world import Basket
from devhost.environment import ROOT
from functions.transactions import SaleBody
from shared.actions import transactions as actions
from shared.domain.counters import SLOTS
from shared.rows import jsonb

RESULT = ROOT / "bench" / "results" / "sales.json"
_GOAL = 0.5
_HOT = ({"redemptions": 1_000_000_000},)
# The driver prepares a statement at its fifth use, and the server keeps one plan of it at the sixth after.
_TO_PLAN = 12
_LIMIT = "psycopg, the insert alone"
_FIGURES = ("per_s", "p50_ms", "p95_ms", "p99_ms")


@dataclass(frozen=True, slots=True)
class Sized:
    seconds: float = 3
    rounds: int = 3
    connections: tuple[int, ...] = (1, 16, 64)
    products: int = 5_000
    stores: int = 200


def measure(here: Site, sized: Sized, say: Callable[[str], None]) -> dict[str, Any]:
    plan = replace(Plan(), products=sized.products, stores=sized.stores, seconds=sized.seconds)
    baskets = world.load(here, plan, datetime.now(UTC), limits=_HOT)
    with _ways(here, plan, baskets) as ways:
        seen: dict[tuple[int, str], list[Point]] = {}
        for turn in range(sized.rounds):
            for connections in sized.connections:
                for way, run in in_turn(ways, turn):
                    point = run(connections)
                    seen.setdefault((connections, way), []).append(point)
                    say(f"round {turn + 1}: {way} at {connections}: {point['per_s']:.0f}/s")
    return {
        "points": [
            {
                "connections": connections,
                "way": way,
                **{figure: spread([point[figure] for point in points]) for figure in _FIGURES},
                "to_insert": ratio(
                    [point["per_s"] for point in points],
                    [point["per_s"] for point in seen[connections, _LIMIT]],
                ),
            }
            for (connections, way), points in seen.items()
        ]
    }


@contextmanager
def _ways(here: Site, plan: Plan, baskets: list[Basket]) -> Iterator[dict[str, Callable[[int], Point]]]:
    now, logs = datetime.now(UTC), count()
    # The first sale of each basket makes the slots of its promotions.
    with psycopg.connect(here.url, autocommit=True) as conn:
        for basket in baskets:
            _sell(conn, basket)
        conn.execute("CREATE TABLE one_row_counters (promotion_id uuid PRIMARY KEY, room bigint NOT NULL)")
        conn.execute("INSERT INTO one_row_counters SELECT id, 1000000000 FROM promotions")
        heard = [statements.sale(here.url, basket, now) for basket in baskets]
        written = {
            "as the app": _script(here, conn, [[in_slot(each, SLOTS) for each in sale] for sale in heard]),
            "counters first": _script(here, conn, [_counters_first(sale) for sale in heard]),
        }
    inserts = [_insert(sale[-1], place) for place, sale in enumerate(heard)]

    def by_pgbench(script: pgbench.Script) -> Callable[[int], Point]:
        return lambda number: pgbench.run(
            script,
            here.url,
            connections=number,
            seconds=plan.seconds,
            log=here.folder / f"pgbench-log-{next(logs)}",
        )

    def by_crowd[T](items: list[T], warm_up: crowd.Work[T], work: crowd.Work[T]) -> Callable[[int], Point]:
        return lambda number: crowd.measure(
            here.url, items[:number], warm_up=warm_up, work=work, seconds=plan.seconds
        )

    with here.host("sales") as (host, address):
        over = over_http(plan, baskets, host, address, prefix="")
        yield {
            "over HTTP, one host": lambda number: over("confirm", number),
            "actions": by_crowd(baskets, _warm_up, _sell),
            _LIMIT: by_crowd(inserts, _warm_up_insert, _record),
            "pgbench, the app's statements": by_pgbench(written["as the app"]),
            "pgbench, counters first": by_pgbench(written["counters first"]),
        }


def _script(here: Site, conn: Conn, sales: list[list[Statement]]) -> pgbench.Script:
    script = pgbench.write(here.folder / f"pgbench-{uuid4().hex[:8]}", conn, sales)
    for path in script.files:
        path.write_text(f"\\set slot 1 + :client_id % {SLOTS}\n{path.read_text()}")
    return script


def _counters_first(sale: list[Statement]) -> list[Statement]:
    """A transaction that takes of a row for each promotion, in the order of their ids, and then records."""
    reads, insert = sale[:-1], sale[-1]
    taken = sorted({str(take["promotion_id"]) for take in insert.parameters["takes"].obj})
    return [
        *reads,
        Statement("BEGIN", {}),
        *(
            Statement(
                "UPDATE one_row_counters SET room = room - 1 WHERE promotion_id = %(promotion_id)s::uuid",
                {"promotion_id": promotion_id},
            )
            for promotion_id in taken
        ),
        Statement(insert.sql, {**insert.parameters, "takes": jsonb([])}),
        Statement("COMMIT", {}),
    ]


def _insert(statement: Statement, place: int) -> Statement:
    """The statement that records a basket, in a slot that few other connections take from."""
    takes = [{**take, "slot": 1 + place % SLOTS} for take in statement.parameters["takes"].obj]
    return Statement(statement.sql, {**statement.parameters, "takes": jsonb(takes)})


def _record(conn: Conn, insert: Statement) -> None:
    conn.execute(insert.sql, insert.unique(str(uuid4())))


def _warm_up(conn: Conn, basket: Basket) -> None:
    for _ in range(_TO_PLAN):
        _sell(conn, basket)


def _warm_up_insert(conn: Conn, insert: Statement) -> None:
    for _ in range(_TO_PLAN):
        _record(conn, insert)


def _sell(conn: Conn, basket: Basket) -> None:
    actions.confirm(
        conn,
        datetime.now(UTC),
        request=SaleBody.model_validate(basket.body).request(),
        caller=basket.caller,
        key=str(uuid4()),
    )


def tables(result: dict[str, Any]) -> str:
    where, load = result["machine"], result["load_average"]
    spent = (
        f"{measured(where, **load)} {result['plan']['rounds']} rounds of "
        f"{result['plan']['seconds']:g} s a point; `median [least .. greatest]`. Goal: actions at least "
        f"{_GOAL} of the insert alone."
    )
    rows = [
        (
            str(point["connections"]),
            point["way"],
            spread_text(point["per_s"], "{:,.0f}"),
            *(f"{point[figure]['median']:.2f}" for figure in _FIGURES[1:]),
            spread_text(point["to_insert"], "{:.2f}"),
        )
        for point in sorted(result["points"], key=lambda each: each["connections"])
    ]
    header = ("connections", "", "sales/s", "p50 ms", "p95 ms", "p99 ms", "to the insert")
    return f"{spent}\n\n{table(header, rows)}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.sales", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    parser.add_argument("--tiny", action="store_true", help="everything once, as fast as can be")
    given = parser.parse_args()
    sized = Sized(1, 1, (2,), 200, 20) if given.tiny else Sized()
    before = load_average()
    with site() as here:
        result = measure(here, sized, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    result |= {
        "machine": machine(),
        "plan": asdict(sized),
        "load_average": {"before": before, "after": load_average()},
    }
    print(tables(result))
    if given.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        put("sales", tables(result))


if __name__ == "__main__":
    main()
