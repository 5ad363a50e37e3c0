"""Diffs: every difference is told once, at its place, and nothing else."""

from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.diffs import Change, Kind, diff

ADDED, REMOVED, CHANGED = Kind.ADDED, Kind.REMOVED, Kind.CHANGED


@pytest.mark.parametrize(
    ("before", "after", "changes"),
    [
        ({"a": 1}, {"a": Decimal("1.0")}, []),
        ({"a": 1}, {"a": True}, [Change("/a", CHANGED, 1, True)]),
        ({"a": 0}, {"a": False}, [Change("/a", CHANGED, 0, False)]),
        ({"a": None}, {}, [Change("/a", REMOVED, None, None)]),
        ({}, {"a/b~c": 1}, [Change("/a~1b~0c", ADDED, None, 1)]),
        ({"b": {"c": "x"}}, {"b": {"c": "y"}}, [Change("/b/c", CHANGED, "x", "y")]),
        ({"a": {}}, {"a": []}, [Change("/a", CHANGED, {}, [])]),
        ({"a": "xy"}, {"a": ["x", "y"]}, [Change("/a", CHANGED, "xy", ["x", "y"])]),
        ([1, 2, 3], [1, 3], [Change("/1", REMOVED, 2, None)]),
        ([1, 3], [1, 2, 3], [Change("/1", ADDED, None, 2)]),
        ([1], [1, 1], [Change("/1", ADDED, None, 1)]),
        ([1, 1, 1], [1], [Change("/1", REMOVED, 1, None), Change("/2", REMOVED, 1, None)]),
        ([{"a": 1}, 5], [{"a": 2}, 5], [Change("/0/a", CHANGED, 1, 2)]),
        ([1, 2], [3, 2, 5], [Change("/0", CHANGED, 1, 3), Change("/2", ADDED, None, 5)]),
    ],
)  # fmt: skip
def test_what_is_otherwise_is_told_at_its_place(before: Any, after: Any, changes: list[Change]) -> None:
    assert list(diff(before, after)) == changes


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "b/c", "~"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("ab/~"), inner, max_size=3),
    max_leaves=12,
)


@given(DOCUMENTS, DOCUMENTS)
def test_the_changes_make_one_of_the_other(before: Any, after: Any) -> None:
    assert canonical(applied(before, diff(before, after))) == canonical(after)


@given(DOCUMENTS)
def test_a_document_differs_in_nothing_from_itself(document: Any) -> None:
    assert diff(document, deepcopy(document)) == ()


def canonical(document: Any) -> str:
    return repr(document) if not isinstance(document, dict | list) else repr(sorted_deep(document))


def sorted_deep(document: Any) -> Any:
    if isinstance(document, dict):
        return [(key, sorted_deep(document[key])) for key in sorted(document)]
    return [sorted_deep(item) for item in document] if isinstance(document, list) else document


def applied(document: Any, changes: tuple[Change, ...]) -> Any:
    """The document after the changes: values first, then removals from behind, then additions."""
    document = deepcopy(document)
    steps = [
        *(each for each in changes if each.kind is CHANGED),
        *(each for each in reversed(changes) if each.kind is REMOVED),
        *(each for each in changes if each.kind is ADDED),
    ]
    for step in steps:
        if not step.pointer:
            return step.after
        *path, last = [part.replace("~1", "/").replace("~0", "~") for part in step.pointer.split("/")[1:]]
        parent = document
        for part in path:
            parent = parent[int(part)] if isinstance(parent, list) else parent[part]
        key = int(last) if isinstance(parent, list) else last
        if step.kind is REMOVED:
            del parent[key]
        elif step.kind is ADDED and isinstance(parent, list):
            parent.insert(key, step.after)
        else:
            parent[key] = step.after
    return document
