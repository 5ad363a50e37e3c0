"""Rules written back: equal ones in one form with one hash, however they were spelled."""

import json
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given

from shared.domain.engine import canonical_json, document_of, parse_rule, rule_hash
from shared.domain.engine.writing import filter_document
from shared.domain.filters import parse_filter
from tests.domain.engine.rules import Json, product_filters, rule_documents


@given(rule_documents())
def test_a_rule_is_read_from_what_it_is_written_as(document: Json) -> None:
    rule = parse_rule(document)
    written = document_of(rule)
    assert parse_rule(written) == rule
    text = canonical_json(written)
    assert canonical_json(document_of(parse_rule(json.loads(text, parse_float=Decimal)))) == text


@given(product_filters)
def test_a_filter_is_read_from_what_it_is_written_as(document: Json) -> None:
    tree = parse_filter(document, namespaces={"product"}, group_subject="product")
    again = filter_document(tree)
    assert parse_filter(again, namespaces={"product"}, group_subject="product") == tree
    assert canonical_json(filter_document(tree)) == canonical_json(again)


def ten(**more: Any) -> Json:
    return {"schema": 1, "then": [{"kind": "percent_off", "percent": "10", **more}]}


def when(condition: Json) -> Json:
    return {**ten(), "if": condition}


def buy(get: Json, **more: Any) -> Json:
    return {"schema": 1, "then": [{"kind": "buy_x_get_y", "buy": {"units": 2, **more}, "get": get}]}


def tiered(then: Json, **more: Any) -> Json:
    tiers = [{"from": 2, "then": then}]
    return {"schema": 1, "then": [{"kind": "tiered", "by": "quantity", "tiers": tiers, **more}]}


GROUP = "0000000a-aaaa-4bbb-8ccc-00000000000b"
SHOES: Json = {"where": {"fact": "product.type", "op": "eq", "value": "shoe"}}
TIER: Json = {"kind": "percent_off", "percent": 5}
COUNT: Json = {"count": "lines", "op": "ge", "value": 2}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ten(), {"if": {}, **ten()}, id="absent condition"),
        pytest.param(ten(), {"then": ten()["then"], "schema": Decimal("1.0")}, id="order of keys"),
        pytest.param(ten(), ten(percent=10), id="number and text"),
        pytest.param(ten(), ten(percent=Decimal("10.00")), id="zeros"),
        pytest.param(ten(), ten(basis="running"), id="basis of a benefit"),
        pytest.param(when(COUNT), when({**COUNT, "basis": "list"}), id="basis of a count"),
        pytest.param(when(COUNT), when({**COUNT, "value": Decimal("2.0")}), id="whole number"),
        pytest.param(
            when({"fact": "history.orders", "op": "eq", "value": "2"}),
            when({"fact": "history.orders", "op": "eq", "value": Decimal("2.00")}),
            id="number of a fact",
        ),
        pytest.param(
            when({"fact": "history.spend", "op": "eq", "value": "2", "currency": "EUR"}),
            when({"fact": "history.spend", "op": "eq", "value": "2.00", "currency": "EUR"}),
            id="amount",
        ),
        pytest.param(
            when({"fact": "code", "op": "in", "value": [" summer", "VIP"]}),
            when({"fact": "code", "op": "in", "value": ["SUMMER", "vip "]}),
            id="codes",
        ),
        pytest.param(
            when({"in_group": GROUP}), when({"in_group": GROUP.upper()}), id="case of the id of a group"
        ),
        pytest.param(buy({"units": 1}), buy({"units": 1, "percent": 100}), id="percent of what is got"),
        pytest.param(buy({"units": 1}, **SHOES), buy({"units": 1, **SHOES}, **SHOES), id="what is got"),
        pytest.param(
            tiered(TIER, **SHOES), tiered({**TIER, "target": SHOES["where"]}, **SHOES), id="target of a tier"
        ),
    ],
)
def test_rules_of_one_meaning_have_one_hash(one: Json, other: Json) -> None:
    assert rule_hash(parse_rule(one)) == rule_hash(parse_rule(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(ten(), ten(basis="list"), id="basis"),
        pytest.param(ten(), ten(max_applications=1), id="bound"),
        pytest.param(when(COUNT), when({**COUNT, "basis": "running"}), id="basis of a count"),
        pytest.param(
            when({"fact": "store.attributes.x", "op": "eq", "value": 1}),
            when({"fact": "store.attributes.x", "op": "eq", "value": "1"}),
            id="text and number",
        ),
        pytest.param(
            when({"fact": "store.attributes.x", "op": "eq", "value": 1}),
            when({"fact": "store.attributes.x", "op": "eq", "value": True}),
            id="boolean and number",
        ),
        pytest.param(buy({"units": 1}, **SHOES), buy({"units": 1, "percent": 50}, **SHOES), id="percent"),
        pytest.param(tiered(TIER, **SHOES), tiered(TIER), id="where"),
    ],
)
def test_rules_of_different_meaning_have_different_hashes(one: Json, other: Json) -> None:
    assert rule_hash(parse_rule(one)) != rule_hash(parse_rule(other))


def test_the_form_is_written_in_full() -> None:
    rule = parse_rule(buy({"units": 1}, **SHOES))
    form = (
        '{"if":{},"schema":1,"then":[{"basis":"running","buy":{"units":2,"where":{"fact":"product.type",'
        '"op":"eq","value":"shoe"}},"choose":"cheapest","get":{"percent":"100","units":1,"where":'
        '{"fact":"product.type","op":"eq","value":"shoe"}},"kind":"buy_x_get_y"}]}'
    )
    assert canonical_json(document_of(rule)) == form
    assert rule_hash(rule) == sha256(form.encode()).hexdigest()
