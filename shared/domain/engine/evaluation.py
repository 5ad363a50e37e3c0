"""The result of an evaluation, in minor units."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.engine.conditions import Missing, Unmet


class Outcome(StrEnum):
    """What became of a promotion; of several reasons the first of this list is told."""

    OUTSIDE_SCHEDULE = "outside_schedule"
    STORE_NOT_TARGETED = "store_not_targeted"
    LIMIT_REACHED = "limit_reached"
    NOT_MET = "not_met"
    EXCLUDED_BY = "excluded_by"
    BEATEN_BY = "beaten_by"
    APPLIED = "applied"


class UnitRole(StrEnum):
    """How a promotion uses units."""

    TRIGGER = "trigger"
    DISCOUNTED = "discounted"


@dataclass(frozen=True, slots=True)
class Allocation:
    promotion_id: str
    version: int
    role: UnitRole
    units: int
    amount: int


@dataclass(frozen=True, slots=True)
class EvaluatedLine:
    sku: str
    quantity: int
    unit_price: int
    gross: int
    discount: int
    net: int
    tax: int
    allocations: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True)
class OutsideSchedule:
    """`reason` is not_started or ended; the times are local to `zone`."""

    reason: str
    starts_at: datetime | None
    ends_at: datetime | None
    zone: str


@dataclass(frozen=True, slots=True)
class StoreNotTargeted:
    store_id: str


@dataclass(frozen=True, slots=True)
class NotMet:
    """`reason` is currency, condition, no_target (no unit is one) or no_discount (no room is left)."""

    reason: str
    unmet: tuple[Unmet, ...] = ()


type Detail = OutsideSchedule | StoreNotTargeted | NotMet


@dataclass(frozen=True, slots=True)
class BeatenBy:
    """The promotions that won, and how much more they take off the units this one would have used alone."""

    promotion_ids: tuple[str, ...]
    amount: int | None


@dataclass(frozen=True, slots=True)
class PromotionOutcome:
    """What became of one promotion.

    `wanted` is what an applied promotion would have given without limits on it. `beaten_by` names the
    winners, for `excluded_by` the exclusive one.
    """

    promotion_id: str
    version: int
    name: str
    outcome: Outcome
    discount: int
    wanted: int | None = None
    missing: Missing | None = None
    beaten_by: BeatenBy | None = None
    detail: Detail | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`bound` is what no combination could exceed; it equals `discount` when the result is proved optimal."""

    currency: str
    gross: int
    discount: int
    net: int
    tax: int
    optimal: bool
    bound: int
    lines: tuple[EvaluatedLine, ...]
    promotions: tuple[PromotionOutcome, ...]
