"""The tables of the comparison with rule engines."""

from collections.abc import Mapping
from typing import Any

from bench import growth
from bench.report import spread_text, table
from bench.rules.race import BASE

type Json = Mapping[str, Any]

# Where the other of the two grows.
_LINES, _LIVE = 10, 20


def tables(result: Json) -> str:
    return "\n\n".join(
        (
            f"{result['date']}, Python {result['python']}.",
            "#### Beside rule engines, CPU time an evaluation as a ratio to " + BASE,
            _race(result["race"]),
            "#### Microseconds of CPU an evaluation",
            _micros(result["race"]),
            _explained(result["explained"]),
            "#### Growth",
            _growth(result["growth"]),
            "#### Hostile rule sets",
            _hostile(result["hostile"]),
            "#### Realistic baskets",
            _realistic(result["realistic"]),
        )
    )


def _race(shapes: list[Json]) -> str:
    return table(
        ("", *(f"{shape['lines']} lines, {shape['live']} live" for shape in shapes)),
        (
            (name, *(spread_text(shape["to_base"][name], "{:.2f}") for shape in shapes))
            for name in shapes[0]["us"]
        ),
    )


def _micros(shapes: list[Json]) -> str:
    return table(
        ("", *(f"{shape['lines']} lines, {shape['live']} live" for shape in shapes)),
        ((name, *(f"{shape['us'][name]['median']:,.0f}" for shape in shapes)) for name in shapes[0]["us"]),
    )


def _explained(found: Json) -> str:
    share = spread_text(found["share"], "{:.1%}")
    return (
        f"Explanations take {share} of an evaluation at 10 lines and 20 live promotions (goal: at most 10 %)."
    )


def picture(points: list[Json]) -> str:
    """The growth as SVG, at the sizes that were measured of lines as well as of promotions."""
    by_lines = {one["lines"]: one["us"] for one in points if one["live"] == _LIVE}
    by_promotions = {one["live"]: one["us"] for one in points if one["lines"] == _LINES}
    sizes = sorted(by_lines.keys() & by_promotions.keys())
    return growth.svg(
        "CPU µs an evaluation, by lines or live promotions",
        sizes,
        {
            f"by lines, {_LIVE} live promotions": [by_lines[size] for size in sizes],
            f"by live promotions, {_LINES} lines": [by_promotions[size] for size in sizes],
        },
    )


def _growth(points: list[Json]) -> str:
    return table(
        ("lines", "live promotions", "µs an evaluation"),
        ((str(one["lines"]), str(one["live"]), f"{one['us']:,.0f}") for one in points),
    )


def _hostile(sets: list[Json]) -> str:
    return table(
        ("", "ms", "proved best", "discount", "bound"),
        (
            (
                one["name"],
                f"{one['best_ms']:.0f} .. {one['worst_ms']:.0f}",
                "yes" if one["optimal"] else "no",
                f"{one['discount']:,}",
                f"{one['bound']:,}",
            )
            for one in sets
        ),
    )


def _realistic(found: Json) -> str:
    rows = (
        ("baskets", f"{found['baskets']:,}"),
        ("proved best", f"{found['optimal_share']:.3%}"),
        ("promotions applied in the mean", f"{found['applied_mean']}"),
        *((f"{point}, µs", f"{found[f'{point}_us']:,.0f}") for point in ("p50", "p90", "p99", "p99.9")),
        ("greatest, µs", f"{found['greatest_us']:,.0f}"),
        ("p99 to p50", f"{found['p99_to_p50']}"),
    )
    return table(("", ""), rows)
