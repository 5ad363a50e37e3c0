"""Inlining: groups that a rule names give way to their filters, for baskets that no group was pinned for."""

from collections.abc import Mapping
from dataclasses import replace

from shared.domain.engine.groups_named import groups_of
from shared.domain.engine.rule import (
    Aggregate,
    AmountOff,
    Benefit,
    BundlePrice,
    BuyXGetY,
    Condition,
    FixedPrice,
    Gift,
    PercentOff,
    Pick,
    Points,
    Rule,
    Tiered,
)
from shared.domain.engine.ruleset import PromotionTerms
from shared.domain.filters import AllOf, AnyOf, Filter, GroupUse, InGroup, NotOf, groups_in

type Filters = Mapping[str, Filter]
"""The filters of groups by id."""

NOTHING: Filter = AnyOf(())
"""Satisfied by nothing: the filter of a group that is gone."""


def inlined(terms: PromotionTerms, groups: Filters) -> PromotionTerms:
    """Return the same terms with the filter of each group in its place; a group that is gone is empty."""
    if not groups_named(terms):
        return terms
    return replace(terms, stores=_filter(terms.stores, groups), rule=_rule(terms.rule, groups))


def groups_named(terms: PromotionTerms) -> tuple[GroupUse, ...]:
    """Return every mention of a group in the terms."""
    return (*groups_of(terms.rule), *(() if terms.stores is None else groups_in(terms.stores)))


def _rule(rule: Rule, groups: Filters) -> Rule:
    condition = None if rule.condition is None else _condition(rule.condition, groups)
    return replace(rule, condition=condition, benefits=tuple(_benefit(one, groups) for one in rule.benefits))


def _condition(condition: Condition, groups: Filters) -> Condition:
    match condition:
        case AllOf(items):
            return AllOf(tuple(_condition(item, groups) for item in items))
        case AnyOf(items):
            return AnyOf(tuple(_condition(item, groups) for item in items))
        case NotOf(item):
            return NotOf(_condition(item, groups))
        case InGroup():
            return _as_condition(groups.get(condition.group_id, NOTHING))
        case Aggregate():
            return replace(condition, where=_filter(condition.where, groups))
        case _:
            return condition


def _as_condition(tree: Filter) -> Condition:
    """Return the same filter as a condition: a tree of leaves of which conditions have more kinds."""
    match tree:
        case AllOf(items):
            return AllOf(tuple(map(_as_condition, items)))
        case AnyOf(items):
            return AnyOf(tuple(map(_as_condition, items)))
        case NotOf(item):
            return NotOf(_as_condition(item))
        case _:
            return tree


def _benefit(benefit: Benefit, groups: Filters) -> Benefit:
    match benefit:
        case BuyXGetY():
            return replace(benefit, buy=_pick(benefit.buy, groups), get=_pick(benefit.get, groups))
        case BundlePrice():
            return replace(benefit, picks=tuple(_pick(pick, groups) for pick in benefit.picks))
        case Tiered():
            tiers = tuple(replace(tier, benefit=_targeted(tier.benefit, groups)) for tier in benefit.tiers)
            return replace(benefit, where=_filter(benefit.where, groups), tiers=tiers)
        case Points():
            return replace(benefit, target=_filter(benefit.target, groups))
        case Gift():
            return benefit
        case _:
            return _targeted(benefit, groups)


def _targeted(
    benefit: PercentOff | AmountOff | FixedPrice, groups: Filters
) -> PercentOff | AmountOff | FixedPrice:
    return replace(benefit, target=_filter(benefit.target, groups))


def _pick(pick: Pick, groups: Filters) -> Pick:
    return replace(pick, where=_filter(pick.where, groups))


def _filter(tree: Filter | None, groups: Filters) -> Filter | None:
    return None if tree is None else inlined_filter(tree, groups)


def inlined_filter(tree: Filter, groups: Filters) -> Filter:
    """Return the same filter with the filter of each group in its place."""
    match tree:
        case AllOf(items):
            return AllOf(tuple(inlined_filter(item, groups) for item in items))
        case AnyOf(items):
            return AnyOf(tuple(inlined_filter(item, groups) for item in items))
        case NotOf(item):
            return NotOf(inlined_filter(item, groups))
        case InGroup():
            return groups.get(tree.group_id, NOTHING)
        case _:
            return tree
