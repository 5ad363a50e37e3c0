"""Responses: what an offer that stacks with none would do if only free offers wanted the units it uses.

Its use of a unit costs what free offers would have given there. Where the best responses of several offers
use different units, they are the best combination, since nobody can gain more than by the own best response.
"""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.engine.alone import Alone
from shared.domain.engine.bargains import best_bargain
from shared.domain.engine.bounds import best_sets
from shared.domain.engine.candidates import room_for
from shared.domain.engine.lane import Amount, Cell, LaneProblem, Offer, Packs
from shared.domain.engine.packing import best_bundle, cells_of, gain_of, packs_of, saved, slots_of
from shared.domain.engine.settle import settle, total
from shared.domain.money import SCALE


class Response(NamedTuple):
    """The units used, and what the offer takes off them. None are used when no use gains anything."""

    value: Amount
    cells: Sequence[Cell]


IDLE = Response(0, ())


def response(problem: LaneProblem, place: int, lone: Alone, costs: Sequence[Amount]) -> Response | None:
    """Return the best response to what a unit of each pool costs, or None when it is not plainly unique."""
    offer = problem.offers[place]
    if offer.stackable or lone.value != lone.bound:
        return None
    if all(not costs[cell.pool] for cell in lone.cells):
        return Response(lone.value, lone.cells) if lone.value else IDLE
    if offer.whole:
        gain = lone.value - sum([costs[cell.pool] * cell.units for cell in lone.cells])
        return Response(lone.value, lone.cells) if gain > 0 else IDLE if gain < 0 else None
    if offer.packs is None:
        return _limited(problem, place, offer, costs)
    if offer.most is not None:
        return IDLE if _never_gains(problem, place, offer, offer.packs, costs) else None
    reckon = _bargain if offer.packs.price is None else _bundle
    return reckon(problem, place, lone, costs)


def _limited(problem: LaneProblem, place: int, offer: Offer, costs: Sequence[Amount]) -> Response | None:
    """Take the units of the greatest gains, if none of those left out gains as much."""
    if offer.in_line is not None:
        return None
    gains = [
        (min(part.want, room_for(offer, part, problem.pools)) - costs[part.pool], number)
        for number, part in enumerate(offer.parts)
    ]
    gains.sort(key=lambda gain: -gain[0])
    left = offer.in_basket or 0
    cells: list[Cell] = []
    last: Amount | None = None
    for gain, number in gains:
        if gain == 0 or (not left and gain == last):
            return None
        if gain < 0 or not left:
            break
        part = offer.parts[number]
        units = min(left, part.units)
        cells.append(Cell(part.pool, units, ((place, number),)))
        left, last = left - units, gain
    return Response(total(settle(problem, cells).cells), cells)


def _bundle(
    problem: LaneProblem,
    place: int,
    lone: Alone,  # noqa: ARG001 - as of the others
    costs: Sequence[Amount],
) -> Response | None:
    packs = packs_of(problem.offers[place])
    pools = sorted({part.pool for part in problem.offers[place].parts})
    slots = slots_of(problem, place, [(pool, (), problem.pools[pool].units) for pool in pools])
    of_slots = [costs[slot.pool] for slot in slots]
    found = best_bundle(packs, slots, of_slots)
    if found is None or not found[1]:
        return None
    cells = cells_of(place, slots, found[0])
    result = settle(problem, cells)
    value = total(result.cells)
    # It was chosen as if every unit had room for its share.
    return None if result.rough or value != saved(packs, slots, found[0]) else Response(value, cells)


def _bargain(problem: LaneProblem, place: int, lone: Alone, costs: Sequence[Amount]) -> Response | None:
    pools = sorted({part.pool for part in problem.offers[place].parts})
    slots = slots_of(problem, place, [(pool, (), problem.pools[pool].units) for pool in pools])
    found = best_bargain(problem, place, slots, [costs[slot.pool] for slot in slots], 0)
    if found is None or (found.taken and not (found.only and found.gain)):
        return None
    if not found.taken:
        return IDLE
    cells = cells_of(place, slots, found.taken)
    if sorted(cells) == sorted(lone.cells):
        cells = lone.cells
    return Response(total(settle(problem, cells).cells), cells)


def _never_gains(
    problem: LaneProblem, place: int, offer: Offer, packs: Packs, costs: Sequence[Amount]
) -> bool:
    """Say whether not even the best application would gain anything, were a unit to serve several picks."""
    runs: list[list[list[Amount]]] = [[] for _ in packs.units]
    for number, part in enumerate(offer.parts):
        value = part.want if packs.price is not None else gain_of(problem, place, part.pool, number)
        runs[part.pick].append([value - costs[part.pool], part.units])
    for run in runs:
        run.sort(key=lambda one: -one[0])
    # One minor part more than nothing shows whether the gain is below zero, not just not above it.
    return best_sets(runs, packs.units, (packs.price or 0) * SCALE - 1, 1) <= 0
