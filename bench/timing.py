"""Timing: one call after the other for some seconds, alone or beside others."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from bench.figures import latencies

type Point = dict[str, float]


def timed(call: Callable[[], object], seconds: float) -> Point:
    """How often a second, and the latencies."""
    took: list[float] = []
    call()
    ends = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        call()
        took.append(time.perf_counter() - began)
    return {"per_s": round(len(took) / seconds), **latencies(took)}


def side_by_side(calls: Sequence[Callable[[], object]], seconds: float) -> Point:
    """All of them at once: how often a second together, and the worst of their latencies."""
    with ThreadPoolExecutor(len(calls)) as threads:
        points = list(threads.map(lambda call: timed(call, seconds), calls))
    together = {"per_s": sum(point["per_s"] for point in points)}
    return together | {name: max(point[name] for point in points) for name in points[0] if name != "per_s"}
