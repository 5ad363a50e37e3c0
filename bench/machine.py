"""The machine: where and when a run was measured, and of which versions."""

import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from bench.interpreter import interpreter
from devhost.environment import ROOT
from devhost.services.postgres import bin_folder

PACKAGES = (
    "azure-functions",
    "azure-functions-runtime",
    "psycopg",
    "psycopg-pool",
    "pydantic",
    "starlette",
    "uvicorn",
    "uvloop",
)


def machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "changed_files": len(_git("status", "--porcelain", "--untracked-files=no").splitlines()),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "kernel": platform.release(),
        "python": interpreter(),
        "postgres": _output(str(bin_folder() / "postgres"), "--version").split()[-1],
        "packages": {name: version(name) for name in PACKAGES},
    }


def measured(where: Mapping[str, Any], before: float, after: float) -> str:
    """Return when and on what a result was measured; `before` and `after` are load averages."""
    return (
        f"{where['date']}, commit {where['commit']}, {where['cores']} cores, Python {where['python']}, "
        f"load average {before} before and {after} after."
    )


def load_average() -> float:
    """Processes that ran or waited for a processor, in the mean of the last minute."""
    return round(os.getloadavg()[0], 2)


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor())


def _git(*arguments: str) -> str:
    return _output("git", *arguments)


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
