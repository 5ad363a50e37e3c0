"""Allocation: each promotion's discount is rounded once and split over the units that earned it."""

from collections.abc import Iterable, Sequence
from math import lcm

from shared.domain.engine.combination import Combination
from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.lane import Amount
from shared.domain.engine.pieces import Gift, Piece
from shared.domain.engine.units import Run, Share
from shared.domain.money import Rounding, largest_remainder, round_minor


def allocate(
    combination: Combination, runs: Sequence[Run], rounding: Rounding, taken: dict[int, int]
) -> dict[int, list[Run]]:
    """Return per pool its runs after the lane; `runs` has one run per pool before it.

    Promotions take their shares in order, none above the room their unit still has; a total that rounding
    lifted above all that room gives what is left. What each takes is added to `taken`, by its index.
    """
    by_offer: dict[int, list[Piece]] = {}
    ordered, totals = combination.pieces, combination.totals
    for piece in ordered:
        run = runs[piece.pool]
        piece.room = max(0, run.price - max(run.floor, piece.floor))
        for index, _, _ in piece.given:
            by_offer.setdefault(index, []).append(piece)
    for index in sorted(by_offer):
        mine = by_offer[index]
        if len(mine) == 1:
            piece = mine[0]
            _, amount, role = piece.given[0] if len(piece.given) == 1 else _given(piece, index)
            total = totals[index] if index in totals else amount * piece.units
            minor = round_minor(total, rounding)
            share, extra = divmod(minor, piece.units)
            if not extra and share <= piece.room:
                piece.room -= share
                piece.minor.append((index, share, role))
                if total:
                    taken[index] = minor
                continue
        else:
            total = totals[index] if index in totals else _total(mine, index)
            minor = round_minor(total, rounding)
        minor = _split(index, minor, mine, ordered, by_offer)
        if total:
            taken[index] = minor
    after: dict[int, list[Run]] = {}
    for piece in ordered:
        after.setdefault(piece.pool, []).append(_run_after(runs[piece.pool], piece))
    return after


def _given(piece: Piece, index: int) -> Gift:
    return next(one for one in piece.given if one[0] == index)


def _total(mine: Iterable[Piece], index: int) -> Amount:
    return sum([_given(piece, index)[1] * piece.units for piece in mine])


def _split(
    index: int, minor: int, mine: list[Piece], ordered: list[Piece], by_offer: dict[int, list[Piece]]
) -> int:
    """Split a rounded total by what the units earned, and return what fits into their room."""
    earned = [_given(piece, index) for piece in mine]
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
