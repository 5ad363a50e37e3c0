"""Responses: the answers of a lane's offers before any search, where each is plainly the only best one."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.engine.alone import Alone
from shared.domain.engine.answers import answer, has_answer
from shared.domain.engine.bounds import best_sets
from shared.domain.engine.lane import Amount, Cell, LaneProblem, Offer, Packs
from shared.domain.engine.packing import gain_of
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
    if offer.packs is not None and offer.most is not None:
        return IDLE if _never_gains(problem, place, offer, offer.packs, costs) else None
    return _answered(problem, place, lone, costs) if has_answer(offer) else None


def _answered(problem: LaneProblem, place: int, lone: Alone, costs: Sequence[Amount]) -> Response | None:
    offer = problem.offers[place]
    units = {part.pool: problem.pools[part.pool].units for part in offer.parts}
    found, _ = answer(problem, place, lone.value, units, costs.__getitem__)
    if found is None or not found.only:
        return None
    if not found.moves:
        return IDLE
    cells = [Cell(pool, count, (use,)) for pool, _, use, count in found.moves]
    if offer.whole or sorted(cells) == sorted(lone.cells):
        return Response(lone.value, lone.cells)
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
