"""The groups that a rule names, each with its place."""

from typing import Any

import pytest
from hypothesis import given

from shared.domain.engine import groups_of, parse_rule
from shared.domain.filters import GroupUse
from tests.domain.engine.baskets import percent
from tests.domain.engine.language_examples import (
    BUNDLE,
    BUY,
    COUNT,
    GIFT,
    GROUP,
    SHOES,
    TEN,
    TIERED,
    rule,
)
from tests.domain.engine.rules import places, rule_documents


def test_groups_are_told_with_their_places() -> None:
    named = {"in_group": GROUP}
    product, store = ({"subject": subject, "group_id": GROUP} for subject in ("product", "store"))
    document = rule(
        percent("10", target={"any": [SHOES, named]}),
        {"kind": "points", "per_unit_of_currency": 1, "target": named},
        **{"if": {"all": [{"not": named}, {**COUNT, "where": {"not": named}}, COUNT]}},
    )
    assert groups_of(parse_rule(document), "/rule") == (
        GroupUse(**store, pointer="/rule/if/all/0/not/in_group"),
        GroupUse(**product, pointer="/rule/if/all/1/where/not/in_group"),
        GroupUse(**product, pointer="/rule/then/0/target/any/1/in_group"),
        GroupUse(**product, pointer="/rule/then/1/target/in_group"),
    )


@pytest.mark.parametrize(
    ("benefit", "pointers"),
    [
        pytest.param({**BUY, "buy": {"units": 2, "where": {"in_group": GROUP}}}, ["buy/where"], id="bought"),
        pytest.param({**BUY, "get": {"units": 2, "where": {"in_group": GROUP}}}, ["get/where"], id="got"),
        pytest.param(
            {**BUNDLE, "items": [{"units": 2}, {"units": 2, "where": {"in_group": GROUP}}]},
            ["items/1/where"],
            id="bundle",
        ),
        pytest.param({**TIERED, "where": {"in_group": GROUP}}, ["where"], id="tiers"),
        pytest.param(
            {**TIERED, "tiers": [{"from": 1, "then": {**TEN, "target": {"in_group": GROUP}}}]},
            ["tiers/0/then/target"],
            id="tier",
        ),
        pytest.param(GIFT, [], id="gift"),
    ],
)
def test_a_group_is_told_where_the_document_names_it(benefit: dict[str, Any], pointers: list[str]) -> None:
    told = [use.pointer for use in groups_of(parse_rule(rule(benefit)))]
    assert told == [f"/then/0/{pointer}/in_group" for pointer in pointers]


@given(rule_documents())
def test_every_group_of_a_document_is_told(document: dict[str, Any]) -> None:
    named = {at: holder[key] for at, holder, key in places(document) if key == "in_group"}
    told = groups_of(parse_rule(document))
    assert {use.pointer for use in told} <= named.keys()
    assert {use.group_id for use in told} == {name.lower() for name in named.values()}
