"""A slow second opinion on the best combination: every assignment of every unit, no code of the engine."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import combinations
from math import ceil
from typing import NamedTuple


class Piece(NamedTuple):
    """One unit of the basket."""

    sku: str
    price: int


class Promo(NamedTuple):
    """A promotion of one benefit; money in minor units, percents in hundredths.

    `kind` is percent, amount, fixed, gift (buy x get y), bundle or tiered. `skus` are the targets; those of
    the x-units of a gift, or all that a bundle or a tier looks at, with `picks` beside.
    """

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
    kind: str = "simple"
    price: int = 0
    picks: tuple[tuple[int, frozenset[str]], ...] = ()
    cheapest: bool = True
    tiers: tuple[tuple[int, int], ...] = ()
    """Least quantity or spend, and the percent off from there."""
    by: str = "quantity"
    max_applications: int | None = None
    budget: int | None = None


class Answer(NamedTuple):
    value: Fraction
    applied: tuple[str, ...]
    used: int


type Roles = dict[int, int]
"""Per unit, by its place, the role in which a promotion uses it: 0, or the place of its pick."""


def best(pieces: list[Piece], promos: list[Promo]) -> Answer:
    """Return the best answer over all assignments of promotions to units."""
    pieces = in_order(pieces)
    promos = sorted(promos, key=lambda promo: (-promo.priority, promo.name))
    found: tuple[Fraction, tuple[int, ...], int] | None = None
    for chosen in assignments(pieces, promos, 0, [0] * len(pieces)):
        used = sum(len(roles) for roles in chosen)
        for given in gifts(pieces, promos, chosen):
            applied = tuple(rank for rank, amount in enumerate(given) if amount)
            answer = (-sum(given, Fraction(0)), applied, used)
            found = answer if found is None else min(found, answer)
    assert found is not None
    return Answer(-found[0], tuple(promos[rank].name for rank in found[1]), found[2])


def in_order(pieces: list[Piece]) -> list[Piece]:
    return sorted(pieces, key=lambda piece: (-piece.price, piece.sku))


class Served(NamedTuple):
    """How far a lane served by priority has come: who uses which units, what those lost, their floors."""

    roles: tuple[Roles, ...]
    taken: tuple[Fraction, ...]
    floors: tuple[int, ...]


def by_priority(pieces: list[Piece], promos: list[Promo]) -> set[Fraction]:
    """Return every total there may be when each takes in turn what is best for itself of what is left.

    What was given stays as it was split then; a floor that comes later cuts what a unit lost below it.
    """
    pieces = in_order(pieces)
    promos = sorted(promos, key=lambda promo: (-promo.priority, promo.name))
    states = [Served((), (Fraction(0),) * len(pieces), (0,) * len(pieces))]
    for promo in promos:
        after: list[Served] = []
        for state in states:
            ranked: dict[Fraction, list[Served]] = {}
            for own, one in turns(pieces, promos, promo, state):
                ranked.setdefault(own, []).append(one)
            most = max(ranked)
            least = min(len(one.roles[-1]) for one in ranked[most])
            after += [one for one in ranked[most] if len(one.roles[-1]) == least]
        states = after
    return {sum(map(min, one.taken, rooms_of(pieces, one.floors)), Fraction(0)) for one in states}


def turns(
    pieces: list[Piece], promos: list[Promo], promo: Promo, state: Served
) -> Iterator[tuple[Fraction, Served]]:
    """Yield everything a promotion can do when its turn comes, with what it gives itself."""
    blocked = blocks(promos, state.roles, len(pieces))
    free = {place for place, by in enumerate(blocked) if not by or (by == 1 and promo.stackable)}
    for roles in placements(pieces, promo, free):
        floors = tuple(
            max(floor, floor_of(promo, piece)) if discounts(promo, roles, place) else floor
            for place, (piece, floor) in enumerate(zip(pieces, state.floors, strict=True))
        )
        left = [
            max(Fraction(0), room - lost)
            for room, lost in zip(rooms_of(pieces, floors), state.taken, strict=True)
        ]
        for shares in shares_of(promo, pieces, roles, left):
            taken = tuple(lost + shares.get(place, Fraction(0)) for place, lost in enumerate(state.taken))
            yield sum(shares.values(), Fraction(0)), Served((*state.roles, roles), taken, floors)


def rooms_of(pieces: list[Piece], floors: tuple[int, ...]) -> list[Fraction]:
    return [Fraction(max(0, piece.price - floor)) for piece, floor in zip(pieces, floors, strict=True)]


def blocks(promos: list[Promo], chosen: tuple[Roles, ...], count: int) -> list[int]:
    """Return per unit 0 when unused, 1 when used by promotions that stack, 2 by one that does not."""
    found = [0] * count
    for promo, roles in zip(promos, chosen, strict=False):
        for place in roles:
            found[place] = max(found[place], 1 if promo.stackable else 2)
    return found


def assignments(
    pieces: list[Piece], promos: list[Promo], rank: int, blocked: list[int]
) -> Iterator[tuple[Roles, ...]]:
    if rank == len(promos):
        yield ()
        return
    promo = promos[rank]
    for roles in placements(pieces, promo):
        if all(not blocked[place] or (blocked[place] == 1 and promo.stackable) for place in roles):
            after = list(blocked)
            for place in roles:
                after[place] = 1 if promo.stackable else 2
            for others in assignments(pieces, promos, rank + 1, after):
                yield (roles, *others)


def size(pieces: list[Piece], promos: list[Promo]) -> int:
    """Return a number of assignments that there are at most."""
    found = 1
    for promo in promos:
        found *= sum(1 for _ in placements(pieces, promo))
    return found


def is_whole(promo: Promo) -> bool:
    if promo.kind in ("gift", "bundle"):
        return False
    limited = promo.max_discount is not None or promo.budget is not None
    return limited or promo.kind == "tiered" or (promo.kind == "simple" and per_of(promo) != "unit")


def per_of(promo: Promo) -> str:
    return "unit" if promo.percent is not None or promo.kind == "fixed" else promo.per


def placements(pieces: list[Piece], promo: Promo, free: set[int] | None = None) -> Iterator[Roles]:
    """Yield every lawful use of the units, or of those still free, by one promotion."""
    yield {}
    if free is None:
        free = set(range(len(pieces)))
    if promo.kind in {"gift", "bundle"}:
        for count in range(1, min(len(pieces), promo.max_applications or len(pieces)) + 1):
            for roles in packed(pieces, promo, count, 0, ()):
                if free.issuperset(roles):
                    yield roles
        return
    targets = [place for place, piece in enumerate(pieces) if piece.sku in promo.skus and place in free]
    if is_whole(promo):
        yield from all_of_them(pieces, targets, promo)
        return
    for count in range(1, len(targets) + 1):
        for chosen in combinations(targets, count):
            if within(pieces, chosen, promo):
                yield dict.fromkeys(chosen, 0)


def all_of_them(pieces: list[Piece], targets: list[int], promo: Promo) -> Iterator[Roles]:
    """Yield the use of all units a whole promotion reaches; which of equal ones makes no difference."""
    reached = reach(pieces, targets, promo)
    if not reached or (promo.kind == "tiered" and tier_of(pieces, promo) is None):
        return
    for chosen in combinations(targets, len(reached)):
        if [pieces[place] for place in chosen] == [pieces[place] for place in reached]:
            yield dict.fromkeys(chosen, 0)


def packed(
    pieces: list[Piece], promo: Promo, count: int, pick: int, taken: tuple[tuple[int, int], ...]
) -> Iterator[Roles]:
    if pick == len(promo.picks):
        roles = dict(taken)
        if promo.kind == "bundle" or any(
            in_order_of_price(pieces, promo, sets) for sets in sets_of(promo, roles, count)
        ):
            yield roles
        return
    units, skus = promo.picks[pick]
    busy = {place for place, _ in taken}
    free = [place for place, piece in enumerate(pieces) if piece.sku in skus and place not in busy]
    for chosen in combinations(free, units * count):
        yield from packed(pieces, promo, count, pick + 1, (*taken, *((place, pick) for place in chosen)))


def sets_of(promo: Promo, roles: Roles, count: int) -> Iterator[list[Roles]]:
    """Yield every way to form so many applications of the units used."""
    if count == 0:
        yield []
        return
    first = min(roles)
    for chosen in members(promo, roles, 0):
        if first in chosen:
            rest = {place: pick for place, pick in roles.items() if place not in chosen}
            for others in sets_of(promo, rest, count - 1):
                yield [chosen, *others]


def members(promo: Promo, roles: Roles, pick: int) -> Iterator[Roles]:
    if pick == len(promo.picks):
        yield {}
        return
    mine = [place for place, of in roles.items() if of == pick]
    for chosen in combinations(mine, promo.picks[pick][0]):
        for others in members(promo, roles, pick + 1):
            yield dict.fromkeys(chosen, pick) | others


def in_order_of_price(pieces: list[Piece], promo: Promo, sets: list[Roles]) -> bool:
    """Say whether no discounted unit of a set is dearer than a trigger that could have been one."""
    if not promo.cheapest:
        return True
    for one in sets:
        triggers = [
            pieces[at] for at, pick in one.items() if pick == 0 and pieces[at].sku in promo.picks[1][1]
        ]
        discounted = [pieces[at].price for at, pick in one.items() if pick == 1]
        if any(piece.price < price for piece in triggers for price in discounted):
            return False
    return True


def within(pieces: list[Piece], chosen: tuple[int, ...], promo: Promo) -> bool:
    if promo.max_applications is not None and len(chosen) > promo.max_applications:
        return False
    if promo.max_units is None:
        return True
    if promo.max_units_per == "basket":
        return len(chosen) <= promo.max_units
    used = [pieces[place] for place in chosen]
    return all(used.count(piece) <= promo.max_units for piece in used)


def reach(pieces: list[Piece], targets: list[int], promo: Promo) -> list[int]:
    """Return the units a whole promotion uses: the first, up to its limits."""
    reached: list[int] = []
    for place in targets:
        before = [pieces[other] for other in reached]
        lines = set(before) | {pieces[place]}
        if promo.max_units is not None:
            scope = len(before) if promo.max_units_per == "basket" else before.count(pieces[place])
            if scope == promo.max_units:
                continue
        if promo.max_applications is not None:
            per = per_of(promo)
            if (per == "line" and len(lines) > promo.max_applications) or (
                per == "unit" and len(reached) == promo.max_applications
            ):
                continue
        reached.append(place)
    return reached


def tier_of(pieces: list[Piece], promo: Promo) -> int | None:
    mine = [piece for piece in pieces if piece.sku in promo.skus]
    seen = len(mine) if promo.by == "quantity" else sum(piece.price for piece in mine)
    reached = [percent for least, percent in promo.tiers if least <= seen]
    return reached[-1] if reached else None


def gifts(pieces: list[Piece], promos: list[Promo], chosen: tuple[Roles, ...]) -> Iterator[list[Fraction]]:
    """Yield what each promotion gives, settled in order, for every way to form bundles."""
    rooms: list[Fraction] = []
    for place, piece in enumerate(pieces):
        floors = [
            floor_of(promo, piece)
            for promo, roles in zip(promos, chosen, strict=True)
            if discounts(promo, roles, place)
        ]
        rooms.append(Fraction(max(0, piece.price - max(floors, default=0))))
    yield from settled(pieces, promos, chosen, rooms, 0)


def discounts(promo: Promo, roles: Roles, place: int) -> bool:
    return place in roles and (promo.kind != "gift" or roles[place] == 1)


def settled(
    pieces: list[Piece], promos: list[Promo], chosen: tuple[Roles, ...], rooms: list[Fraction], rank: int
) -> Iterator[list[Fraction]]:
    if rank == len(promos):
        yield []
        return
    for shares in shares_of(promos[rank], pieces, chosen[rank], rooms):
        left = list(rooms)
        for place, share in shares.items():
            left[place] -= share
        for others in settled(pieces, promos, chosen, left, rank + 1):
            yield [sum(shares.values(), Fraction(0)), *others]


def floor_of(promo: Promo, piece: Piece) -> int:
    return max(promo.floor_minor, ceil(Fraction(piece.price * promo.floor_percent, 10_000)))


def shares_of(
    promo: Promo, pieces: list[Piece], roles: Roles, rooms: list[Fraction]
) -> Iterator[dict[int, Fraction]]:
    if promo.kind == "bundle":
        count = len(roles) // sum(units for units, _ in promo.picks)
        for sets in sets_of(promo, roles, count):
            shares: dict[int, Fraction] = {}
            for one in sets:
                worth = sum(pieces[place].price for place in one)
                amount = min(Fraction(max(0, worth - promo.price)), sum(rooms[place] for place in one))
                shares |= poured(amount, {place: pieces[place].price for place in one}, rooms)
            yield scaled(scaled(shares, promo.max_discount), promo.budget)
        return
    mine = [place for place in roles if discounts(promo, roles, place)]
    if per_of(promo) == "unit" or promo.kind in ("gift", "tiered"):
        shares = {place: min(wanted(promo, pieces, place), rooms[place]) for place in mine}
        yield scaled(scaled(shares, promo.max_discount), promo.budget)
        return
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
    shares = {}
    for name, group in groups.items():
        shares |= poured(amounts[name], {place: pieces[place].price for place in group}, rooms)
    yield scaled(shares, promo.budget)


def wanted(promo: Promo, pieces: list[Piece], place: int) -> Fraction:
    price = pieces[place].price
    if promo.kind == "fixed":
        return Fraction(max(0, price - promo.price))
    percent = tier_of(pieces, promo) if promo.kind == "tiered" else promo.percent
    return Fraction(promo.amount) if percent is None else Fraction(price * percent, 10_000)


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
