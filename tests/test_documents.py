"""The documents: examples that the code understands as they say."""

import json
import re
from typing import Any

import pytest

from devhost.environment import ROOT
from shared.domain.engine import parse_rule
from shared.domain.engine.words import rule_words
from shared.domain.funding import parse_funding
from shared.domain.limits import parse_limits
from shared.domain.schedules import parse_windows

PROMOTIONS = (ROOT / "docs" / "promotions.md").read_text()
RULES = re.findall(r"```json\n(\{\s*\"schema\".*?)```\n\n> (.*?)\n", PROMOTIONS, re.DOTALL)


@pytest.mark.parametrize("place", range(len(RULES)))
def test_a_rule_of_the_documents_reads_as_they_say(place: int) -> None:
    document, words = RULES[place]
    assert rule_words(parse_rule(json.loads(document)), {}) == words


def test_there_are_rules_in_the_documents() -> None:
    assert len(RULES) == 3


def test_limits_funding_and_windows_of_the_documents_are_understood() -> None:
    (text,) = re.findall(r"```json\n(\{\s*\"limits\".*?)```", PROMOTIONS, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    assert [limit.name for limit in parse_limits(found["limits"])] == [
        "redemptions per customer and day",
        "budget",
    ]
    assert [funder.share for funder in parse_funding(found["funding"])] == [7000, 3000]
    assert len(parse_windows(found["windows"])) == 1
