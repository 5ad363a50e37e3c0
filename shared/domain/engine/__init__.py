"""The promotion engine: baskets in, the best lawful discount out, explained. Pure; integer minor units."""

from shared.domain.engine.basket import Basket, BasketLine, StoreFacts
from shared.domain.engine.canonical import canonical_json
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.engine.conditions import Missing, Unmet
from shared.domain.engine.evaluate import evaluate
from shared.domain.engine.evaluation import (
    Allocation,
    BeatenBy,
    Detail,
    EvaluatedLine,
    Evaluation,
    NotMet,
    Outcome,
    OutsideSchedule,
    PromotionOutcome,
    StoreNotTargeted,
    UnitRole,
)
from shared.domain.engine.grammar import SCHEMA
from shared.domain.engine.groups_named import groups_of
from shared.domain.engine.language import RuleInvalid, parse_rule
from shared.domain.engine.reprice import Kept, reprice
from shared.domain.engine.rule import Rule
from shared.domain.engine.ruleset import Lane, PromotionTerms, RuleSet, compile_rule_set
from shared.domain.engine.trace import UnitUse, trace
from shared.domain.engine.writing import document_of, rule_hash

SEMANTICS = 6
"""Which meaning of rules and combinations this code has; stored with every evaluation, for its replay."""

__all__ = [
    "NODE_BUDGET",
    "SCHEMA",
    "SEMANTICS",
    "Allocation",
    "Basket",
    "BasketLine",
    "BeatenBy",
    "Detail",
    "EvaluatedLine",
    "Evaluation",
    "Kept",
    "Lane",
    "Missing",
    "NotMet",
    "Outcome",
    "OutsideSchedule",
    "PromotionOutcome",
    "PromotionTerms",
    "Rule",
    "RuleInvalid",
    "RuleSet",
    "StoreFacts",
    "StoreNotTargeted",
    "UnitRole",
    "UnitUse",
    "Unmet",
    "canonical_json",
    "compile_rule_set",
    "document_of",
    "evaluate",
    "groups_of",
    "parse_rule",
    "reprice",
    "rule_hash",
    "trace",
]
