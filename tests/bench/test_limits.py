"""The benchmark of limits runs: everything once, as fast as can be. No time is judged here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devhost.environment import ROOT


@pytest.mark.soak
def test_every_way_is_measured_and_a_cap_is_used_up_exactly(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "bench.limits", "--tiny", "--out", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "limits.json").read_text())
    assert {point["way"] for point in found["points"]} == {
        "actions, no cap",
        "actions, capped",
        "pgbench, no cap",
        "pgbench, capped",
        "pgbench, as one row",
    }
    assert all(point["per_s"]["median"] > 0 for point in found["points"])
    assert found["exhausted"]["used"] == found["exhausted"]["cap"]
    assert "| 4 | pgbench, as one row |" in result.stdout
