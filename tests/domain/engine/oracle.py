"""A slow second opinion on the best combination: every assignment of every unit, no code of the engine."""

from fractions import Fraction
from itertools import product
from math import ceil
from typing import NamedTuple


class Piece(NamedTuple):
    """One unit of the basket."""

    sku: str
    price: int


class Promo(NamedTuple):
    """A promotion of one benefit; money in minor units, percents in hundredths."""

    name: str
    priority: int
    stackable: bool
    skus: frozenset[str]
    percent: int | None = None
    amount: int = 0
    per: str = "unit"
    max_units: int | None = None
    max_units_per: str = "basket"
    max_discount: int | None = None
    floor_minor: int = 0
    floor_percent: int = 0


class Answer(NamedTuple):
    value: Fraction
    applied: tuple[str, ...]
    used: int


def is_whole(promo: Promo) -> bool:
    return promo.max_discount is not None or (promo.percent is None and promo.per != "unit")


def best(pieces: list[Piece], promos: list[Promo]) -> Answer:
    """Return the best answer over all assignments of promotions to units."""
    pieces = sorted(pieces, key=lambda piece: (-piece.price, piece.sku))
    promos = sorted(promos, key=lambda promo: (-promo.priority, promo.name))
    ranks = {promo.name: rank for rank, promo in enumerate(promos)}
    answers: list[tuple[Fraction, tuple[int, ...], int, tuple[int, ...]]] = []
    for chosen in product(*(uses_of(piece, promos) for piece in pieces)):
        if all(lawful(pieces, chosen, promo) for promo in promos):
            given = give(pieces, chosen, promos)
            applied = tuple(ranks[name] for name in sorted(given, key=ranks.__getitem__) if given[name])
            used = sum(len(uses) for uses in chosen)
            answers.append((-sum(given.values(), Fraction(0)), applied, used, ()))
    value, applied, used, _ = min(answers)
    return Answer(-value, tuple(promos[rank].name for rank in applied), used)


def uses_of(piece: Piece, promos: list[Promo]) -> list[frozenset[str]]:
    matching = [promo for promo in promos if piece.sku in promo.skus]
    sets = [frozenset[str]()]
    for promo in matching:
        sets += [found | {promo.name} for found in sets]
    stackable = {promo.name for promo in promos if promo.stackable}
    return [found for found in sets if len(found) < 2 or found <= stackable]


def lawful(pieces: list[Piece], chosen: tuple[frozenset[str], ...], promo: Promo) -> bool:
    used = [piece for piece, uses in zip(pieces, chosen, strict=True) if promo.name in uses]
    targets = [piece for piece in pieces if piece.sku in promo.skus]
    if is_whole(promo):
        return not used or sorted(used) == sorted(reach(targets, promo))
    if promo.max_units is None:
        return True
    if promo.max_units_per == "basket":
        return len(used) <= promo.max_units
    return all(used.count(piece) <= promo.max_units for piece in used)


def reach(targets: list[Piece], promo: Promo) -> list[Piece]:
    if promo.max_units is None:
        return targets
    if promo.max_units_per == "basket":
        return targets[: promo.max_units]
    return [piece for place, piece in enumerate(targets) if targets[:place].count(piece) < promo.max_units]


def give(pieces: list[Piece], chosen: tuple[frozenset[str], ...], promos: list[Promo]) -> dict[str, Fraction]:
    """Return what each promotion gives, settled in order, in minor units."""
    by_name = {promo.name: promo for promo in promos}
    rooms: list[Fraction] = []
    for piece, uses in zip(pieces, chosen, strict=True):
        floors = [floor_of(by_name[name], piece) for name in uses]
        rooms.append(Fraction(max(0, piece.price - max(floors, default=0))))
    given: dict[str, Fraction] = {}
    for promo in promos:
        mine = [place for place, uses in enumerate(chosen) if promo.name in uses]
        shares = shares_of(promo, pieces, mine, rooms)
        for place, share in shares.items():
            rooms[place] -= share
        if mine:
            given[promo.name] = sum(shares.values(), Fraction(0))
    return given


def floor_of(promo: Promo, piece: Piece) -> int:
    return max(promo.floor_minor, ceil(Fraction(piece.price * promo.floor_percent, 10_000)))


def shares_of(
    promo: Promo, pieces: list[Piece], mine: list[int], rooms: list[Fraction]
) -> dict[int, Fraction]:
    if promo.percent is not None or promo.per == "unit":
        wanted = {
            place: Fraction(promo.amount if promo.percent is None else pieces[place].price * promo.percent, 1)
            / (1 if promo.percent is None else 10_000)
            for place in mine
        }
        shares = {place: min(wanted[place], rooms[place]) for place in mine}
        return scaled(shares, promo.max_discount)
    groups = {
        pieces[place] if promo.per == "line" else None: [
            other for other in mine if promo.per == "basket" or pieces[other] == pieces[place]
        ]
        for place in mine
    }
    amounts = {
        name: min(Fraction(promo.amount), sum(rooms[place] for place in group))
        for name, group in groups.items()
    }
    amounts = scaled(amounts, promo.max_discount)
    shares: dict[int, Fraction] = {}
    for name, group in groups.items():
        shares |= poured(amounts[name], {place: pieces[place].price for place in group}, rooms)
    return shares


def scaled[K](shares: dict[K, Fraction], most: int | None) -> dict[K, Fraction]:
    whole = sum(shares.values(), Fraction(0))
    if most is None or whole <= most:
        return shares
    return {key: share * most / whole for key, share in shares.items()}


def poured(amount: Fraction, weights: dict[int, int], rooms: list[Fraction]) -> dict[int, Fraction]:
    """Split by weight like water: fill until the first is full, then go on with the others."""
    shares = dict.fromkeys(weights, Fraction(0))
    while amount:
        rising = [key for key in weights if shares[key] < rooms[key]]
        weight = sum(weights[key] for key in rising)
        step = min(amount / weight, *((rooms[key] - shares[key]) / weights[key] for key in rising))
        for key in rising:
            shares[key] += step * weights[key]
        amount -= step * weight
    return shares
