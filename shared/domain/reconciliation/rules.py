"""Rules: by what a retailer's receipts may differ, by what their clocks, and how long they may take."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from shared.domain.errors import Refused
from shared.domain.money import EXPONENTS


class RulesInvalid(Refused):
    """The rules are not valid: {detail}."""

    code = "reconciliation_rules_invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`amount_tolerance` is by what a receipt's total may differ, in its currency.

    `window_minutes` is how far the till's time may be from ours, beyond what its clock is found to be off.
    A sale without a receipt is told of once `grace_hours` have passed since. `verify` lets what matches
    without a difference be Verified, `review` sends what differs Under Review.
    """

    amount_tolerance: Decimal = Decimal("0.02")
    window_minutes: int = 15
    grace_hours: int = 72
    verify: bool = True
    review: bool = True

    @property
    def window(self) -> timedelta:
        return timedelta(minutes=self.window_minutes)

    @property
    def grace(self) -> timedelta:
        return timedelta(hours=self.grace_hours)

    def tolerance_minor(self, currency: str) -> int:
        """In minor units of the currency, rounded down."""
        return int(self.amount_tolerance * 10 ** EXPONENTS[currency])


def check(rules: Rules) -> None:
    """Raises RulesInvalid."""
    limits = (
        ("amount_tolerance", rules.amount_tolerance, 0, 10_000),
        ("window_minutes", rules.window_minutes, 1, 120),
        ("grace_hours", rules.grace_hours, 0, 24 * 90),
    )
    for name, value, least, most in limits:
        if not least <= value <= most:
            raise RulesInvalid(pointer=f"/{name}", detail=f"{name} is from {least} to {most}")
