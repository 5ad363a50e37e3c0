"""The benchmarks of sales and of a month run: everything once, as fast as can be. No time is judged here."""

import subprocess
import sys

import pytest

from devhost.environment import ROOT


@pytest.mark.soak
@pytest.mark.parametrize(
    ("bench", "told"),
    [
        ("bench.sales", ["actions", "psycopg, the insert alone", "pgbench, counters first"]),
        ("bench.month", ["the newest", "of the rarest promotion", "statuses by file"]),
    ],
)
def test_every_figure_is_told(bench: str, told: list[str]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", bench, "--tiny"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    for each in told:
        assert each in result.stdout
