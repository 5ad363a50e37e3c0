"""Allocation: each promotion's discount is rounded once and split over the units that earned it."""

from collections.abc import Iterable, Sequence
from math import lcm

from shared.domain.engine.combination import Combination
from shared.domain.engine.lane import Amount
from shared.domain.engine.pieces import Gift, Piece
from shared.domain.engine.units import Run, Share
from shared.domain.money import SCALE, Rounding, largest_remainder, round_minor


def allocate(
    combination: Combination, runs: Sequence[Run], rounding: Rounding, taken: dict[int, int]
) -> dict[int, list[Run]]:
    """Return per pool its runs after the lane; `runs` has one run per pool before it.

    Promotions take their shares in order, none above the room their unit still has; a total that rounding
    lifted above all that room gives what is left. What each takes is added to `taken`, by its index.
    """
    ordered, totals = combination.pieces, combination.totals
    by_offer = _by_offer(ordered)
    rest: list[int] = []
    for index, mine in by_offer.items():
        minor = _exact(index, mine, totals.get(index))
        if minor is None:
            rest.append(index)
        elif minor:
            taken[index] = minor
    if rest:
        _make_room(ordered, runs)
    for index in sorted(rest):
        mine = by_offer[index]
        earned = [piece.given[0] if len(piece.given) == 1 else _given(piece, index) for piece in mine]
        total = totals.get(index)
        if total is None:
            total = 0
            for (_, amount, _), piece in zip(earned, mine, strict=True):
                total += amount * piece.units
        minor = _split(index, round_minor(total, rounding), mine, earned, ordered=ordered, by_offer=by_offer)
        if total:
            taken[index] = minor
    return _after(ordered, runs)


def _after(pieces: Iterable[Piece], runs: Sequence[Run]) -> dict[int, list[Run]]:
    after: dict[int, list[Run]] = {}
    for piece in pieces:
        pool = piece.pool
        run = runs[pool]
        if piece.given:
            run = _run_after(run, piece)
        elif piece.units != run.units:
            run = run._replace(units=piece.units)
        if pool in after:
            after[pool].append(run)
        else:
            after[pool] = [run]
    return after


def _exact(index: int, mine: Iterable[Piece], known: Amount | None) -> int | None:
    """Give each unit what it earned, where that is whole minor units and nobody else takes of it.

    Return the total, or None, with nothing given, where it is otherwise.
    """
    total = 0
    for piece in mine:
        amount = piece.given[0][1]
        if len(piece.given) != 1 or amount % SCALE:
            return None
        total += int(amount) * piece.units
    if known is not None and known != total:
        return None
    for piece in mine:
        _, amount, role = piece.given[0]
        piece.minor = [(index, int(amount) // SCALE, role)]
    return total // SCALE


def _by_offer(pieces: Iterable[Piece]) -> dict[int, list[Piece]]:
    """Return the pieces of each offer."""
    by_offer: dict[int, list[Piece]] = {}
    for piece in pieces:
        for index, _, _ in piece.given:
            mine = by_offer.get(index)
            if mine is None:
                by_offer[index] = [piece]
            else:
                mine.append(piece)
    return by_offer


def _make_room(pieces: Iterable[Piece], runs: Sequence[Run]) -> None:
    """Tell the pieces what their units can lose."""
    for piece in pieces:
        run = runs[piece.pool]
        piece.room = max(0, run.price - max(run.floor, piece.floor))


def _given(piece: Piece, index: int) -> Gift:
    return next(one for one in piece.given if one[0] == index)


def _split(
    index: int,
    minor: int,
    mine: list[Piece],
    earned: Sequence[Gift],
    *,
    ordered: list[Piece],
    by_offer: dict[int, list[Piece]],
) -> int:
    """Split a rounded total by what the units earned, and return what fits into their room."""
    if len(mine) == 1:
        piece = mine[0]
        share, rest = divmod(minor, piece.units)
        if not rest and share <= piece.room:
            piece.room -= share
            piece.minor.append((index, share, earned[0][2]))
            return minor
    shares = _roomy_shares(minor, mine, earned)
    if shares is None:
        scale = lcm(*[amount.denominator for _, amount, _ in earned])
        weights = [int(amount * scale) for _, amount, _ in earned]
        rooms = [piece.room if weight else 0 for piece, weight in zip(mine, weights, strict=True)]
        counts = [piece.units for piece in mine]
        minor = min(minor, sum([room * count for room, count in zip(rooms, counts, strict=True)]))
        shares = largest_remainder(minor, weights, rooms, counts)
    for piece, (share, extra), (_, _, role) in zip(list(mine), shares, earned, strict=True):
        if 0 < extra < piece.units:
            rest_of_it = Piece(piece.pool, piece.units - extra, piece.floor, piece.given)
            rest_of_it.room, rest_of_it.minor = piece.room - share, [*piece.minor, (index, share, role)]
            piece.units = extra
            _insert_after(ordered, piece, rest_of_it)
            for other, _, _ in piece.given:
                _insert_after(by_offer[other], piece, rest_of_it)
        got = share + 1 if extra else share
        piece.room -= got
        piece.minor.append((index, got, role))
    return minor


def _roomy_shares(minor: int, mine: Sequence[Piece], earned: Sequence[Gift]) -> list[tuple[int, int]] | None:
    """Return what `largest_remainder` would, or None where any room might be too small."""
    whole: Amount = 0
    for piece, (_, weight, _) in zip(mine, earned, strict=True):
        whole += weight * piece.units
    if not whole or type(whole) is not int:
        return None
    shares: list[tuple[int, int]] = []
    remainders: list[tuple[int, int]] = []
    left = minor
    for piece, (_, weight, _) in zip(mine, earned, strict=True):
        share, remainder = divmod(minor * weight, whole)
        if share >= piece.room:
            return None
        if remainder:
            remainders.append((-int(remainder), len(shares)))
        shares.append((int(share), 0))
        left -= int(share) * piece.units
    if left:
        remainders.sort()
        for _, place in remainders:
            extra = min(left, mine[place].units)
            shares[place] = (shares[place][0], extra)
            left -= extra
    return shares


def _insert_after(pieces: list[Piece], piece: Piece, rest: Piece) -> None:
    pieces.insert(next(place for place, one in enumerate(pieces) if one is piece) + 1, rest)


def _run_after(run: Run, piece: Piece) -> Run:
    price = run.price
    if len(piece.minor) == 1:
        ((index, minor, role),) = piece.minor
        share = Share(index, minor, role, price)
        return Run(piece.units, price - minor, max(run.floor, min(price, piece.floor)), (*run.shares, share))
    left = price
    shares: list[Share] = []
    for index, minor, role in piece.minor:
        shares.append(Share(index, minor, role, price))
        left -= minor
    return Run(piece.units, left, max(run.floor, min(price, piece.floor)), (*run.shares, *shares))
