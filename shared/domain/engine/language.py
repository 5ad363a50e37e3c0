"""The rule language: a JSON document, read strictly into a rule.

    {"schema": 1, "if": condition, "then": [benefit, …]}

`if` may be absent or `{}`: always. Conditions are told in `language_conditions`, benefits in
`language_benefits`, filters in `domain.filters`. Numbers are whole numbers or decimal strings, amounts
decimal strings beside their currency; all amounts of one rule share one currency, and a basket in another
does not meet the rule.
"""

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.engine.grammar import RULE, SCHEMA
from shared.domain.engine.language_benefits import parse_benefits
from shared.domain.engine.language_conditions import parse_condition
from shared.domain.engine.language_parts import Amounts, keys
from shared.domain.engine.rule import Rule
from shared.domain.errors import Refused


class RuleInvalid(Refused):
    """The rule is not valid: {detail}."""

    code = "rule_invalid"


def parse_rule(document: object, at: str = "") -> Rule:
    """Return the rule of a document, or raise RuleInvalid with the pointer (from `at`) of the exact place."""
    try:
        return _rule(document, at)
    except DocumentInvalid as invalid:
        raise RuleInvalid(pointer=invalid.pointer, detail=invalid.detail) from invalid


def _rule(document: object, at: str) -> Rule:
    found = keys(document, at, RULE)
    documents.a_whole_number(found["schema"], at_key(at, "schema"), least=SCHEMA, most=SCHEMA)
    amounts = Amounts()
    always = found.get("if", {}) == {}
    condition = None if always else parse_condition(found["if"], at_key(at, "if"), amounts)
    benefits = parse_benefits(found["then"], at_key(at, "then"), amounts)
    return Rule(condition, benefits, amounts.currency)
