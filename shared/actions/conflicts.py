"""Conflicts: the live promotions that one meets, proved with what is really sold where it can be."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared.domain.conflict_reports import ConflictReport, reported
from shared.domain.engine import BasketLine, PromotionTerms, StoreFacts
from shared.domain.engine.conflicts import Supply, can_meet, find_conflict, wanted_goods, wanted_store
from shared.domain.engine.inlining import groups_named, inlined
from shared.domain.engine.proofs import BUDGET
from shared.domain.groups import Subject
from shared.domain.money import to_minor
from shared.domain.promotions import PromotionNotFound
from shared.store import Conn, filters, rule_sets, trials

# Baskets that are tried in all, and for a pair at least.
_BUDGET, _LEAST = 6_000, 30
# Filters of a pair for which real goods are looked for, and how many of each.
_FILTERS, _GOODS = 4, 2


def scan(conn: Conn, now: datetime, promotion_id: UUID) -> ConflictReport:
    """The conflicts of the newest version with every other promotion of the newest rule set.

    Groups count as they are defined now. The same catalogue and rules give the same answer at one time.
    Raises PromotionNotFound.
    """
    version = trials.get_version(conn, promotion_id, None)
    if version is None:
        raise PromotionNotFound(promotion_id=promotion_id)
    newest = trials.get_newest_rule_set(conn)
    members = [each.terms() for each in rule_sets.find_members(conn, newest)]
    terms, *others = _inlined(
        conn, [version.terms(), *(each for each in members if each.promotion_id != str(promotion_id))]
    )
    meeting = [other for other in others if can_meet(terms, other)]
    budget = max(_LEAST, min(BUDGET, _BUDGET // max(1, len(meeting))))
    found = []
    for other in meeting:
        supply = _supply(conn, terms, other)
        conflict = find_conflict(terms, other, supply, now, budget)
        if conflict is not None:
            skus, stores = {line.sku for line in supply.goods}, {store.id for store in supply.stores}
            found.append(reported(conflict, skus, stores))
    return ConflictReport(
        promotion_id=promotion_id,
        version=version.version,
        rule_set_version=newest,
        compared=len(others),
        conflicts=tuple(sorted(found, key=lambda conflict: conflict.proof is None)),
    )


def _inlined(conn: Conn, promotions: list[PromotionTerms]) -> list[PromotionTerms]:
    groups = trials.find_filters(conn, [use for terms in promotions for use in groups_named(terms)])
    return [inlined(terms, groups) for terms in promotions]


def _supply(conn: Conn, one: PromotionTerms, other: PromotionTerms) -> Supply:
    """Real goods and a real store with which the two can meet, as far as there are any."""
    skus: dict[str, None] = {}
    for where in wanted_goods(one, other)[:_FILTERS]:
        skus |= dict.fromkeys(filters.find_first(conn, Subject.PRODUCT, where, limit=_GOODS))
    priced = {each.sku: each for each in trials.find_goods(conn, skus)}
    goods = [priced[sku] for sku in skus if sku in priced]
    currency = one.rule.currency or other.rule.currency or (goods[0].currency if goods else None)
    lines = tuple(
        BasketLine(each.sku, 1, to_minor(each.price, each.currency), each.tax_rate_pct, each.facts)
        for each in goods
        if each.currency == currency
    )
    stores = trials.find_stores(
        conn, filters.find_first(conn, Subject.STORE, wanted_store(one, other), limit=1)
    )
    supply = Supply(lines, tuple(StoreFacts(each.id, each.zone, each.facts) for each in stores))
    return supply if currency is None else replace(supply, currency=currency)
