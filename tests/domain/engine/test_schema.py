"""The JSON Schema accepts what the parser reads, and refuses what the parser refuses for its shape."""

import re

import jsonschema_rs
from hypothesis import given, settings

from shared.domain.engine import RuleInvalid, parse_rule
from shared.domain.engine.schema import rule_schema
from tests.domain.engine.rules import Json, mutated, rule_documents

SCHEMA = jsonschema_rs.Draft202012Validator(rule_schema())

# What no schema of a shape can tell; everything else the parser refuses, the schema refuses.
OF_MEANING = re.compile(
    r"more decimals than \w+ has"
    r"|all amounts of a rule share one currency, here \w+"
    r"|the lower end is above the upper end"
    r"|a tier above the one before is expected"
    r"|a day of the calendar, such as 2026-12-24, is expected"
    r"|beside \w+ no other benefit can use units"
    r"|more than 200 comparisons"
    r"|nested deeper than 12"
    r"|at most 18 digits and 12 decimals are expected"
    r"|a text of 1 to 1000 characters is expected"
)


def test_it_is_a_schema_of_its_draft() -> None:
    assert jsonschema_rs.meta.validate(rule_schema()) is None


@given(rule_documents())
def test_it_accepts_what_the_parser_reads(document: Json) -> None:
    parse_rule(document)
    SCHEMA.validate(document)


@settings(max_examples=400)
@given(mutated(rule_documents()))
def test_it_refuses_what_the_parser_refuses_for_its_shape(document: Json) -> None:
    detail = ""
    try:
        parse_rule(document)
    except RuleInvalid as refusal:
        detail = str(refusal.values["detail"])
    if not OF_MEANING.fullmatch(detail):
        assert SCHEMA.is_valid(document) is (detail == ""), detail
