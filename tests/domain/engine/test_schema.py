"""The JSON Schema accepts what the parser reads, and refuses what the parser refuses for its shape."""

import re
from typing import Any

import jsonschema_rs
import pytest
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


@settings(max_examples=200)
@given(mutated(rule_documents()))
def test_it_refuses_what_the_parser_refuses_for_its_shape(document: Json) -> None:
    agree(document)


@pytest.mark.soak
@settings(max_examples=4000, deadline=None)
@given(mutated(rule_documents()))
def test_it_agrees_with_the_parser_many_times(document: Json) -> None:
    agree(document)


def agree(document: Json) -> None:
    detail = ""
    try:
        parse_rule(document)
    except RuleInvalid as refusal:
        detail = str(refusal.values["detail"])
    if not OF_MEANING.fullmatch(detail):
        assert SCHEMA.is_valid(document) is (detail == ""), detail


def when(**condition: Any) -> Json:
    return {"schema": 1, "if": condition, "then": [{"kind": "percent_off", "percent": "10"}]}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"schema": 1, "then": []}, id="nothing given"),
        pytest.param({"schema": 2, "then": [{"kind": "gift", "sku": "x"}]}, id="another schema"),
        pytest.param(when(fact="store.city", op="between", value=["a"]), id="range of one"),
        pytest.param(when(fact="store.city", op="between", value=["a", "b", "c"]), id="range of three"),
        pytest.param(when(fact="store.attributes.x", op="between", value=["a", 2]), id="range of two kinds"),
        pytest.param(when(fact="code", op="lt", value="a"), id="codes in order"),
        pytest.param(when(fact="time.weekday", op="eq", value=8), id="eighth day"),
        pytest.param(when(fact="time.time_of_day", op="eq", value="24:00"), id="hour 24"),
        pytest.param(when(fact="history.spend", op="ge", value="5.00"), id="amount without currency"),
        pytest.param(when(fact="product.brand", op="eq", value="x"), id="product in a condition"),
        pytest.param(when(count="lines", op="between", value=[1, 2, 3]), id="range of three counts"),
        pytest.param(when(all=[]), id="all of nothing"),
    ],
)
def test_it_refuses_with_the_parser(document: Json) -> None:
    with pytest.raises(RuleInvalid):
        parse_rule(document)
    assert not SCHEMA.is_valid(document)
