"""How units stand: what a rule set knows of a product, and of a unit of it at a price in a lane.

Both are found out once and kept, since the same products come in basket after basket.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from shared.domain.engine.evaluation import EvaluatedLine, UnitRole
from shared.domain.engine.plan import Plan
from shared.domain.engine.units import Run
from shared.domain.money import SCALE

_MOST_STANDINGS = 64
_MOST_DECISIONS = 256


type LineKey = int | tuple[int | tuple[int, int, bool], ...]
"""What tells lines of a product apart: their quantity, and what is taken off all their units alike."""


class Free(NamedTuple):
    """What a free promotion wants to take off a unit, and below which price it does not go."""

    plan: Plan
    want: int
    floor: int


class Decision(NamedTuple):
    """A best use of a unit by free promotions alone: what each gives, and the floor they keep."""

    given: tuple[tuple[int, int, UnitRole], ...]
    """By index in canonical order; one that gives nothing is not told."""
    floor: int
    value: int
    stacks: bool
    """Whether everybody who wants the unit stacks and gets all it wants."""


class Profile:
    """A product at a list price: which filters select it, which promotions have it among their units."""

    __slots__ = ("facts", "fresh", "lines", "mask", "standings", "touches")

    def __init__(self, facts: Mapping[str, object], mask: int, touches: int) -> None:
        self.facts, self.mask, self.touches = facts, mask, touches
        self.standings: dict[tuple[str, int, int], Standing] = {}
        self.lines: tuple[Decimal | None, bool, dict[LineKey, EvaluatedLine]] = (None, True, {})
        """A tax, whether prices include it, and lines of the product at it."""

        self.fresh: dict[int, tuple[Run]] = {}
        """Units to which nothing happened yet, by their number."""

    def fresh_runs(self, units: int, list_price: int) -> tuple[Run]:
        if len(self.fresh) >= _MOST_STANDINGS:
            self.fresh.clear()
        found = self.fresh[units] = (Run(units, list_price),)
        return found

    def standing(
        self, lane: str, list_price: int, price: int, floor: int, plans: tuple[Plan, ...]
    ) -> "Standing":
        key = (lane, price, floor)
        found = self.standings.get(key)
        if found is None:
            if len(self.standings) >= _MOST_STANDINGS:
                self.standings.clear()
            found = self.standings[key] = Standing(self, list_price, price, floor, plans)
        return found


class Standing:
    """A unit of a product at a running price above a floor, and what free promotions of its lane want."""

    __slots__ = ("decisions", "floor", "free", "free_mask", "gains", "list_price", "price", "profile", "room")

    def __init__(
        self, profile: Profile, list_price: int, price: int, floor: int, plans: tuple[Plan, ...]
    ) -> None:
        self.profile, self.list_price, self.price, self.floor = profile, list_price, price, floor
        self.room = max(0, price - floor) * SCALE
        self.free: list[Free] = []
        self.free_mask = self.gains = 0
        self.decisions: dict[int, tuple[Decision, ...]] = {}
        for plan in plans:
            if plan.free and plan.targets & profile.mask:
                free = free_use(plan, profile.mask, list_price, price)
                self.free.append(free)
                self.free_mask |= plan.bit
                if free.want and price > max(floor, free.floor):
                    self.gains |= plan.bit

    def remember(self, live: int, decisions: tuple[Decision, ...]) -> None:
        if len(self.decisions) >= _MOST_DECISIONS:
            self.decisions.clear()
        self.decisions[live] = decisions


def free_use(plan: Plan, mask: int, list_price: int, price: int) -> Free:
    """Return what the benefits of a promotion want of a unit together, and the highest of their floors."""
    takers = [taker for taker in plan.takers if taker.target & mask]
    want = sum(taker.want(list_price, price) for taker in takers)
    return Free(plan, want, max(taker.floor(list_price) for taker in takers))
