"""What no completion of a partly decided component can exceed."""

from collections.abc import Iterable, Mapping, Sequence

from shared.domain.engine.lane import Amount, LaneProblem, Offer, Use
from shared.domain.money import SCALE

type Groups = dict[int, tuple[tuple[tuple[Use, ...], int], ...]]
"""Per pool, how many of its units are used by which of the offers decided so far."""

type Slot = tuple[int, int, tuple[Use, ...], int]
"""Where a limited offer can take units: pool, number of its part, what uses them already, how many."""


class Bounds:
    """Optimistic values: every free offer wherever it fits, every undecided offer as if it were alone."""

    def __init__(
        self, problem: LaneProblem, pools: Iterable[int], tied: Sequence[int], alone: Mapping[int, Amount]
    ) -> None:
        self.problem, self.tied, self.alone = problem, tied, alone
        self.units: dict[tuple[int, tuple[Use, ...]], int] = {}
        self.gains: dict[tuple[int, int, tuple[Use, ...]], int] = {}
        self.needs = {place: _needs(problem.offers[place]) for place in tied if problem.offers[place].whole}
        self.room = {pool: problem.room(pool, ()) * SCALE for pool in pools}
        self.single = dict.fromkeys(self.room, 0)
        self.stacked = dict.fromkeys(self.room, 0)
        for offer in problem.offers:
            for part in offer.parts if offer.free else ():
                if part.pool in self.room and offer.stackable:
                    self.stacked[part.pool] += part.want
                elif part.pool in self.room:
                    self.single[part.pool] = max(self.single[part.pool], part.want)

    def fits(self, place: int, uses: tuple[Use, ...]) -> bool:
        """Say whether an offer may use units that these offers use."""
        offers = self.problem.offers
        return not uses or (offers[place].stackable and all(offers[offer].stackable for offer, _ in uses))

    def of(self, turn: int, groups: Groups) -> Amount:
        """Return the bound when the offers before this turn are decided."""
        bound: Amount = 0
        whole = set[int]()
        for pool, cells in groups.items():
            for uses, units in cells:
                bound += units * self._unit(pool, uses)
                whole.update(offer for offer, _ in uses if self.problem.offers[offer].whole)
        bound += sum(self.alone[offer] for offer in whole)
        for place in self.tied[turn:]:
            offer = self.problem.offers[place]
            if offer.whole:
                bound += self._whole_gain(place, groups)
            else:
                bound += self.gain(self.slots(place, groups), place, offer.most_in_basket)
        return bound

    def slots(self, place: int, groups: Groups) -> list[Slot]:
        """Return where a limited offer can take units, where it gains most first."""
        found = [
            (part.pool, number, uses, units)
            for number, part in enumerate(self.problem.offers[place].parts)
            for uses, units in groups[part.pool]
            if self.fits(place, uses)
        ]
        found.sort(key=lambda slot: -self._unit_gain(place, slot))
        return found

    def gain(self, slots: Sequence[Slot], place: int, left: int | None) -> int:
        """Return what a limited offer can add at most in these slots, best first."""
        gained, in_line = 0, self.problem.offers[place].most_in_line
        for slot in slots:
            units = min(limit for limit in (slot[3], left, in_line) if limit is not None)
            gained += units * self._unit_gain(place, slot)
            left = None if left is None else left - units
        return gained

    def _unit(self, pool: int, uses: tuple[Use, ...]) -> int:
        key = (pool, uses)
        if key not in self.units:
            self.units[key] = self._compute_unit(pool, uses)
        return self.units[key]

    def _compute_unit(self, pool: int, uses: tuple[Use, ...]) -> int:
        """Return what a unit can get from free offers and limited ones that use it, without whole ones."""
        offers, wanted = self.problem.offers, 0
        for offer, number in uses:
            wanted += 0 if offers[offer].whole else offers[offer].parts[number].want
            if not offers[offer].stackable:
                return min(wanted, self.problem.room(pool, uses) * SCALE)
        stacked = wanted + self.stacked[pool]
        return min(self.room[pool], stacked if uses else max(stacked, self.single[pool]))

    def _unit_gain(self, place: int, slot: Slot) -> int:
        key = (place, slot[1], slot[2])
        if key not in self.gains:
            self.gains[key] = self._compute_unit_gain(place, slot)
        return self.gains[key]

    def _compute_unit_gain(self, place: int, slot: Slot) -> int:
        pool, number, uses, _ = slot
        offer = self.problem.offers[place]
        value = min(offer.parts[number].want, self.problem.room(pool, ((place, number),)) * SCALE)
        return value if offer.stackable else max(0, value - self._unit(pool, uses))

    def has_units_for(self, place: int, groups: Groups) -> bool:
        """Say whether a whole offer that stacks with none still finds all its units unused."""
        for pool, units in self.needs[place].items():
            if units > sum(count for uses, count in groups[pool] if not uses):
                return False
        return True

    def _whole_gain(self, place: int, groups: Groups) -> Amount:
        if self.problem.offers[place].stackable:
            return self.alone[place]
        if not self.has_units_for(place, groups):
            return 0
        taken = sum(units * self._unit(pool, ()) for pool, units in self.needs[place].items())
        return max(0, self.alone[place] - taken)


def _needs(offer: Offer) -> dict[int, int]:
    """Return how many units of each pool a whole offer uses."""
    needs: dict[int, int] = {}
    for part in offer.parts:
        needs[part.pool] = needs.get(part.pool, 0) + part.units
    return needs
