"""The filter language: strict reading with exact pointers, and one meaning for every operator."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.filters import (
    AllOf,
    Compare,
    FilterInvalid,
    GroupUse,
    groups_in,
    leaves,
    matches,
    parse_filter,
)
from shared.domain.operators import Op
from tests.domain.engine.rules import comparisons, groups, mutated, places, trees

FACTS = {
    "product.sku": "L-100",
    "product.brand": "Aurora",
    "product.price": Decimal("120.50"),
    "product.attributes.index": Decimal("1.60"),
    "product.attributes.blue_cut": True,
    "product.attributes.coating": "",
    "product.collection": None,
}


def fact(name: str, op: str, value: Any) -> dict[str, Any]:
    return {"fact": f"product.{name}", "op": op, "value": value}


def says(document: dict[str, Any]) -> bool:
    return matches(parse_filter(document, namespaces={"product"}), FACTS)


@pytest.mark.parametrize(
    ("name", "op", "value", "answer"),
    [
        ("brand", "eq", "Aurora", True),
        ("brand", "eq", "aurora", False),
        ("brand", "ne", "Zenith", True),
        ("brand", "lt", "Beta", True),
        ("brand", "ge", "aurora", False),
        ("brand", "in", ["Zenith", "Aurora"], True),
        ("brand", "not_in", ["Zenith"], True),
        ("brand", "between", ["Alpha", "Aurora"], True),
        ("brand", "contains", "ror", True),
        ("brand", "contains", "ROR", False),
        ("brand", "starts_with", "Aur", True),
        ("brand", "starts_with", "ora", False),
        ("price", "eq", 120, False),
        ("price", "eq", Decimal("120.5"), True),
        ("price", "ge", "120.50", True),
        ("price", "gt", "120.50", False),
        ("price", "le", 121, True),
        ("price", "between", ["120.50", 200], True),
        ("attributes.index", "eq", Decimal("1.6"), True),
        ("attributes.index", "eq", "1.60", False),
        ("attributes.index", "ne", "1.60", True),
        ("attributes.index", "lt", "2", False),
        ("attributes.blue_cut", "eq", True, True),
        ("attributes.blue_cut", "eq", 1, False),
        ("attributes.blue_cut", "in", [1, "true"], False),
        ("attributes.coating", "exists", True, True),
        ("collection", "exists", True, False),
        ("collection", "exists", False, True),
        ("collection", "eq", "Summer", False),
        ("collection", "ne", "Summer", True),
        ("collection", "in", ["Summer"], False),
        ("collection", "not_in", ["Summer"], True),
        ("collection", "between", ["A", "Z"], False),
        ("attributes.absent", "lt", 5, False),
        ("attributes.absent", "ne", 5, True),
    ],
)
def test_operators(name: str, op: str, value: Any, answer: bool) -> None:
    assert says(fact(name, op, value)) is answer
    assert says({"not": fact(name, op, value)}) is not answer


@pytest.mark.parametrize(
    ("text", "op", "value", "answer"),
    [
        ("12.5", "gt", 12, True),
        ("12.5", "gt", "12", True),
        ("9", "gt", 12, False),
        ("9", "gt", "12", True),
        ("1.60", "eq", Decimal("1.6"), True),
        ("1.60", "eq", "1.6", False),
        ("065", "eq", 65, True),
        ("+2", "eq", 2, True),
        ("-0.50", "lt", 0, True),
        ("12.5", "between", [12, Decimal("12.5")], True),
        ("12.5", "between", ["12", "13"], True),
        ("2", "between", ["12", "13"], False),
        ("2", "between", [1, 13], True),
        ("1.60", "in", ["x", Decimal("1.6")], True),
        ("x", "in", ["x", Decimal("1.6")], True),
        ("1.6", "not_in", [1, "1.60"], True),
        ("12,5", "gt", 0, False),
        ("12,5", "le", 0, False),
        ("12,5", "ne", 0, True),
        ("1e3", "eq", 1000, False),
        ("9 mm", "eq", 9, False),
        (" 9", "eq", 9, False),
        ("9\n", "eq", 9, False),
        (".5", "lt", 1, False),
        ("5.", "gt", 1, False),
        ("\u0669", "eq", 9, False),
        ("1234567890123456789", "gt", 1, False),
        ("", "lt", 1, False),
        ("NaN", "ne", 1, True),
        ("true", "eq", True, False),
        ("1", "in", [True], False),
    ],
)
def test_a_text_is_a_number_beside_a_number_if_it_spells_one(
    text: str, op: str, value: Any, answer: bool
) -> None:
    tree = parse_filter(fact("attributes.size", op, value), namespaces={"product"})
    assert matches(tree, {"product.attributes.size": text}) is answer


def test_trees() -> None:
    yes, no = fact("brand", "eq", "Aurora"), fact("brand", "eq", "Zenith")
    assert says({"all": [yes, {"any": [no, yes]}]})
    assert not says({"all": [yes, no]})
    assert not says({"any": [no, {"not": yes}]})


def test_the_tree_is_plain_data() -> None:
    tree = parse_filter({"all": [fact("price", "gt", "10.00")]}, namespaces={"product"})
    assert tree == AllOf((Compare("product.price", Op.GT, Decimal("10.00")),))
    assert hash(tree) == hash(parse_filter({"all": [fact("price", "gt", 10)]}, namespaces={"product"}))


GOOD = fact("brand", "eq", "Aurora")
NESTED: dict[str, Any] = GOOD
for _ in range(12):
    NESTED = {"not": NESTED}


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        (None, ""),
        ([], ""),
        ({}, ""),
        ({"fact": "product.brand", "op": "eq"}, ""),
        ({**GOOD, "note": 1}, "/note"),
        ({**GOOD, "a/b~": 1}, "/a~1b~0"),
        ({"all": [GOOD], "any": [GOOD]}, "/any"),
        ({"all": []}, "/all"),
        ({"all": GOOD}, "/all"),
        ({"all": [GOOD, fact("brand", "is", "x")]}, "/all/1/op"),
        ({"any": [GOOD, {"not": fact("brand", "eq", 5)}]}, "/any/1/not/value"),
        (fact("brand", "eq", ""), "/value"),
        (fact("brand", "eq", None), "/value"),
        (fact("brand", "in", "Aurora"), "/value"),
        (fact("brand", "in", ["Aurora", 5]), "/value/1"),
        (fact("brand", "contains", 5), "/value"),
        (fact("price", "contains", "5"), "/op"),
        (fact("price", "eq", "dear"), "/value"),
        (fact("price", "eq", "1e5"), "/value"),
        (fact("price", "eq", True), "/value"),
        (fact("price", "gt", 1.5), "/value"),
        (fact("price", "between", [2, 1]), "/value"),
        (fact("price", "between", [2]), "/value"),
        (fact("attributes.index", "gt", True), "/value"),
        (fact("attributes.index", "between", [1, "2"]), "/value"),
        (fact("attributes.index", "eq", Decimal("1E+30")), "/value"),
        (fact("attributes.index", "exists", "yes"), "/value"),
        (fact("colour", "eq", "red"), "/fact"),
        (fact("attributes.", "eq", "red"), "/fact"),
        ({"fact": "store.city", "op": "eq", "value": "Roma"}, "/fact"),
        ({"fact": 5, "op": "eq", "value": "Roma"}, "/fact"),
        ({"fact": "product.brand", "op": ["eq"], "value": "Roma"}, "/op"),
        (NESTED, "/not" * 12),
        ({"all": [*[{"any": [GOOD] * 100}] * 2, GOOD]}, "/all/2"),
    ],
)
def test_what_is_wrong_is_refused_at_its_place(document: object, pointer: str) -> None:
    with pytest.raises(FilterInvalid) as refusal:
        parse_filter(document, namespaces={"product"}, at="/stores")
    assert refusal.value.pointer == f"/stores{pointer}"
    assert refusal.value.code == "filter_invalid"


def test_a_float_is_never_a_fact() -> None:
    tree = parse_filter(fact("attributes.index", "gt", 1), namespaces={"product"})
    with pytest.raises(TypeError):
        matches(tree, {"product.attributes.index": 1.6})


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("product.brand"),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["all", "any", "not", "fact", "op", "value"]), inner)
    ),
)


@given(json_like)
def test_any_document_is_read_or_refused_with_a_pointer(document: object) -> None:
    pointer: str | None = ""
    try:
        matches(parse_filter(document, namespaces={"product"}), FACTS)
    except FilterInvalid as refusal:
        pointer = refusal.pointer
    assert pointer is not None


GROUP = "0000000a-aaaa-4bbb-8ccc-00000000000b"
MEMBER = {"any": [{"not": {"in_group": GROUP}}, GOOD]}


def test_groups_are_named_where_they_are_allowed() -> None:
    tree = parse_filter(MEMBER, namespaces={"store", "product"}, group_subject="store")
    assert groups_in(tree, "/stores") == (GroupUse("store", GROUP, "/stores/any/0/not/in_group"),)
    assert [at for at, _ in leaves(tree)] == ["/any/0/not", "/any/1"]
    assert not matches(tree, {"store.groups": frozenset({GROUP})})
    assert matches(tree, {"store.groups": frozenset()})
    with pytest.raises(FilterInvalid) as refusal:
        parse_filter(MEMBER, namespaces={"store", "product"})
    assert refusal.value.pointer == "/any/0/not/in_group"


@given(mutated(st.fixed_dictionaries({"deep": trees(comparisons(["product", "store"]) | groups(), 6)})))
def test_a_changed_filter_is_read_or_refused_at_a_place_it_has(document: dict[str, Any]) -> None:
    pointer: str | None = ""
    try:
        parse_filter(document["deep"], namespaces={"product", "store"}, group_subject="store")
    except FilterInvalid as refusal:
        pointer = refusal.pointer
    assert f"/deep{pointer}" in {at for at, _, _ in places(document)}
