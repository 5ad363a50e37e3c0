"""Conflicts: promotions that can meet on the same units, each with a small basket that proves it.

A pair is left out when it is proved never to meet: by their schedules, stores, conditions or targets, by
their lanes or by their currencies. For every other pair baskets are made of goods that both target and of
what their conditions ask for, until one proves the conflict; it is then made as small as it can be. A proof
is evaluated, not argued. A pair without one within the search budget is possible.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from itertools import product
from typing import cast

from shared.domain.engine.basket import Basket, BasketLine, CustomerFacts, StoreFacts
from shared.domain.engine.canonical import canonical_json
from shared.domain.engine.meetings import (
    Need,
    amounts_of,
    common_targets,
    conditions_of,
    needs_of,
    unit_filters,
)
from shared.domain.engine.moments import moments, never_together
from shared.domain.engine.proofs import BUDGET, Proof, Prover
from shared.domain.engine.ruleset import PromotionTerms
from shared.domain.engine.witnesses import Facts, of_namespace, witnesses
from shared.domain.filters import AllOf, Filter, matches
from shared.domain.money import AmountInexact, from_minor, to_minor

_CURRENCY = "EUR"
_CHANNEL = "store"
_ZONE = "UTC"
_MULTIPLES = (1, 2, 3)
_MOST_SCENES = 3


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another promotion that the one in question meets; without a proof it is only possible."""

    promotion_id: str
    version: int
    name: str
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class Supply:
    """Real goods and stores to prove conflicts with; made-up ones fill the gaps."""

    goods: tuple[BasketLine, ...] = ()
    stores: tuple[StoreFacts, ...] = ()
    currency: str = _CURRENCY


def can_meet(one: PromotionTerms, other: PromotionTerms) -> bool:
    """Say whether it is not proved that the two never meet."""
    exclusive = one.exclusive or other.exclusive
    if not exclusive and one.lane != other.lane:
        return False
    if len({one.rule.currency, other.rule.currency} - {None}) > 1 or never_together(one, other):
        return False
    if witnesses(_scene_filter(one, other)).impossible:
        return False
    return exclusive or any(
        not witnesses(AllOf((mine, theirs))).impossible
        for mine, theirs in product(unit_filters(one.rule), unit_filters(other.rule))
    )


def wanted_goods(one: PromotionTerms, other: PromotionTerms) -> list[Filter]:
    """Return filters of goods with which a conflict of the two can be proved, those of both first."""
    needs = [need.where for each in (one, other) for need in needs_of(each.rule)]
    return [*common_targets(one.rule, other.rule), *needs]


def wanted_store(one: PromotionTerms, other: PromotionTerms) -> Filter:
    """Return the filter of stores in which both run."""
    return AllOf(tuple(each.stores for each in (one, other) if each.stores is not None))


def find_conflict(
    one: PromotionTerms, other: PromotionTerms, supply: Supply, now: datetime, budget: int = BUDGET
) -> Conflict | None:
    """Return the conflict of the first with the other, or None when they are proved never to meet.

    Groups are taken for what their filters say: the terms name none. Limits are left out of account.
    """
    if not can_meet(one, other):
        return None
    return Conflict(
        other.promotion_id, other.version, other.name, _Search(one, other, supply, now, budget).proof()
    )


class _Search:
    """The search for a basket that proves the conflict of two promotions."""

    def __init__(
        self, one: PromotionTerms, other: PromotionTerms, supply: Supply, now: datetime, budget: int
    ) -> None:
        self._pair = (one, other)
        self._supply = supply
        self._now = now
        self._prover = Prover(one, other, budget)
        self._names: dict[str, str] = {}
        self._currency = one.rule.currency or other.rule.currency or supply.currency

    def proof(self) -> Proof | None:
        for scene, at in self._scenes():
            for lines in self._baskets():
                proof = self._prover.proved(replace(scene, lines=lines), at)
                if proof is not None:
                    return self._prover.shrunk(proof)
                if self._prover.spent:
                    return None
        return None

    def _scenes(self) -> Iterator[tuple[Basket, datetime]]:
        """Yield baskets without lines, and when: stores, channels and customers that both ask for."""
        asked = witnesses(_scene_filter(*self._pair), _MOST_SCENES).found or ({},)
        for facts in asked:
            made_up = StoreFacts(
                str(facts.get("store.id", "a store")), self._zone(), of_namespace(facts, "store")
            )
            for store in (*self._supply.stores, made_up):
                for at in moments(self._pair, store.zone, self._now, 2):
                    yield self._scene(facts, store), at

    def _zone(self) -> str:
        named = [each.zone_policy for each in self._pair if each.zone_policy != "store"]
        return named[0] if named else _ZONE

    def _scene(self, facts: Facts, store: StoreFacts) -> Basket:
        codes = cast("frozenset[str]", facts.get("code", ()))
        known = of_namespace(facts, "customer") | of_namespace(facts, "history")
        customer_id = known.pop("customer.id", None)
        customer = CustomerFacts(None if customer_id is None else str(customer_id), known)
        return Basket(
            store=store,
            currency=str(facts.get("basket.currency", self._currency)),
            channel=str(facts.get("channel", _CHANNEL)),
            codes=tuple(sorted(codes)),
            lines=(),
            customer=customer if known or customer_id is not None else None,
        )

    def _baskets(self) -> Iterator[tuple[BasketLine, ...]]:
        """Yield lines: some of what both target, and what each needs besides, dear and cheap."""
        one, other = self._pair
        needs = [need for each in self._pair for need in needs_of(each.rule)]
        shared = [[line] for where in common_targets(one.rule, other.rule) for line in self._goods(where)]
        # With nothing in common only an exclusive one meets others.
        starts = shared or [
            list(lines)
            for mine, theirs in product(unit_filters(one.rule), unit_filters(other.rule))
            for lines in product(self._goods(mine), self._goods(theirs))
        ]
        for price, lines in product(self._prices(), starts):
            first = [_priced(line, price) for line in lines]
            needed = [line for need in needs for line in self._meeting(need, first, price)]
            yield _joined(needed)
            for multiple in _MULTIPLES:
                some = [_times(line, multiple) for line in first]
                yield _joined(some)
                yield _joined([*some, *needed])

    def _meeting(self, need: Need, first: list[BasketLine], price: int) -> list[BasketLine]:
        """Lines that meet a need, of the first goods where they can."""
        goods = [line for line in first if _selects(need.where, line, self._currency)]
        goods = goods or [_priced(line, price) for line in self._goods(need.where)]
        return need.lines(goods) if goods else []

    def _prices(self) -> list[int]:
        """Prices for goods that may cost anything: above every amount that the promotions name, and low."""
        named = amounts_of(self._pair[0].rule) | amounts_of(self._pair[1].rule)
        return [max([10_00, *(2 * amount for amount in named)]), *sorted({1_00, *named}, reverse=True)]

    def _goods(self, where: Filter) -> list[BasketLine]:
        """Goods that a filter selects, real ones first. Made-up ones cost 0 unless it asks for a price."""
        real = [line for line in self._supply.goods if _selects(where, line, self._currency)]
        found = [self._made_up(facts) for facts in witnesses(where).found]
        return [*real[:2], *(line for line in found if line is not None)]

    def _made_up(self, facts: Facts) -> BasketLine | None:
        """The good of these facts; None where the price asked for cannot be paid."""
        known = {name: value for name, value in facts.items() if name not in {"product.sku", "product.price"}}
        sku = facts.get("product.sku")
        name = (
            str(sku)
            if sku
            else self._names.setdefault(canonical_json(known), f"GOODS-{len(self._names) + 1}")
        )
        price = Decimal(str(facts.get("product.price", 0)))
        try:
            minor = to_minor(price, self._currency)
        except AmountInexact:
            return None
        return BasketLine(name, 1, minor, Decimal(0), known) if minor >= 0 else None


def _scene_filter(one: PromotionTerms, other: PromotionTerms) -> Filter:
    asked = (conditions_of(each.rule, each.promotion_id) for each in (one, other))
    return AllOf((wanted_store(one, other), *asked))


def _selects(where: Filter, line: BasketLine, currency: str) -> bool:
    known = {"product.sku": line.sku, "product.price": from_minor(line.unit_price, currency)}
    return matches(where, {**line.facts, **known})


def _priced(line: BasketLine, price: int) -> BasketLine:
    return line if line.unit_price else line._replace(unit_price=price)


def _times(line: BasketLine, multiple: int) -> BasketLine:
    return line._replace(quantity=line.quantity * multiple)


def _joined(lines: Iterable[BasketLine]) -> tuple[BasketLine, ...]:
    """Return the lines with those of the same goods at the same price in one."""
    found: dict[str, BasketLine] = {}
    for line in lines:
        key = canonical_json([line.sku, line.unit_price, line.facts])
        before = found[key].quantity if key in found else 0
        found[key] = line._replace(quantity=before + line.quantity)
    return tuple(found.values())
