"""Pieces: units of a pool with what each promotion gives on them, before rounding."""

from collections.abc import Sequence

from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.lane import Amount, Cell, LaneProblem
from shared.domain.engine.settle import Settled, settle
from shared.domain.engine.standing import Decision

type Gift = tuple[int, Amount, UnitRole]
"""A promotion by its index, what it gives each of the units, and how it uses them."""


class Piece:
    """Units of a pool that are used alike; `floor` is the highest among the promotions that use them."""

    __slots__ = ("floor", "given", "minor", "pool", "room", "units")

    def __init__(self, pool: int, units: int, floor: int, given: Sequence[Gift]) -> None:
        self.pool, self.units, self.floor, self.given = pool, units, floor, given
        self.room = 0
        """What a unit can still lose, in minor units."""
        self.minor: list[tuple[int, int, UnitRole]] = []
        """What each unit loses to each promotion, in minor units."""


def of_decision(pool: int, units: int, decision: Decision) -> Piece:
    return Piece(pool, units, decision.floor, decision.given)


def of_cells(problem: LaneProblem, cells: Sequence[Cell]) -> list[Piece]:
    return of_settled(problem, settle(problem, cells).cells)


def of_settled(problem: LaneProblem, settled: Sequence[Settled]) -> list[Piece]:
    pieces: list[Piece] = []
    for one in settled:
        pool = one.cell.pool
        given: list[Gift] = []
        floor = 0
        for place, number in sorted(one.cell.uses):
            offer = problem.offers[place]
            floor = max(floor, offer.floor(pool, number))
            amount = one.given.get(place, 0)
            if offer.parts[number].grants:
                given.append((offer.index, amount, UnitRole.DISCOUNTED))
            else:
                given.append((offer.index, 0, UnitRole.TRIGGER))
        pieces.append(Piece(pool, one.cell.units, floor, given))
    return pieces
