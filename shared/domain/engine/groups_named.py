"""The groups that a rule names, and where."""

from collections.abc import Iterator

from shared.domain.engine.rule import (
    Aggregate,
    Benefit,
    BundlePrice,
    BuyXGetY,
    Condition,
    Gift,
    Points,
    Rule,
    Tiered,
)
from shared.domain.filters import Filter, GroupUse, InGroup, groups_in, leaves


def groups_of(rule: Rule, at: str = "") -> tuple[GroupUse, ...]:
    """Return every mention of a group, with its pointer; what must exist for the rule to be saved."""
    condition = () if rule.condition is None else _of_condition(rule.condition, f"{at}/if")
    return *condition, *(
        use
        for place, benefit in enumerate(rule.benefits)
        for where, tree in _filters(benefit, f"{at}/then/{place}")
        if tree is not None
        for use in groups_in(tree, where)
    )


def _of_condition(condition: Condition, at: str) -> Iterator[GroupUse]:
    for where, leaf in leaves(condition, at):
        if isinstance(leaf, InGroup):
            yield from groups_in(leaf, where)
        elif isinstance(leaf, Aggregate) and leaf.where is not None:
            yield from groups_in(leaf.where, f"{where}/where")


def _filters(benefit: Benefit, at: str) -> Iterator[tuple[str, Filter | None]]:
    """Yield the filters of a benefit; what was filled in for an absent key is told at its source only."""
    match benefit:
        case BuyXGetY():
            yield f"{at}/buy/where", benefit.buy.where
            if benefit.get.where != benefit.buy.where:
                yield f"{at}/get/where", benefit.get.where
        case BundlePrice():
            for place, pick in enumerate(benefit.picks):
                yield f"{at}/items/{place}/where", pick.where
        case Tiered():
            yield f"{at}/where", benefit.where
            for place, tier in enumerate(benefit.tiers):
                if tier.benefit.target != benefit.where:
                    yield f"{at}/tiers/{place}/then/target", tier.benefit.target
        case Gift():
            pass
        case Points():
            yield f"{at}/target", benefit.target
        case _:
            yield f"{at}/target", benefit.target
