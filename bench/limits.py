"""A hot capped promotion beside the same without a cap: `python -m bench.limits` measures and prints.

Sales of one promotion, each recorded to disk, by so many connections: through the actions of the app, in two
processes, and by pgbench with the app's own statements. All ways take turns in each round. As one row is what
a counter would be that is not cut into slots. In the end a small cap is used up by all connections at once.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, LiteralString, cast
from uuid import UUID, uuid4

import psycopg

from bench import crowd, pgbench, statements
from bench.document import put
from bench.figures import ratio, spread
from bench.machine import load_average, machine, measured
from bench.site import Site, site
from bench.statements import Statement
from bench.world import Basket
from devhost.environment import ROOT
from shared.actions import promotions
from shared.actions import transactions as actions
from shared.domain.audit import By
from shared.domain.baskets import RequestedLine, SaleRequest
from shared.domain.counters import SLOTS
from shared.domain.engine import Lane
from shared.domain.promotions import Terms
from shared.domain.users import Caller, Role
from shared.store import users

RESULT = ROOT / "bench" / "results" / "limits.json"
_GOAL = 0.5
_HOT = 1_000_000_000
_TILLS = 64

type Limits = tuple[dict[str, Any], ...]
type Point = crowd.Point


@dataclass(frozen=True, slots=True)
class Plan:
    seconds: float = 2
    rounds: int = 2
    connections: tuple[int, ...] = (1, 16, 64)
    small_cap: int = 1_000


@dataclass(frozen=True, slots=True)
class Till:
    """A shop assistant of a store of their own, so that sales meet at the promotion and nowhere else."""

    user_id: UUID
    store_id: str

    @property
    def caller(self) -> Caller:
        return Caller(self.user_id, Role.STORE_USER, self.store_id)

    @property
    def sale(self) -> SaleRequest:
        return SaleRequest(
            store_id=self.store_id,
            currency="EUR",
            channel="store",
            lines=tuple(RequestedLine(sku=sku, quantity=1, unit_price=None) for sku in "ABC"),
            receipt_number=None,
            expected_net=None,
        )


class World:
    """The tills, and the one promotion that each measurement publishes anew."""

    def __init__(self, here: Site, now: datetime) -> None:
        self.url, self._folder, self._now, self._logs = here.url, here.folder, now, count()
        self.conn = psycopg.connect(here.url, autocommit=True)
        self._by = By(
            users.insert(self.conn, name="Benchmark", role=Role.ADMIN, phone="+390600000001", now=now)
        )
        _insert_products(self.conn)
        self.tills = [self._till(number) for number in range(_TILLS)]
        with self.conn.transaction():
            draft = promotions.create(self.conn, now, terms=_terms(0, ()), by=self._by)
            promotions.publish(self.conn, now, draft.id, by=self._by, approval_required=False)
        self._promotion_id, self._versions = draft.id, count(1)

    def publish(self, limits: Limits) -> None:
        """The same promotion under these limits; what was sold so far does not count any more."""
        terms = _terms(next(self._versions), limits)
        with self.conn.transaction():
            promotions.revise(
                self.conn, self._now, promotion_id=self._promotion_id, change=lambda _: terms, by=self._by
            )
            promotions.publish(self.conn, self._now, self._promotion_id, by=self._by, approval_required=False)
        self.conn.execute("TRUNCATE limit_counters")
        self.conn.execute("CHECKPOINT")
        # The first sale makes the slots.
        actions.confirm(
            self.conn, self._now, request=self.tills[0].sale, caller=self.tills[0].caller, key=str(uuid4())
        )

    def by_actions(self, connections: int, seconds: float, most: int | None = None) -> Point:
        """Sales through the app's actions."""
        return crowd.measure(
            self.url,
            self.tills[:connections],
            warm_up=_warm_up,
            work=_sell,
            seconds=seconds,
            most=most,
        )

    def by_pgbench(self, connections: int, seconds: float, slots: int) -> Point:
        """The statements of a sale; each connection takes from its own slot, as sessions of the app do."""
        tills = self.tills[: pgbench.MOST_SCRIPTS]
        heard = [statements.sale(self.url, _basket(till), self._now) for till in tills]
        script = pgbench.write(
            self._folder / f"pgbench-{next(self._logs)}",
            self.conn,
            [[in_slot(each, slots) for each in sale] for sale in heard],
        )
        for path in script.files:
            path.write_text(f"\\set slot 1 + :client_id % {slots}\n{path.read_text()}")
        log = self._folder / f"pgbench-log-{next(self._logs)}"
        return pgbench.run(script, self.url, connections=connections, seconds=seconds, log=log)

    def used(self) -> int:
        row = self.conn.execute("SELECT sum(cap) / count(*) - sum(room) FROM limit_counters").fetchone()
        return 0 if row is None or row[0] is None else int(row[0])

    def _till(self, number: int) -> Till:
        store_id = f"S{number:04}"
        self.conn.execute(
            """
            INSERT INTO stores (id, name, country, zone, active, attributes, upload_id, created_at,
                                updated_at)
            VALUES (%s, 'A store', 'IT', 'Europe/Rome', true, '{}', uuidv7(), now(), now())
            """,
            [store_id],
        )
        phone = f"+39070{number:07}"
        user_id = users.insert(self.conn, name="Till", role=Role.STORE_USER, phone=phone, now=self._now)
        users.insert_store(self.conn, user_id=user_id, store_id=store_id)
        return Till(user_id, store_id)


def _insert_products(conn: psycopg.Connection[Any]) -> None:
    conn.execute(
        """
        INSERT INTO products (sku, kind, name, price, currency, tax_rate_pct, active, attributes, upload_id,
                              created_at, updated_at)
        SELECT sku, 'lens', 'A lens', 100, 'EUR', 22, true, '{}', uuidv7(), now(), now()
          FROM unnest(ARRAY['A', 'B', 'C']) AS sku
        """
    )


def _warm_up(conn: crowd.Conn, till: Till) -> None:
    """Statements are prepared and rules compiled before the clock runs."""
    for _ in range(6):
        actions.evaluate(conn, datetime.now(UTC), request=till.sale, caller=till.caller)


def _sell(conn: crowd.Conn, till: Till) -> None:
    actions.confirm(conn, datetime.now(UTC), request=till.sale, caller=till.caller, key=str(uuid4()))


def _terms(number: int, limits: Limits) -> Terms:
    return Terms(
        name=f"Hot {number}",
        type="benchmark",
        description="",
        lane=Lane.LINE,
        priority=0,
        exclusive=False,
        stackable=False,
        starts_at=datetime(2026, 1, 1),  # noqa: DTZ001 - local
        ends_at=None,
        zone_policy="store",
        stores=None,
        rule={"schema": 1, "then": [{"kind": "percent_off", "percent": "10"}]},
        limits=limits,
    )


def _basket(till: Till) -> Basket:
    lines = [{"sku": sku, "quantity": 1} for sku in "ABC"]
    body = {"store_id": till.store_id, "currency": "EUR", "channel": "store", "lines": lines}
    return Basket(till.user_id, till.store_id, body)


def in_slot(statement: Statement, slots: int) -> Statement:
    """The statement with its slot to be said by pgbench, as `:slot`."""
    if "takes" not in statement.parameters:
        return statement
    slot = f"least(:slot, {slots})"
    said = f"""regexp_replace(%(takes)s::text, '"slot": *[0-9]+', '"slot": ' || {slot})::jsonb"""
    return replace(statement, sql=cast("LiteralString", statement.sql.replace("%(takes)s", said)))


def measure(here: Site, plan: Plan, say: Callable[[str], None]) -> dict[str, Any]:
    world = World(here, datetime.now(UTC))
    hot: Limits = ({"redemptions": _HOT},)
    ways: dict[str, tuple[Limits, Callable[[int], Point]]] = {
        "actions, no cap": ((), lambda number: world.by_actions(number, plan.seconds)),
        "actions, capped": (hot, lambda number: world.by_actions(number, plan.seconds)),
        "pgbench, no cap": ((), lambda number: world.by_pgbench(number, plan.seconds, SLOTS)),
        "pgbench, capped": (hot, lambda number: world.by_pgbench(number, plan.seconds, SLOTS)),
        "pgbench, as one row": (hot, lambda number: world.by_pgbench(number, plan.seconds, 1)),
    }
    seen: dict[tuple[int, str], list[Point]] = {}
    for turn in range(plan.rounds):
        for connections in plan.connections:
            for way, (limits, run) in in_turn(ways, turn):
                world.publish(limits)
                point = run(connections)
                seen.setdefault((connections, way), []).append(point)
                say(f"round {turn + 1}: {way} at {connections}: {point['per_s']:.0f}/s")
    say(f"a cap of {plan.small_cap}, used up by {_TILLS} connections")
    world.publish(({"redemptions": plan.small_cap},))
    end = world.by_actions(_TILLS, 60, most=2 * plan.small_cap // _TILLS)
    used = world.used()
    world.conn.close()
    return {
        "points": [
            {
                "connections": connections,
                "way": way,
                **{
                    figure: spread([point[figure] for point in points])
                    for figure in ("per_s", "p50_ms", "p99_ms")
                },
                "to_no_cap": ratio(
                    [point["per_s"] for point in points],
                    [point["per_s"] for point in seen[connections, f"{way.partition(',')[0]}, no cap"]],
                ),
            }
            for (connections, way), points in seen.items()
        ],
        "exhausted": {"cap": plan.small_cap, "used": used, **end},
    }


def in_turn[T](ways: dict[str, T], turn: int) -> Iterable[tuple[str, T]]:
    """Whoever goes first finds the machine as the one before left it."""
    items = list(ways.items())
    return items[turn % len(items) :] + items[: turn % len(items)]


def table(result: dict[str, Any]) -> str:
    where, load, end = result["machine"], result["load_average"], result["exhausted"]
    spent = (
        f"{measured(where, **load)} {result['plan']['rounds']} rounds of "
        f"{result['plan']['seconds']:g} s a point; `median [least .. greatest]`."
    )
    lines = [
        spent,
        "",
        "| connections | | sales/s | p50 ms | p99 ms | to no cap |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]
    for point in sorted(result["points"], key=lambda each: (each["connections"], each["way"])):
        told = f"{point['to_no_cap']['median']:.2f} [{point['to_no_cap']['min']:.2f} .. "
        told += f"{point['to_no_cap']['max']:.2f}]"
        lines.append(
            f"| {point['connections']} | {point['way']} | {point['per_s']['median']:,.0f} | "
            f"{point['p50_ms']['median']:.2f} | {point['p99_ms']['median']:.2f} | {told} |"
        )
    told = (
        f"Goal: capped at least {_GOAL} of no cap at 64 connections. A cap of {end['cap']:,} under "
        f"{end['count']:,.0f} sales of {_TILLS} connections was used {end['used']:,} times; "
        f"{end['contended']:.0f} were told to ask again."
    )
    return "\n".join([*lines, "", told])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.limits", description=__doc__)
    parser.add_argument("--seconds", type=float, default=Plan().seconds)
    parser.add_argument("--rounds", type=int, default=Plan().rounds)
    parser.add_argument("--out", type=Path, help="folder for the result")
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    parser.add_argument("--tiny", action="store_true", help="everything once, as fast as can be")
    given = parser.parse_args()
    plan = Plan(seconds=given.seconds, rounds=given.rounds)
    if given.tiny:
        plan = Plan(seconds=1, rounds=1, connections=(4,), small_cap=100)
    before = load_average()
    with site() as here:
        result = measure(here, plan, lambda text: print(f"  {text}", file=sys.stderr, flush=True))
    result |= {
        "machine": machine(),
        "plan": asdict(plan),
        "load_average": {"before": before, "after": load_average()},
    }
    text = table(result)
    print(text)
    if given.out is not None:
        given.out.mkdir(parents=True, exist_ok=True)
        (given.out / RESULT.name).write_text(json.dumps(result, indent=1) + "\n")
    if given.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        put("limits", text)


if __name__ == "__main__":
    main()
