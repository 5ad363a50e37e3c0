"""The picture: the ratios to the limits, and the layers of one request, as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from bench.svg import INK, PALE, RULE, text

type Json = Mapping[str, Any]

WIDTH = 860
_LEFT, _RIGHT = 190, 60
_BAR, _GAP = 13, 22
_LIMITS = (("bare", "bare handler", "#2b6cb0"), ("pgbench", "pgbench", "#dd8a2f"))
# One hue a kind of layer: outside, host, edge, pool, engine, domain, driver, database.
_HUES = {
    "client": "#9aa5b1",
    "host": "#6b7b8c",
    "edge": "#2b6cb0",
    "pool": "#63a4d8",
    "engine": "#c05621",
    "domain": "#dd8a2f",
    "action": "#e9b872",
    "driver": "#4c9a6a",
    "database": "#276749",
}


def svg(result: Json) -> str:
    """The two charts, one below the other."""
    ratios = list(_ratios(result["throughput"], 48))
    below = 48 + len(result["throughput"]) * (2 * _BAR + _GAP) + 60
    layers = list(_layers(result["breakdown"], below))
    height = below + 40 + len(result["breakdown"]) * 46 + 130
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}">',
            f'<g font-family="sans-serif" font-size="12" fill="{INK}">',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            *ratios,
            *layers,
            "</g></svg>\n",
        )
    )


def _ratios(points: Sequence[Json], top: int) -> Iterator[str]:
    yield text(_LEFT, 20, "Requests/s of the app as a share of its limits", size=15)
    for place, (_, name, colour) in enumerate(_LIMITS):
        x = _LEFT + 130 * place
        yield f'<rect x="{x}" y="28" width="10" height="10" fill="{colour}"/>'
        yield text(x + 15, 37, f"of the {name}" if name != "pgbench" else "of pgbench", colour=PALE)
    bottom = top + len(points) * (2 * _BAR + _GAP)
    for tenth in range(0, 11, 2):
        x = _scale(tenth / 10)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{top}" y2="{bottom}" stroke="{RULE}"/>'
        yield text(x, bottom + 16, f"{tenth / 10:.1f}", anchor="middle", colour=PALE)
    for row, point in enumerate(points):
        y = top + 8 + row * (2 * _BAR + _GAP)
        connections = f"{point['connections']} connection{'s' if point['connections'] > 1 else ''}"
        yield text(_LEFT - 10, y + _BAR + 4, f"{point['operation']}, {connections}", anchor="end")
        for place, (limit, _, colour) in enumerate(_LIMITS):
            ratio = point["ratios"][f"per_s_to_{limit}"]
            yield from _bar(ratio, y + place * _BAR, colour)


def _bar(ratio: Json, y: float, colour: str) -> Iterator[str]:
    least, median, greatest = (_scale(ratio[each]) for each in ("min", "median", "max"))
    middle = y + _BAR / 2
    yield f'<rect x="{_LEFT}" y="{y}" width="{median - _LEFT:.1f}" height="{_BAR - 2}" fill="{colour}"/>'
    yield (
        f'<line x1="{least:.1f}" x2="{greatest:.1f}" y1="{middle - 1}" y2="{middle - 1}" stroke="{INK}" '
        'stroke-width="1.5"/>'
    )
    yield text(greatest + 6, middle + 3, f"{ratio['median']:.2f}", colour=PALE)


def _layers(found: Json, top: int) -> Iterator[str]:
    yield text(_LEFT, top, "Where the time of one request goes, alone over HTTP", size=15)
    most = max(each["whole_us"] for each in found.values())
    for row, (operation, each) in enumerate(found.items()):
        y, x = top + 18 + row * 46, float(_LEFT)
        yield text(_LEFT - 10, y + 18, operation, anchor="end")
        for layer, micros in each["layers_us"].items():
            width = max(micros, 0) / most * (WIDTH - _LEFT - _RIGHT - 60)
            title = f"{escape(layer)}: {micros:,.0f} µs"
            yield (
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="28" fill="{_HUES[_kind(layer)]}" '
                f'stroke="#ffffff" stroke-width="0.5"><title>{title}</title></rect>'
            )
            x += width
        yield text(x + 6, y + 18, f"{each['whole_us'] / 1000:.2f} ms", colour=PALE)
    yield from _legend(found, top + 34 + len(found) * 46)


def _legend(found: Json, top: int) -> Iterator[str]:
    """Each kind of layer with its milliseconds in every operation."""
    for place, (kind, colour) in enumerate(_HUES.items()):
        x, y = _LEFT + place % 3 * 210, top + place // 3 * 22
        sums = (
            sum(micros for layer, micros in each["layers_us"].items() if _kind(layer) == kind) / 1000
            for each in found.values()
        )
        told = " / ".join(f"{each:.2f}" for each in sums)
        yield f'<rect x="{x}" y="{y}" width="10" height="10" fill="{colour}"/>'
        yield text(x + 15, y + 9, f"{kind}: {told} ms", colour=PALE)


def _kind(layer: str) -> str:
    return layer.replace(",", ":").replace(" and", ":").partition(":")[0]


def _scale(ratio: float) -> float:
    return _LEFT + min(ratio, 1.1) * (WIDTH - _LEFT - _RIGHT) / 1.1
