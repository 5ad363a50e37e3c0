"""host.json: what is read of it, with the documented defaults."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from devhost import host_json
from devhost.driver import AppError
from devhost.host_json import HostJson


def read(folder: Path, content: Any) -> HostJson:
    (folder / "host.json").write_text(json.dumps(content))
    return host_json.read(folder)


def test_the_documented_defaults(tmp_path: Path) -> None:
    found = read(tmp_path, {"version": "2.0"})
    assert found.route_prefix == "api"
    assert (found.blob_tries, found.blob_parallelism) == (5, 8 * (os.cpu_count() or 1))
    assert (found.concurrent_requests, found.outstanding_requests) == (None, None)
    assert found.timeout_seconds == 30 * 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("00:10:00", 600), ("1.00:00:00", 86400), ("00:00:01.5", 1.5), ("23:59:59", 86399), ("-1", None)],
)
def test_the_timeout_is_a_time_span(tmp_path: Path, text: str, seconds: float | None) -> None:
    assert read(tmp_path, {"functionTimeout": text}).timeout_seconds == seconds


@pytest.mark.parametrize("value", ["10", "00:10", 600, "-00:10:00", "soon"])
def test_a_timeout_that_is_none_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(AppError, match="functionTimeout cannot be"):
        read(tmp_path, {"functionTimeout": value})


@pytest.mark.parametrize("value", [0, -2, "3", True])
@pytest.mark.parametrize("name", ["maxConcurrentRequests", "maxOutstandingRequests"])
def test_a_limit_of_requests_that_is_none_is_refused(tmp_path: Path, name: str, value: Any) -> None:
    with pytest.raises(AppError, match=name):
        read(tmp_path, {"extensions": {"http": {name: value}}})
