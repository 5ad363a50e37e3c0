"""Reruns: a stored sale evaluated again as it was, and with a version of a promotion put in."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
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
from shared.domain.engine.basket import Facts, Headroom
from shared.domain.facts import PER_PROMOTION, name_for
from shared.domain.money import to_minor
from shared.domain.seen import seen_from

# So many products and stores are told apart by identity; what is not asked for any more is forgotten.
_MOST_FACTS = 16_384


# With one of these a promotion takes no part, and the others share the units as if it were not there.
_NEVER_HERE = frozenset({Outcome.OUTSIDE_SCHEDULE, Outcome.STORE_NOT_TARGETED})
_AWAY = _NEVER_HERE | {Outcome.NOT_MET}


class Sale(NamedTuple):
    """A stored sale: what was seen, what was recorded, and what limits leave the promotion (None: no limit).

    `recorded` is the JSON of its quote, of which the lines are read.
    """

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


class Rerun(NamedTuple):
    """What came of a sale, in minor units.

    `wanted` is what the promotion would have given without its limits, `granted` what it gave; None where it
    did not apply. `most` is what it could want at all. Shares of funders count under an empty key what no
    funder bears.
    """

    currency: str
    gross: int
    most: int
    before: int
    after: int
    wanted: int | None
    granted: int | None
    affected: bool
    skus: tuple[Share, ...]
    promotions: tuple[Share, ...]
    funders: tuple[Share, ...]

    @property
    def limited(self) -> bool:
        """Whether a limit kept the promotion from giving what it wanted."""
        return self.wanted is not None and (self.granted is None or self.granted < self.wanted)


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
        self._facts: dict[str, Facts] = {}
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
        basket = self._interned(seen.basket)
        before = _recorded(sale.recorded, basket.currency)
        if is_new and self._is_away(basket, seen.now):
            return self._rerun(basket, before, before, most=1, wanted=None, granted=None)
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
        return self._rerun(basket, before, after, most=most, wanted=wanted, granted=granted)

    def _is_away(self, basket: Basket, now: datetime) -> bool:
        """Say whether the promotion takes no part, whatever the others do.

        Asked of it alone, which is far cheaper. In a later lane its condition may look at what earlier ones
        have left of the prices: there only time and store are certain.
        """
        own = self._own(evaluate(self._alone, self._prepared(basket, None), now))
        return own.outcome in (_AWAY if self._terms.lane == Lane.LINE else _NEVER_HERE)

    def _rerun(
        self,
        basket: Basket,
        before: "_Given",
        after: "_Given",
        *,
        most: int,
        wanted: int | None,
        granted: int | None,
    ) -> Rerun:
        return Rerun(
            currency=basket.currency,
            gross=sum(line.quantity * line.unit_price for line in basket.lines),
            most=most,
            before=sum(before.skus.values()),
            after=sum(after.skus.values()),
            wanted=wanted,
            granted=granted,
            affected=granted == 0 or (before.promotions, before.skus) != (after.promotions, after.skus),
            skus=_shares(before.skus, after.skus, _gross(basket)),
            promotions=_shares(before.promotions, after.promotions),
            funders=_shares(before.funders, after.funders),
        )

    def _own(self, evaluation: Evaluation) -> PromotionOutcome:
        return next(one for one in evaluation.promotions if one.promotion_id == self._terms.promotion_id)

    def _prepared(self, basket: Basket, headroom: Headroom | None) -> Basket:
        """The basket with what the promotion finds in it that the sale did not know of."""
        name = self._terms.promotion_id
        customer = basket.customer
        if customer is not None:
            customer = replace(customer, facts={**self._history, **customer.facts})
        left = {promotion: room for promotion, room in basket.headroom.items() if promotion != name}
        if headroom is not None:
            left[name] = headroom
        gifts = {**self._gifts.get(basket.currency, {}), **basket.gifts}
        return replace(basket, customer=customer, headroom=left, gifts=gifts)

    def _interned(self, basket: Basket) -> Basket:
        store = basket.store
        return replace(
            basket,
            store=store._replace(facts=self._kept(f"store {store.id}", store.facts)),
            lines=tuple(line._replace(facts=self._kept(line.sku, line.facts)) for line in basket.lines),
        )

    def _kept(self, key: str, facts: Mapping[str, object]) -> Facts:
        """The same facts as an object that was seen before, by which the engine knows them again."""
        kept = self._facts.get(key)
        if kept is None or dict(kept) != dict(facts):
            if len(self._facts) >= _MOST_FACTS:
                self._facts.clear()
            kept = self._facts[key] = Facts(facts)
        return kept


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
    given = _Given()
    for line in json.loads(text)["lines"]:
        for one in line["allocations"]:
            funding = [(part["party"], _minor(part["amount"], currency)) for part in one["funding"]]
            given.add(line["sku"], one["promotion_id"], _minor(one["amount"], currency), funding)
    return given


def _evaluated(evaluation: Evaluation) -> _Given:
    given = _Given()
    for line in evaluation.lines:
        for one in line.allocations:
            given.add(line.sku, one.promotion_id, one.amount, one.funding)
    return given


def _minor(amount: str, currency: str) -> int:
    return to_minor(Decimal(amount), currency)


def _gross(basket: Basket) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in basket.lines:
        found[line.sku] = found.get(line.sku, 0) + line.quantity * line.unit_price
    return found


def _shares(
    before: Mapping[str, int], after: Mapping[str, int], gross: Mapping[str, int] | None = None
) -> tuple[Share, ...]:
    keys = sorted({*before, *after})
    return tuple(
        Share(key, gross.get(key, 0) if gross else 0, before.get(key, 0), after.get(key, 0)) for key in keys
    )
