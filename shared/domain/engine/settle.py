"""What each offer of a chosen combination gives, unit by unit: computed, capped, then kept within the room.

Offers are settled in order, so that what exceeds the room of a unit is cut from the lowest priority.
Amounts are in 1/10,000 of a minor unit, and fractions of that where a split is not even: equal units get
equal shares here. The applications of a bundle are formed of its dearest members first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from shared.domain.engine.lane import Amount, Cell, Grant, LaneProblem, Offer, Packs
from shared.domain.engine.rule import Per
from shared.domain.money import SCALE


@dataclass(slots=True, eq=False)
class Settled:
    """A cell with what each of its units gets from each offer, and what it could still lose."""

    cell: Cell
    room: Amount
    given: dict[int, Amount] = field(default_factory=dict[int, Amount])

    def take(self, place: int, share: Amount) -> None:
        self.given[place] = self.given[place] + share if place in self.given else share
        self.room -= share

    def cut(self, units: int) -> "Settled":
        """Return so many of the units, to which the same happened so far."""
        cell = Cell(self.cell.pool, units, self.cell.uses)
        return Settled(cell, self.room, dict(self.given))


@dataclass(slots=True, eq=False)
class Result:
    """The settled cells; `rough` when applications formed otherwise might give more."""

    cells: list[Settled]
    rough: bool = False


def settle(problem: LaneProblem, cells: Iterable[Cell]) -> Result:
    """Return the cells with what their units get, in their order; a bundle may cut them."""
    result = Result([Settled(cell, problem.room(cell.pool, cell.uses)) for cell in cells])
    for place in sorted({offer for one in result.cells for offer, _ in one.cell.uses}):
        offer = problem.offers[place]
        if offer.packs is not None and offer.packs.price is not None:
            _settle_bundle(result, place, offer, offer.packs)
        else:
            _settle_grants(problem, result.cells, place, offer)
        if offer.most is not None:
            _cap(result.cells, place, offer.most)
    return result


def total(settled: Iterable[Settled]) -> Amount:
    # Shares of one split have few denominators: a fraction is only added for each of them.
    numerators: dict[int, int] = {}
    for one in settled:
        for share in one.given.values():
            part = share.numerator * one.cell.units
            numerators[share.denominator] = numerators.get(share.denominator, 0) + part
    whole: Amount = numerators.pop(1, 0)
    for of, part in numerators.items():
        whole += Fraction(part, of)
    # Shares that are not whole mostly sum to what is.
    return int(whole) if whole.denominator == 1 else whole


def totals(settled: Iterable[Settled]) -> dict[int, Amount]:
    """Return what each offer gives; an offer that gives nothing is absent."""
    found: dict[int, Amount] = {}
    for one in settled:
        for offer, amount in one.given.items():
            if amount:
                found[offer] = found.get(offer, 0) + amount * one.cell.units
    return found


def _cap(cells: Sequence[Settled], place: int, most: int) -> None:
    whole = sum(one.given.get(place, 0) * one.cell.units for one in cells)
    if whole <= most:
        return
    for one in cells:
        if one.given.get(place):
            share = one.given[place] * Fraction(most) / whole
            one.room += one.given[place] - share
            one.given[place] = share


def _settle_grants(problem: LaneProblem, cells: Sequence[Settled], place: int, offer: Offer) -> None:
    for number, grant in enumerate(offer.grants):
        targets = [one for one in cells if _is_target(one, place, offer, number)]
        for one, share in zip(targets, _shares(problem, grant, targets), strict=True):
            one.take(place, share)


def _is_target(one: Settled, place: int, offer: Offer, number: int) -> bool:
    return any(used == place and number in offer.parts[part].grants for used, part in one.cell.uses)


def _shares(problem: LaneProblem, grant: Grant, targets: Sequence[Settled]) -> list[Amount]:
    """Return what a unit of each target gets from one benefit."""
    wants: list[Amount] = [grant.wants[one.cell.pool] for one in targets]
    counts = [one.cell.units for one in targets]
    if grant.per is Per.UNIT:
        shares = [min(want, one.room) for want, one in zip(wants, targets, strict=True)]
        if grant.most is None:
            return shares
        whole = sum(share * count for share, count in zip(shares, counts, strict=True))
        return shares if whole <= grant.most else [share * Fraction(grant.most) / whole for share in shares]
    rooms = [one.room for one in targets]
    groups = [problem.pools[one.cell.pool].unit_class if grant.per is Per.LINE else 0 for one in targets]
    amounts: dict[int, Amount] = {}
    for group in dict.fromkeys(groups):
        room = sum(rooms[n] * counts[n] for n, of in enumerate(groups) if of == group)
        amounts[group] = min(grant.amount, room)
    whole = sum(amounts.values())
    if grant.most is not None and whole > grant.most:
        amounts = {group: amount * Fraction(grant.most) / whole for group, amount in amounts.items()}
    shares: list[Amount] = [0] * len(targets)
    for group, amount in amounts.items():
        _pour(
            amount,
            [n for n, of in enumerate(groups) if of == group],
            wants,
            rooms=rooms,
            counts=counts,
            shares=shares,
        )
    return shares


def _pour(
    amount: Amount,
    places: list[int],
    weights: Sequence[Amount],
    *,
    rooms: Sequence[Amount],
    counts: Sequence[int],
    shares: list[Amount],
) -> None:
    """Split an amount by weight; a full unit passes its rest on to the others."""
    while amount:
        places = [place for place in places if rooms[place] and weights[place]]
        weight = sum(weights[place] * counts[place] for place in places)
        full = [place for place in places if weights[place] * amount > rooms[place] * weight]
        for place in full or places:
            shares[place] = rooms[place] if full else Fraction(weights[place] * amount, weight)
        if not full:
            return
        amount -= sum(shares[place] * counts[place] for place in full)
        places = [place for place in places if place not in full]


def _settle_bundle(result: Result, place: int, offer: Offer, packs: Packs) -> None:
    """Form applications and spread over the members of each what they cost more than its price."""
    members: list[list[list[int]]] = [[] for _ in packs.units]
    for number, one in enumerate(result.cells):
        for used, part in one.cell.uses:
            if used == place:
                members[offer.parts[part].pick].append([number, one.cell.units])
    for of_pick in members:
        of_pick.sort(key=lambda member: -packs.prices[result.cells[member[0]].cell.pool])
        of_pick.reverse()
    cut: dict[int, list[Settled]] = {}
    formed = 0
    short = False
    while members[0]:
        one_set, times = _next_application(members, packs.units)
        formed += times
        pieces = [result.cells[number].cut(units * times) for number, units in one_set.items()]
        for number, piece in zip(one_set, pieces, strict=True):
            cut.setdefault(number, []).append(piece)
        counts = list(one_set.values())
        prices: list[Amount] = [packs.prices[piece.cell.pool] for piece in pieces]
        worth = sum(price * count for price, count in zip(prices, counts, strict=True))
        rooms = [piece.room for piece in pieces]
        room = sum(room * count for room, count in zip(rooms, counts, strict=True))
        amount = max(0, (worth - (packs.price or 0)) * SCALE)
        short = short or (amount > room and (formed > 1 or bool(members[0])))
        shares: list[Amount] = [0] * len(pieces)
        _pour(min(amount, room), [*range(len(pieces))], prices, rooms=rooms, counts=counts, shares=shares)
        for piece, share in zip(pieces, shares, strict=True):
            piece.take(place, share)
    # Where every member is full, no other applications could give more.
    if short and any(piece.room for pieces in cut.values() for piece in pieces):
        result.rough = True
    result.cells = [piece for number, one in enumerate(result.cells) for piece in cut.get(number, [one])]


def _next_application(members: list[list[list[int]]], units: Sequence[int]) -> tuple[dict[int, int], int]:
    """Take the next application off the ends of the members, as often as it comes in the same form."""
    one_set: dict[int, int] = {}
    times: int | None = None
    for of_pick, wanted in zip(members, units, strict=True):
        number, left = of_pick[-1]
        if left >= wanted:
            one_set[number] = one_set.get(number, 0) + wanted
            times = left // wanted if times is None else min(times, left // wanted)
            continue
        times, wants = 1, wanted
        for number, left in reversed(of_pick):
            one_set[number] = one_set.get(number, 0) + min(left, wants)
            wants -= min(left, wants)
            if not wants:
                break
    times = times or 1
    for of_pick, wanted in zip(members, units, strict=True):
        wants = wanted * times
        while wants:
            taken = min(of_pick[-1][1], wants)
            of_pick[-1][1] -= taken
            wants -= taken
            if not of_pick[-1][1]:
                of_pick.pop()
    return one_set, times
