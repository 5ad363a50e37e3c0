"""Answers: what an offer that stacks with none does best with units that only free ones want besides.

Its use of a unit costs what free offers would give there. None can gain more than by its own best answer, so
where the answers of several offers use different units, together they are the best that can be done.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from shared.domain.engine.bargains import best_bargain
from shared.domain.engine.bounds import needs_of
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, LaneProblem, Offer
from shared.domain.engine.packing import (
    Slot,
    best_bundle,
    cells_of,
    packs_of,
    plainly_saved,
    saved,
    slots_of,
)
from shared.domain.engine.placing import Move, moves_of
from shared.domain.engine.settle import settle, total

_STEPS_OF_A_NODE = 50
_STEPS_IN_VAIN = 5_000

type Costs = Callable[[int], Amount]
"""What a unit of a pool would bring in unused."""


class Answer(NamedTuple):
    """The use that gains most above what its units cost; no units where none gains anything.

    `value` is what a whole or packed offer gives on them.
    """

    moves: Sequence[Move]
    gain: Amount
    value: Amount
    only: bool
    """Whether surely no other use gains as much."""


_IDLE = Answer((), 0, 0, only=True)


def has_answer(offer: Offer) -> bool:
    """Say whether an offer can be asked: it stacks with none, and neither a cap nor lines limit it."""
    return not offer.stackable and offer.in_line is None and (offer.whole or offer.most is None)


class Answers:
    """The answers in a component, kept by the units that were left; `nodes` is what they cost so far."""

    def __init__(self, problem: LaneProblem, alone: Mapping[int, Amount], free: FreeOffers) -> None:
        self.problem, self.alone, self.free = problem, alone, free
        self.nodes = 0
        self._pools = {place: tuple(needs_of(problem.offers[place])) for place in alone}
        self._kept: dict[tuple[int, tuple[int, ...]], Answer | None] = {}

    def of(self, place: int, left: Mapping[int, int]) -> Answer | None:
        """Return the best use of the units left, by pool, or None where finding it takes a search."""
        key = (place, tuple([left.get(pool, 0) for pool in self._pools[place]]))
        if key not in self._kept:
            found, steps = answer(self.problem, place, self.alone[place], left, self._cost)
            self._kept[key] = found
            self.nodes += 1 + steps // _STEPS_OF_A_NODE
        return self._kept[key]

    def _cost(self, pool: int) -> Amount:
        return self.free.options(pool, ())[0].value


def answer(
    problem: LaneProblem, place: int, alone: Amount, left: Mapping[int, int], costs: Costs
) -> tuple[Answer | None, int]:
    """Return the best use of the units left, by pool, and how many ways were looked at for it.

    None where finding it takes a search. `alone` is what a whole offer gives.
    """
    offer = problem.offers[place]
    if offer.whole:
        return _whole(place, offer, alone, left, costs), 0
    if offer.packs is None:
        return _limited(problem, place, left, costs), 0
    units = [(pool, (), left[pool]) for pool in sorted(needs_of(offer)) if left.get(pool)]
    slots = slots_of(problem, place, units)
    given_up = [costs(slot.pool) for slot in slots]
    if offer.packs.price is None:
        return _bargain(problem, place, slots, given_up)
    return _bundle(problem, place, slots, given_up), 0


def _whole(place: int, offer: Offer, alone: Amount, left: Mapping[int, int], costs: Costs) -> Answer:
    needs = needs_of(offer)
    if not alone or any(units > left.get(pool, 0) for pool, units in needs.items()):
        return _IDLE
    gain = alone - sum([units * costs(pool) for pool, units in needs.items()])
    if gain < 0:
        return _IDLE
    moves: list[Move] = [
        (part.pool, (), (place, number), part.units) for number, part in enumerate(offer.parts)
    ]
    return Answer(moves, gain, alone, only=gain > 0)


def _limited(problem: LaneProblem, place: int, left: Mapping[int, int], costs: Costs) -> Answer:
    """Take the units of the greatest gains; others might do as well if one left out gains as much."""
    offer = problem.offers[place]
    gains = [
        (min(part.want, problem.room(part.pool, ((place, number),))) - costs(part.pool), number)
        for number, part in enumerate(offer.parts)
        if left.get(part.pool)
    ]
    gains.sort(key=lambda gain: -gain[0])
    able = offer.in_basket or 0
    moves: list[Move] = []
    gained: Amount = 0
    last: Amount | None = None
    for gain, number in gains:
        if gain == 0 or (not able and gain == last):
            return Answer(moves, gained, 0, only=False)
        if gain < 0 or not able:
            break
        part = offer.parts[number]
        units = min(able, left[part.pool], part.units)
        moves.append((part.pool, (), (place, number), units))
        gained += gain * units
        able, last = able - units, gain
    return Answer(moves, gained, 0, only=True)


def _bargain(
    problem: LaneProblem, place: int, slots: Sequence[Slot], costs: Sequence[Amount]
) -> tuple[Answer | None, int]:
    found = best_bargain(problem, place, slots, costs, 0)
    if found is None:
        return None, _STEPS_IN_VAIN
    gain, taken, only, steps = found
    if not taken:
        return _IDLE, steps
    value = gain + sum([units * costs[slot] for slot, _, units in taken])
    return Answer(moves_of(place, slots, taken), gain, value, only=only and gain > 0), steps


def _bundle(
    problem: LaneProblem, place: int, slots: Sequence[Slot], costs: Sequence[Amount]
) -> Answer | None:
    packs = packs_of(problem.offers[place])
    found = best_bundle(packs, slots, costs)
    if found is None:
        return None
    taken, only = found
    value = plainly_saved(problem, place, slots, taken)
    if value is None:
        result = settle(problem, cells_of(place, slots, taken))
        value = total(result.cells)
        # It was chosen as if every unit had room for its share.
        if result.rough or value != saved(packs, slots, taken):
            return None
    gain = value - sum([units * costs[slot] for slot, _, units in taken])
    return Answer(moves_of(place, slots, taken), gain, value, only)
