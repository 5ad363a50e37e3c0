"""Filters as functions of facts, made once and asked often, with the meaning of `filters.matches`."""

from collections.abc import Callable, Container, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache, partial
from operator import eq, ge, gt, le, lt
from re import compile as pattern
from typing import Any, cast

from shared.domain.facts import SETS, Kind
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf
from shared.domain.operators import NUMBER_IN_TEXT, Op, Scalar, Value, kind_of

type Facts = Mapping[str, object]
type Predicate = Callable[[Facts], bool]
type Test = Callable[[Any], bool]
"""A question to what is seen of one fact; None is an absent fact."""

_spells_number = pattern(NUMBER_IN_TEXT).fullmatch


def compile_filter(tree: Filter) -> Predicate:
    match tree:
        case AllOf(items):
            return every([compile_filter(item) for item in items])
        case AnyOf(items):
            return some([compile_filter(item) for item in items])
        case NotOf(item):
            return negated(compile_filter(item))
        case InGroup():
            return compile_in_group(tree)
        case Compare():
            return compile_compare(tree)


def every[S](parts: list[Callable[[S], bool]]) -> Callable[[S], bool]:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda seen: first(seen) and second(seen)

    def check(seen: S) -> bool:
        for part in parts:  # noqa: SIM110 - all() over a generator takes twice as long
            if not part(seen):
                return False
        return True

    return check


def some[S](parts: list[Callable[[S], bool]]) -> Callable[[S], bool]:
    if len(parts) == 1:
        return parts[0]
    if len(parts) == 2:
        first, second = parts
        return lambda seen: first(seen) or second(seen)

    def check(seen: S) -> bool:
        for part in parts:  # noqa: SIM110 - any() over a generator takes twice as long
            if part(seen):
                return True
        return False

    return check


def negated[S](part: Callable[[S], bool]) -> Callable[[S], bool]:
    return lambda seen: not part(seen)


def compile_compare(leaf: Compare, name: str | None = None) -> Predicate:
    """Return a comparison as a function of facts, among which the fact has this name."""
    name = name or leaf.fact
    test = _test(leaf.op, leaf.value)
    if leaf.fact not in SETS:
        return lambda facts: test(facts.get(name))
    if leaf.op in (Op.NE, Op.NOT_IN) or (leaf.op is Op.EXISTS and not leaf.value):
        return lambda facts: all(map(test, _members(facts, name)))
    return lambda facts: any(map(test, _members(facts, name)))


def compile_in_group(leaf: InGroup) -> Predicate:
    name, group_id = f"{leaf.subject}.groups", leaf.group_id
    return lambda facts: group_id in cast("Container[str]", facts.get(name, ()))


def _members(facts: Facts, name: str) -> Iterable[str]:
    return cast("Iterable[str]", facts.get(name, ()))


def _test(op: Op, value: Value) -> Test:
    if op is Op.NE:
        return negated(_test(Op.EQ, value))
    if op is Op.NOT_IN:
        return negated(_test(Op.IN, value))
    return _MAKERS[op](value)


def _exists(value: Value) -> Test:
    return (lambda seen: seen is not None) if value else (lambda seen: seen is None)


def _contains(value: Value) -> Test:
    text = str(value)
    return lambda seen: isinstance(seen, str) and text in seen


def _starts_with(value: Value) -> Test:
    text = str(value)
    return lambda seen: isinstance(seen, str) and seen.startswith(text)


def _equals(value: Value) -> Test:
    if isinstance(value, str):
        return lambda seen: seen == value
    if isinstance(value, bool):
        return lambda seen: seen is value
    return _ordered(eq, value)


def _ordered(relates: Callable[[Any, Any], bool], value: Value) -> Test:
    if isinstance(value, str):
        return lambda seen: isinstance(seen, str) and relates(seen, value)

    def check(seen: object) -> bool:
        number = _number(seen)
        return number is not None and relates(number, value)

    return check


def _between(value: Value) -> Test:
    low, high = cast("tuple[Scalar, Scalar]", value)
    if isinstance(low, str):
        return lambda seen: isinstance(seen, str) and low <= seen <= cast("str", high)

    def check(seen: object) -> bool:
        number = _number(seen)
        return number is not None and cast("int", low) <= number <= cast("int", high)

    return check


def _one_of(value: Value) -> Test:
    values = cast("tuple[Scalar, ...]", value)
    by_kind = {kind: frozenset(value for value in values if kind_of(value) is kind) for kind in Kind}
    texts, numbers, flags = (by_kind[kind] for kind in (Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN))
    if not numbers and not flags:
        return lambda seen: seen in texts

    def check(seen: object) -> bool:
        if isinstance(seen, bool):
            return seen in flags
        return (isinstance(seen, str) and seen in texts) or (bool(numbers) and _number(seen) in numbers)

    return check


def _number(seen: object) -> int | Decimal | None:
    """Return what is seen as a number, None where it is none."""
    if isinstance(seen, str):
        return _spelled(seen)
    return seen if isinstance(seen, int | Decimal) and not isinstance(seen, bool) else None


@lru_cache(maxsize=4096)
def _spelled(text: str) -> Decimal | None:
    """Return the number that a text spells; the attributes of a catalogue repeat the same few."""
    return Decimal(text) if _spells_number(text) else None


_MAKERS: Mapping[Op, Callable[[Value], Test]] = {
    Op.EQ: _equals,
    Op.LT: partial(_ordered, lt),
    Op.LE: partial(_ordered, le),
    Op.GT: partial(_ordered, gt),
    Op.GE: partial(_ordered, ge),
    Op.IN: _one_of,
    Op.BETWEEN: _between,
    Op.CONTAINS: _contains,
    Op.STARTS_WITH: _starts_with,
    Op.EXISTS: _exists,
}
