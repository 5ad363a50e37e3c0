"""Contests: whole offers that stack with none, of which those use their units that gain most together.

What an offer gains is what it takes off its units above what free offers would. No unit serves two of them,
so the best of them are sets whose units suffice; all sets that gain equally much are found, since ties are
settled over the whole lane.
"""

from collections.abc import Sequence

from shared.domain.engine.alone import Alone
from shared.domain.engine.lane import Amount, LaneProblem
from shared.domain.engine.pieces import Piece
from shared.domain.engine.undisturbed import Found

_MOST_STEPS = 400
_MOST_BEST = 64

type _Needs = tuple[tuple[int, int], ...]


def contest(
    problem: LaneProblem, members: Sequence[int], lone: Sequence[Alone], costs: Sequence[Amount]
) -> list[Found] | None:
    """Return what the best sets of these offers do; None where others than such offers take part.

    `costs` says what a unit of each pool gets from free offers. None too when there is too much to try.
    """
    offers = problem.offers
    if not all(offers[member].whole and not offers[member].stackable for member in members):
        return None
    rivals: dict[_Needs, tuple[Amount, list[int]]] = {}
    for member in members:
        needs: dict[int, int] = {}
        gain = lone[member].value
        for cell in lone[member].cells:
            needs[cell.pool] = needs.get(cell.pool, 0) + cell.units
            gain -= costs[cell.pool] * cell.units
        key = tuple(needs.items())
        if all(2 * units <= problem.pools[pool].units for pool, units in key):
            return None
        # Of those that want the very same units, only the best ones count.
        best = rivals.get(key)
        if gain >= 0 and (best is None or gain > best[0]):
            rivals[key] = gain, [member]
        elif best is not None and gain == best[0]:
            best[1].append(member)
    lots = [(gain, needs, mine) for needs, (gain, mine) in rivals.items()]
    lots.sort(key=lambda lot: -lot[0])
    best_sets = _Sets(lots, [pool.units for pool in problem.pools]).best()
    if best_sets is None:
        return None
    return [_found(problem, chosen, lone) for chosen in best_sets]


def _found(problem: LaneProblem, chosen: Sequence[int], lone: Sequence[Alone]) -> Found:
    pieces: list[Piece] = []
    totals: dict[int, Amount] = {}
    for member in chosen:
        pieces += lone[member].pieces
        totals[problem.offers[member].index] = lone[member].value
    return Found(pieces, sum(totals.values()), totals)


class _Sets:
    """The search for the sets of the greatest gain; each lot is offers that want the same units."""

    def __init__(self, lots: Sequence[tuple[Amount, _Needs, list[int]]], left: list[int]) -> None:
        self.lots, self.left = lots, left
        self.rest: list[Amount] = [0]
        """What the lots from a place on could gain together."""
        for gain, _, _ in reversed(lots):
            self.rest.append(self.rest[-1] + gain)
        self.rest.reverse()
        self.value: Amount = 0
        self.found: list[tuple[int, ...]] = []
        self.steps = 0

    def best(self) -> list[tuple[int, ...]] | None:
        self._try(0, 0, ())
        return self.found if self.steps <= _MOST_STEPS and len(self.found) <= _MOST_BEST else None

    def _try(self, at: int, gained: Amount, chosen: tuple[int, ...]) -> None:
        """Use the lot at this place if its units are left, then go without it."""
        self.steps += 1
        if self.steps > _MOST_STEPS or gained + self.rest[at] < self.value:
            return
        if at == len(self.lots):
            if gained > self.value:
                self.value, self.found = gained, []
            self.found.append(chosen)
            return
        gain, needs, mine = self.lots[at]
        left = self.left
        if all(left[pool] >= units for pool, units in needs):
            for pool, units in needs:
                left[pool] -= units
            for member in mine:
                self._try(at + 1, gained + gain, (*chosen, member))
            for pool, units in needs:
                left[pool] += units
        self._try(at + 1, gained, chosen)
