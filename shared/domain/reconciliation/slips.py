"""Slips: a sale or return as one side tells it, by what the other side can be compared with."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class SlipKind(StrEnum):
    """Goods that went out, or came back: returns and voids alike, with units and amounts below zero."""

    SALE = "sale"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slip:
    """One side's word of a sale. `units` are by SKU, in the order of SKUs, never zero; `net_minor` is paid.

    `number` is the till's. `claims` are promotions as a receipt names them, `promotions` those that a
    recorded sale got. `undoes` is the sale that a void takes back.
    """

    id: UUID
    kind: SlipKind
    number: str | None
    at: datetime
    currency: str
    net_minor: int
    units: tuple[tuple[str, int], ...]
    claims: tuple[str, ...] = ()
    promotions: tuple[UUID, ...] = ()
    undoes: UUID | None = None

    @property
    def skus(self) -> tuple[str, ...]:
        return tuple(sku for sku, _ in self.units)


def units_of(lines: Iterable[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """The units of lines (SKU, quantity) summed by SKU."""
    found: dict[str, int] = {}
    for sku, quantity in lines:
        found[sku] = found.get(sku, 0) + quantity
    return tuple(sorted((sku, quantity) for sku, quantity in found.items() if quantity))
