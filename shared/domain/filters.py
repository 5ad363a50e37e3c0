"""Filter expressions: the one predicate language of product groups, store groups and conditions.

    {"all": [filter, …]}   {"any": [filter, …]}   {"not": filter}
    {"fact": "product.brand", "op": "eq", "value": "Aurora"}
    {"in_group": "d0f1c2b4-8b1e-4f0a-9d55-0c6a7e2b1f35"}

Facts are a flat mapping from the full name (`product.attributes.coating`) to a text, a whole number, a
`Decimal`, a boolean or None. The logic has two values, so that SQL can say the same with `coalesce(…,
false)`:

- A fact that is absent or null satisfies no comparison; `ne` and `not_in` are exactly `not eq` and `not
  in`, so they hold for it. `exists` asks for presence, `{"op": "exists", "value": false}` for absence.
- Only values of one kind compare: numbers numerically, texts by code point and case, booleans only for
  equality. The value of a number fact may be written as a decimal string.
- The attributes of products and stores come from files, as texts. Beside a text value such a fact is a
  text: "9" is above "12.5". Beside a number it is the number that its whole text spells, digits with a sign
  or a decimal point if need be (`065`, `-0.50`, `+2`): 12.5 is above 9. A text that spells none ("12,5",
  "1e3", "9 mm") is above, below and equal to no number, so `ne` holds. No text is taken for a boolean.
- `between` includes both ends.
- `code` is the set of the codes presented: a comparison holds when it holds for one of them, `ne` and
  `not_in` when `eq` and `in` hold for none. Codes are in upper case, without spaces around them.
- `in_group` asks for membership in a group as it was pinned, of which the fact `product.groups` or
  `store.groups` tells. The filter of a group itself has none.
"""

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import count
from operator import le
from typing import cast

from shared.domain import documents
from shared.domain.documents import DocumentInvalid, at_key
from shared.domain.errors import Refused
from shared.domain.facts import FACTS, FORMS, WITH_ATTRIBUTES, Form, Kind, as_code
from shared.domain.operators import (
    IN_ORDER,
    NUMERIC,
    OPERATORS,
    Op,
    Scalar,
    Shape,
    Value,
    compare,
    form_beside,
    kind_of,
)

DEEPEST = 12
MOST_ITEMS = 100
MOST_VALUES = 10_000
MOST_COMPARISONS = 200

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME_OF_DAY = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class FilterInvalid(Refused):
    """The filter is not valid: {detail}."""

    code = "filter_invalid"


@dataclass(frozen=True, slots=True)
class AllOf[T]:
    items: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class AnyOf[T]:
    items: tuple[T, ...]


@dataclass(frozen=True, slots=True)
class NotOf[T]:
    item: T


@dataclass(frozen=True, slots=True)
class Compare:
    fact: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class InGroup:
    """Membership in a group as it was pinned, told by the fact `product.groups` or `store.groups`."""

    subject: str
    group_id: str


type Tree[L] = AllOf[Tree[L]] | AnyOf[Tree[L]] | NotOf[Tree[L]] | L
type Filter = Tree[Compare | InGroup]
"""A filter of a promotion; one of a group itself has no InGroup."""


def parse_filter(
    document: object, *, namespaces: Iterable[str], at: str = "", group_subject: str | None = None
) -> Filter:
    """Return the filter of a document on facts of these namespaces, or raise FilterInvalid with a pointer.

    `in_group` is allowed when `group_subject` says what the groups are of: product or store.
    """
    try:
        return parse_predicate(document, at, frozenset(namespaces), group_subject)
    except DocumentInvalid as invalid:
        raise FilterInvalid(pointer=invalid.pointer, detail=invalid.detail) from invalid


def parse_predicate(
    document: object, at: str, namespaces: frozenset[str], group_subject: str | None
) -> Filter:
    """Return the filter of a part of a document; raises DocumentInvalid."""

    def leaf(found: Mapping[str, object], where: str) -> Compare | InGroup:
        if group_subject is not None and "in_group" in found:
            return parse_in_group(found, where, group_subject)
        return parse_compare(found, where, namespaces)

    return parse_tree(document, at, leaf)


def parse_tree[L](document: object, at: str, leaf: Callable[[Mapping[str, object], str], L]) -> Tree[L]:
    """Return the boolean tree of a document whose leaves `leaf` reads; raises DocumentInvalid."""
    places = count(1)

    def counted(found: Mapping[str, object], where: str) -> L:
        if next(places) > MOST_COMPARISONS:
            raise DocumentInvalid(pointer=where, detail=f"more than {MOST_COMPARISONS} comparisons")
        return leaf(found, where)

    return _parse_node(document, at, counted, 1)


def _parse_node[L](
    document: object, at: str, leaf: Callable[[Mapping[str, object], str], L], depth: int
) -> Tree[L]:
    if depth > DEEPEST:
        raise DocumentInvalid(pointer=at, detail=f"nested deeper than {DEEPEST}")
    found = documents.an_object(document, at)
    if "all" in found:
        return AllOf(_parse_items(found, "all", at, leaf, depth))
    if "any" in found:
        return AnyOf(_parse_items(found, "any", at, leaf, depth))
    if "not" in found:
        documents.keys(found, at, required=("not",))
        return NotOf(_parse_node(found["not"], at_key(at, "not"), leaf, depth + 1))
    return leaf(found, at)


def _parse_items[L](
    found: Mapping[str, object],
    key: str,
    at: str,
    leaf: Callable[[Mapping[str, object], str], L],
    depth: int,
) -> tuple[Tree[L], ...]:
    documents.keys(found, at, required=(key,))
    at = at_key(at, key)
    items = documents.an_array(found[key], at, most=MOST_ITEMS)
    return tuple(_parse_node(item, at_key(at, place), leaf, depth + 1) for place, item in enumerate(items))


def parse_in_group(document: object, at: str, subject: str) -> InGroup:
    found = documents.keys(document, at, required=("in_group",))
    at = at_key(at, "in_group")
    group_id = documents.a_text(found["in_group"], at)
    if not _UUID.fullmatch(group_id):
        raise DocumentInvalid(pointer=at, detail="the id of a group, a UUID, is expected")
    return InGroup(subject, group_id.lower())


def parse_compare(document: object, at: str, namespaces: frozenset[str]) -> Compare:
    found = documents.keys(document, at, required=("fact", "op", "value"))
    fact, kind = parse_fact(found["fact"], at_key(at, "fact"), namespaces)
    op = documents.one_of(found["op"], at_key(at, "op"), Op)
    form = FORMS.get(fact)
    shape, kinds = OPERATORS[op]
    if (kind is not None and kind not in kinds) or (form is Form.CODE and op in IN_ORDER):
        raise DocumentInvalid(pointer=at_key(at, "op"), detail=f"{op} does not compare a {form or kind}")
    kinds = kinds & {kind} if kind else kinds
    read = partial(_parse_scalar, kinds=kinds, form=form_beside(op, form))
    return Compare(fact, op, parse_value(found["value"], at_key(at, "value"), shape, read))


def parse_fact(document: object, at: str, namespaces: frozenset[str]) -> tuple[str, Kind | None]:
    """Return the fact's name and its kind, where that is fixed."""
    name = documents.a_text(document, at, most=200)
    namespace, _, rest = name.partition(".")
    if namespace not in namespaces:
        raise DocumentInvalid(pointer=at, detail=f"facts of {', '.join(sorted(namespaces))} are expected")
    if name in FACTS:
        return name, FACTS[name]
    if namespace in WITH_ATTRIBUTES and rest.startswith("attributes.") and rest != "attributes.":
        return name, None
    raise DocumentInvalid(pointer=at, detail=f"there is no fact {name}")


def parse_value(document: object, at: str, shape: Shape, read: Callable[[object, str], Scalar]) -> Value:
    """Return the value of an operator, of which `read` reads one."""
    if shape is Shape.FLAG:
        return _parse_scalar(document, at, frozenset({Kind.BOOLEAN}), None)
    if shape is Shape.ONE:
        return read(document, at)
    items = documents.an_array(document, at, most=MOST_VALUES)
    values = tuple(read(item, at_key(at, place)) for place, item in enumerate(items))
    if shape is Shape.RANGE:
        if len(values) != 2 or kind_of(values[0]) is not kind_of(values[1]):
            raise DocumentInvalid(pointer=at, detail="a lower and an upper end of one kind are expected")
        if not le(*cast("tuple[Decimal, Decimal]", values)):
            raise DocumentInvalid(pointer=at, detail="the lower end is above the upper end")
    return values


def _parse_scalar(document: object, at: str, kinds: frozenset[Kind], form: Form | None) -> Scalar:
    """Return a value of an allowed kind; where only a number can stand, a decimal string is one."""
    if kinds == NUMERIC or (isinstance(document, int | float | Decimal) and not isinstance(document, bool)):
        value: Scalar = documents.a_decimal(document, at)
    elif isinstance(document, str):
        value = documents.a_text(document, at)
    elif isinstance(document, bool):
        value = document
    else:
        raise DocumentInvalid(pointer=at, detail="a text, a number or a boolean is expected")
    if kind_of(value) not in kinds:
        raise DocumentInvalid(pointer=at, detail=f"a {' or a '.join(sorted(kinds))} is expected")
    return value if form is None else _in_form(value, at, form)


def _in_form(value: Scalar, at: str, form: Form) -> Scalar:
    if form is Form.CODE:
        return documents.a_text(as_code(str(value)), at)
    if form is Form.DATE and not _is_date(str(value)):
        raise DocumentInvalid(pointer=at, detail="a day of the calendar, such as 2026-12-24, is expected")
    if form is Form.TIME_OF_DAY and not _TIME_OF_DAY.fullmatch(str(value)):
        raise DocumentInvalid(pointer=at, detail="a time of day from 00:00 to 23:59 is expected")
    if form is Form.WEEKDAY and value not in range(1, 8):
        raise DocumentInvalid(pointer=at, detail="a weekday from 1 (Monday) to 7 (Sunday) is expected")
    return value


def _is_date(text: str) -> bool:
    try:
        return _DATE.fullmatch(text) is not None and bool(date.fromisoformat(text))
    except ValueError:
        return False


def leaves[L](tree: Tree[L], at: str = "") -> Iterator[tuple[str, L]]:
    """Yield the leaves of a tree, each with its pointer."""
    if isinstance(tree, AllOf | AnyOf):
        key = "all" if isinstance(tree, AllOf) else "any"
        for place, item in enumerate(cast("tuple[Tree[L], ...]", tree.items)):
            yield from leaves(item, f"{at}/{key}/{place}")
    elif isinstance(tree, NotOf):
        yield from leaves(cast("Tree[L]", tree.item), f"{at}/not")
    else:
        yield at, tree


@dataclass(frozen=True, slots=True)
class GroupUse:
    """A group that a document names, and where: what must exist for the document to be saved."""

    subject: str
    group_id: str
    pointer: str


def groups_in(tree: Filter, at: str = "") -> tuple[GroupUse, ...]:
    """Return the groups that a filter names."""
    return tuple(
        GroupUse(leaf.subject, leaf.group_id, at_key(where, "in_group"))
        for where, leaf in leaves(tree, at)
        if isinstance(leaf, InGroup)
    )


def matches(tree: Filter, facts: Mapping[str, object]) -> bool:
    """Say whether the facts satisfy the filter."""
    match tree:
        case AllOf(items):
            return all(matches(item, facts) for item in items)
        case AnyOf(items):
            return any(matches(item, facts) for item in items)
        case NotOf(item):
            return not matches(item, facts)
        case InGroup(subject, group_id):
            return group_id in cast("Container[str]", facts.get(f"{subject}.groups", ()))
        case Compare():
            return compare(tree.op, facts.get(tree.fact), tree.value)
