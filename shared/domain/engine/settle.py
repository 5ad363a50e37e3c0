"""What each offer of a chosen combination gives, unit by unit: computed, capped, then kept within the room.

Offers are settled in order, so that what exceeds the room of a unit is cut from the lowest priority.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.domain.engine.lane import Cell, Grant, LaneProblem, Offer
from shared.domain.engine.rule import Per
from shared.domain.money import SCALE, largest_remainder


@dataclass(slots=True)
class Stretch:
    """Units of a cell that get the same, in 1/10,000 of a minor unit."""

    cell: Cell
    units: int
    room: int
    given: dict[int, int] = field(default_factory=dict[int, int])

    def give(self, offer: int, amount: int) -> None:
        self.given[offer] = self.given.get(offer, 0) + amount
        self.room -= amount

    def cut(self, units: int) -> "Stretch":
        """Take the last `units` units off into a stretch of their own."""
        self.units -= units
        return Stretch(self.cell, units, self.room, dict(self.given))


type Piece = tuple[Stretch, int, int]
"""A stretch, the share of each of its units, and how many of its first units get one part more."""


def settle(problem: LaneProblem, cells: Iterable[Cell]) -> list[Stretch]:
    """Return the cells with what every unit gets from every offer, in the order of the cells."""
    stretches = [Stretch(cell, cell.units, problem.room(cell.pool, cell.uses) * SCALE) for cell in cells]
    for place in sorted({offer for stretch in stretches for offer, _ in stretch.cell.uses}):
        offer = problem.offers[place]
        for number, grant in enumerate(offer.grants):
            targets = [stretch for stretch in stretches if _is_target(stretch, place, offer, number)]
            if targets:
                stretches = _settle_grant(problem, place, grant, stretches, targets)
    return stretches


def total(stretches: Iterable[Stretch]) -> int:
    return sum(stretch.units * sum(stretch.given.values()) for stretch in stretches)


def totals(stretches: Iterable[Stretch]) -> dict[int, int]:
    """Return what each offer gives; an offer that gives nothing is absent."""
    found: dict[int, int] = {}
    for stretch in stretches:
        for offer, amount in stretch.given.items():
            if amount:
                found[offer] = found.get(offer, 0) + amount * stretch.units
    return found


def _is_target(stretch: Stretch, place: int, offer: Offer, number: int) -> bool:
    return any(used == place and number in offer.parts[part].grants for used, part in stretch.cell.uses)


def _settle_grant(
    problem: LaneProblem, place: int, grant: Grant, stretches: list[Stretch], targets: list[Stretch]
) -> list[Stretch]:
    if grant.per is Per.UNIT:
        return _give(place, stretches, _per_unit(grant, targets))
    groups = _groups(problem, grant, targets)
    amounts = [min(grant.amount, sum(one.room * one.units for one in group)) for group in groups]
    if grant.most is not None and sum(amounts) > grant.most:
        amounts = [share + extra for share, extra in largest_remainder(grant.most, amounts, amounts)]
    pieces: list[Piece] = []
    for group, amount in zip(groups, amounts, strict=True):
        pieces += _split(
            amount, group, [grant.wants[one.cell.pool] for one in group], [one.room for one in group]
        )
    return _give(place, stretches, pieces)


def _per_unit(grant: Grant, targets: list[Stretch]) -> list[Piece]:
    shares = [min(grant.wants[stretch.cell.pool], stretch.room) for stretch in targets]
    whole = sum(share * stretch.units for share, stretch in zip(shares, targets, strict=True))
    if grant.most is not None and whole > grant.most:
        return _split(grant.most, targets, shares, shares)
    return [(stretch, share, 0) for stretch, share in zip(targets, shares, strict=True)]


def _groups(problem: LaneProblem, grant: Grant, targets: list[Stretch]) -> list[list[Stretch]]:
    if grant.per is Per.BASKET:
        return [targets]
    lines: dict[int, list[Stretch]] = {}
    for stretch in targets:
        lines.setdefault(problem.pools[stretch.cell.pool].unit_class, []).append(stretch)
    return list(lines.values())


def _split(amount: int, targets: Sequence[Stretch], weights: list[int], rooms: list[int]) -> list[Piece]:
    pairs = largest_remainder(amount, weights, rooms, [stretch.units for stretch in targets])
    return [(stretch, *pair) for stretch, pair in zip(targets, pairs, strict=True)]


def _give(place: int, stretches: list[Stretch], pieces: Iterable[Piece]) -> list[Stretch]:
    """Give each piece its share, cutting a stretch where its first units get one part more."""
    tails: dict[int, Stretch] = {}
    for stretch, share, extra in pieces:
        if 0 < extra < stretch.units:
            tails[id(stretch)] = tail = stretch.cut(stretch.units - extra)
            tail.give(place, share)
        stretch.give(place, share + (extra > 0))
    after: list[Stretch] = []
    for stretch in stretches:
        after.append(stretch)
        if id(stretch) in tails:
            after.append(tails[id(stretch)])
    return after
