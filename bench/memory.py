"""Memory: what a host's process holds when idle, and after many evaluations."""

from collections.abc import Sequence

import psutil

from bench import tills
from bench.plan import Plan
from bench.servers import measure
from bench.site import Site
from bench.world import Basket
from devhost.processes import Child

_CONNECTIONS = 8


def memory(site: Site, plan: Plan, baskets: Sequence[Basket]) -> dict[str, float]:
    """Resident megabytes of one host."""
    requests = tills.requests(baskets, "evaluate")
    with site.host("memory") as (host, address):
        idle = _resident_mb(host)
        measure(address, requests, connections=1, most=1)
        first = _resident_mb(host)
        measure(address, requests, connections=_CONNECTIONS, most=plan.memory_requests)
        return {
            "idle_mb": idle,
            "after_first_evaluation_mb": first,
            "evaluations": plan.memory_requests,
            "after_evaluations_mb": _resident_mb(host),
        }


def _resident_mb(host: Child) -> float:
    return round(psutil.Process(host.process.pid).memory_info().rss / 1e6, 1)
