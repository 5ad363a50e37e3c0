"""Placing: offers put on units of a component, whose groups say which offers use how many of each pool."""

from collections.abc import Callable, Iterator, Sequence

from shared.domain.engine.bounds import Bounds, Groups
from shared.domain.engine.lane import LaneProblem, Use
from shared.domain.engine.packing import Slot, Taken, slots_of

type Move = tuple[int, tuple[Use, ...], Use, int]
"""A pool, what uses units of it already, what uses them now, and how many they are."""

type _Cells = tuple[tuple[tuple[Use, ...], int], ...]


def packable(problem: LaneProblem, place: int, bounds: Bounds, groups: Groups) -> list[Slot]:
    """Return where a packed offer can take units."""
    found = [
        (pool, uses, units)
        for pool in bounds.needs[place]
        for uses, units in groups[pool]
        if bounds.fits(place, uses)
    ]
    return slots_of(problem, place, found)


def packed(groups: Groups, place: int, slots: Sequence[Slot], taken: Sequence[Taken]) -> Groups:
    """Return the groups after a packed offer took these units."""
    return moved(groups, moves_of(place, slots, taken))


def moves_of(place: int, slots: Sequence[Slot], taken: Sequence[Taken]) -> list[Move]:
    """Return the units that a packed offer takes as moves."""
    return [
        (slots[slot].pool, slots[slot].uses, (place, slots[slot].part(pick)), units)
        for slot, pick, units in taken
    ]


def moved(groups: Groups, moves: Sequence[Move]) -> Groups:
    """Return the groups after units of some cells got another use."""
    cells = {pool: dict(groups[pool]) for pool in {move[0] for move in moves}}
    for pool, uses, use, units in moves:
        cells[pool][uses] -= units
        cells[pool][*uses, use] = units
    return groups | {
        pool: tuple((uses, units) for uses, units in of.items() if units) for pool, of in cells.items()
    }


def used(groups: Groups, pool: int, uses: tuple[Use, ...], use: Use, taken: int) -> Groups:
    """Return the groups after so many units of one group got another use."""
    cells: list[tuple[tuple[Use, ...], int]] = []
    for found, units in groups[pool]:
        cells += _cut(found, units, use, taken) if found == uses else ((found, units),)
    return {**groups, pool: tuple(cells)}


def ways(
    bounds: Bounds, place: int, groups: Groups, spend: Callable[[], bool], number: int = 0
) -> Iterator[Groups]:
    """Yield every way to put a whole offer, from this part on, for as long as there is anything to spend."""
    offer = bounds.problem.offers[place]
    if number == len(offer.parts):
        yield groups
        return
    part = offer.parts[number]
    for cells in _ways_of_part(bounds, place, number, groups[part.pool], part.units):
        if not spend():
            return
        yield from ways(bounds, place, {**groups, part.pool: cells}, spend, number + 1)


def _ways_of_part(bounds: Bounds, place: int, number: int, cells: _Cells, units: int) -> Iterator[_Cells]:
    """Yield every way to put exactly so many units of a part onto the groups of its pool."""
    if units == 0:
        yield cells
        return
    if not cells:
        return
    (uses, count), rest = cells[0], cells[1:]
    fits = min(count, units) if bounds.fits(place, uses) else 0
    elsewhere = sum(others for found, others in rest if bounds.fits(place, found))
    for taken in range(fits, max(0, units - elsewhere) - 1, -1):
        here = _cut(uses, count, (place, number), taken)
        for others in _ways_of_part(bounds, place, number, rest, units - taken):
            yield (*here, *others)


def _cut(uses: tuple[Use, ...], count: int, use: Use, taken: int) -> _Cells:
    if taken == 0:
        return ((uses, count),)
    if taken == count:
        return (((*uses, use), count),)
    return (((*uses, use), taken), (uses, count - taken))
