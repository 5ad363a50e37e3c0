"""The app beside django-oscar: `python -m bench.oscar` measures, prints, and with --write keeps the result.

On one PostgreSQL, in turns: oscar loads a stored basket of ten lines and applies twenty site offers, each at
most once; the app prices a basket of ten lines under twenty live promotions, explains, and records the sale.
The two do not mean the same by an offer (oscar has no shops, and offers consume lines one after the other):
it is a comparison of systems. oscar lives in a virtual environment of its own below .local/.
"""

import argparse
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from statistics import median
from time import perf_counter
from typing import Any
from uuid import uuid4

import psycopg

from bench import world
from bench.document import put
from bench.figures import spread
from bench.machine import machine
from bench.peers import interpreter
from bench.plan import Plan
from bench.report import spread_text, table
from bench.site import DATABASE, Site, site
from devhost.environment import ROOT
from functions.transactions import SaleBody
from shared.actions import transactions

PACKAGES = ("django-oscar==4.2.1", "psycopg[binary]==3.3.9")
RESULT = ROOT / "bench" / "results" / "oscar.json"
_PLAN = replace(Plan(), products=4_000, stores=50)


def measure(rounds: int, theirs: int, ours: int) -> dict[str, Any]:
    """Milliseconds an evaluation in the median of each round, ours with the recording of the sale."""
    with site() as here, _oscar(here) as oscar:
        baskets = world.load(here, _PLAN, datetime.now(UTC))
        found: dict[str, list[float]] = {"oscar": [], "app": []}
        with psycopg.connect(here.url, autocommit=True) as conn:
            for turn in range(rounds + 1):
                times = {"oscar": _ask(oscar, theirs), "app": _sell(conn, baskets, ours)}
                for name, each in times.items():
                    # The first round warms both up.
                    if turn:
                        found[name].append(median(each) * 1000)
        return {
            "machine": machine(),
            "ms": {name: spread(each) for name, each in found.items()},
            "times_as_fast": spread(
                [one / other for one, other in zip(found["oscar"], found["app"], strict=True)], 0
            ),
        }


def _sell(conn: psycopg.Connection[Any], baskets: list[world.Basket], count: int) -> list[float]:
    times: list[float] = []
    for number in range(count):
        basket = baskets[number % len(baskets)]
        began = perf_counter()
        transactions.confirm(
            conn,
            datetime.now(UTC),
            request=SaleBody.model_validate(basket.body).request(),
            caller=basket.caller,
            key=str(uuid4()),
        )
        times.append(perf_counter() - began)
    return times


@contextmanager
def _oscar(here: Site) -> Iterator[subprocess.Popen[str]]:
    url = here.url.replace(f"/{DATABASE}?", "/oscar?")
    with psycopg.connect(here.url, autocommit=True) as conn:
        conn.execute("CREATE DATABASE oscar")
    program = [interpreter("oscar", PACKAGES), "-m", "bench.oscar.worker", url]
    with subprocess.Popen(
        program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            _answer(child)
            yield child
        finally:
            child.kill()


def _ask(child: subprocess.Popen[str], count: int) -> list[float]:
    assert child.stdin is not None  # noqa: S101 - it is a pipe
    child.stdin.write(f"{count}\n")
    child.stdin.flush()
    return _answer(child)


def _answer(child: subprocess.Popen[str]) -> Any:
    assert child.stdout is not None  # noqa: S101 - it is a pipe
    line = child.stdout.readline()
    if not line:
        raise RuntimeError("oscar's process ended")
    return json.loads(line)


def tables(result: dict[str, Any]) -> str:
    rows = [
        ("django-oscar: load and apply the offers", spread_text(result["ms"]["oscar"], "{:.1f} ms")),
        ("the app: price, explain and record", spread_text(result["ms"]["app"], "{:.2f} ms")),
        ("times as fast", spread_text(result["times_as_fast"], "{:,.0f}")),
    ]
    return table(("", "median of the rounds"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.oscar", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the result in bench/results")
    given = parser.parse_args()
    result = measure(rounds=5, theirs=10, ours=300)
    print(tables(result))
    if given.write:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")
        put("oscar", tables(result))


if __name__ == "__main__":
    main()
