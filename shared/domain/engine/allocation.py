"""Allocation: each promotion's discount is rounded once and split over the units that earned it."""

from collections.abc import Iterable, Sequence
from math import lcm

from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.pieces import Piece
from shared.domain.engine.units import Run, Share
from shared.domain.money import Rounding, largest_remainder, round_minor


def allocate(
    pieces: Iterable[Piece], runs: Sequence[Run], rounding: Rounding, taken: dict[int, int]
) -> dict[int, list[Run]]:
    """Return per pool its runs after the lane; `runs` has one run per pool before it.

    Promotions take their shares in order, none above the room their unit still has; a total that rounding
    lifted above all that room gives what is left. What each takes is added to `taken`, by its index.
    """
    by_offer: dict[int, list[Piece]] = {}
    ordered = list(pieces)
    for piece in ordered:
        run = runs[piece.pool]
        piece.room = max(0, run.price - max(run.floor, piece.floor))
        for index, _, _ in piece.given:
            by_offer.setdefault(index, []).append(piece)
    for index in sorted(by_offer):
        taken[index] = _take(index, by_offer[index], ordered, by_offer, rounding)
    after: dict[int, list[Run]] = {}
    for piece in ordered:
        after.setdefault(piece.pool, []).append(_run_after(runs[piece.pool], piece))
    return after


def _take(
    index: int,
    mine: list[Piece],
    ordered: list[Piece],
    by_offer: dict[int, list[Piece]],
    rounding: Rounding,
) -> int:
    earned = [next(one for one in piece.given if one[0] == index) for piece in mine]
    total = sum(amount * piece.units for (_, amount, _), piece in zip(earned, mine, strict=True))
    minor = round_minor(total, rounding)
    if len(mine) == 1 and mine[0].units == 1:
        minor = min(minor, mine[0].room)
        _lose(mine[0], index, minor, earned[0][2])
        return minor
    scale = lcm(*(amount.denominator for _, amount, _ in earned))
    weights = [int(amount * scale) for _, amount, _ in earned]
    rooms = [piece.room if weight else 0 for piece, weight in zip(mine, weights, strict=True)]
    counts = [piece.units for piece in mine]
    minor = min(minor, sum(room * count for room, count in zip(rooms, counts, strict=True)))
    shares = largest_remainder(minor, weights, rooms, counts)
    for piece, (share, extra), (_, _, role) in zip(list(mine), shares, earned, strict=True):
        if 0 < extra < piece.units:
            rest = Piece(piece.pool, piece.units - extra, piece.floor, piece.given)
            rest.room, rest.minor = piece.room, list(piece.minor)
            piece.units = extra
            _insert_after(ordered, piece, rest)
            for other, _, _ in piece.given:
                _insert_after(by_offer[other], piece, rest)
            _lose(rest, index, share, role)
        _lose(piece, index, share + (extra > 0), role)
    return minor


def _insert_after(pieces: list[Piece], piece: Piece, rest: Piece) -> None:
    pieces.insert(next(place for place, one in enumerate(pieces) if one is piece) + 1, rest)


def _lose(piece: Piece, index: int, minor: int, role: UnitRole) -> None:
    piece.room -= minor
    piece.minor.append((index, minor, role))


def _run_after(run: Run, piece: Piece) -> Run:
    if not piece.given:
        return run if piece.units == run.units else run._replace(units=piece.units)
    price = run.price
    shares = [Share(index, minor, role, price) for index, minor, role in piece.minor]
    lost = sum([share.minor for share in shares])
    floor = max(run.floor, min(price, piece.floor))
    return Run(piece.units, price - lost, floor, (*run.shares, *shares))
