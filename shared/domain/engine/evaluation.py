"""The result of an evaluation, in minor units."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

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


class Allocation(NamedTuple):
    """What a promotion takes off some units of a line, and what each of its funders bears of it, in order."""

    promotion_id: str
    version: int
    role: UnitRole
    units: int
    amount: int
    funding: tuple[tuple[str, int], ...] = ()


class EvaluatedLine(NamedTuple):
    """A line of the basket, or one that a promotion added as a gift; gifts come last."""

    sku: str
    quantity: int
    unit_price: int
    gross: int
    discount: int
    net: int
    tax: int
    allocations: tuple[Allocation, ...]
    gift: bool = False


class OutsideSchedule(NamedTuple):
    """`reason` is not_started, ended or outside_window; the times are local to `zone`."""

    reason: str
    starts_at: datetime | None
    ends_at: datetime | None
    zone: str


class StoreNotTargeted(NamedTuple):
    store_id: str


class NotMet(NamedTuple):
    """Why a promotion that runs here does not apply to this basket.

    `reason` is currency, condition, gift_unavailable, no_target (no unit is one), too_few_units (for one
    application), no_tier (none is reached) or no_discount (no room is left).
    """

    reason: str
    unmet: tuple[Unmet, ...] = ()


class LimitReached(NamedTuple):
    """`limit` names it; `left` is the budget it leaves, less than was wanted, in minor units."""

    limit: str
    left: int | None


type Detail = OutsideSchedule | StoreNotTargeted | NotMet | LimitReached


class BeatenBy(NamedTuple):
    """The promotions that won, and how much more they take off the units this one would have used alone."""

    promotion_ids: tuple[str, ...]
    amount: int | None


class PromotionOutcome(NamedTuple):
    """What became of one promotion.

    `wanted` is what an applied promotion would have given without limits on it. `beaten_by` names the
    winners, for `excluded_by` the exclusive one. `points` are loyalty points earned.
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
    points: int = 0


class NearMiss(NamedTuple):
    """What buying `units` more of a SKU of the basket brings: `discount` is that of the larger basket."""

    promotion_id: str
    sku: str
    units: int
    discount: int
    gained: int
    """How much more is taken off than now, in minor units."""


class Evaluation(NamedTuple):
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
    near_misses: tuple[NearMiss, ...] = ()
