"""Plans: promotions compiled, their filters as bits and their conditions as functions."""

from dataclasses import dataclass, field

from shared.domain.engine.conditions import Compiled, Missing
from shared.domain.engine.evaluation import BeatenBy, Detail, NotMet, Outcome, PromotionOutcome
from shared.domain.engine.rule import (
    AmountOff,
    Basis,
    Choose,
    FixedPrice,
    Gift,
    Per,
    PercentOff,
    Points,
    TierBy,
)
from shared.domain.engine.scene import Scene
from shared.domain.engine.terms import Lane, PromotionTerms
from shared.domain.money import SCALE
from shared.domain.predicates import Predicate

_LANES = tuple(Lane)
_MOST_SEEN = 256

EVERY_UNIT = 1
"""The bit of no filter at all: every unit has it."""


class Taker:
    """A benefit that takes something off units, whose target is the bit of a filter."""

    __slots__ = (
        "amount",
        "basis_points",
        "cap",
        "fixed",
        "floor_minor",
        "floor_points",
        "in_basket",
        "in_line",
        "lines",
        "listed",
        "per",
        "target",
    )

    def __init__(self, benefit: PercentOff | AmountOff | FixedPrice, target: int) -> None:
        self.target = target
        self.listed = benefit.basis is Basis.LIST
        self.basis_points = benefit.basis_points if isinstance(benefit, PercentOff) else 0
        self.amount = benefit.amount_minor * SCALE if isinstance(benefit, AmountOff) else 0
        self.fixed = benefit.price_minor if isinstance(benefit, FixedPrice) else None
        self.per = benefit.per if isinstance(benefit, AmountOff) else Per.UNIT
        self.cap = None if benefit.max_discount_minor is None else benefit.max_discount_minor * SCALE
        floor = benefit.price_floor
        self.floor_minor, self.floor_points = (floor.minor, floor.basis_points) if floor else (0, 0)
        limit, most = benefit.max_units, benefit.max_applications
        self.in_line = limit.units if limit and limit.per is Per.LINE else None
        self.in_basket = limit.units if limit and limit.per is Per.BASKET else None
        self.lines: int | None = None
        if self.per is Per.LINE:
            self.lines = most
        elif self.per is Per.UNIT and most is not None:
            self.in_basket = most if self.in_basket is None else min(most, self.in_basket)

    @property
    def limited(self) -> bool:
        """Whether it takes some of its targets only."""
        return not (self.in_line is self.in_basket is self.lines is None)

    def want(self, list_price: int, price: int) -> int:
        """Return what one unit should get (per unit) or what it weighs in the split (else)."""
        if self.basis_points:
            return (list_price if self.listed else price) * self.basis_points
        if self.fixed is not None:
            return max(0, price - self.fixed) * SCALE
        return self.amount if self.per is Per.UNIT else list_price if self.listed else price

    def floor(self, list_price: int) -> int:
        """Return the least price in minor units, rounded up: a floor is never undercut by rounding."""
        return max(self.floor_minor, -(-list_price * self.floor_points // SCALE))


@dataclass(slots=True, eq=False)
class Tiers:
    """Tiers in rising order, each with what it gives; `place` is that of the benefit in its rule."""

    place: int
    by: TierBy
    where: int
    listed: bool
    least: tuple[int, ...]
    takers: tuple[Taker, ...]


@dataclass(slots=True, eq=False)
class Packing:
    """What an application of a packed benefit consists of.

    Each pick is a number of units and the bit of their filter. Of buy-x-get-y the first pick are the
    triggers, of a bundle all are members.
    """

    picks: tuple[tuple[int, int], ...]
    listed: bool
    most: int | None
    cap: int | None
    basis_points: int = 0
    """What a unit of the second pick of buy-x-get-y gets; a bundle has none, but a price."""
    choose: Choose | None = None
    price: int = 0
    floor_minor: int = 0
    floor_points: int = 0

    def floor(self, list_price: int) -> int:
        return max(self.floor_minor, -(-list_price * self.floor_points // SCALE))


@dataclass(slots=True, eq=False)
class Plan:
    """A promotion of a rule set, whose place is `index` in canonical order."""

    index: int
    bit: int
    terms: PromotionTerms
    condition: Compiled | None
    asks_facts: bool
    """Whether the condition looks at more than the goods."""
    stores: Predicate | None
    takers: tuple[Taker, ...]
    tiers: Tiers | None
    packing: Packing | None
    gifts: tuple[Gift, ...]
    points: tuple[tuple[Points, int], ...]
    targets: int
    """The bits of all filters of units that it uses."""
    free: bool
    """Whether each unit can be decided by itself."""
    whole: bool
    """Whether it is off or uses all its units."""
    lane_place: int = field(init=False)
    currency: str | None = field(init=False)
    no_target: PromotionOutcome = field(init=False)
    no_discount: PromotionOutcome = field(init=False)
    too_few: PromotionOutcome = field(init=False)
    foreign: PromotionOutcome = field(init=False)
    unmet: dict[int, PromotionOutcome] = field(init=False, default_factory=dict[int, PromotionOutcome])
    """What a condition on one figure tells, by what it saw."""

    def __post_init__(self) -> None:
        self.lane_place = _LANES.index(Lane(self.terms.lane))
        self.currency = self.terms.rule.currency
        self.no_target = self.not_met(NotMet("no_target"))
        self.no_discount = self.not_met(NotMet("no_discount"))
        self.too_few = self.not_met(NotMet("too_few_units"))
        self.foreign = self.not_met(NotMet("currency"))

    def told(
        self,
        outcome: Outcome,
        *,
        discount: int | None = None,
        wanted: int | None = None,
        missing: Missing | None = None,
        beaten_by: BeatenBy | None = None,
        detail: Detail | None = None,
        points: int = 0,
    ) -> PromotionOutcome:
        """Return an outcome of this promotion."""
        terms = self.terms
        return PromotionOutcome(
            terms.promotion_id,
            terms.version,
            terms.name,
            outcome,
            discount or 0,
            discount if wanted is None else wanted,
            missing,
            beaten_by,
            detail,
            points,
        )

    def refused(self, scene: Scene) -> PromotionOutcome | None:
        """Return why the condition does not hold, or None."""
        condition = self.condition
        if condition is None or condition.holds(scene):
            return None
        if condition.figure is None:
            return self._unmet(condition, scene)
        seen = condition.figure(scene)
        found = self.unmet.get(seen)
        if found is None:
            if len(self.unmet) >= _MOST_SEEN:
                self.unmet.clear()
            found = self.unmet[seen] = self._unmet(condition, scene)
        return found

    def _unmet(self, condition: Compiled, scene: Scene) -> PromotionOutcome:
        unmet, missing = condition.unmet(scene)
        return self.not_met(NotMet("condition", unmet), missing)

    def not_met(self, detail: NotMet, missing: Missing | None = None) -> PromotionOutcome:
        terms = self.terms
        return PromotionOutcome(
            terms.promotion_id, terms.version, terms.name, Outcome.NOT_MET, 0, None, missing, None, detail
        )
