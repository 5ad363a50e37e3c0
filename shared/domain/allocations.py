"""Allocations: what promotions took off a sale's lines and who bears it, as it is kept to be summed."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from shared.domain.engine.evaluation import UnitRole
from shared.domain.money import to_minor
from shared.domain.quotes import Allocation, Quote


@dataclass(frozen=True, slots=True)
class Allocated:
    """What a promotion took off some units of a line, in minor units; below zero, what was taken back.

    `line` is its place in the quote, from 0. `funding` says what each party bears and sums to the amount, or
    is empty: then nobody bears it but the seller.
    """

    line: int
    sku: str
    promotion_id: UUID
    version: int
    role: UnitRole
    units: int
    amount_minor: int
    funding: Mapping[str, int]


def allocated_in(quote: Quote) -> list[Allocated]:
    """The allocations of a quote, in its order."""
    return [
        _allocated(place, line.sku, allocation, quote.currency)
        for place, line in enumerate(quote.lines)
        for allocation in line.allocations
    ]


def _allocated(place: int, sku: str, allocation: Allocation, currency: str) -> Allocated:
    return Allocated(
        place,
        sku,
        allocation.promotion_id,
        allocation.version,
        allocation.role,
        allocation.units,
        to_minor(allocation.amount, currency),
        {part.party: to_minor(part.amount, currency) for part in allocation.funding},
    )
