"""Allocation: each promotion's discount is rounded once and split over the units that earned it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import lcm

from shared.domain.engine.lane import Amount, LaneProblem, Solution
from shared.domain.engine.settle import settle, totals
from shared.domain.engine.units import Run, Share
from shared.domain.money import Rounding, largest_remainder, round_minor


@dataclass(frozen=True, slots=True)
class _Piece:
    """Units of a cell to which the same happened so far; `earned` is what they should get from each offer."""

    pool: int
    run: Run
    room: int
    earned: Mapping[int, Amount]


def allocate(
    problem: LaneProblem, solution: Solution, runs: Sequence[Run], rounding: Rounding
) -> list[tuple[int, Run]]:
    """Return the runs after the lane, each with its pool, in the pools' order; `runs` has one run per pool.

    Promotions take their shares in order, none above the room their unit still has; a total that rounding
    lifted above all that room gives what is left.
    """
    settled = settle(problem, solution.cells)
    pieces: list[_Piece] = []
    for one in settled:
        pool = one.cell.pool
        room = problem.room(pool, one.cell.uses)
        run = replace(runs[pool], units=one.cell.units, floor=max(runs[pool].floor, runs[pool].price - room))
        pieces.append(_Piece(pool, run, room, one.given))
    for offer, amount in sorted(totals(settled).items()):
        pieces = _take(pieces, offer, problem.offers[offer].promotion_id, round_minor(amount, rounding))
    return [(piece.pool, piece.run) for piece in pieces]


def _take(pieces: list[_Piece], offer: int, promotion_id: str, amount: int) -> list[_Piece]:
    earned = [piece.earned.get(offer, 0) for piece in pieces]
    scale = lcm(*(share.denominator for share in earned))
    weights = [int(share * scale) for share in earned]
    rooms = [piece.room if weight else 0 for piece, weight in zip(pieces, weights, strict=True)]
    counts = [piece.run.units for piece in pieces]
    amount = min(amount, sum(room * count for room, count in zip(rooms, counts, strict=True)))
    after: list[_Piece] = []
    for piece, (share, extra) in zip(pieces, largest_remainder(amount, weights, rooms, counts), strict=True):
        if share == extra == 0:
            after.append(piece)
            continue
        if extra:
            after.append(_discounted(piece, extra, promotion_id, share + 1))
        if piece.run.units > extra:
            after.append(_discounted(piece, piece.run.units - extra, promotion_id, share))
    return after


def _discounted(piece: _Piece, units: int, promotion_id: str, minor: int) -> _Piece:
    if minor == 0:
        return replace(piece, run=replace(piece.run, units=units))
    run = replace(
        piece.run,
        units=units,
        price=piece.run.price - minor,
        shares=(*piece.run.shares, Share(promotion_id, minor)),
    )
    return replace(piece, run=run, room=piece.room - minor)
