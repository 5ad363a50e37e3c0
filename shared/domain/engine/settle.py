"""What each offer of a chosen combination gives, unit by unit: computed, capped, then kept within the room.

Offers are settled in order, so that what exceeds the room of a unit is cut from the lowest priority.
Amounts are in 1/10,000 of a minor unit, and fractions of that where a split is not even: equal units get
equal shares here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from shared.domain.engine.lane import Amount, Cell, Grant, LaneProblem, Offer
from shared.domain.engine.rule import Per
from shared.domain.money import SCALE


@dataclass(slots=True)
class Settled:
    """A cell with what each of its units gets from each offer, and what it could still lose."""

    cell: Cell
    room: Amount
    given: dict[int, Amount] = field(default_factory=dict[int, Amount])


def settle(problem: LaneProblem, cells: Iterable[Cell]) -> list[Settled]:
    """Return the cells, in their order, with what their units get."""
    settled = [Settled(cell, problem.room(cell.pool, cell.uses) * SCALE) for cell in cells]
    for place in sorted({offer for one in settled for offer, _ in one.cell.uses}):
        offer = problem.offers[place]
        for number, grant in enumerate(offer.grants):
            targets = [one for one in settled if _is_target(one, place, offer, number)]
            for one, share in zip(targets, _shares(problem, grant, targets), strict=True):
                one.given[place] = one.given[place] + share if place in one.given else share
                one.room -= share
    return settled


def total(settled: Iterable[Settled]) -> Amount:
    # Shares of one split have few denominators: a fraction is only added for each of them.
    numerators: dict[int, int] = {}
    for one in settled:
        for share in one.given.values():
            part = share.numerator * one.cell.units
            numerators[share.denominator] = numerators.get(share.denominator, 0) + part
    return sum((Fraction(part, of) for of, part in numerators.items() if of > 1), numerators.get(1, 0))


def totals(settled: Iterable[Settled]) -> dict[int, Amount]:
    """Return what each offer gives; an offer that gives nothing is absent."""
    found: dict[int, Amount] = {}
    for one in settled:
        for offer, amount in one.given.items():
            if amount:
                found[offer] = found.get(offer, 0) + amount * one.cell.units
    return found


def _is_target(one: Settled, place: int, offer: Offer, number: int) -> bool:
    return any(used == place and number in offer.parts[part].grants for used, part in one.cell.uses)


def _shares(problem: LaneProblem, grant: Grant, targets: Sequence[Settled]) -> list[Amount]:
    """Return what a unit of each target gets from one benefit."""
    wants: list[Amount] = [grant.wants[one.cell.pool] for one in targets]
    if grant.per is Per.UNIT:
        shares = [min(want, one.room) for want, one in zip(wants, targets, strict=True)]
        whole = sum(share * one.cell.units for share, one in zip(shares, targets, strict=True))
        if grant.most is None or whole <= grant.most:
            return shares
        return [share * Fraction(grant.most) / whole for share in shares]
    groups = [problem.pools[one.cell.pool].unit_class if grant.per is Per.LINE else 0 for one in targets]
    amounts: dict[int, Amount] = {}
    for group in dict.fromkeys(groups):
        room = sum(one.room * one.cell.units for one, of in zip(targets, groups, strict=True) if of == group)
        amounts[group] = min(grant.amount, room)
    whole = sum(amounts.values())
    if grant.most is not None and whole > grant.most:
        amounts = {group: amount * Fraction(grant.most) / whole for group, amount in amounts.items()}
    shares: list[Amount] = [0] * len(targets)
    for group, amount in amounts.items():
        _spread(amount, [place for place, of in enumerate(groups) if of == group], wants, targets, shares)
    return shares


def _spread(
    amount: Amount,
    places: list[int],
    weights: Sequence[Amount],
    targets: Sequence[Settled],
    shares: list[Amount],
) -> None:
    """Split an amount by weight; a full unit passes its rest on to the others."""
    while amount:
        places = [place for place in places if targets[place].room and weights[place]]
        weight = sum(weights[place] * targets[place].cell.units for place in places)
        full = [place for place in places if weights[place] * amount > targets[place].room * weight]
        for place in full or places:
            shares[place] = targets[place].room if full else Fraction(weights[place] * amount, weight)
        if not full:
            return
        amount -= sum(shares[place] * targets[place].cell.units for place in full)
        places = [place for place in places if place not in full]
