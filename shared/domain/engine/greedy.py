"""The greedy solution of a component, from which its search starts: offer by offer, the greatest first."""

from collections.abc import Sequence

from shared.domain.engine.bounds import Bounds, Groups
from shared.domain.engine.lane import Amount, LaneProblem, Use
from shared.domain.engine.packing import best_packing
from shared.domain.engine.placing import moved, packable, packed


def greedy(problem: LaneProblem, tied: Sequence[int], bounds: Bounds, start: Groups) -> Groups:
    """Return the groups after every offer took what it gains most on of what those before it left."""
    groups = start
    for place in tied:
        offer = problem.offers[place]
        if offer.whole:
            groups = _with_whole(problem, place, bounds, groups)
        elif offer.packs:
            slots = packable(problem, place, bounds, groups)
            costs = [0 if offer.stackable else bounds.unit(slot.pool, ()) for slot in slots]
            taken = best_packing(problem, place, slots, costs) or best_packing(problem, place, slots)
            groups = packed(groups, place, slots, taken or ())
        else:
            groups = _with_limited(problem, place, bounds, groups)
    return groups


def _with_whole(problem: LaneProblem, place: int, bounds: Bounds, groups: Groups) -> Groups:
    offer = problem.offers[place]
    moves: list[tuple[int, tuple[Use, ...], Use, int]] = []
    gain: Amount = bounds.alone[place]
    for number, part in enumerate(offer.parts):
        left = part.units
        for uses, units in groups[part.pool]:
            if bounds.fits(place, uses):
                taken = min(left, units - sum(move[3] for move in moves if move[:2] == (part.pool, uses)))
                if taken:
                    moves.append((part.pool, uses, (place, number), taken))
                    gain -= 0 if offer.stackable else taken * bounds.unit(part.pool, uses)
                    left -= taken
        if left:
            return groups
    return moved(groups, moves) if gain > 0 else groups


def _with_limited(problem: LaneProblem, place: int, bounds: Bounds, groups: Groups) -> Groups:
    offer = problem.offers[place]
    left, in_line = offer.in_basket, dict[int, int]()
    moves: list[tuple[int, tuple[Use, ...], Use, int]] = []
    for slot in bounds.slots(place, groups):
        pool, number, uses, units = slot
        line = problem.pools[pool].unit_class
        limits = (units, left, in_line.get(line, offer.in_line))
        taken = (
            min(limit for limit in limits if limit is not None) if bounds.unit_gain(place, slot) > 0 else 0
        )
        if taken:
            moves.append((pool, uses, (place, number), taken))
            left = None if left is None else left - taken
            if offer.in_line is not None:
                in_line[line] = in_line.get(line, offer.in_line) - taken
    return moved(groups, moves)
