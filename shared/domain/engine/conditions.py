"""Conditions: whether they hold, which part does not, and what would make it hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import eq, ge, gt, le, lt, ne
from typing import Any, NamedTuple, cast

from shared.domain.engine.aggregates import Figure, compile_aggregate
from shared.domain.engine.rule import Aggregate, Condition, Measure
from shared.domain.engine.scene import Scene
from shared.domain.facts import name_for
from shared.domain.filters import AllOf, AnyOf, Compare, InGroup, NotOf
from shared.domain.operators import Op, Value
from shared.domain.predicates import compile_compare, compile_in_group, every, negated, some


class Missing(NamedTuple):
    """How much more an aggregate needs: lines, units, different values, or money in minor units."""

    measure: Measure
    amount: int


class Unmet(NamedTuple):
    """A part of a condition that does not hold. `subject` is the fact or the measure of an aggregate.

    `seen` is None for an absent fact and for membership in a group, whose id is `wanted`. A `not` is told as
    a whole: what it forbids holds. Sums over the goods are in minor units.
    """

    pointer: str
    subject: str
    op: str
    seen: str | int | Decimal | bool | None
    wanted: Value | None
    missing: Missing | None


type Reasons = tuple[tuple[Unmet, ...], Missing | None]
"""Why a condition fails, and what would be enough to make it hold, where known."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A condition as functions of a scene; `unmet` is asked only when it does not hold.

    Of an `all` every failing part is told, and something is enough only when one part fails; of an `any`
    every part is told, and the first that can be completed is enough.
    """

    holds: Callable[[Scene], bool]
    unmet: Callable[[Scene], Reasons]
    figure: Figure | None = None
    """Of a single aggregate: what alone tells whether it holds."""


_RELATIONS: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQ: eq,
    Op.NE: ne,
    Op.LT: lt,
    Op.LE: le,
    Op.GT: gt,
    Op.GE: ge,
}


def compile_condition(
    condition: Condition,
    promotion_id: str,
    at: str = "/if",
    figure_of: Callable[[Aggregate], Figure] = compile_aggregate,
) -> Compiled:
    """Return the condition of a promotion, whose pointers begin with `at`, as functions.

    `figure_of` makes a function of an aggregate.
    """
    match condition:
        case AllOf(items):
            return _all(
                [
                    compile_condition(item, promotion_id, f"{at}/all/{n}", figure_of)
                    for n, item in enumerate(items)
                ]
            )
        case AnyOf(items):
            return _any(
                [
                    compile_condition(item, promotion_id, f"{at}/any/{n}", figure_of)
                    for n, item in enumerate(items)
                ]
            )
        case NotOf(item):
            reasons = (Unmet(f"{at}/not", "not", "not", None, None, None),)
            inner = compile_condition(item, promotion_id, f"{at}/not", figure_of)
            return Compiled(negated(inner.holds), lambda _: (reasons, None))
        case InGroup():
            return _in_group(condition, at)
        case Compare():
            return _compare(condition, promotion_id, at)
        case Aggregate():
            return _aggregate(condition, at, figure_of(condition))


def _all(parts: Sequence[Compiled]) -> Compiled:
    def unmet(scene: Scene) -> Reasons:
        failing = [part.unmet(scene) for part in parts if not part.holds(scene)]
        enough = failing[0][1] if len(failing) == 1 else None
        return tuple(reason for reasons, _ in failing for reason in reasons), enough

    return Compiled(every([part.holds for part in parts]), unmet)


def _any(parts: Sequence[Compiled]) -> Compiled:
    def unmet(scene: Scene) -> Reasons:
        failing = [part.unmet(scene) for part in parts]
        enough = next((missing for _, missing in failing if missing), None)
        return tuple(reason for reasons, _ in failing for reason in reasons), enough

    return Compiled(some([part.holds for part in parts]), unmet)


def _in_group(leaf: InGroup, at: str) -> Compiled:
    member = compile_in_group(leaf)
    reasons = (Unmet(at, f"{leaf.subject}.groups", "in_group", None, leaf.group_id, None),)
    return Compiled(lambda scene: member(scene.facts), lambda _: (reasons, None))


def _compare(leaf: Compare, promotion_id: str, at: str) -> Compiled:
    name = name_for(leaf.fact, promotion_id)
    holds = compile_compare(leaf, name)

    def unmet(scene: Scene) -> Reasons:
        seen = _told(scene.facts.get(name))
        return (Unmet(at, leaf.fact, leaf.op, seen, leaf.value, None),), None

    return Compiled(lambda scene: holds(scene.facts), unmet)


def _told(seen: object) -> str | int | Decimal | bool | None:
    if isinstance(seen, frozenset):
        return ", ".join(sorted(cast("frozenset[str]", seen))) or None
    return seen if isinstance(seen, str | int | Decimal) else None


def _aggregate(leaf: Aggregate, at: str, figure: Figure) -> Compiled:
    def unmet(scene: Scene) -> Reasons:
        seen = figure(scene)
        missing = _missing(leaf, seen)
        return (Unmet(at, leaf.measure, leaf.op, seen, leaf.value, missing),), missing

    if isinstance(leaf.value, tuple):
        low, high = cast("tuple[int, int]", leaf.value)
        return Compiled(lambda scene: low <= figure(scene) <= high, unmet, figure)
    relates, value = _RELATIONS[leaf.op], leaf.value
    return Compiled(lambda scene: relates(figure(scene), value), unmet, figure)


def _missing(aggregate: Aggregate, seen: int) -> Missing | None:
    wanted = aggregate.value[0] if isinstance(aggregate.value, tuple) else aggregate.value
    if not isinstance(wanted, int):
        return None
    if aggregate.op is Op.GE or (aggregate.op is Op.BETWEEN and seen < wanted):
        return Missing(aggregate.measure, wanted - seen)
    if aggregate.op is Op.GT:
        return Missing(aggregate.measure, wanted - seen + 1)
    return None
