"""Applicable: which promotions are in force in a store now, and what is known of each without a basket."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from shared.domain import money, schedules
from shared.domain.baskets import SaleFacts, SaleRequest, SellingStore, UnknownStore
from shared.domain.counters import Counter
from shared.domain.customers import UnknownCustomer
from shared.domain.engine import Basket, PromotionTerms, RuleSet, StoreFacts
from shared.domain.engine.groups_named import groups_of
from shared.domain.engine.rule import Aggregate, Condition
from shared.domain.engine.scene import facts_of
from shared.domain.engine.words import rule_words, windows_words
from shared.domain.facts import FORMS, Form, name_for
from shared.domain.filters import AllOf, AnyOf, Compare, InGroup, NotOf, matches
from shared.domain.live import LiveRules
from shared.domain.schedules import LocalDateTime


class Standing(StrEnum):
    """What is known of a promotion before there is a basket; a limit used up comes before the condition."""

    MET = "met"
    NOT_MET = "not_met"
    DEPENDS_ON_BASKET = "depends_on_basket"
    LIMIT_REACHED = "limit_reached"


@dataclass(frozen=True, slots=True)
class Left:
    """What a limit leaves: sales, or an amount of `currency`; None where it counts for whoever buys."""

    limit: str
    left: Decimal | None
    currency: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Applicable:
    """A promotion in force. `rule` says in words what it gives under which condition, `windows` when."""

    promotion_id: UUID
    version: int
    name: str
    lane: str
    priority: int
    exclusive: bool
    stackable: bool
    starts_at: LocalDateTime | None
    ends_at: LocalDateTime | None
    standing: Standing
    rule: str
    windows: str | None
    limits: tuple[Left, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """Facts known without a basket; of the names that `is_open` takes nothing is known."""

    facts: Mapping[str, object]
    is_open: Callable[[str], bool]


def without_currency(live: LiveRules) -> LiveRules:
    """The rules as they are asked about where no currency is known: what is spent is nothing to be read."""
    return replace(
        live, history=frozenset(fact for fact in live.history if FORMS.get(fact) is not Form.MONEY)
    )


def groups_in_words(rule_set: RuleSet) -> frozenset[UUID]:
    """The groups that the rules name, whose names their words need."""
    return frozenset(UUID(use.group_id) for terms in rule_set.promotions for use in groups_of(terms.rule))


def applicable(
    rule_set: RuleSet,
    request: SaleRequest,
    facts: SaleFacts,
    now: datetime,
    *,
    group_names: Mapping[str, str],
) -> tuple[Applicable, ...]:
    """The promotions in force for a request without lines, in the order of the rule set.

    Its empty channel or currency is one that is not known yet. Raises UnknownStore, UnknownCustomer, and
    money's CurrencyUnknown.
    """
    if request.currency:
        money.exponent(request.currency, pointer="/currency")
    store = facts.store
    if store is None:
        raise UnknownStore(pointer="/store_id", store_id=request.store_id)
    if request.customer is not None and facts.customer is None:
        raise UnknownCustomer(pointer="/customer_id", customer_id=request.customer.id)
    known = _known(request, facts, store, now)
    return tuple(
        Applicable(
            promotion_id=UUID(terms.promotion_id),
            version=terms.version,
            name=terms.name,
            lane=terms.lane,
            priority=terms.priority,
            exclusive=terms.exclusive,
            stackable=terms.stackable,
            starts_at=terms.starts_at,
            ends_at=terms.ends_at,
            standing=_standing(terms, known, _counters_of(terms, facts.counters), request.currency),
            rule=rule_words(terms.rule, group_names),
            windows=windows_words(terms.windows) if terms.windows else None,
            limits=tuple(map(_left, _counters_of(terms, facts.counters))),
        )
        for terms in rule_set.promotions
        if in_force(terms, known.facts, store.zone, now)
    )


def in_force(terms: PromotionTerms, facts: Mapping[str, object], zone: str, now: datetime) -> bool:
    """Whether the promotion runs at that moment in a store of these facts, by the clock of its zone."""
    return (
        not schedules.has_yet_to_start(terms.starts_at, terms.zone_policy, zone, now)
        and not schedules.has_ended(terms.ends_at, terms.zone_policy, zone, now)
        and schedules.is_open(terms.windows, zone, now)
        and (terms.stores is None or matches(terms.stores, facts))
    )


def _known(request: SaleRequest, facts: SaleFacts, store: SellingStore, now: datetime) -> _Known:
    nothing = Basket(StoreFacts(store.id, store.zone, store.facts), request.currency, request.channel, (), ())
    found = facts_of(nothing, now)
    if facts.customer is not None:
        found |= {f"customer.attributes.{name}": value for name, value in facts.customer.attributes.items()}
        found |= {**facts.customer.history, "customer.id": str(facts.customer.id)}
    told = {"channel": request.channel, "basket": request.currency, "code": "", "customer": facts.customer}
    unknown = {namespace for namespace, each in told.items() if not each}
    if facts.customer is None:
        unknown.add("history")

    def is_open(fact: str) -> bool:
        in_money = FORMS.get(fact) is Form.MONEY
        return fact.partition(".")[0] in unknown or (in_money and not request.currency)

    return _Known(found, is_open)


def _standing(terms: PromotionTerms, known: _Known, counters: Iterable[Counter], currency: str) -> Standing:
    if any(_is_used_up(counter, currency) for counter in counters):
        return Standing.LIMIT_REACHED
    if currency and terms.rule.currency not in {None, currency}:
        return Standing.NOT_MET
    if terms.rule.condition is None:
        return Standing.MET
    found = _holds(terms.rule.condition, known, terms.promotion_id)
    if found is None:
        return Standing.DEPENDS_ON_BASKET
    return Standing.MET if found else Standing.NOT_MET


def _holds(condition: Condition, known: _Known, promotion_id: str) -> bool | None:
    """Whether the condition holds whatever the basket; None where that depends on the basket."""
    match condition:
        case AllOf(items):
            return _all(_holds(item, known, promotion_id) for item in items)
        case AnyOf(items):
            return _not(_all(_not(_holds(item, known, promotion_id)) for item in items))
        case NotOf(item):
            return _not(_holds(item, known, promotion_id))
        case Compare(fact, op, value) if not known.is_open(fact):
            return matches(Compare(name_for(fact, promotion_id), op, value), known.facts)
        case InGroup():
            return matches(condition, known.facts)
        case Compare() | Aggregate():
            return None


def _all(parts: Iterable[bool | None]) -> bool | None:
    found = set(parts)
    return False if False in found else None if None in found else True


def _not(part: bool | None) -> bool | None:  # noqa: FBT001 - of three values
    return None if part is None else not part


def _counters_of(terms: PromotionTerms, counters: Iterable[Counter]) -> tuple[Counter, ...]:
    return tuple(counter for counter in counters if str(counter.promotion_id) == terms.promotion_id)


def _is_used_up(counter: Counter, currency: str) -> bool:
    """For whoever buys; a budget in another currency has nothing to give."""
    in_another = bool(currency) and counter.limit.currency not in {None, currency}
    return in_another or (counter.key is not None and counter.left < 1)


def _left(counter: Counter) -> Left:
    currency, left = counter.limit.currency, max(counter.left, 0)
    if counter.key is None:
        return Left(counter.limit.name, None, currency)
    return Left(counter.limit.name, money.from_minor(left, currency) if currency else Decimal(left), currency)
