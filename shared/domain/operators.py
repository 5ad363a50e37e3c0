"""Operators: which there are, what they compare, and what each means between two values.

Only values of one kind compare: numbers numerically, texts by code point and case, booleans only for
equality. Beside a number, a text is the number that it spells.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from operator import contains, ge, gt, le, lt
from typing import cast

from shared.domain.facts import Form, Kind

type Scalar = str | int | Decimal | bool
type Value = Scalar | tuple[Scalar, ...]


NUMBER_IN_TEXT = r"[+-]?[0-9]{1,18}(\.[0-9]{1,12})?"
"""The whole of a text that spells a number, to Python and to PostgreSQL alike."""

_NUMBER_IN_TEXT = re.compile(NUMBER_IN_TEXT)


class Shape(StrEnum):
    """What the value of an operator looks like."""

    ONE = "one"
    MANY = "many"
    RANGE = "range"
    FLAG = "flag"


class Op(StrEnum):
    EQ = "eq"
    NE = "ne"
    LT = "lt"
    LE = "le"
    GT = "gt"
    GE = "ge"
    IN = "in"
    NOT_IN = "not_in"
    BETWEEN = "between"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    EXISTS = "exists"


_ANY_KIND = frozenset(Kind)
_ORDERED = frozenset({Kind.TEXT, Kind.NUMBER})
_TEXTUAL = frozenset({Kind.TEXT})
NUMERIC = frozenset({Kind.NUMBER})
IN_ORDER = (Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN)

OPERATORS: Mapping[Op, tuple[Shape, frozenset[Kind]]] = {
    Op.EQ: (Shape.ONE, _ANY_KIND),
    Op.NE: (Shape.ONE, _ANY_KIND),
    Op.LT: (Shape.ONE, _ORDERED),
    Op.LE: (Shape.ONE, _ORDERED),
    Op.GT: (Shape.ONE, _ORDERED),
    Op.GE: (Shape.ONE, _ORDERED),
    Op.IN: (Shape.MANY, _ANY_KIND),
    Op.NOT_IN: (Shape.MANY, _ANY_KIND),
    Op.BETWEEN: (Shape.RANGE, _ORDERED),
    Op.CONTAINS: (Shape.ONE, _TEXTUAL),
    Op.STARTS_WITH: (Shape.ONE, _TEXTUAL),
    Op.EXISTS: (Shape.FLAG, _ANY_KIND),
}
"""Every operator with the shape of its value and the kinds it compares."""


def form_beside(op: Op, form: Form | None) -> Form | None:
    """Return the form of an operator's value: what a date begins with or contains is no date."""
    return None if form in (Form.DATE, Form.TIME_OF_DAY) and OPERATORS[op][1] == _TEXTUAL else form


def kind_of(value: object) -> Kind | None:
    """Return the kind of a fact or value, None for null; a float is a mistake of the caller."""
    if isinstance(value, str):
        return Kind.TEXT
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int | Decimal):
        return Kind.NUMBER
    if value is None:
        return None
    raise TypeError(f"a fact is a text, a number or a boolean, not {type(value).__name__}")


def compare(op: Op, seen: object, value: Value) -> bool:
    """Say whether the value seen (None when absent) stands in this relation to the value wanted."""
    if isinstance(seen, frozenset):
        each: Iterable[object] = cast("frozenset[str]", seen)
    else:
        each = () if seen is None else (seen,)
    if op is Op.EXISTS:
        return bool(tuple(each)) is value
    if op is Op.NE:
        return not any(_relates(Op.EQ, one, value) for one in each)
    if op is Op.NOT_IN:
        return not any(_relates(Op.IN, one, value) for one in each)
    return any(_relates(op, one, value) for one in each)


def _relates(op: Op, seen: object, value: Value) -> bool:
    if not isinstance(value, tuple):
        taken = _taken_as(kind_of(value), seen)
        return taken is not None and _RELATIONS[op](taken, value)
    if op is Op.IN:
        taken_as = {kind: _taken_as(kind, seen) for kind in Kind}
        return any(taken_as[cast("Kind", kind_of(item))] == item for item in value)
    low, high = value
    return _relates(Op.GE, seen, low) and _relates(Op.LE, seen, high)


def _taken_as(kind: Kind | None, seen: object) -> object:
    """Return the value seen as one of this kind, None where it is none."""
    own = kind_of(seen)
    if own is kind:
        return seen
    if own is Kind.TEXT and kind is Kind.NUMBER and _NUMBER_IN_TEXT.fullmatch(str(seen)):
        return Decimal(str(seen))
    return None


def _starts_with(seen: str, value: str) -> bool:
    return seen.startswith(value)


def _equals(seen: object, value: object) -> bool:
    return seen == value


_RELATIONS: Mapping[Op, Callable[..., bool]] = {
    Op.EQ: _equals,
    Op.LT: lt,
    Op.LE: le,
    Op.GT: gt,
    Op.GE: ge,
    Op.CONTAINS: contains,
    Op.STARTS_WITH: _starts_with,
}
