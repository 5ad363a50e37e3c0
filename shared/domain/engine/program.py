"""The program of a rule set: its promotions as plans, and what it remembers of products and stores.

What is remembered is a cache and nothing else: it is found out again whenever it is gone, threads may find
out the same twice, and two programs share nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from shared.domain.engine.basket import BasketLine, Facts, StoreFacts
from shared.domain.engine.compiler import Compiler
from shared.domain.engine.plan import EVERY_UNIT, Plan
from shared.domain.engine.screening import Screening, screen
from shared.domain.engine.standing import Profile
from shared.domain.engine.terms import Lane, PromotionTerms
from shared.domain.money import from_minor

_MOST_CHOSEN = 1_000
_MOST_PROFILES = 20_000
_MOST_SCREENINGS = 5_000

type _Key = tuple[Mapping[str, object], str, int, str]


class Program:
    """Plans in canonical order, and by lane."""

    __slots__ = (
        "by_id",
        "chosen",
        "currencies",
        "exclusive",
        "filters",
        "lanes",
        "looked",
        "masks",
        "outright",
        "plans",
        "profiles",
        "screenings",
    )

    def __init__(self, promotions: Sequence[PromotionTerms]) -> None:
        compiler = Compiler()
        self.plans = tuple(compiler.plan(index, terms) for index, terms in enumerate(promotions))
        self.filters = tuple(compiler.filters)
        self.looked = compiler.looked
        self.lanes: dict[str, tuple[Plan, ...]] = {}
        for lane in Lane:
            plans = tuple(plan for plan in self.plans if plan.terms.lane == lane)
            if plans:
                self.lanes[lane] = plans
        self.by_id = {plan.terms.promotion_id: plan for plan in self.plans}
        self.masks = {lane: sum(plan.bit for plan in plans) for lane, plans in self.lanes.items()}
        self.outright = sum(
            plan.bit for plan in self.plans if not plan.targets or plan.condition is not None or plan.gifts
        )
        """Those whose outcome is not told by the goods they touch alone."""
        self.chosen: dict[int, list[Plan]] = {}
        self.currencies: dict[str, int] = {}
        self.exclusive = sum(plan.bit for plan in self.plans if plan.terms.exclusive)
        self.profiles: dict[_Key, Profile] = {}
        self.screenings: dict[tuple[str, str, Mapping[str, object]], Screening] = {}

    def plans_of(self, lane: str, live: int) -> Sequence[Plan]:
        """Return the plans of a lane whose bits are live, in canonical order."""
        found = self.chosen.get(live)
        if found is None:
            if len(self.chosen) >= _MOST_CHOSEN:
                self.chosen.clear()
            found = self.chosen[live] = [plan for plan in self.lanes[lane] if plan.bit & live]
        return found

    def foreign(self, currency: str) -> int:
        """Return the bits of the promotions whose amounts are in another currency."""
        found = self.currencies.get(currency)
        if found is None:
            found = sum(plan.bit for plan in self.plans if plan.currency not in {None, currency})
            self.currencies[currency] = found
        return found

    def profiles_of(self, lines: Iterable[BasketLine], currency: str) -> list[Profile]:
        """Return what the rule set knows of the product of each line at its price."""
        known = self.profiles
        found: list[Profile] = []
        for sku, _, price, _, facts in lines:
            if isinstance(facts, Facts):
                key = (facts, sku, price, currency)
                profile = known.get(key)
                if profile is None:
                    if len(known) >= _MOST_PROFILES:
                        known.clear()
                    profile = known[key] = self._profile(facts, sku, price, currency)
                found.append(profile)
            else:
                found.append(self._profile(facts, sku, price, currency))
        return found

    def _profile(self, facts: Mapping[str, object], sku: str, price: int, currency: str) -> Profile:
        full = product_facts(facts, sku, price, currency)
        mask = EVERY_UNIT
        for place, selects in enumerate(self.filters, 1):
            if selects(full):
                mask |= 1 << place
        touches = sum(plan.bit for plan in self.plans if plan.targets & mask)
        return Profile(full, mask, touches)

    def screening(self, store: StoreFacts, now: datetime) -> Screening:
        """Return which promotions run in a store at an instant."""
        if not isinstance(store.facts, Facts):
            return screen(self.plans, store, now)
        key = (store.id, store.zone, store.facts)
        found = self.screenings.get(key)
        if found is None or not found.since <= now < found.until:
            if len(self.screenings) >= _MOST_SCREENINGS:
                self.screenings.clear()
            found = self.screenings[key] = screen(self.plans, store, now)
        return found


def product_facts(facts: Mapping[str, object], sku: str, price: int, currency: str) -> Mapping[str, object]:
    """Return what filters see of a product at a price in minor units."""
    return {**facts, "product.sku": sku, "product.price": from_minor(price, currency)}
