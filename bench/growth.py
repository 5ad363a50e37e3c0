"""Growth: how figures change with size, as lines over a logarithmic scale, as SVG."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import ceil, floor, log10

from bench.svg import INK, PALE, RULE, text

type Place = Callable[[float], float]
"""Where a value stands in the picture."""

_WIDTH, _HEIGHT = 860, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 220, 40, 40
_HUES = ("#2b6cb0", "#c05621", "#276749", "#dd8a2f", "#6b46c1", "#63a4d8", "#9b2c2c", "#4c9a6a", "#6b7b8c")
# Between the names of lines that end at nearly the same height.
_APART = 14


def svg(title: str, sizes: Sequence[float], lines: Mapping[str, Sequence[float]]) -> str:
    """A line for each name, with a value above zero for each size, in ascending order."""
    values = [max(value, 1e-3) for line in lines.values() for value in line]
    least, most = floor(log10(min(values))), max(ceil(log10(max(values))), floor(log10(min(values))) + 1)

    def across(size: float) -> float:
        return _LEFT + size / sizes[-1] * (_WIDTH - _LEFT - _RIGHT)

    def down(value: float) -> float:
        share = (log10(max(value, 1e-3)) - least) / (most - least)
        return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}">',
            f'<g font-family="sans-serif" font-size="12" fill="{INK}">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
            text(_LEFT, 20, title, size=15),
            *_grid(sizes, range(least, most + 1), across, down),
            *_lines(sizes, lines, across, down),
            "</g></svg>\n",
        )
    )


def _grid(sizes: Sequence[float], powers: range, across: Place, down: Place) -> Iterator[str]:
    for power in powers:
        y = down(10**power)
        yield f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}"/>'
        yield text(_LEFT - 8, y + 4, f"{10**power:g}", anchor="end", colour=PALE)
    for size in sizes:
        yield text(across(size), _HEIGHT - _BOTTOM + 18, f"{size:,.0f}", anchor="middle", colour=PALE)


def _lines(
    sizes: Sequence[float], lines: Mapping[str, Sequence[float]], across: Place, down: Place
) -> Iterator[str]:
    above = float("-inf")
    for place, (name, line) in enumerate(sorted(lines.items(), key=lambda each: down(each[1][-1]))):
        colour = _HUES[place % len(_HUES)]
        points = " ".join(
            f"{across(size):.1f},{down(value):.1f}" for size, value in zip(sizes, line, strict=True)
        )
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>'
        above = max(down(line[-1]) + 4, above + _APART)
        yield text(_WIDTH - _RIGHT + 8, above, name, colour=colour)
