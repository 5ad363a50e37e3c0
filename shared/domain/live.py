"""Live rules: a rule set, and what a sale under it has to be told besides its basket."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from shared.domain.engine import RuleSet
from shared.domain.facts import PER_PROMOTION
from shared.domain.limits import Limit
from shared.domain.promotions import PublishedVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRules:
    """What is live; `gifts` are the units that promotions may add in all, by SKU, and `history` the facts
    that rules name.
    """

    rule_set: RuleSet
    limits: tuple[tuple[UUID, Limit], ...] = ()
    gifts: Mapping[str, int] = field(default_factory=dict[str, int])
    history: frozenset[str] = frozenset()
    counting: frozenset[UUID] = frozenset()
    """The promotions whose conditions ask how often the customer redeemed them."""
    requiring_otp: frozenset[UUID] = frozenset()
    """The promotions that want the customer's code when the sale is recorded."""

    def asks_as(self, other: "LiveRules") -> bool:
        """Say whether a sale is told the same under both."""
        return (self.limits, self.gifts, self.history, self.counting) == (
            other.limits,
            other.gifts,
            other.history,
            other.counting,
        )


def live_rules(rule_set: RuleSet, members: Sequence[PublishedVersion]) -> LiveRules:
    """Return the rule set with what its members ask for."""
    asked = {member.promotion_id: frozenset(_history_in(member.rule)) for member in members}
    return LiveRules(
        rule_set=rule_set,
        limits=tuple(
            (member.promotion_id, limit)
            for member in sorted(members, key=lambda one: one.promotion_id)
            for limit in member.read_limits()
        ),
        gifts=_gifts_in(member.rule for member in members),
        history=frozenset[str]().union(*asked.values()),
        counting=frozenset(name for name, facts in asked.items() if facts & PER_PROMOTION),
        requiring_otp=frozenset(member.promotion_id for member in members if member.requires_otp),
    )


def _history_in(rule: object) -> Iterator[str]:
    for found in _objects(rule):
        fact = found.get("fact")
        if isinstance(fact, str) and fact.startswith("history."):
            yield fact


def _gifts_in(rules: Iterable[object]) -> dict[str, int]:
    units: Counter[str] = Counter()
    for rule in rules:
        for found in _objects(rule):
            if found.get("kind") == "gift":
                units[found["sku"]] += found.get("units", 1)
    return dict(units)


def _objects(document: object) -> Iterator[dict[str, Any]]:
    """Every object in a document that was found valid before."""
    if isinstance(document, dict):
        found = cast("dict[str, Any]", document)
        yield found
        for item in found.values():
            yield from _objects(item)
    elif isinstance(document, list):
        for item in cast("list[object]", document):
            yield from _objects(item)
