"""A rule set: all live promotion versions, in canonical order, immutable and shareable between threads."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from shared.domain.engine.program import Program
from shared.domain.engine.terms import Funder, Lane, OnReturn, PromotionTerms

__all__ = ["Funder", "Lane", "OnReturn", "PromotionTerms", "RuleSet", "compile_rule_set"]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All live promotions. Those of a lane of `priority_lanes` are served in order, not combined best."""

    version: int
    promotions: tuple[PromotionTerms, ...]
    """In canonical order: priority descending, then id."""
    priority_lanes: frozenset[str] = frozenset()
    program: Program = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "program", Program(self.promotions))


def compile_rule_set(
    version: int, terms: Iterable[PromotionTerms], priority_lanes: Iterable[str] = ()
) -> RuleSet:
    """Return the rule set of these versions; a promotion given twice or an unknown lane raises ValueError."""
    promotions = tuple(sorted(terms, key=lambda one: (-one.priority, one.promotion_id)))
    if len({one.promotion_id for one in promotions}) != len(promotions):
        raise ValueError("a promotion has one version in a rule set")
    for name in [*(one.lane for one in promotions), *priority_lanes]:
        Lane(name)
    return RuleSet(version, promotions, frozenset(priority_lanes))
