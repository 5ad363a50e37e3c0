"""Servers and their load: the bare handler and the load as processes, and what a process uses."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psutil

from bench.site import Address, Site, free_ports
from bench.world import Basket, write
from devhost.environment import ROOT
from devhost.host_process import wait_until_ready
from devhost.processes import Child, begin
from shared.settings import settings


@contextmanager
def bare(
    site: Site, baskets: Sequence[Basket], reply_bytes: Sequence[int]
) -> Iterator[tuple[Child, Address]]:
    """The bare handler, and its address."""
    (port,), path = free_ports(1), site.folder / "baskets.json"
    write(baskets, path)
    command = [
        sys.executable,
        *("-m", "bench.bare", "--port", str(port), "--baskets", str(path)),
        *("--reply-bytes", *map(str, reply_bytes)),
        *("--connections", str(settings().database_pool_max)),
    ]
    child = begin("bare", command, state=site.folder, environment=site.environment, working_folder=ROOT)
    try:
        wait_until_ready(child)
        yield child, ("127.0.0.1", port)
    finally:
        child.stop()


def measure(address: Address, requests: Sequence[str], **how: Any) -> dict[str, Any]:
    """What the load saw: `connections`, `seconds`, `warm_up_s`, or `most` requests."""
    given = {"address": address, "requests": requests, "seconds": 0, "warm_up_s": 0, "most": None} | how
    result = subprocess.run(
        [sys.executable, "-m", "bench.load"],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if result.returncode != 0:
        raise RuntimeError(f"the load failed:\n{result.stderr}")
    return json.loads(result.stdout)


def cpu_seconds(child: Child) -> float:
    """What the process and those it started have used of the processors."""
    process = psutil.Process(child.process.pid)
    return sum(
        each.cpu_times().user + each.cpu_times().system
        for each in (process, *process.children(recursive=True))
    )
