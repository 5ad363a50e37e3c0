"""Environments for peers: a virtual environment below .local/ for each comparison, made on its first run."""

import subprocess
import sys
from pathlib import Path

from devhost.environment import ROOT


def interpreter(name: str, packages: tuple[str, ...]) -> Path:
    """The Python of the environment that holds these very packages."""
    home = ROOT / ".local" / f"bench-{name}"
    python, mark, wanted = home / "bin" / "python", home / "installed", "\n".join(packages)
    if not mark.exists() or mark.read_text() != wanted:
        print(f"  installing {', '.join(packages)}, once", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        quiet = ("--quiet", "--disable-pip-version-check")
        subprocess.run([python, "-m", "pip", "install", *quiet, *packages], check=True)
        mark.write_text(wanted)
    return python
