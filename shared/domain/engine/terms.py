"""The terms of a promotion version, as the engine takes them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.engine.rule import Rule
from shared.domain.filters import Filter
from shared.domain.schedules import Window


class Lane(StrEnum):
    """The stages of a price, in order: promotions compete inside a lane and compound across lanes."""

    LINE = "line"
    ORDER = "order"
    TENDER = "tender"


class OnReturn(StrEnum):
    """What becomes of a promotion's discount when goods come back: taken anew on what is kept, or left."""

    REPRICE = "reprice"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Funder:
    """A party that bears a part of the discounts, in 1/10,000. The parts of a promotion sum to 10,000."""

    party: str
    share: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromotionTerms:
    """One promotion version. `starts_at` and `ends_at` are naive local, the end exclusive; None is open.

    Within that it runs in its recurring `windows`; none means always.
    """

    promotion_id: str
    version: int
    name: str
    lane: str
    priority: int
    exclusive: bool
    stackable: bool
    starts_at: datetime | None
    ends_at: datetime | None
    zone_policy: str
    stores: Filter | None
    rule: Rule
    windows: tuple[Window, ...] = ()
    funding: tuple[Funder, ...] = ()
    on_return: OnReturn = OnReturn.REPRICE
