"""A crowd: the same piece of work by many connections at once, in processes that begin together."""

import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg

from bench.figures import latencies
from shared.domain.limits import LimitContended

PROCESSES = 2

type Conn = psycopg.Connection[Any]
type Point = dict[str, float]
type Work[T] = Callable[[Conn, T], object]
"""A function of a module, since processes of their own must find it."""


def measure[T](
    url: str,
    items: Sequence[T],
    *,
    warm_up: Work[T],
    work: Work[T],
    seconds: float,
    most: int | None = None,
) -> Point:
    """Each item on a connection of its own, again and again for so long, or at most so many times.

    In two processes, since one would compute for all. What is refused as contended is counted apart.
    """
    parts = min(PROCESSES, len(items))
    context = multiprocessing.get_context("spawn")
    run = partial(_run, url, warm_up, work, seconds, most)
    with ProcessPoolExecutor(
        parts, context, initializer=_meet_at, initargs=(context.Barrier(parts),)
    ) as processes:
        found = list(processes.map(run, [items[place::parts] for place in range(parts)]))
    took = [each for part, _ in found for each in part]
    return {
        "per_s": len(took) / seconds,
        "count": len(took),
        "contended": sum(refused for _, refused in found),
        **latencies(took),
    }


_start: Barrier | None = None


def _meet_at(barrier: Barrier) -> None:
    """The processes of a measurement begin together, however long each takes to come up."""
    global _start  # noqa: PLW0603 - how a pool hands a barrier to its processes
    _start = barrier


def _run[T](  # noqa: PLR0917 - bound by partial, all but the last
    url: str, warm_up: Work[T], work: Work[T], seconds: float, most: int | None, items: Sequence[T]
) -> tuple[list[float], int]:
    """How long each piece of work took, and how many were told to ask again."""
    with ExitStack() as stack, ThreadPoolExecutor(len(items)) as threads:
        conns = [stack.enter_context(closing(psycopg.connect(url, autocommit=True))) for _ in items]
        list(threads.map(warm_up, conns, items))
        if _start is not None:
            _start.wait(60)
        end = time.monotonic() + seconds
        found = list(threads.map(lambda conn, item: _repeat(conn, item, work, end, most), conns, items))
    return [each for took, _ in found for each in took], sum(refused for _, refused in found)


def _repeat[T](conn: Conn, item: T, work: Work[T], end: float, most: int | None) -> tuple[list[float], int]:
    took: list[float] = []
    refused = 0
    while time.monotonic() < end and (most is None or len(took) < most):
        began = time.perf_counter()
        try:
            work(conn, item)
        except LimitContended:
            refused += 1
        else:
            took.append(time.perf_counter() - began)
    return took, refused
