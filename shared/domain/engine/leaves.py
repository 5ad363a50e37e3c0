"""Leaves of the search: free offers are decided around those placed, and the best results are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, product
from math import prod

from shared.domain.engine.bounds import Groups
from shared.domain.engine.free import FreeOffers, Option
from shared.domain.engine.lane import Amount, Cell, LaneProblem
from shared.domain.engine.settle import Settled, settle, total, totals

_MOST_TIES = 64

type Plain = tuple[int, int, list[Option]]
"""Units of a pool without a whole or packed offer, and the equally good options for them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the best solutions of a component."""

    applied: tuple[int, ...]
    used: int
    cells: tuple[Cell, ...]


class Leaves:
    """The best results so far: their value, and one choice for each set of offers that apply.

    `proved` says that no leaf settled could have been settled better.
    """

    def __init__(self, problem: LaneProblem, free: FreeOffers) -> None:
        self.problem, self.free = problem, free
        self.value: Amount = -1
        self.proved = True
        self.ties: dict[tuple[int, ...], Choice] = {}

    def _is_all_or_nothing(self, place: int) -> bool:
        offer = self.problem.offers[place]
        return offer.whole or offer.packs is not None

    def settle(self, groups: Groups, fixed: Amount | None = None) -> None:
        """Decide the free offers group by group, and keep the result when it is among the best.

        `fixed` is what the whole and packed offers that were placed give when no unit is shared, where known.
        """
        plain: list[Plain] = []
        mixed: list[list[Cell]] = []
        simple = True
        value: Amount = 0
        for pool, cells in groups.items():
            for uses, units in cells:
                if any(self._is_all_or_nothing(offer) for offer, _ in uses):
                    sets, all_is_best = self.free.beside_whole(pool, uses)
                    mixed.append([Cell(pool, units, every) for every in sets])
                    simple = simple and all_is_best
                    self.proved = self.proved and (all_is_best or units == 1)
                else:
                    options = self.free.options(pool, uses)
                    value += options[0].value * units
                    plain.append((pool, units, options))
        if prod(len(cells) for cells in mixed) > _MOST_TIES:
            self.proved = self.proved and simple
            mixed = [cells[:1] for cells in mixed]
        if fixed is not None and all(len(cells) == 1 and len(cells[0].uses) == 1 for cells in mixed):
            if value + fixed >= self.value:
                given = {cells[0].uses[0][0] for cells in mixed}
                self._keep_ties(value + fixed, given, [cells[0] for cells in mixed], plain)
            return
        for cells in product(*mixed):
            result = settle(self.problem, cells)
            self.proved = self.proved and not result.rough
            given, busy = totals(result.cells), [self._busy(one) for one in result.cells]
            self._keep_ties(value + total(result.cells), given, busy, plain)

    def _busy(self, one: Settled) -> Cell:
        """Return the cell without free offers that found no room and whose floor holds nothing back."""
        idle = {
            (offer, number)
            for offer, number in one.cell.uses
            if not one.given.get(offer)
            and self.problem.offers[offer].free
            and not self.problem.offers[offer].floors.get(one.cell.pool)
        }
        return Cell(one.cell.pool, one.cell.units, tuple(use for use in one.cell.uses if use not in idle))

    def _keep_ties(
        self,
        value: Amount,
        given: Iterable[int],
        cells: Sequence[Cell],
        plain: Sequence[Plain],
    ) -> None:
        if value < self.value:
            return
        if value > self.value:
            self.value = value
            self.ties.clear()
        for chosen in islice(product(*(options for _, _, options in plain)), _MOST_TIES):
            applied = set(given).union(*(option.applied for option in chosen))
            found = [
                Cell(pool, units, option.uses) for (pool, units, _), option in zip(plain, chosen, strict=True)
            ]
            self._keep(tuple(sorted(applied)), (*cells, *found))

    def _keep(self, applied: tuple[int, ...], cells: tuple[Cell, ...]) -> None:
        choice = Choice(applied, sum(cell.units * len(cell.uses) for cell in cells), cells)
        if applied in self.ties:
            self.ties[applied] = min(self.ties[applied], choice, key=self._rank)
        elif len(self.ties) < _MOST_TIES:
            self.ties[applied] = choice
        elif applied < max(self.ties):
            del self.ties[max(self.ties)]
            self.ties[applied] = choice

    def _rank(self, choice: Choice) -> tuple[int, tuple[int, ...]]:
        return choice.used, unit_vector(self.problem, [choice])


def unit_vector(problem: LaneProblem, choices: Iterable[Choice]) -> tuple[int, ...]:
    """Return the negated unit counts by pool and offer: the smaller, the earlier in canonical order."""
    counts = [0] * (len(problem.pools) * len(problem.offers))
    for choice in choices:
        for cell in choice.cells:
            for offer, _ in cell.uses:
                counts[cell.pool * len(problem.offers) + offer] -= cell.units
    return tuple(counts)
