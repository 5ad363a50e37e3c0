"""Witnesses: facts that satisfy a filter, made of its own constants; or the proof that there are none."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice, pairwise
from typing import cast

from shared.domain.facts import FACTS, SETS, Kind
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, InGroup, NotOf
from shared.domain.operators import Op, Scalar, compare, kind_of

type Facts = dict[str, object]
type Atom = tuple[Compare | InGroup, bool]
"""A comparison, and whether it holds."""

# Ways to satisfy a filter that are looked at; a filter with more is not proved to have none.
_MOST_WAYS = 200
_STEPS = (Decimal(1), Decimal("0.01"))
_IN_ORDER = frozenset({Op.EQ, Op.NE, Op.LT, Op.LE, Op.GT, Op.GE, Op.BETWEEN, Op.IN, Op.NOT_IN, Op.EXISTS})


@dataclass(frozen=True, slots=True)
class Witnesses:
    """Some facts that satisfy a filter; `impossible` says that it is proved that there are none."""

    found: tuple[Facts, ...]
    impossible: bool


def witnesses(tree: Filter, most: int = 3) -> Witnesses:
    """Return facts for up to so many ways to satisfy the filter. What it does not ask about is absent."""
    ways = list(islice(_ways(tree, holds=True), _MOST_WAYS + 1))
    found: list[Facts] = []
    impossible = len(ways) <= _MOST_WAYS
    for way in ways:
        facts, proved = _solved(way)
        impossible = impossible and proved
        if facts is not None and facts not in found:
            found.append(facts)
        if len(found) == most:
            break
    return Witnesses(tuple(found), impossible and not found)


def _ways(tree: Filter, *, holds: bool) -> Iterator[tuple[Atom, ...]]:
    """Yield the conjunctions of which one must hold for the tree to hold, or not to."""
    match tree:
        case NotOf(item):
            yield from _ways(item, holds=not holds)
        case AllOf(items):
            yield from _all_of(items, holds=True) if holds else _any_of(items, holds=False)
        case AnyOf(items):
            yield from _any_of(items, holds=True) if holds else _all_of(items, holds=False)
        case _:
            yield ((tree, holds),)


def _any_of(items: Iterable[Filter], *, holds: bool) -> Iterator[tuple[Atom, ...]]:
    for item in items:
        yield from _ways(item, holds=holds)


def _all_of(items: tuple[Filter, ...], *, holds: bool) -> Iterator[tuple[Atom, ...]]:
    if not items:
        yield ()
        return
    for first in _ways(items[0], holds=holds):
        for rest in _all_of(items[1:], holds=holds):
            yield first + rest


def _solved(atoms: tuple[Atom, ...]) -> tuple[Facts | None, bool]:
    """Return facts that satisfy all atoms, or None and whether that is proved to be impossible."""
    asked: dict[str, list[tuple[Compare, bool]]] = {}
    for atom, holds in atoms:
        if isinstance(atom, InGroup):
            return None, False
        asked.setdefault(atom.fact, []).append((atom, holds))
    facts: Facts = {}
    unknown = False
    for fact, about in asked.items():
        value = next((one for one in _candidates(fact, about) if _satisfies(one, about)), _NONE)
        if value is not _NONE:
            facts[fact] = value
        elif _is_impossible(fact, about):
            return None, True
        else:
            unknown = True
    return (None, False) if unknown else ({k: v for k, v in facts.items() if v is not None}, False)


_NONE = object()


def _satisfies(value: object, about: Iterable[tuple[Compare, bool]]) -> bool:
    return all(compare(atom.op, value, atom.value) is holds for atom, holds in about)


def _candidates(fact: str, about: list[tuple[Compare, bool]]) -> Iterator[object]:
    """Yield values that may satisfy the comparisons: their constants, and what lies between and beyond."""
    constants = [constant for atom, _ in about for constant in _constants(atom)]
    if fact in SETS:
        yield from _sets(about, constants)
        return
    texts = [each for each in constants if isinstance(each, str)]
    numbers = sorted({each for each in constants if kind_of(each) is Kind.NUMBER}, key=Decimal)
    kind = _kind(fact)
    if kind is not Kind.NUMBER:
        yield from texts
        yield from _texts(about)
    for number in (_exact(each) for each in _numbers([Decimal(cast("Decimal", each)) for each in numbers])):
        # An attribute is a text, which spells its number.
        yield number if kind is Kind.NUMBER else f"{number:f}" if isinstance(number, Decimal) else str(number)
    yield from (each for each in constants if isinstance(each, bool))
    yield None
    for text in texts:
        yield from (f"{text} ", text[:-1], f"not {text}")
    if kind is not Kind.NUMBER:
        yield "any"


def _texts(about: list[tuple[Compare, bool]]) -> Iterator[str]:
    """Yield a text that begins and contains as asked."""
    wanted = [(atom.op, atom.value) for atom, holds in about if holds and isinstance(atom.value, str)]
    begins = max((value for op, value in wanted if op is Op.STARTS_WITH), key=len, default="")
    within = [value for op, value in wanted if op is Op.CONTAINS and value not in begins]
    if begins or within:
        yield begins + " ".join(within)


def _numbers(constants: list[Decimal]) -> Iterator[Decimal]:
    yield from constants
    for low, high in pairwise(constants):
        yield (low + high) / 2
    for constant in constants:
        for step in _STEPS:
            yield from (constant + step, constant - step)
    yield Decimal(1)


def _sets(about: list[tuple[Compare, bool]], constants: list[Scalar]) -> Iterator[frozenset[str]]:
    texts = [*map(str, (each for each in constants if isinstance(each, str))), *_texts(about)]
    yield from (frozenset({text}) for text in texts)
    yield frozenset(texts)
    yield frozenset()
    yield frozenset({"ANY"})


def _is_impossible(fact: str, about: list[tuple[Compare, bool]]) -> bool:
    """Say whether no value at all satisfies the comparisons, given that no candidate does."""
    if fact in SETS:
        return False
    wanted = [(atom.op, atom.value) for atom, holds in about if holds]
    # One of these constants it must be, and each was tried; but texts can spell one number in many ways.
    numeric_fact = _kind(fact) is Kind.NUMBER
    for atom, holds in about:
        if holds and atom.op in {Op.EQ, Op.IN}:
            texts = all(kind_of(each) is not Kind.NUMBER for each in _constants(atom))
            if texts or numeric_fact:
                return True
    begins = [value for op, value in wanted if op is Op.STARTS_WITH and isinstance(value, str)]
    if any(not one.startswith(other) and not other.startswith(one) for one in begins for other in begins):
        return True
    in_order = all(atom.op in _IN_ORDER for atom, _ in about)
    numeric = all(kind_of(each) is Kind.NUMBER for atom, _ in about for each in _constants(atom))
    return in_order and numeric and numeric_fact


def _kind(fact: str) -> Kind | None:
    """Return the kind of a fact, which may be one of a promotion of its own."""
    return FACTS.get(fact.partition(":")[0])


def _constants(atom: Compare) -> tuple[Scalar, ...]:
    if atom.op is Op.EXISTS:
        return ()
    return atom.value if isinstance(atom.value, tuple) else (atom.value,)


def _exact(number: Decimal) -> int | Decimal:
    return int(number) if number == number.to_integral_value() else number.normalize()


def of_namespace(facts: Mapping[str, object], namespace: str) -> Facts:
    return {name: value for name, value in facts.items() if name.partition(".")[0] == namespace}
