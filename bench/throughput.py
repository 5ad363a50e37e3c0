"""Throughput: the app through the host, beside a bare handler and pgbench with the same statements."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg

from bench import pgbench, statements, tills
from bench.figures import ratio, spread
from bench.plan import Plan
from bench.servers import bare, cpu_seconds, measure
from bench.site import Site
from bench.world import Basket
from devhost.processes import Child

type Point = dict[str, Any]
type Measure = Callable[[str, int], Point]

SYSTEMS = ("host", "bare", "pgbench")
_FIGURES = ("per_s", "p50_ms", "p95_ms", "p99_ms")


def throughput(site: Site, plan: Plan, baskets: Sequence[Basket], say: Callable[[str], None]) -> list[Point]:
    """One entry for each operation and number of connections, measured in rounds of all three systems."""
    with (
        site.host("throughput") as (host, host_at),
        bare(site, baskets, _reply_bytes(host_at, baskets)) as (handler, handler_at),
    ):
        systems = (
            over_http(plan, baskets, host, host_at, prefix=""),
            over_http(plan, baskets, handler, handler_at, prefix="/{operation}"),
            _by_pgbench(site, plan, baskets),
        )
        named = dict(zip(SYSTEMS, systems, strict=True))
        points = [(operation, number) for operation in tills.OPERATIONS for number in plan.connections]
        seen: dict[tuple[str, int, str], list[Point]] = {}
        for turn in range(plan.rounds):
            for operation, connections in points:
                # Whoever goes first finds the machine as the one before left it: take turns.
                for place in range(len(SYSTEMS)):
                    system = SYSTEMS[(place + turn) % len(SYSTEMS)]
                    point = named[system](operation, connections)
                    seen.setdefault((operation, connections, system), []).append(point)
                    say(f"round {turn + 1}: {operation} at {connections}, {system}: {point['per_s']:.0f}/s")
    return [
        _entry(operation, connections, {each: seen[operation, connections, each] for each in SYSTEMS})
        for operation, connections in points
    ]


def _entry(operation: str, connections: int, seen: Mapping[str, list[Point]]) -> Point:
    entry: Point = {"operation": operation, "connections": connections}
    for system, rounds in seen.items():
        figures = (*_FIGURES, *(each for each in ("client_cpu_share", "cpu_ms") if each in rounds[0]))
        entry[system] = {each: spread([point[each] for point in rounds]) for each in figures}
    entry["ratios"] = {
        f"{figure}_to_{limit}": ratio(
            [point[figure] for point in seen["host"]], [point[figure] for point in seen[limit]]
        )
        for limit in SYSTEMS[1:]
        for figure in _FIGURES
    }
    return entry


def over_http(
    plan: Plan, baskets: Sequence[Basket], server: Child, address: tuple[str, int], *, prefix: str
) -> Measure:
    def run(operation: str, connections: int) -> Point:
        # Made anew for each point: a token lives for ten minutes.
        requests = tills.requests(baskets, operation, prefix.format(operation=operation))
        before = cpu_seconds(server)
        point = measure(
            address, requests, connections=connections, seconds=plan.seconds, warm_up_s=plan.warm_up_s
        )
        answered = sum(point["statuses"].values())
        if set(point["statuses"]) != {"200"}:
            raise RuntimeError(f"{operation}: {point['statuses']}\n{server.log_tail()}")
        return point | {"cpu_ms": (cpu_seconds(server) - before) * 1000 / answered}

    return run


def _by_pgbench(site: Site, plan: Plan, baskets: Sequence[Basket]) -> Measure:
    now, logs = datetime.now(UTC), count()
    heard = {"evaluate": statements.evaluation, "confirm": statements.sale}
    with psycopg.connect(site.url, autocommit=True) as conn:
        scripts = {
            operation: pgbench.write(
                site.folder / f"pgbench-{operation}",
                conn,
                [listen(site.url, basket, now) for basket in baskets[: pgbench.MOST_SCRIPTS]],
            )
            for operation, listen in heard.items()
        }

    def run(operation: str, connections: int) -> Point:
        return pgbench.run(
            scripts[operation],
            site.url,
            connections=connections,
            seconds=plan.seconds,
            log=site.folder / f"pgbench-log-{next(logs)}",
        )

    return run


def _reply_bytes(address: tuple[str, int], baskets: Sequence[Basket]) -> list[int]:
    """How long the app's replies are, headers apart, for `bare` to answer as much."""
    sizes: list[int] = []
    for operation in tills.OPERATIONS:
        point = measure(address, tills.requests(baskets, operation), connections=1, most=len(baskets))
        sizes.append(round(point["reply_bytes"]))
    return sizes
