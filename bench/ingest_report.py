"""The report of an ingest's measurements: tables of Markdown."""

from collections.abc import Mapping
from typing import Any

from bench.report import table

GOALS = {"first load": 2.5, "nothing changed": 1.8, "everything changed": 3.0}


def ingest_tables(result: Mapping[str, Any]) -> str:
    """Everything that was measured of ingest."""
    ways = (
        (
            what,
            _told(seconds),
            _told(result["to_floor"][what]),
            f"≤ {GOALS[what]}" if what in GOALS else "",
        )
        for what, seconds in result["seconds"].items()
    )
    files = (
        (
            f"{each['rows']:,} rows",
            str(each["seconds"]),
            str(each["idle_mb"]),
            str(each["peak_mb"]),
            str(each["above_idle_mb"]),
            ", ".join(f"{status} {seconds}" for status, seconds in each["still_s"].items()),
        )
        for each in result["long_files"]
    )
    return "\n\n".join(
        (
            f"{result['rows']:,} products, 12 columns, {result['megabytes']} MB, {result['rounds']} rounds.",
            table(("", "seconds", "to the floor", "goal"), ways),
            f"The naive ingest takes {_told(result['naive_to_ingest'])} times as long (goal: at least 7).",
            table(
                ("a file of", "seconds", "idle MB", "most MB", "above, goal ≤ 150", "still s, goal ≤ 1"),
                files,
            ),
        )
    )


def _told(each: Mapping[str, float]) -> str:
    return f"{each['median']:.2f} [{each['min']:.2f} .. {each['max']:.2f}]"
