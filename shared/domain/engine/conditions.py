"""Conditions: whether they hold, which part does not, and what would make it hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from shared.domain.engine.rule import Aggregate, Basis, Condition, Measure
from shared.domain.filters import AllOf, AnyOf, Compare, Filter, NotOf, Op, Value, compare, matches
from shared.domain.money import from_minor


@dataclass(frozen=True, slots=True)
class Missing:
    """How much more an aggregate needs: lines, units, different values, or money in minor units."""

    measure: Measure
    amount: int


@dataclass(frozen=True, slots=True)
class Unmet:
    """A part of a condition that does not hold. `subject` is the fact or the measure of an aggregate.

    `seen` is None for an absent fact. A `not` is told as a whole: what it forbids holds. Money is in minor
    units.
    """

    pointer: str
    subject: str
    op: str
    seen: str | int | Decimal | bool | None
    wanted: Value | None
    missing: Missing | None


@dataclass(frozen=True, slots=True)
class Goods:
    """Units of one class at one running price, as a condition sees them."""

    unit_class: int
    units: int
    list_price: int
    price: int
    facts: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a condition can look at: the facts of store and basket, and the goods on entering the lane."""

    currency: str
    facts: Mapping[str, object]
    goods: Sequence[Goods]


def holds(condition: Condition, scene: Scene) -> bool:
    match condition:
        case AllOf(items):
            return all(holds(item, scene) for item in items)
        case AnyOf(items):
            return any(holds(item, scene) for item in items)
        case NotOf(item):
            return not holds(item, scene)
        case Compare():
            return compare(condition.op, scene.facts.get(condition.fact), condition.value)
        case Aggregate():
            return compare(condition.op, measured(condition, scene), condition.value)


def unmet_parts(condition: Condition, scene: Scene, at: str) -> tuple[list[Unmet], Missing | None]:
    """Return why a condition that does not hold fails, and what would be enough to make it hold, where known.

    Of an `all` every failing part is told, and something is enough only when one part fails; of an `any`
    every part is told, and the first that can be completed is enough.
    """
    match condition:
        case AllOf(items):
            failing = [
                unmet_parts(item, scene, f"{at}/all/{place}")
                for place, item in enumerate(items)
                if not holds(item, scene)
            ]
            enough = failing[0][1] if len(failing) == 1 else None
            return [part for parts, _ in failing for part in parts], enough
        case AnyOf(items):
            failing = [unmet_parts(item, scene, f"{at}/any/{place}") for place, item in enumerate(items)]
            enough = next((missing for _, missing in failing if missing), None)
            return [part for parts, _ in failing for part in parts], enough
        case NotOf():
            return [Unmet(f"{at}/not", "not", "not", None, None, None)], None
        case Compare():
            seen = scene.facts.get(condition.fact)
            told = seen if isinstance(seen, str | int | Decimal) else None
            return [Unmet(at, condition.fact, condition.op, told, condition.value, None)], None
        case Aggregate():
            figure = measured(condition, scene)
            missing = _missing(condition, figure)
            return [Unmet(at, condition.measure, condition.op, figure, condition.value, missing)], missing


def measured(aggregate: Aggregate, scene: Scene) -> int:
    """Return the figure of an aggregate over the goods; sums of money in minor units."""
    chosen = [one for one in scene.goods if _selects(aggregate.where, one, aggregate.basis, scene.currency)]
    match aggregate.measure:
        case Measure.COUNT:
            return len({one.unit_class for one in chosen})
        case Measure.SUM_QUANTITY:
            return sum(one.units for one in chosen)
        case Measure.SUM_AMOUNT:
            running = aggregate.basis is Basis.RUNNING
            return sum(one.units * (one.price if running else one.list_price) for one in chosen)
        case Measure.DISTINCT:
            values = (one.facts.get(aggregate.fact or "") for one in chosen)
            return len({(isinstance(value, bool), value) for value in values if value is not None})


def _selects(where: Filter | None, goods: Goods, basis: Basis, currency: str) -> bool:
    if where is None:
        return True
    if basis is Basis.RUNNING and goods.price != goods.list_price:
        return matches(where, {**goods.facts, "product.price": from_minor(goods.price, currency)})
    return matches(where, goods.facts)


def _missing(aggregate: Aggregate, seen: int) -> Missing | None:
    wanted = aggregate.value[0] if isinstance(aggregate.value, tuple) else aggregate.value
    if not isinstance(wanted, int):
        return None
    if aggregate.op is Op.GE or (aggregate.op is Op.BETWEEN and seen < wanted):
        return Missing(aggregate.measure, wanted - seen)
    if aggregate.op is Op.GT:
        return Missing(aggregate.measure, wanted - seen + 1)
    return None
