"""Redemptions: what a promotion gave in a sale, and which counters that was charged to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.domain.counters import CounterKey, Take
from shared.domain.engine.evaluation import Evaluation, Outcome
from shared.domain.quotes import uuid_of


@dataclass(frozen=True, slots=True)
class Charge:
    """An amount charged to a counter: sales, or minor units of money."""

    name: str
    subject: str
    starts_on: date
    amount: int


@dataclass(frozen=True, slots=True)
class Redemption:
    """What a promotion gave in one sale; below zero, what was taken back. Amounts in minor units.

    `points` are the loyalty points that the customer earned by it.
    """

    promotion_id: UUID
    version: int
    redeemed: int
    wanted_minor: int
    granted_minor: int
    points: int
    taken: tuple[Charge, ...]


def granted_by(evaluation: Evaluation) -> Mapping[UUID, int]:
    """Return what each applied promotion gives, in minor units."""
    return {
        uuid_of(one.promotion_id): one.discount
        for one in evaluation.promotions
        if one.outcome is Outcome.APPLIED
    }


def redemptions_of(evaluation: Evaluation, takes: Iterable[Take]) -> list[Redemption]:
    """Return the redemptions of a sale, one for each applied promotion."""
    charges: dict[UUID, list[Charge]] = {}
    for take in takes:
        key = take.key
        charges.setdefault(key.promotion_id, []).append(
            Charge(key.name, key.subject, key.starts_on, take.amount)
        )
    return [
        Redemption(
            uuid_of(one.promotion_id),
            one.version,
            1,
            one.discount if one.wanted is None else one.wanted,
            one.discount,
            one.points,
            tuple(charges.get(uuid_of(one.promotion_id), ())),
        )
        for one in evaluation.promotions
        if one.outcome is Outcome.APPLIED
    ]


def undone(redemption: Redemption) -> Redemption:
    """Return what takes the whole of a redemption back."""
    return Redemption(
        redemption.promotion_id,
        redemption.version,
        -redemption.redeemed,
        -redemption.wanted_minor,
        -redemption.granted_minor,
        -redemption.points,
        tuple(Charge(one.name, one.subject, one.starts_on, -one.amount) for one in redemption.taken),
    )


def given_back(redemptions: Iterable[Redemption]) -> list[tuple[CounterKey, int]]:
    """Return what goes back to which counter, in the order in which everybody takes."""
    found: dict[CounterKey, int] = {}
    for redemption in redemptions:
        for one in redemption.taken:
            key = CounterKey(redemption.promotion_id, one.name, one.subject, one.starts_on)
            found[key] = found.get(key, 0) - one.amount
    return sorted(found.items(), key=lambda item: item[0].order)
