"""Free offers: those that may use any unit, so that the best of them is decided unit by unit."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from shared.domain.engine.lane import Amount, LaneProblem, Use

_MOST_SUBSETS_OF = 6


@dataclass(frozen=True, slots=True)
class Option:
    """A best use of a unit: which offers, how much they take off it, and which of them take anything."""

    uses: tuple[Use, ...]
    value: Amount
    applied: frozenset[int]


class FreeOffers:
    """The free offers of a problem by pool, with what was decided so far."""

    def __init__(self, problem: LaneProblem) -> None:
        self.problem = problem
        self.decided: dict[tuple[int, tuple[Use, ...]], list[Option]] = {}
        self.single: dict[int, list[Use]] = {}
        self.stacking: dict[int, list[Use]] = {}
        for place, offer in enumerate(problem.offers):
            if offer.free:
                found = self.stacking if offer.stackable else self.single
                for number, part in enumerate(offer.parts):
                    found.setdefault(part.pool, []).append((place, number))

    def options(self, pool: int, uses: tuple[Use, ...]) -> list[Option]:
        """Return the equally good best options for a unit that these limited offers use already."""
        if (pool, uses) not in self.decided:
            found: list[Option] = []
            for added in self._candidates(pool, uses):
                option = self._option(pool, uses, added)
                if option and (not found or option.value >= found[0].value):
                    found = [*found, option] if found and option.value == found[0].value else [option]
            self.decided[pool, uses] = list(dict.fromkeys(found))
        return self.decided[pool, uses]

    def beside_whole(self, pool: int, uses: tuple[Use, ...]) -> tuple[list[tuple[Use, ...]], bool]:
        """Return the sets of offers to try beside a whole one, all first, and whether all is surely best."""
        stacking = self._stacking(pool, uses)
        sets = [tuple(sorted((*uses, *added))) for added in self._subsets(pool, stacking)]
        return sets, not any(self.problem.offers[offer].floors.get(pool) for offer, _ in stacking)

    def _stacking(self, pool: int, uses: tuple[Use, ...]) -> list[Use]:
        if all(self.problem.offers[offer].stackable for offer, _ in uses):
            return self.stacking.get(pool, [])
        return []

    def _candidates(self, pool: int, uses: tuple[Use, ...]) -> Iterator[tuple[Use, ...]]:
        if not uses:
            yield from ((use,) for use in self.single.get(pool, []))
        yield from self._subsets(pool, self._stacking(pool, uses))

    def _subsets(self, pool: int, stacking: list[Use]) -> Iterator[tuple[Use, ...]]:
        """Yield every subset, the largest first. Of many offers, only all those below each floor.

        Adding an offer costs nothing unless it raises the floor, so these hold a best one.
        """
        if len(stacking) <= _MOST_SUBSETS_OF:
            for size in range(len(stacking), -1, -1):
                yield from combinations(stacking, size)
            return
        floor = {use: self.problem.offers[use[0]].floors.get(pool, 0) for use in stacking}
        for highest in sorted(set(floor.values()), reverse=True):
            yield tuple(use for use in stacking if floor[use] <= highest)
        yield ()

    def _option(self, pool: int, uses: tuple[Use, ...], added: tuple[Use, ...]) -> Option | None:
        """Return the option, without added offers for which no room is left; None when they still matter."""
        every = tuple(sorted((*uses, *added)))
        room = self.problem.room(pool, every)
        value: Amount = 0
        applied, idle = set[int](), set[Use]()
        for offer, number in every:
            given = min(room - value, self.problem.offers[offer].parts[number].want)
            value += given
            if given:
                applied.add(offer)
            elif (offer, number) in added:
                idle.add((offer, number))
        if idle:
            return self._option(pool, uses, tuple(use for use in added if use not in idle))
        return Option(every, value, frozenset(applied))
