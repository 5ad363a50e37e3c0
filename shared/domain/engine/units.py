"""Units: lines merged into classes of equal pieces, and the pieces of a class in runs of one state."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from shared.domain.engine.basket import Basket, BasketLine
from shared.domain.engine.canonical import canonical_json
from shared.domain.engine.evaluation import UnitRole


class Share(NamedTuple):
    """What a promotion takes off each unit of a run, in minor units, and the price it found them at."""

    by: int
    minor: int
    role: UnitRole
    entry_price: int


class Run(NamedTuple):
    """Units of one class, side by side, to which the same happened so far."""

    units: int
    price: int
    floor: int = 0
    shares: tuple[Share, ...] = ()


class UnitClass(NamedTuple):
    """Pieces of one SKU with one price and the same facts, from whichever lines they came."""

    line: BasketLine
    """The first of them."""
    units: int
    lines: tuple[int, ...]
    """Places of the lines in the basket, in the order in which they take the units of the class."""


def merge_lines(basket: Basket) -> list[UnitClass]:
    """Return the classes in canonical order: price descending, then SKU, then tax rate and facts."""
    lines = basket.lines
    order = [(-line.unit_price, line.sku, place) for place, line in enumerate(lines)]
    order.sort()
    if len({sku for _, sku, _ in order}) == len(order):
        return [UnitClass(lines[place], lines[place].quantity, (place,)) for _, _, place in order]
    classes: list[UnitClass] = []
    at, end = 0, len(order)
    while at < end:
        price, sku, place = order[at]
        after = at + 1
        while after < end and order[after][1] == sku and order[after][0] == price:
            after += 1
        if after == at + 1:
            line = lines[place]
            classes.append(UnitClass(line, line.quantity, (place,)))
        else:
            classes += _merged(lines, [place for _, _, place in order[at:after]])
        at = after
    return classes


def _merged(lines: Sequence[BasketLine], places: Sequence[int]) -> list[UnitClass]:
    """Return the classes of lines of one SKU and price."""
    alike: dict[tuple[Decimal, str], list[int]] = {}
    for place in places:
        line = lines[place]
        alike.setdefault((line.tax_rate_pct, canonical_json(line.facts)), []).append(place)
    classes: list[UnitClass] = []
    for key in sorted(alike):
        # The larger line first: which line gets the odd cent must not depend on the sender's order.
        mine = sorted(alike[key], key=lambda place: -lines[place].quantity)
        units = sum(lines[place].quantity for place in mine)
        classes.append(UnitClass(lines[mine[0]], units, tuple(mine)))
    return classes


def deal_out(runs: Sequence[Run], quantities: Sequence[int]) -> list[list[Run]]:
    """Return the runs of a class cut along its lines: the first line takes the first units, and so on."""
    dealt: list[list[Run]] = []
    left = list(reversed(runs))
    for quantity in quantities:
        mine: list[Run] = []
        wanted = quantity
        while wanted:
            run = left.pop()
            if run.units > wanted:
                left.append(run._replace(units=run.units - wanted))
                run = run._replace(units=wanted)
            mine.append(run)
            wanted -= run.units
        dealt.append(mine)
    return dealt


def runs_by_line(
    basket: Basket, classes: Sequence[UnitClass], runs: Sequence[Sequence[Run]]
) -> list[list[Run]]:
    """Return the units of each line of the basket in the order in which they were dealt out."""
    found: dict[int, list[Run]] = {}
    for one, of_class in zip(classes, runs, strict=True):
        dealt = deal_out(of_class, [basket.lines[place].quantity for place in one.lines])
        found.update(zip(one.lines, dealt, strict=True))
    return [found[line] for line in range(len(found))]
