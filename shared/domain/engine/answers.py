"""Answers: what offers of a search do best with the units that are left, each as if only free ones were there.

None can gain more than by its own best answer. Where the answers of all offers that are still to be decided use
different units, together they are the best that can be done, and there is nothing left to search.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from shared.domain.engine.bargains import best_bargain
from shared.domain.engine.bounds import needs_of
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, LaneProblem, Offer, Use
from shared.domain.engine.packing import (
    Slot,
    Taken,
    best_bundle,
    cells_of,
    packs_of,
    plainly_saved,
    saved,
    slots_of,
)
from shared.domain.engine.settle import settle, total

_STEPS_OF_A_NODE = 50

type Move = tuple[int, tuple[Use, ...], Use, int]
"""A pool, what uses the units already, what uses them now, and how many they are."""


class Answer(NamedTuple):
    """The use that gains most above what its units would bring in unused; no units where none gains anything.

    `value` is what a whole or packed offer gives on them.
    """

    moves: Sequence[Move]
    gain: Amount
    value: Amount
    only: bool
    """Whether surely no other use gains as much."""


_IDLE = Answer((), 0, 0, only=True)


class Answers:
    """The answers in a component, kept by the units that were left; `nodes` is what they cost so far."""

    def __init__(self, problem: LaneProblem, alone: Mapping[int, Amount], free: FreeOffers) -> None:
        self.problem, self.alone, self.free = problem, alone, free
        self.nodes = 0
        self._pools = {place: tuple(needs_of(problem.offers[place])) for place in alone}
        self._kept: dict[tuple[int, tuple[int, ...]], Answer | None] = {}

    def can(self, place: int) -> bool:
        """Say whether an offer has answers: it stacks with none, and no cap and no line limits it."""
        offer = self.problem.offers[place]
        return not offer.stackable and offer.in_line is None and (offer.whole or offer.most is None)

    def of(self, place: int, left: Mapping[int, int]) -> Answer | None:
        """Return the best use of the units that nobody uses, by pool, or None where finding it takes a search."""
        key = (place, tuple([left.get(pool, 0) for pool in self._pools[place]]))
        if key not in self._kept:
            offer = self.problem.offers[place]
            self.nodes += 1
            if offer.whole:
                self._kept[key] = self._whole(place, offer, left)
            elif offer.packs is None:
                self._kept[key] = self._limited(place, offer, left)
            else:
                units = [(pool, (), left[pool]) for pool in self._pools[place] if left.get(pool)]
                slots = slots_of(self.problem, place, units)
                reckon = self._bargain if offer.packs.price is None else self._bundle
                self._kept[key] = reckon(place, slots)
        return self._kept[key]

    def _cost(self, pool: int) -> Amount:
        return self.free.options(pool, ())[0].value

    def _whole(self, place: int, offer: Offer, left: Mapping[int, int]) -> Answer:
        needs = needs_of(offer)
        value = self.alone[place]
        if not value or any(units > left.get(pool, 0) for pool, units in needs.items()):
            return _IDLE
        gain = value - sum([units * self._cost(pool) for pool, units in needs.items()])
        if gain < 0:
            return _IDLE
        moves: list[Move] = [
            (part.pool, (), (place, number), part.units) for number, part in enumerate(offer.parts)
        ]
        return Answer(moves, gain, value, only=gain > 0)

    def _limited(self, place: int, offer: Offer, left: Mapping[int, int]) -> Answer:
        """Take the units of the greatest gains."""
        gains = [
            (min(part.want, self.problem.room(part.pool, ((place, number),))) - self._cost(part.pool), number)
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
            pool, units = offer.parts[number].pool, offer.parts[number].units
            units = min(able, left[pool], units)
            moves.append((pool, (), (place, number), units))
            gained += gain * units
            able, last = able - units, gain
        return Answer(moves, gained, 0, only=True)

    def _bargain(self, place: int, slots: Sequence[Slot]) -> Answer | None:
        costs = [self._cost(slot.pool) for slot in slots]
        found = best_bargain(self.problem, place, slots, costs, 0)
        if found is None:
            self.nodes += 2 * _STEPS_OF_A_NODE
            return None
        self.nodes += found.steps // _STEPS_OF_A_NODE
        if not found.taken:
            return _IDLE
        value = found.gain + sum([units * costs[slot] for slot, _, units in found.taken])
        return Answer(
            _moves(place, slots, found.taken), found.gain, value, only=found.only and found.gain > 0
        )

    def _bundle(self, place: int, slots: Sequence[Slot]) -> Answer | None:
        packs = packs_of(self.problem.offers[place])
        costs = [self._cost(slot.pool) for slot in slots]
        found = best_bundle(packs, slots, costs)
        if found is None:
            return None
        taken, only = found
        value = plainly_saved(self.problem, place, slots, taken)
        if value is None:
            result = settle(self.problem, cells_of(place, slots, taken))
            value = total(result.cells)
            # It was chosen as if every unit had room for its share.
            if result.rough or value != saved(packs, slots, taken):
                return None
        gain = value - sum([units * costs[slot] for slot, _, units in taken])
        return Answer(_moves(place, slots, taken), gain, value, only)


def _moves(place: int, slots: Sequence[Slot], taken: Sequence[Taken]) -> list[Move]:
    return [(slots[slot].pool, (), (place, slots[slot].part(pick)), units) for slot, pick, units in taken]
