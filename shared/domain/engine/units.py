"""Units: lines merged into classes of equal pieces, and the pieces of a class in runs of one state."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from shared.domain.engine.basket import Basket, BasketLine
from shared.domain.engine.canonical import canonical_json
from shared.domain.money import from_minor


@dataclass(frozen=True, slots=True)
class Share:
    """What a promotion takes off each unit of a run, in minor units."""

    promotion_id: str
    minor: int


@dataclass(frozen=True, slots=True)
class Run:
    """Units of one class, side by side, to which the same happened so far."""

    units: int
    price: int
    floor: int = 0
    shares: tuple[Share, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitClass:
    """Pieces of one SKU with one price and the same facts, from whichever lines they came."""

    sku: str
    list_price: int
    units: int
    facts: dict[str, object]
    lines: tuple[int, ...]
    """Places of the lines in the basket, in the order in which they take the units of the class."""


def merge_lines(basket: Basket) -> tuple[UnitClass, ...]:
    """Return the classes in canonical order: price descending, then SKU, then tax rate and facts."""
    alike: dict[tuple[int, str, Decimal], list[int]] = {}
    for place, line in enumerate(basket.lines):
        alike.setdefault((-line.unit_price, line.sku, line.tax_rate_pct), []).append(place)
    classes: list[UnitClass] = []
    for key in sorted(alike):
        classes += [_class_of(basket, places) for places in _by_facts(basket.lines, alike[key])]
    return tuple(classes)


def _by_facts(lines: Sequence[BasketLine], places: list[int]) -> Iterable[list[int]]:
    if len(places) == 1:
        return [places]
    groups: dict[str, list[int]] = {}
    for place in places:
        groups.setdefault(canonical_json(lines[place].facts), []).append(place)
    return [groups[facts] for facts in sorted(groups)]


def _class_of(basket: Basket, places: list[int]) -> UnitClass:
    # The larger line first: which line gets the odd cent must not depend on the sender's order.
    places = sorted(places, key=lambda place: -basket.lines[place].quantity)
    first = basket.lines[places[0]]
    facts = dict(first.facts)
    facts["product.sku"] = first.sku
    facts["product.price"] = from_minor(first.unit_price, basket.currency)
    units = sum(basket.lines[place].quantity for place in places)
    return UnitClass(first.sku, first.unit_price, units, facts, tuple(places))


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
                left.append(replace(run, units=run.units - wanted))
                run = replace(run, units=wanted)
            mine.append(run)
            wanted -= run.units
        dealt.append(mine)
    return dealt
