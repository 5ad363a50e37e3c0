"""What an offer does when it is alone: which units it uses then, and what it gives."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from shared.domain.engine.candidates import room_for
from shared.domain.engine.components import Component
from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, Cell, LaneProblem, Offer, Packs
from shared.domain.engine.packing import Slot, Taken, best_packing, cells_of, packs_of, saved, slots_of
from shared.domain.engine.pieces import Piece, of_settled
from shared.domain.engine.rule import Per
from shared.domain.engine.settle import settle, total

_NODES = 500
_ENDLESS = 10**30


class Alone(NamedTuple):
    """`value` is what these units give; `bound` is more only where the search for them was cut short.

    The pieces' amounts are weights: only their proportions count.
    """

    value: Amount
    bound: Amount
    cells: Sequence[Cell]
    pieces: Sequence[Piece]


def alone(problem: LaneProblem, place: int) -> Alone:
    """Return the best use of the lane's units by one offer: the most, of few units, the first of them."""
    offer = problem.offers[place]
    if offer.packs is not None:
        return _packed(problem, place, offer, offer.packs)
    if offer.whole:
        cells = [Cell(part.pool, part.units, ((place, n),)) for n, part in enumerate(offer.parts)]
        if len(offer.grants) == 1:
            found = _simple(problem, offer, cells)
            if found is not None:
                return found
    else:
        cells = _limited(problem, place, offer)
    return _settled(problem, cells)


def _settled(problem: LaneProblem, cells: Sequence[Cell]) -> Alone:
    result = settle(problem, cells)
    value = total(result.cells)
    return Alone(value, value, cells, of_settled(problem, result.cells))


def _simple(problem: LaneProblem, offer: Offer, cells: Sequence[Cell]) -> Alone | None:
    """Reckon a whole offer of one benefit without settling it, unless a unit would be full before others."""
    (grant,) = offer.grants
    if grant.per is Per.LINE:
        return None
    wants, per_unit, index, floors = grant.wants, grant.per is Per.UNIT, offer.index, offer.floors
    pieces: list[Piece] = []
    rooms: list[Amount] = []
    whole: Amount = 0
    space: Amount = 0
    for part in offer.parts:
        place, units = part.pool, part.units
        room = room_for(offer, part, problem.pools)
        weight: Amount = wants[place]
        if per_unit and weight > room:
            weight = room
        whole += weight * units
        space += room * units
        rooms.append(room)
        pieces.append(Piece(place, units, floors.get(place, 0), ((index, weight, _DISCOUNTED),)))
    value = whole if per_unit else min(grant.amount, space)
    if not per_unit:
        for part, room in zip(offer.parts, rooms, strict=True):
            if wants[part.pool] * value > room * whole:
                return None
    for most in (grant.most, offer.most):
        if most is not None and value > most:
            value = most
    return Alone(value, value, cells, pieces)


_DISCOUNTED = UnitRole.DISCOUNTED


def _limited(problem: LaneProblem, place: int, offer: Offer) -> list[Cell]:
    gains = [room_for(offer, part, problem.pools) for part in offer.parts]
    gains = [min(part.want, gain) for part, gain in zip(offer.parts, gains, strict=True)]
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
    return cells


def _packed(problem: LaneProblem, place: int, offer: Offer, packs: Packs) -> Alone:
    pools = sorted({part.pool for part in offer.parts})
    slots = slots_of(problem, place, [(pool, (), problem.pools[pool].units) for pool in pools])
    taken = best_packing(problem, place, slots)
    if taken is None:
        return _searched(problem, offer)
    found = _taken(problem, place, slots, taken)
    if offer.most is not None and found.value == offer.most:
        found = _fewest(problem, place, slots, found)
    if found.bound == found.value and packs.price is not None:
        # Others cannot give more than their members cost above their price, nor than all units can lose.
        bound = saved(packs, slots, taken)
        rooms = {part.pool: room_for(offer, part, problem.pools) for part in offer.parts}
        bound = min(bound, sum(room * problem.pools[pool].units for pool, room in rooms.items()))
        bound = bound if offer.most is None else min(bound, offer.most)
        return found._replace(bound=max(bound, found.value))
    return found


def _taken(problem: LaneProblem, place: int, slots: Sequence[Slot], taken: Sequence[Taken]) -> Alone:
    return _settled(problem, cells_of(place, slots, taken))


def _fewest(problem: LaneProblem, place: int, slots: Sequence[Slot], found: Alone) -> Alone:
    """Return the fewest applications that reach the cap as well."""
    offer = problem.offers[place]
    packs = packs_of(offer)
    low, high = 0, packs.most
    while low + 1 < high:
        middle = (low + high) // 2
        fewer = replace(offer, packs=replace(packs, most=middle))
        offers = [*problem.offers[:place], fewer, *problem.offers[place + 1 :]]
        one = LaneProblem(problem.pools, offers)
        tried = _taken(one, place, slots, best_packing(one, place, slots) or ())
        if tried.value == found.value:
            high, found = middle, tried
        else:
            low = middle
    return found


def _searched(problem: LaneProblem, offer: Offer) -> Alone:
    """Search with this offer alone; its place is then 0."""
    single = LaneProblem(problem.pools, (replace(offer, stackable=False),))
    place = list(problem.offers).index(offer)
    pools = sorted({part.pool for part in offer.parts})
    component = Component(single, pools, {0: _ENDLESS}, FreeOffers(single), _NODES)
    choice = component.solve()[0]
    cells = [
        Cell(cell.pool, cell.units, tuple([(place, number) for _, number in cell.uses]))
        for cell in choice.cells
        if cell.uses
    ]
    return _settled(problem, cells)._replace(value=component.best, bound=component.bound)
