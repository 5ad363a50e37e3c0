"""The breakdown: where the time of one request goes, from what each layer takes."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from bench import tills
from bench.plan import Plan
from bench.servers import measure
from bench.site import Site
from bench.world import Basket, write
from devhost.environment import ROOT

type Micros = Mapping[str, float]


def breakdown(site: Site, plan: Plan, baskets: Sequence[Basket]) -> dict[str, Any]:
    """For each operation the layers in microseconds, which sum to `whole`: one request over HTTP, alone."""
    path = site.folder / "layers.json"
    write(baskets, path)
    whole: dict[str, list[float]] = {operation: [] for operation in tills.OPERATIONS}
    with site.host("breakdown") as (_, address):
        _alone(plan, baskets, address, whole)
        result = subprocess.run(
            [
                sys.executable,
                *("-m", "bench.layers", "--baskets", str(path), "--calls", str(plan.layer_calls)),
                *("--state", str(site.folder / "layers")),
            ],
            env=dict(site.environment),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(f"the layers failed:\n{result.stderr}")
        _alone(plan, baskets, address, whole)
    calls = json.loads(result.stdout)
    return {
        operation: {
            "whole_us": round(min(whole[operation]), 1),
            "calls_us": calls[operation],
            "layers_us": shares(min(whole[operation]), calls[operation]),
        }
        for operation in tills.OPERATIONS
    }


def shares(whole: float, calls: Micros) -> dict[str, float]:
    """What each layer spends itself. Those called a remainder are what no call of their own measures."""

    def of(*names: str) -> float:
        return sum(calls.get(name, 0) for name in names)

    inside = of("request", "read", "basket", "engine", "quote", "record", "write")
    edge = of("authorise", "parse", "render")
    found = {
        "client, sockets, HTTP server": whole - of("asgi"),
        "host: front": of("asgi") - of("invocation"),
        "host: Python runtime": of("invocation") - of("door"),
        "edge: token": of("authorise"),
        "edge: parse": of("parse"),
        "edge: render": of("render"),
        "edge: remainder": of("door") - edge - of("pool", "action"),
        "pool: check-out, check, return": of("pool"),
        "engine": of("engine"),
        "domain: basket and quote": of("request", "basket", "quote"),
        "domain: texts to record": of("record"),
        "action: remainder": of("action") - inside,
        "driver and rows": of("read", "write") - of("read_raw", "write_raw"),
        "database: protocol, commit": of("read_raw", "write_raw") - of("read_told", "write_told"),
        "database: planning, executing": of("read_told", "write_told"),
    }
    return {name: round(micros, 1) for name, micros in found.items()}


def _alone(
    plan: Plan, baskets: Sequence[Basket], address: tuple[str, int], whole: Mapping[str, list[float]]
) -> None:
    for operation, seen in whole.items():
        point = measure(
            address,
            tills.requests(baskets, operation),
            connections=1,
            seconds=plan.seconds,
            warm_up_s=plan.warm_up_s,
        )
        seen.append(point["p10_ms"] * 1000)
