"""Offers that do not get into each other's way: each does what it would do alone, which none can exceed."""

from collections.abc import Sequence

from shared.domain.engine.alone import Alone
from shared.domain.engine.lane import Amount, LaneProblem
from shared.domain.engine.pieces import Gift, Piece, of_cells, of_decision
from shared.domain.engine.standing import Decision
from shared.domain.money import SCALE


def undisturbed(
    problem: LaneProblem,
    members: Sequence[int],
    lone: Sequence[Alone],
    decided: Sequence[Sequence[Decision]],
) -> tuple[list[Piece], Amount] | None:
    """Return the pieces these offers use when each does its best, and what they give, or None.

    They stay out of each other's way when they use different units that nobody else wants, or when all of
    them stack and every unit has room for all.
    """
    if any(lone[member].value != lone[member].bound for member in members):
        return None
    busy = [member for member in members if lone[member].value]
    pieces = {member: of_cells(problem, lone[member].cells) for member in busy}
    used: dict[int, int] = {}
    for found in pieces.values():
        for piece in found:
            used[piece.pool] = used.get(piece.pool, 0) + piece.units
    value = sum([lone[member].value for member in busy])
    if all(units <= problem.pools[pool].units and not decided[pool][0].value for pool, units in used.items()):
        return [piece for found in pieces.values() for piece in found], value
    if all(problem.offers[member].stackable for member in busy):
        return _together(problem, list(pieces.values()), sorted(used), decided, value)
    return None


def _together(
    problem: LaneProblem,
    pieces: Sequence[Sequence[Piece]],
    pools: Sequence[int],
    decided: Sequence[Sequence[Decision]],
    value: Amount,
) -> tuple[list[Piece], Amount] | None:
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
    return found, value


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
