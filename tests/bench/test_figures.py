"""Percentiles, ratios, and the breakdown's sum."""

import pytest

from bench.breakdown import shares
from bench.document import inserted
from bench.figures import latencies, percentile, ratio


def test_percentiles_are_values_that_were_measured() -> None:
    hundred = [float(number) for number in range(1, 101)]
    assert [percentile(hundred, percent) for percent in (0, 50, 95, 99, 100)] == [1, 51, 96, 100, 100]
    assert latencies([0.002, 0.001, 0.003]) == {
        "p10_ms": 1.0,
        "p50_ms": 2.0,
        "p95_ms": 3.0,
        "p99_ms": 3.0,
    }


def test_a_ratio_is_the_median_of_the_rounds_ratios() -> None:
    # The quotient of the medians would be 1.5.
    assert ratio([1, 2, 9], [2, 1, 3]) == {"median": 2.0, "min": 0.5, "max": 3.0}


def test_the_layers_sum_to_the_whole() -> None:
    calls = {"asgi": 900, "invocation": 800, "door": 700, "authorise": 50, "parse": 40, "render": 30}
    calls |= {"pool": 60, "action": 500, "request": 5, "basket": 15, "engine": 200, "quote": 30}
    calls |= {"read": 120, "read_raw": 80, "read_told": 50, "write": 100, "write_raw": 70, "write_told": 40}
    found = shares(1000, calls)
    assert sum(found.values()) == pytest.approx(1000)
    assert found["engine"] == 200
    assert found["driver and rows"] == 70
    assert found["database: planning, executing"] == 90


def test_results_take_the_place_of_older_ones() -> None:
    document = "before\n<!-- one: begin -->\nold\n<!-- one: end -->\nafter\n"
    once = inserted(document, "one", "new")
    assert once == "before\n<!-- one: begin -->\n\nnew\n\n<!-- one: end -->\nafter\n"
    assert inserted(once, "one", "new") == once
    with pytest.raises(ValueError, match="another"):
        inserted(once, "another", "new")
