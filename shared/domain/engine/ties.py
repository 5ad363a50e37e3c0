"""Ties: which of several equally good combinations of a lane stands.

It is the one whose list of applied promotions comes first, then that of the fewest units used, then that
which uses the units of the first pools. Up to 256 combinations are compared; of more, one is improved choice
by choice.
"""

from collections.abc import Sequence
from itertools import product
from math import prod

from shared.domain.engine.pieces import Piece

MOST_WAYS = 64
_MOST_PRODUCTS = 256

type _Counts = list[tuple[int, int, int]]
type _Rank = tuple[list[int], int, _Counts]


class Alternative:
    """One of equally good ways to decide some pools."""

    __slots__ = ("_counts", "applied", "pieces")

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self.applied = frozenset([index for piece in pieces for index, amount, _ in piece.given if amount])
        """Who takes anything off."""
        self._counts: _Counts | None = None

    @property
    def counts(self) -> _Counts:
        """How many units each promotion uses of a pool, negated: the more, the earlier."""
        if self._counts is None:
            found: dict[tuple[int, int], int] = {}
            for piece in self.pieces:
                for index, _, _ in piece.given:
                    found[piece.pool, index] = found.get((piece.pool, index), 0) - piece.units
            self._counts = [(pool, index, units) for (pool, index), units in found.items()]
        return self._counts


def first(certain: Sequence[Piece], choices: Sequence[Sequence[Alternative]]) -> list[Alternative]:
    """Return of each choice the alternative that belongs to the first combination, given what is certain."""
    many = prod(map(len, choices)) > _MOST_PRODUCTS
    base = Alternative(certain)
    reduced = _reduced(base, choices)
    chosen = [alike[0] for alike in reduced]
    open_places = [place for place, alike in enumerate(reduced) if len(alike) > 1]
    if not open_places:
        return chosen
    sure = [base, *(one for one, alike in zip(chosen, reduced, strict=True) if len(alike) == 1)]
    left = [reduced[place] for place in open_places]
    best = _improved(sure, left) if many else _least(sure, left)
    for place, one in zip(open_places, best, strict=True):
        chosen[place] = one
    return chosen


def _reduced(base: Alternative, choices: Sequence[Sequence[Alternative]]) -> list[Sequence[Alternative]]:
    """Return the choices without alternatives that cannot belong to the first combination.

    Of lists of equal length that nobody else's promotions are in, the first stays first whatever is added.
    """
    seen = set(base.applied)
    shared = set[int]()
    unions = [frozenset[int]().union(*[one.applied for one in alike]) for alike in choices]
    for union in unions:
        shared |= seen & union
        seen |= union
    reduced: list[Sequence[Alternative]] = []
    for alike, union in zip(choices, unions, strict=True):
        if len(alike) > 1 and shared.isdisjoint(union) and len({len(one.applied) for one in alike}) == 1:
            least = min(sorted(one.applied) for one in alike)
            alike = [one for one in alike if sorted(one.applied) == least]  # noqa: PLW2901
        reduced.append(alike)
    return reduced


def _least(sure: Sequence[Alternative], choices: Sequence[Sequence[Alternative]]) -> Sequence[Alternative]:
    """Return the first of all combinations of these choices."""
    always = frozenset[int]().union(*[one.applied for one in sure])
    ways = list(product(*choices))
    lists = [sorted(always.union(*[one.applied for one in way])) for way in ways]
    least = min(lists)
    best = [way for way, applied in zip(ways, lists, strict=True) if applied == least]
    return best[0] if len(best) == 1 else min(best, key=lambda way: _rank([*sure, *way]))


def _improved(sure: Sequence[Alternative], choices: Sequence[Sequence[Alternative]]) -> list[Alternative]:
    """Return a combination that exchanging one alternative for another does not bring nearer the first."""
    chosen = [min(alike, key=lambda one: _rank([one])) for alike in choices]
    best, improved = _rank([*sure, *chosen]), True
    while improved:
        improved = False
        for place, alike in enumerate(choices):
            for choice in alike:
                tried = [*chosen[:place], choice, *chosen[place + 1 :]]
                rank = _rank([*sure, *tried])
                if rank < best:
                    chosen, best, improved = tried, rank, True
    return chosen


def _rank(chosen: Sequence[Alternative]) -> _Rank:
    """Return who applies, how many units are used, and where: the smaller, the earlier."""
    applied = sorted(frozenset[int]().union(*[one.applied for one in chosen]))
    counts = sorted([count for one in chosen for count in one.counts])
    return applied, sum([-units for _, _, units in counts]), counts
