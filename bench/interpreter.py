"""The interpreter: which Python measured, and how fast it is at next to nothing.

How a Python was built decides a good part of its speed. Those of Debian and of container images are optimized
by a profile and at link time; one that was compiled with default settings takes 1.4 times as long here.
"""

import platform
from time import perf_counter

_ADDITIONS = 1_000_000


def interpreter() -> str:
    """Return its version, and the nanoseconds of an addition in a loop at best."""
    took = min(_adding() for _ in range(7))
    return f"{platform.python_version()} ({took / _ADDITIONS * 1e9:.0f} ns an addition in a loop)"


def _adding() -> float:
    total = 0
    began = perf_counter()
    for number in range(_ADDITIONS):
        total += number
    return perf_counter() - began
