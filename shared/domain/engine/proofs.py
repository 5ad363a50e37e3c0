"""Proofs: a basket in which each of two promotions applies alone, and what becomes of them together."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from shared.domain.engine.basket import Basket
from shared.domain.engine.evaluate import evaluate
from shared.domain.engine.evaluation import Evaluation, Outcome
from shared.domain.engine.ruleset import PromotionTerms, compile_rule_set

BUDGET = 400
"""Baskets that are tried for a pair, and again to make the one that proves smaller."""


class Effect(StrEnum):
    """What becomes of two promotions that meet."""

    EXCLUDES = "excludes"
    BEATS = "beats"
    SPLITS = "splits"
    STACKS = "stacks"


@dataclass(frozen=True, slots=True)
class Proof:
    """A basket in which each applies alone, and what happens there; amounts in minor units.

    `winners` are those that apply together: with `beats` and `excludes` the other gets nothing, with `splits`
    they share the units out, with `stacks` both take from the same units.
    """

    basket: Basket
    at: datetime
    effect: Effect
    winners: tuple[str, ...]
    alone: Mapping[str, int]
    together: Mapping[str, int]


class Prover:
    """Evaluates baskets for two promotions, up to a budget."""

    def __init__(self, one: PromotionTerms, other: PromotionTerms, budget: int = BUDGET) -> None:
        self._pair = (one, other)
        self._left = budget
        self._alone = [compile_rule_set(0, [each]) for each in self._pair]
        self._both = compile_rule_set(0, self._pair)

    @property
    def spent(self) -> bool:
        return self._left <= 0

    def proved(self, basket: Basket, at: datetime) -> Proof | None:
        if not basket.lines:
            return None
        self._left -= 1
        alone: dict[str, int] = {}
        for terms, rule_set in zip(self._pair, self._alone, strict=True):
            (own,) = evaluate(rule_set, basket, at).promotions
            if own.outcome is not Outcome.APPLIED:
                return None
            alone[terms.promotion_id] = own.discount
        evaluation = evaluate(self._both, basket, at)
        effect = _effect(evaluation, alone)
        if effect is None:
            return None
        together = {one.promotion_id: one.discount for one in evaluation.promotions}
        winners = tuple(one.promotion_id for one in evaluation.promotions if one.outcome is Outcome.APPLIED)
        return Proof(basket, at, effect, winners, alone, together)

    def shrunk(self, proof: Proof) -> Proof:
        """The same conflict in a basket of which nothing can be left out."""
        self._left = BUDGET
        while True:
            smaller = self._smaller(proof)
            if smaller is None:
                return proof
            proof = smaller

    def _smaller(self, proof: Proof) -> Proof | None:
        lines = proof.basket.lines
        for place, line in enumerate(lines):
            rest = (*lines[:place], *lines[place + 1 :])
            fewer = dict.fromkeys((0, 1, line.quantity // 2, line.quantity - 1))
            for quantity in (each for each in fewer if each < line.quantity):
                kept = (*lines[:place], line._replace(quantity=quantity), *lines[place + 1 :])
                found = self.proved(replace(proof.basket, lines=kept if quantity else rest), proof.at)
                if found is not None and found.effect is proof.effect:
                    return found
                if self._left <= 0:
                    return None
        return None


def _effect(evaluation: Evaluation, alone: Mapping[str, int]) -> Effect | None:
    outcomes = {one.outcome for one in evaluation.promotions}
    if Outcome.EXCLUDED_BY in outcomes:
        return Effect.EXCLUDES
    if Outcome.BEATEN_BY in outcomes:
        return Effect.BEATS
    if outcomes != {Outcome.APPLIED}:
        return None
    if any(one.discount < alone[one.promotion_id] for one in evaluation.promotions):
        return Effect.SPLITS
    used = (sum(each.units for each in line.allocations) > line.quantity for line in evaluation.lines)
    return Effect.STACKS if any(used) else None
