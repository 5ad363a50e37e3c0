"""Likeness: how unlike two slips may be and still be of one sale, as a small whole number."""

from shared.domain.reconciliation.slips import Slip, SlipKind

OUT = 20
"""What a sale left without its receipt costs. A pair costs less, or is none."""

NEARLY = 3
"""Assignments whose costs differ by no more than this are equally good."""

# One that agrees in all is better than two that do not: an amount or quantity that differs costs more than
# half of OUT, so that no good pair is broken up to make two bad ones.
_AMOUNT = 14
_QUANTITY = 16
_NUMBER = 5


def cost(sale: Slip, receipt: Slip, tolerance_minor: int) -> int | None:
    """What it costs to take two slips of the same goods for one sale; None when they can not be.

    Whether they are of about the same time is for the caller to say.
    """
    if sale.kind is not receipt.kind or sale.currency != receipt.currency or sale.skus != receipt.skus:
        return None
    found = 0
    if sale.units != receipt.units:
        found = _QUANTITY
    elif abs(sale.net_minor - receipt.net_minor) > tolerance_minor:
        found = _AMOUNT
    if sale.kind is SlipKind.SALE and None not in {sale.number, receipt.number}:
        # Equal ones were matched before. These two differ: a slip of the pen, or they are not of one sale.
        found += _NUMBER
    return found


def agrees_at_all(sale: Slip, receipt: Slip) -> bool:
    """Whether slips of one number have anything else in common; a number may have been used again."""
    return sale.currency == receipt.currency and (
        sale.net_minor == receipt.net_minor or not set(sale.skus).isdisjoint(receipt.skus)
    )
