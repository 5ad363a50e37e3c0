"""The benchmarks run: everything once, as fast as can be. No time is judged here.

Most of it in `make soak`: a minute of starting processes says little of the product.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from bench.plan import TINY
from devhost.environment import ROOT


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    result = subprocess.run(
        [sys.executable, "-m", "bench", "--tiny", "--out", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def result(out: Path) -> dict[str, Any]:
    return json.loads((out / "latest.json").read_text())


@pytest.mark.soak
def test_every_point_has_the_app_and_both_limits(result: dict[str, Any]) -> None:
    points = [(point["operation"], point["connections"]) for point in result["throughput"]]
    assert points == [(each, number) for each in ("evaluate", "confirm") for number in TINY.connections]
    for point in result["throughput"]:
        for system in ("host", "bare", "pgbench"):
            assert point[system]["per_s"]["median"] > 0
            assert 0 < point[system]["p50_ms"]["median"] <= point[system]["p99_ms"]["median"]
        for limit in ("bare", "pgbench"):
            spread = point["ratios"][f"per_s_to_{limit}"]
            assert 0 < spread["min"] <= spread["median"] <= spread["max"]


@pytest.mark.soak
def test_the_layers_of_a_request_sum_to_the_whole(result: dict[str, Any]) -> None:
    for operation in ("evaluate", "confirm"):
        found = result["breakdown"][operation]
        assert sum(found["layers_us"].values()) == pytest.approx(found["whole_us"], abs=2)
        assert found["layers_us"]["engine"] > 0
    assert result["breakdown"]["confirm"]["calls_us"]["write_told"] > 0


@pytest.mark.soak
def test_cold_start_and_memory_are_told(result: dict[str, Any]) -> None:
    assert result["cold_starts"]["to_health_s"]["median"] > 0
    assert result["imports"]["ratio"]["median"] > 0
    assert {"azure.functions", "psycopg", "pydantic"} <= set(result["imports"]["at_start"])
    assert "httpx" in result["imports"]["lazily"]
    assert result["imports"]["own_ms_by_package"]
    assert result["memory"]["idle_mb"] > 0
    assert {"date", "commit", "cores", "python", "postgres"} <= result["machine"].keys()


@pytest.mark.soak
def test_tables_and_picture_come_with_it(out: Path) -> None:
    assert ET.parse(out / "latest.svg").getroot().tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
    assert "| evaluate | 2 | the app |" in (out / "latest.md").read_text()


@pytest.mark.soak
def test_ingest_is_measured_beside_its_limits() -> None:
    program = [sys.executable, "-m", "bench.ingest", "--rows", "500", "--rounds", "1", "--long", "700"]
    result = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    for measured in ("first load", "nothing changed", "naive ingest, first load", "700 rows"):
        assert f"| {measured} |" in result.stdout
