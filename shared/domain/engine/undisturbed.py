"""Offers that do not get into each other's way: each does what it would do alone, which none can exceed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from shared.domain.engine.alone import Alone
from shared.domain.engine.lane import Amount, LaneProblem
from shared.domain.engine.pieces import Gift, Piece, of_cells, of_decision
from shared.domain.engine.responses import Response
from shared.domain.engine.standing import Decision
from shared.domain.money import SCALE


class Found(NamedTuple):
    """The pieces these offers use, what they give and, where pieces are weights only, how much each."""

    pieces: list[Piece]
    value: Amount
    totals: Mapping[int, Amount]


def undisturbed(
    problem: LaneProblem,
    members: Sequence[int],
    lone: Sequence[Alone],
    decided: Sequence[Sequence[Decision]],
) -> Found | None:
    """Return what these offers do when each does its best, or None when they get into each other's way.

    They do not when they are strangers, or when all of them stack and every unit has room for all.
    """
    found = strangers(problem, members, lone, decided)
    if found is not None:
        return found
    busy = [member for member in members if lone[member].value]
    if any(lone[member].value != lone[member].bound for member in members):
        return None
    if all(problem.offers[member].stackable for member in busy):
        exact = [of_cells(problem, lone[member].cells) for member in busy]
        used = {cell.pool for member in busy for cell in lone[member].cells}
        value = sum(lone[member].value for member in busy)
        return _together(problem, exact, sorted(used), decided, value)
    return None


def strangers(
    problem: LaneProblem,
    members: Iterable[int],
    lone: Sequence[Alone],
    decided: Sequence[Sequence[Decision]],
) -> Found | None:
    """Return what these offers do when they use different units that nobody else wants, or None."""
    used: dict[int, int] = {}
    pieces: list[Piece] = []
    totals: dict[int, Amount] = {}
    for member in members:
        value, bound, _, mine = lone[member]
        if value != bound:
            return None
        if value:
            totals[problem.offers[member].index] = value
            pieces += mine
            for piece in mine:
                pool = piece.pool
                used[pool] = used.get(pool, 0) + piece.units
                if used[pool] > problem.pools[pool].units or decided[pool][0].value:
                    return None
    return Found(pieces, sum(totals.values()), totals)


def apart(problem: LaneProblem, answers: Sequence[Response | None]) -> Found | None:
    """Return what these offers do when their best responses to free offers use different units."""
    left: dict[int, int] = {}
    pieces: list[Piece] = []
    value: Amount = 0
    for answer in answers:
        if answer is None:
            return None
        value += answer.value
        for cell in answer.cells:
            left[cell.pool] = left.get(cell.pool, problem.pools[cell.pool].units) - cell.units
            if left[cell.pool] < 0:
                return None
    for answer in answers:
        pieces += of_cells(problem, answer.cells) if answer else ()
    return Found(pieces, value, {})


def _together(
    problem: LaneProblem,
    pieces: Sequence[Sequence[Piece]],
    pools: Sequence[int],
    decided: Sequence[Sequence[Decision]],
    value: Amount,
) -> Found | None:
    """Lay the offers over each other, each on the first units, when that leaves every unit room."""
    found: list[Piece] = []
    for pool in pools:
        if len(decided[pool]) > 1 or not decided[pool][0].stacks:
            return None
        (decision,) = decided[pool]
        layers = [[piece for piece in of_offer if piece.pool == pool] for of_offer in pieces]
        layers = [[of_decision(pool, problem.pools[pool].units, decision)], *filter(None, layers)]
        laid = _laid(pool, layers)
        one = problem.pools[pool]
        for piece in laid:
            room = (one.price - max(one.floor, piece.floor)) * SCALE - one.taken
            if sum([amount for _, amount, _ in piece.given]) > room:
                return None
        value += decision.value * one.units
        found += laid
    return Found(found, value, {})


def _laid(pool: int, layers: Sequence[Sequence[Piece]]) -> list[Piece]:
    ends = sorted({end for layer in layers for end in _ends(layer)})
    found: list[Piece] = []
    start = 0
    for end in ends:
        given: list[Gift] = []
        floor = 0
        for layer in layers:
            piece = next((one for one, upto in zip(layer, _ends(layer), strict=True) if upto > start), None)
            if piece is not None:
                given += piece.given
                floor = max(floor, piece.floor)
        found.append(Piece(pool, end - start, floor, sorted(given, key=lambda one: one[0])))
        start = end
    return found


def _ends(layer: Sequence[Piece]) -> list[int]:
    end = 0
    return [end := end + piece.units for piece in layer]
