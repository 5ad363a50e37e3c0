"""Cold starts: from the start of the process to its first answers, and what the imports take of it."""

import ast
import http.client
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bench import tills
from bench.figures import ratio, spread
from bench.plan import Plan
from bench.site import Site
from bench.world import Basket
from devhost.environment import ROOT

APP = "import function_app"
# What an app of this kind cannot do without.
FLOOR = "import azure.functions, psycopg, pydantic"
# pydantic imports what it is made of when that is first asked for, as every model does.
LOADED_FLOOR = f"{FLOOR}; from pydantic import BaseModel, Field, TypeAdapter"
# Each takes tens of milliseconds or more to import.
HEAVY = (
    "azure.core",
    "azure.functions",
    "azure.identity",
    "azure.storage.blob",
    "azure.data.tables",
    "cryptography",
    "httpx",
    "jwt",
    "psycopg",
    "psycopg_pool",
    "pydantic",
    "requests",
)
_SHOWN = 12

type _Import = tuple[float, float, list[str], int]
"""Seconds of wall clock and of CPU, the heavy modules then loaded, and how many modules in all."""


def cold_starts(site: Site, plan: Plan, baskets: Sequence[Basket]) -> dict[str, Any]:
    """Seconds from the start of a host's process to its first /health, and to the first evaluation after."""
    to_health, to_evaluation = [], []
    for number in range(plan.cold_starts):
        began = time.perf_counter()
        with site.host(f"cold-{number}") as (_, address):
            _ask(address, "GET", "/api/v1/health")
            to_health.append(time.perf_counter() - began)
            basket = baskets[number % len(baskets)]
            _ask(
                address,
                "POST",
                tills.PATH,
                tills.body(basket, "evaluate"),
                tills.headers(basket, "evaluate"),
            )
            to_evaluation.append(time.perf_counter() - began)
    return {"to_health_s": spread(to_health), "to_first_evaluation_s": spread(to_evaluation)}


def imports(plan: Plan) -> dict[str, Any]:
    """What importing the app takes, beside the packages it cannot do without, and which modules take it."""
    _import(APP)
    programs = (APP, FLOOR, LOADED_FLOOR)
    seen: dict[str, list[_Import]] = {what: [] for what in programs}
    for _ in range(plan.imports):
        for what in programs:
            seen[what].append(_import(what))
    wall = {what: [each[0] for each in seen[what]] for what in programs}
    cpu = {what: [each[1] for each in seen[what]] for what in programs}
    at_start = seen[APP][0][2]
    return {
        "programs": {
            what: {"wall_s": spread(wall[what]), "cpu_s": spread(cpu[what]), "modules": seen[what][0][3]}
            for what in programs
        },
        "ratio": ratio(wall[APP], wall[FLOOR]),
        "ratio_of_cpu": ratio(cpu[APP], cpu[FLOOR]),
        "ratio_to_loaded": ratio(wall[APP], wall[LOADED_FLOOR]),
        "ratio_of_cpu_to_loaded": ratio(cpu[APP], cpu[LOADED_FLOOR]),
        "at_start": at_start,
        "lazily": [name for name in HEAVY if name not in at_start],
        "own_ms_by_package": _by_package(),
    }


def _import(what: str) -> _Import:
    program = (
        "import sys, time\n"
        "wall, cpu = time.perf_counter(), time.process_time()\n"
        f"{what}\n"
        "took = time.perf_counter() - wall, time.process_time() - cpu\n"
        f"print((*took, [name for name in {HEAVY!r} if name in sys.modules], len(sys.modules)))\n"
    )
    return ast.literal_eval(_python("-c", program).stdout)


def _by_package() -> Mapping[str, float]:
    """Milliseconds of the modules' own, by package, the greatest first."""
    own: Counter[str] = Counter()
    for line in _python("-X", "importtime", "-c", APP).stderr.splitlines():
        found = re.fullmatch(r"import time:\s+(\d+) \|\s+\d+ \| +(\S+)", line)
        if found:
            own[_package(found[2])] += int(found[1])
    return {name: round(micros / 1000, 1) for name, micros in own.most_common(_SHOWN)}


def _package(module: str) -> str:
    parts = module.split(".")
    return ".".join(parts[:2]) if parts[0] == "azure" else parts[0]


def _python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=True)


def _ask(
    address: tuple[str, int],
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    connection = http.client.HTTPConnection(*address, timeout=30)
    connection.request(method, path, body, dict(headers or {}))
    reply = connection.getresponse()
    reply.read()
    connection.close()
    if reply.status != 200:
        raise RuntimeError(f"{path} answered {reply.status}")
