"""The app over HTTP beside its limits: `python -m bench` measures, prints, and writes what it found.

Into --out go latest.json, and beside it the tables and the picture; without it they go to bench/results/,
and docs/benchmarks.md and docs/benchmarks.svg are brought up to date. --tiny only proves that it runs.
"""

import argparse
import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import cold, world
from bench.breakdown import breakdown
from bench.document import put
from bench.machine import load_average, machine
from bench.memory import memory
from bench.picture import svg
from bench.plan import TINY, Plan
from bench.report import tables
from bench.site import site
from bench.throughput import throughput
from devhost.environment import ROOT

RESULTS = ROOT / "bench" / "results"
PICTURE = ROOT / "docs" / "benchmarks.svg"


def run(plan: Plan) -> dict[str, Any]:
    """Measure everything of the plan."""
    began = load_average()
    with site() as here:
        say(f"loading {plan.products:,} products and {plan.stores} stores")
        baskets = world.load(here, plan, datetime.now(UTC))
        result: dict[str, Any] = {"machine": machine(), "plan": asdict(plan)}
        result["throughput"] = throughput(here, plan, baskets, say)
        say("where the time goes")
        result["breakdown"] = breakdown(here, plan, baskets)
        say("cold starts")
        result["cold_starts"] = cold.cold_starts(here, plan, baskets)
        result["imports"] = cold.imports(plan)
        say(f"memory after {plan.memory_requests:,} evaluations")
        result["memory"] = memory(here, plan, baskets)
    result["load_average"] = {"before": began, "after": load_average()}
    return result


def say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder for the results instead of those of the project")
    parser.add_argument("--tiny", action="store_true", help="everything once, as fast as can be")
    given = parser.parse_args()
    result = run(TINY if given.tiny else Plan.of_environment())
    text = tables(result)
    print(text)
    out: Path = given.out or RESULTS
    out.mkdir(parents=True, exist_ok=True)
    (out / "latest.json").write_text(json.dumps(result, indent=1) + "\n")
    if given.out is None:
        PICTURE.write_text(svg(result))
        put("results", text)
    else:
        (out / "latest.svg").write_text(svg(result))
        (out / "latest.md").write_text(text + "\n")


if __name__ == "__main__":
    main()
