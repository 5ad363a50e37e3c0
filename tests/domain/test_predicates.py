"""Compiled filters say what `matches` says, whatever the filter and whatever the facts."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.domain.facts import Kind
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf, matches
from shared.domain.operators import OPERATORS, Op, Shape
from shared.domain.predicates import compile_filter

# What a filter looks for is also what is seen, so that most filters tell facts apart.
TEXTS = ["", "A", "a", "ab", "Ab", "9", "09", "9.0", "+9", "-9", "12,5", "1e3", "\u0669", "9\n"]
NUMBERS = [0, 1, 9, Decimal(9), Decimal("12.5"), -9, Decimal("9.00")]
FACTS = ["product.sku", "product.attributes.x", "product.price"]
CODES = ["A", "AB", "9"]

scalars = st.sampled_from([*TEXTS, *NUMBERS, True, False])
values_of = {
    Kind.TEXT: st.sampled_from(TEXTS),
    Kind.NUMBER: st.sampled_from(NUMBERS),
    Kind.BOOLEAN: st.booleans(),
}
facts = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.none() | scalars for name in FACTS},
        "code": st.frozensets(st.sampled_from(CODES)),
        "product.groups": st.frozensets(st.sampled_from("gh")),
    },
)


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    op = draw(st.sampled_from(Op))
    shape, kinds = OPERATORS[op]
    one = values_of[draw(st.sampled_from(sorted(kinds)))]
    match shape:
        case Shape.FLAG:
            value: Any = draw(st.booleans())
        case Shape.MANY:
            value = tuple(draw(st.lists(scalars, min_size=1, max_size=3)))
        case Shape.RANGE:
            value = tuple(sorted([draw(one), draw(one)]))
        case Shape.ONE:
            value = draw(one)
    return Compare(draw(st.sampled_from([*FACTS, "code"])), op, value)


filters: st.SearchStrategy[Filter] = st.recursive(
    comparisons() | st.builds(InGroup, st.just("product"), st.sampled_from("gh")),
    lambda inner: (
        st.builds(AllOf, st.lists(inner, min_size=1, max_size=4).map(tuple))
        | st.builds(AnyOf, st.lists(inner, min_size=1, max_size=4).map(tuple))
        | st.builds(NotOf, inner)
    ),
    max_leaves=8,
)


@given(comparisons(), facts)
@example(Compare("product.sku", Op.EQ, True), {"product.sku": 1})
@example(Compare("product.sku", Op.EQ, 1), {"product.sku": True})
@example(Compare("product.sku", Op.IN, (1, "x")), {"product.sku": True})
@example(Compare("product.sku", Op.IN, (True,)), {"product.sku": 1})
@example(Compare("product.sku", Op.IN, ("x", True)), {"product.sku": True})
@example(Compare("code", Op.NE, "A"), {"code": frozenset("AB")})
@example(Compare("code", Op.NOT_IN, ("A", "B")), {"code": frozenset()})
@example(Compare("code", Op.EXISTS, False), {})
def test_a_compiled_comparison_says_what_matches_says(tree: Compare, seen: Mapping[str, object]) -> None:
    assert compile_filter(tree)(seen) is matches(tree, seen)


@given(filters, facts)
def test_a_compiled_filter_says_what_matches_says(tree: Filter, seen: Mapping[str, object]) -> None:
    assert compile_filter(tree)(seen) is matches(tree, seen)


@pytest.mark.soak
@settings(max_examples=4000, deadline=None)
@given(filters, facts)
def test_many_compiled_filters_say_what_matches_says(tree: Filter, seen: Mapping[str, object]) -> None:
    assert compile_filter(tree)(seen) is matches(tree, seen)


@pytest.mark.parametrize(
    ("op", "value", "codes", "answer"),
    [
        ("eq", "A", {"A", "B"}, True),
        ("eq", "C", {"A", "B"}, False),
        ("ne", "A", {"A", "B"}, False),
        ("ne", "C", {"A", "B"}, True),
        ("ne", "C", set(), True),
        ("in", ("B", "C"), {"A", "B"}, True),
        ("not_in", ("B", "C"), {"A", "B"}, False),
        ("not_in", ("C", "D"), {"A", "B"}, True),
        ("starts_with", "SUM", {"X", "SUMMER"}, True),
        ("contains", "MM", {"X", "SUMMER"}, True),
        ("contains", "MM", {"X"}, False),
        ("exists", True, {"X"}, True),
        ("exists", True, set(), False),
        ("exists", False, set(), True),
    ],
)
def test_of_a_set_one_member_is_enough(op: str, value: Any, codes: set[str], answer: bool) -> None:
    tree = Compare("code", Op(op), value)
    assert matches(tree, {"code": frozenset(codes)}) is answer
    assert compile_filter(tree)({"code": frozenset(codes)}) is answer


def test_groups_are_asked_by_subject() -> None:
    told = {"product.groups": frozenset({"g"}), "store.groups": frozenset({"h"})}
    asked = [("product", "g"), ("product", "h"), ("store", "g"), ("store", "h")]
    assert [compile_filter(InGroup(*each))(told) for each in asked] == [True, False, False, True]
    assert not compile_filter(InGroup("store", "h"))({})
