"""Aggregates: figures over the goods of a basket, made once and asked often."""

from collections.abc import Callable

from shared.domain.engine.rule import Aggregate, Basis, Measure
from shared.domain.engine.scene import Goods, Scene
from shared.domain.filters import Compare, Filter, leaves
from shared.domain.money import from_minor
from shared.domain.predicates import compile_filter

type Figure = Callable[[Scene], int]
"""Lines, units or different values; sums of money in minor units."""

type _Selects = Callable[[Goods, str], bool]


def compile_aggregate(aggregate: Aggregate) -> Figure:
    selects = _selection(aggregate.where, aggregate.basis)
    running = aggregate.basis is Basis.RUNNING
    match aggregate.measure:
        case Measure.COUNT:
            return lambda scene: len({one.unit_class for one in scene.goods if selects(one, scene.currency)})
        case Measure.SUM_QUANTITY:
            return lambda scene: sum([one.units for one in scene.goods if selects(one, scene.currency)])
        case Measure.SUM_AMOUNT if running:
            return lambda scene: sum(
                [one.units * one.price for one in scene.goods if selects(one, scene.currency)]
            )
        case Measure.SUM_AMOUNT:
            return lambda scene: sum(
                [one.units * one.list_price for one in scene.goods if selects(one, scene.currency)]
            )
        case Measure.DISTINCT:
            return _distinct(aggregate.fact or "", selects)


def _distinct(fact: str, selects: _Selects) -> Figure:
    def figure(scene: Scene) -> int:
        values = [one.facts.get(fact) for one in scene.goods if selects(one, scene.currency)]
        return len({(isinstance(value, bool), value) for value in values if value is not None})

    return figure


def _selection(where: Filter | None, basis: Basis) -> _Selects:
    if where is None:
        return lambda goods, currency: True  # noqa: ARG005
    holds = compile_filter(where)
    if basis is Basis.LIST or not _asks_price(where):
        return lambda goods, currency: holds(goods.facts)  # noqa: ARG005

    def selects(goods: Goods, currency: str) -> bool:
        if goods.price == goods.list_price:
            return holds(goods.facts)
        return holds({**goods.facts, "product.price": from_minor(goods.price, currency)})

    return selects


def _asks_price(where: Filter) -> bool:
    return any(isinstance(leaf, Compare) and leaf.fact == "product.price" for _, leaf in leaves(where))
