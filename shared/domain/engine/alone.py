"""What an offer does when it is alone: which units it uses then, and what it gives."""

from dataclasses import replace
from typing import NamedTuple

from shared.domain.engine.candidates import room_for
from shared.domain.engine.components import Component
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, Cell, LaneProblem, Offer
from shared.domain.engine.packing import best_packing, slots_of
from shared.domain.engine.settle import settle, total
from shared.domain.money import SCALE

_NODES = 500
_ENDLESS = 10**30


class Alone(NamedTuple):
    """`value` is what these units give; `bound` is more only where the search for them was cut short."""

    value: Amount
    bound: Amount
    cells: tuple[Cell, ...]


def alone(problem: LaneProblem, place: int) -> Alone:
    """Return the best use of the lane's units by one offer: the most, of few units, the first of them."""
    offer = problem.offers[place]
    if offer.packs is not None:
        return _packed(problem, place, offer)
    cells = _whole(place, offer) if offer.whole else _limited(problem, place, offer)
    value = total(settle(problem, cells).cells)
    return Alone(value, value, cells)


def _whole(place: int, offer: Offer) -> tuple[Cell, ...]:
    return tuple(Cell(part.pool, part.units, ((place, number),)) for number, part in enumerate(offer.parts))


def _limited(problem: LaneProblem, place: int, offer: Offer) -> tuple[Cell, ...]:
    gains = [min(part.want, room_for(offer, part, problem.pools)) for part in offer.parts]
    order = sorted(range(len(gains)), key=lambda number: -gains[number])
    in_basket, in_line = offer.in_basket, dict[int, int]()
    cells: list[Cell] = []
    for number in order:
        part = offer.parts[number]
        line, units = problem.pools[part.pool].unit_class, part.units if gains[number] else 0
        if in_basket is not None:
            units = min(units, in_basket)
            in_basket -= units
        if offer.in_line is not None:
            units = min(units, in_line.get(line, offer.in_line))
            in_line[line] = in_line.get(line, offer.in_line) - units
        if units:
            cells.append(Cell(part.pool, units, ((place, number),)))
    return tuple(cells)


def _packed(problem: LaneProblem, place: int, offer: Offer) -> Alone:
    pools = sorted({part.pool for part in offer.parts})
    slots = slots_of(problem, place, [(pool, (), problem.pools[pool].units) for pool in pools])
    found = best_packing(problem, place, slots)
    if found is None:
        return _searched(problem, offer)
    cells = tuple(
        Cell(slots[slot].pool, units, ((place, slots[slot].part(pick)),)) for slot, pick, units in found
    )
    result = settle(problem, cells)
    value = bound = total(result.cells)
    if result.rough and offer.packs:
        # Applications formed otherwise cannot give more than their members cost above their price.
        members = sum(units * slots[slot].price for slot, _, units in found)
        formed = sum(units for _, _, units in found) // sum(offer.packs.units)
        bound = (members - formed * (offer.packs.price or 0)) * SCALE
        bound = bound if offer.most is None else min(bound, offer.most)
    return Alone(value, bound, cells)


def _searched(problem: LaneProblem, offer: Offer) -> Alone:
    """Search with this offer alone; its place is then 0."""
    single = LaneProblem(problem.pools, (replace(offer, stackable=False),))
    place = list(problem.offers).index(offer)
    pools = sorted({part.pool for part in offer.parts})
    component = Component(single, pools, {0: _ENDLESS}, FreeOffers(single), _NODES)
    choice = component.solve()[0]
    cells = tuple(
        Cell(cell.pool, cell.units, tuple((place, number) for _, number in cell.uses))
        for cell in choice.cells
        if cell.uses
    )
    return Alone(component.best, component.bound, cells)
