"""Reruns: a stored sale evaluated again as it was, and with a version of a promotion put in."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import NamedTuple

from shared.domain.engine import (
    Basket,
    BasketLine,
    Evaluation,
    Lane,
    Outcome,
    PromotionOutcome,
    PromotionTerms,
    RuleSet,
    compile_rule_set,
    evaluate,
)
from shared.domain.engine.basket import Headroom
from shared.domain.facts import PER_PROMOTION, name_for
from shared.domain.money import exponent
from shared.domain.seen import seen_from

# With one of these a promotion takes no part, and the others share the units as if it were not there.
_AWAY = frozenset({Outcome.OUTSIDE_SCHEDULE, Outcome.STORE_NOT_TARGETED, Outcome.NOT_MET})
# json.loads looks at its options for every text.
_decode = json.JSONDecoder().decode


class Sale(NamedTuple):
    """A stored sale: what was seen, what was recorded, and what limits leave the promotion (None: no limit).

    `day` is its date in its store. `recorded` is the JSON of its quote, of which the lines are read.
    """

    store_id: str
    day: date
    seen: str
    recorded: str
    headroom: Headroom | None


class Share(NamedTuple):
    """What a SKU lost to discounts before and after, a promotion gave or a funder bore, in minor units.

    `gross` is what a SKU cost; only those that lost something have a share.
    """

    key: str
    gross: int
    before: int
    after: int


class Verdict(NamedTuple):
    """What limits look at, in minor units.

    `wanted` is what the promotion would have given without its limits, `granted` what it gave; None where it
    did not apply. `most` is what it could want at all.
    """

    most: int
    wanted: int | None
    granted: int | None

    @property
    def limited(self) -> bool:
        """Whether a limit kept the promotion from giving what it wanted."""
        return self.wanted is not None and (self.granted is None or self.granted < self.wanted)


class Rerun(NamedTuple):
    """What came of a sale, in minor units. Shares of funders have an empty key for what no funder bears."""

    currency: str
    gross: int
    before: int
    after: int
    affected: bool
    verdict: Verdict
    skus: tuple[Share, ...]
    promotions: tuple[Share, ...]
    funders: tuple[Share, ...]


class Members(NamedTuple):
    """What a rule set was, besides its number."""

    promotions: tuple[PromotionTerms, ...]
    priority_lanes: tuple[str, ...]


class Trial:
    """A version of a promotion, tried in the place of the one that was live, or beside the others.

    Until it has learnt a rule set it can be sent to another process: what is compiled cannot.

    `gifts` are the goods it may add, by currency and SKU, where the sale did not see them.
    """

    def __init__(self, terms: PromotionTerms, gifts: Mapping[str, Mapping[str, BasketLine]]) -> None:
        self._terms = terms
        self._gifts = gifts
        self._rule_sets: dict[int, tuple[RuleSet, bool]] = {}
        self._alone = compile_rule_set(0, ())
        name = terms.promotion_id
        self._history = {name_for(fact, name): 0 for fact in PER_PROMOTION}

    def knows(self, version: int) -> bool:
        return version in self._rule_sets

    def learn(self, version: int, members: Members) -> None:
        """Compile a rule set with the promotion put in."""
        if not self._rule_sets:
            self._alone = compile_rule_set(0, [self._terms])
        others = [one for one in members.promotions if one.promotion_id != self._terms.promotion_id]
        compiled = compile_rule_set(version, [*others, self._terms], members.priority_lanes)
        self._rule_sets[version] = compiled, len(others) == len(members.promotions)

    def forget(self, versions: Iterable[int]) -> None:
        for version in versions:
            del self._rule_sets[version]

    def rerun(self, sale: Sale) -> Rerun:
        """Evaluate the sale under its own clock and rule set, which must have been learnt."""
        seen = seen_from(sale.seen)
        rule_set, is_new = self._rule_sets[seen.rule_set_version]
        basket = seen.basket
        before = _recorded(sale.recorded, basket.currency)
        if is_new and self._is_away(basket, seen.now):
            return _rerun(basket, before, before, Verdict(1, None, None))
        evaluation = evaluate(rule_set, self._prepared(basket, None), seen.now)
        own = self._own(evaluation)
        most = max(evaluation.gross, 1)
        granted = wanted = own.discount if own.outcome is Outcome.APPLIED else None
        after = _evaluated(evaluation)
        if wanted is not None and is_new and _is_refused(sale.headroom, wanted):
            # The others share the units as if it were not there.
            granted, after = None, before
        elif wanted is not None and may_bind(sale.headroom, most):
            evaluation = evaluate(rule_set, self._prepared(basket, sale.headroom), seen.now)
            own = self._own(evaluation)
            granted = own.discount if own.outcome is Outcome.APPLIED else None
            after = _evaluated(evaluation)
        return _rerun(basket, before, after, Verdict(most, wanted, granted))

    def _is_away(self, basket: Basket, now: datetime) -> bool:
        """Say whether the promotion takes no part, whatever the others do.

        Asked of it alone, which is far cheaper: of time, store and goods first, and of all of it where more
        may keep it away. In a later lane its condition may look at what earlier ones have left of the
        prices: there only time, store and goods are certain.
        """
        program = self._alone.program
        (plan,) = program.plans
        if not program.screening(basket.store, now).live:
            return True
        if plan.targets and not (plan.gifts or plan.points):
            profiles = program.profiles_of(basket.lines, basket.currency)
            if not any(profile.touches for profile in profiles):
                return True
        if self._terms.lane != Lane.LINE or (plan.free and plan.condition is None):
            return False
        return self._own(evaluate(self._alone, self._prepared(basket, None), now)).outcome in _AWAY

    def _own(self, evaluation: Evaluation) -> PromotionOutcome:
        return next(one for one in evaluation.promotions if one.promotion_id == self._terms.promotion_id)

    def _prepared(self, basket: Basket, headroom: Headroom | None) -> Basket:
        """The basket with what the promotion finds in it that the sale did not know of."""
        name = self._terms.promotion_id
        customer, left, gifts = basket.customer, basket.headroom, self._gifts.get(basket.currency)
        if customer is None and headroom is None and name not in left and not gifts:
            return basket
        if customer is not None:
            customer = replace(customer, facts={**self._history, **customer.facts})
        left = {promotion: room for promotion, room in left.items() if promotion != name}
        if headroom is not None:
            left[name] = headroom
        return replace(basket, customer=customer, headroom=left, gifts={**(gifts or {}), **basket.gifts})


_NOTHING: Mapping[str, int] = {}


def may_bind(headroom: Headroom | None, most: int) -> bool:
    """Say whether limits may keep a promotion from giving something up to so much."""
    if headroom is None:
        return False
    budgets = (headroom.refuse_above, headroom.grant_up_to)
    return headroom.used_up is not None or any(left is not None and left < most for left in budgets)


def _is_refused(headroom: Headroom | None, wanted: int) -> bool:
    """Say whether limits let a promotion give nothing that wants at least so much."""
    if headroom is None:
        return False
    above = headroom.refuse_above
    return headroom.used_up is not None or (above is not None and wanted > above)


def _rerun(basket: Basket, before: "_Given", after: "_Given", verdict: Verdict) -> Rerun:
    gross: dict[str, int] = {}
    for sku, quantity, price, _, _ in basket.lines:
        gross[sku] = gross.get(sku, 0) + quantity * price
    return Rerun(
        basket.currency,
        sum(gross.values()),
        sum(before.skus.values()),
        sum(after.skus.values()),
        verdict.granted == 0 or (before.promotions, before.skus) != (after.promotions, after.skus),
        verdict,
        _shares(before.skus, after.skus, gross),
        _shares(before.promotions, after.promotions, _NOTHING),
        _shares(before.funders, after.funders, _NOTHING),
    )


class _Given:
    """What was taken off, by SKU, promotion and funder, in minor units."""

    __slots__ = ("funders", "promotions", "skus")

    def __init__(self) -> None:
        self.skus: dict[str, int] = {}
        self.promotions: dict[str, int] = {}
        self.funders: dict[str, int] = {}

    def add(self, sku: str, promotion_id: str, amount: int, funding: Iterable[tuple[str, int]]) -> None:
        if not amount:
            return
        self.skus[sku] = self.skus.get(sku, 0) + amount
        self.promotions[promotion_id] = self.promotions.get(promotion_id, 0) + amount
        for party, part in funding or (("", amount),):
            self.funders[party] = self.funders.get(party, 0) + part


def _recorded(text: str, currency: str) -> _Given:
    given, decimals = _Given(), exponent(currency)
    for line in _decode(text)["lines"]:
        for one in line["allocations"]:
            funding = [(part["party"], _minor(part["amount"], decimals)) for part in one["funding"]]
            given.add(line["sku"], one["promotion_id"], _minor(one["amount"], decimals), funding)
    return given


def _evaluated(evaluation: Evaluation) -> _Given:
    given = _Given()
    for line in evaluation.lines:
        for one in line.allocations:
            given.add(line.sku, one.promotion_id, one.amount, one.funding)
    return given


def _minor(amount: str, decimals: int) -> int:
    """A recorded amount has exactly the decimals of its currency."""
    whole, _, part = amount.partition(".")
    if len(part) != decimals:
        raise ValueError(f"{amount} is not an amount of {decimals} decimals")
    return int(whole + part)


def _shares(
    before: Mapping[str, int], after: Mapping[str, int], gross: Mapping[str, int]
) -> tuple[Share, ...]:
    keys = before if before.keys() >= after.keys() else {**before, **after}
    return tuple([Share(key, gross.get(key, 0), before.get(key, 0), after.get(key, 0)) for key in keys])
