"""What no completion of a partly decided component can exceed."""

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from shared.domain.engine.lane import Amount, LaneProblem, Offer, Use
from shared.domain.engine.packing import gain_of
from shared.domain.engine.rule import Per
from shared.domain.money import SCALE

type Groups = dict[int, tuple[tuple[tuple[Use, ...], int], ...]]
"""Per pool, how many of its units are used by which of the offers decided so far."""

type Slot = tuple[int, int, tuple[Use, ...], int]
"""Where a limited offer can take units: pool, number of its part, what uses them already, how many."""

type Net = tuple[int, Amount]
"""A pool, and what one of its units brings in above what free offers would give on it."""


_gain = itemgetter(1)


class Bounds:
    """Optimistic values: every free offer wherever it fits, every undecided offer as if it were alone.

    An offer that does not stack takes units away from free ones, so that it only adds what it gives more.
    """

    def __init__(self, problem: LaneProblem, tied: Sequence[int], alone: Mapping[int, Amount]) -> None:
        self.problem, self.tied, self.alone = problem, tied, alone
        self.units: dict[tuple[int, tuple[Use, ...]], Amount] = {}
        self.gains: dict[tuple[int, int, tuple[Use, ...]], Amount] = {}
        self.room = {place: problem.room(place, ()) for place in range(len(problem.pools))}
        self.single: dict[int, Amount] = dict.fromkeys(self.room, 0)
        self.stacked: dict[int, Amount] = dict.fromkeys(self.room, 0)
        for place, offer in enumerate(problem.offers):
            for number, part in enumerate(offer.parts if offer.free else ()):
                if offer.stackable:
                    self.stacked[part.pool] += part.want
                else:
                    room = problem.room(part.pool, ((place, number),))
                    self.single[part.pool] = max(self.single[part.pool], min(part.want, room))
        self.needs = {place: needs_of(problem.offers[place]) for place in tied}
        self.plain = {place: self._plain_gains(place) for place in tied}
        self.nets = {place: self._nets(place) for place in tied if problem.offers[place].packs}

    def fits(self, place: int, uses: tuple[Use, ...]) -> bool:
        """Say whether an offer may use units that these offers use: never twice, by two of its own parts."""
        offers = self.problem.offers
        return not uses or (
            offers[place].stackable and all(offer != place and offers[offer].stackable for offer, _ in uses)
        )

    def of(self, turn: int, groups: Groups, fixed: Amount) -> Amount:
        """Return the bound when the offers before this turn are decided.

        `fixed` is what the whole and packed ones among them give at most.
        """
        bound, unused = fixed, dict[int, int]()
        for pool, cells in groups.items():
            for uses, units in cells:
                bound += units * self.unit(pool, uses)
                if not uses:
                    unused[pool] = units
        for place in self.tied[turn:]:
            offer = self.problem.offers[place]
            if offer.whole:
                bound += self._whole_gain(place, unused)
            elif offer.packs:
                bound += self.packed_gain(place, unused)
            else:
                bound += self._limited_gain(place, groups)
        return bound

    def _limited_gain(self, place: int, groups: Groups) -> Amount:
        """Return what a limited offer can add at most: `gain` of all its slots, which need no order here."""
        offer = self.problem.offers[place]
        gains: list[tuple[int, Amount]] = []
        for number, part in enumerate(offer.parts):
            pool = part.pool
            for uses, units in groups[pool]:
                if not uses or (offer.stackable and self.fits(place, uses)):
                    gains.append((units, self.unit_gain(place, (pool, number, uses, units))))
        return _most_of(gains, offer.in_basket, offer.in_line)

    def slots(self, place: int, groups: Groups) -> list[Slot]:
        """Return where a limited offer can take units, where it gains most first."""
        found = [
            (part.pool, number, uses, units)
            for number, part in enumerate(self.problem.offers[place].parts)
            for uses, units in groups[part.pool]
            if self.fits(place, uses)
        ]
        found.sort(key=lambda slot: -self.unit_gain(place, slot))
        return found

    def gain(self, slots: Sequence[Slot], place: int, left: int | None) -> Amount:
        """Return what a limited offer can add at most in these slots."""
        gains = [(slot[3], self.unit_gain(place, slot)) for slot in slots]
        return _most_of(gains, left, self.problem.offers[place].in_line)

    def unit(self, pool: int, uses: tuple[Use, ...]) -> Amount:
        """Return what a unit can get from free offers and from limited ones that use it."""
        key = (pool, uses)
        if key not in self.units:
            self.units[key] = self._compute_unit(pool, uses)
        return self.units[key]

    def _compute_unit(self, pool: int, uses: tuple[Use, ...]) -> Amount:
        offers = self.problem.offers
        wanted: Amount = 0
        for offer, number in uses:
            counted = not offers[offer].whole and not offers[offer].packs
            wanted += offers[offer].parts[number].want if counted else 0
            if not offers[offer].stackable:
                return min(wanted, self.problem.room(pool, uses))
        stacked = wanted + self.stacked[pool]
        return min(self.room[pool], stacked if uses else max(stacked, self.single[pool]))

    def unit_gain(self, place: int, slot: Slot) -> Amount:
        """Return what a limited offer gains on a unit at most."""
        key = (place, slot[1], slot[2])
        if key not in self.gains:
            self.gains[key] = self._computeunit_gain(place, slot)
        return self.gains[key]

    def _computeunit_gain(self, place: int, slot: Slot) -> Amount:
        pool, number, uses, _ = slot
        offer = self.problem.offers[place]
        value = min(offer.parts[number].want, self.problem.room(pool, ((place, number),)))
        return value if offer.stackable else max(0, value - self.unit(pool, uses))

    def has_units_for(self, place: int, groups: Groups) -> bool:
        """Say whether a whole offer that stacks with none still finds all its units unused."""
        for pool, units in self.needs[place].items():
            if units > sum(count for uses, count in groups[pool] if not uses):
                return False
        return True

    def _whole_gain(self, place: int, unused: Mapping[int, int]) -> Amount:
        if self.problem.offers[place].stackable:
            return self.alone[place]
        taken: Amount = 0
        for pool, units in self.needs[place].items():
            if units > unused.get(pool, 0):
                return 0
            taken += units * self.unit(pool, ())
        return max(0, self.alone[place] - taken)

    def _plain_gains(self, place: int) -> list[Amount] | None:
        """Return what a unit of each part gives where nothing else matters: of buy-x-get-y without a cap."""
        offer = self.problem.offers[place]
        if offer.packs is None or offer.packs.price is not None or offer.most is not None:
            return None
        if any(grant.per is not Per.UNIT or grant.most is not None for grant in offer.grants):
            return None
        return [gain_of(self.problem, place, part.pool, n) for n, part in enumerate(offer.parts)]

    def _nets(self, place: int) -> list[list[Net]]:
        """Return per pick its pools, those first where a unit brings in most."""
        offer = self.problem.offers[place]
        nets: list[list[Net]] = [[] for _ in offer.packs.units] if offer.packs else []
        for number, part in enumerate(offer.parts):
            value: Amount = part.want
            if offer.packs and offer.packs.price is None and part.grants:
                value = min(value, self.problem.room(part.pool, ((place, number),)))
            cost = 0 if offer.stackable else self.unit(part.pool, ())
            nets[part.pick].append((part.pool, value - cost))
        for of_pick in nets:
            of_pick.sort(key=lambda net: -net[1])
        return nets

    def packed_gain(self, place: int, unused: Mapping[int, int]) -> Amount:
        """Return what a packed offer can add at most, were a unit to serve several picks at once."""
        offer = self.problem.offers[place]
        packs = offer.packs
        if packs is None or offer.stackable:
            return self.alone[place]
        runs = [
            [[net, unused[pool]] for pool, net in of_pick if unused.get(pool)] for of_pick in self.nets[place]
        ]
        gained = best_sets(runs, packs.units, (packs.price or 0) * SCALE, packs.most)
        return min(gained, self.alone[place])


def _most_of(gains: list[tuple[int, Amount]], left: int | None, in_line: int | None) -> Amount:
    """Return what the best of so many units with these gains bring in, up to `in_line` of each."""
    if in_line is not None:
        gains = [(min(units, in_line), gain) for units, gain in gains]
    if left is None:
        return sum([units * gain for units, gain in gains])
    gains.sort(key=_gain, reverse=True)
    gained: Amount = 0
    for units, gain in gains:
        if units >= left:
            return gained + left * gain
        gained += units * gain
        left -= units
    return gained


def best_sets(runs: Sequence[list[list[Any]]], units: Sequence[int], price: int, most: int) -> Amount:
    """Return what up to `most` sets of so many units of each run bring in for a price.

    A run is values with how many units have them, the greatest first, so what one more set brings in never
    rises; sets alike are taken together. The runs are used up.
    """
    gained: Amount = 0
    for run in runs:
        run.reverse()
    while most:
        value: Amount = -price
        times = most
        for run, wanted in zip(runs, units, strict=True):
            worth, alike = _next_of(run, wanted)
            value += worth
            times = min(times, alike)
        if not times or value <= 0:
            return gained
        gained += value * times
        most -= times
        for run, wanted in zip(runs, units, strict=True):
            _use_up(run, wanted * times)
    return gained


def _next_of(run: Sequence[Sequence[Any]], wanted: int) -> tuple[Amount, int]:
    """Return what the next units of a run are worth, and how often such units come: 0 if too few are left."""
    net, left = run[-1] if run else (0, 0)
    if left >= wanted:
        return wanted * net, left // wanted
    value: Amount = 0
    for net, left in reversed(run):
        taken = min(wanted, left)
        value += taken * net
        wanted -= taken
        if not wanted:
            return value, 1
    return 0, 0


def _use_up(run: list[list[Any]], units: int) -> None:
    while units:
        taken = min(units, run[-1][1])
        run[-1][1] -= taken
        units -= taken
        if not run[-1][1]:
            run.pop()


def needs_of(offer: Offer) -> dict[int, int]:
    """Return how many units of each pool an offer would use at most."""
    needs: dict[int, int] = {}
    for part in offer.parts:
        needs[part.pool] = needs.get(part.pool, 0) + part.units
    return needs
