"""Figures: aggregates over goods whose filters were asked once for each product, as bits."""

from shared.domain.engine.aggregates import Figure, compile_aggregate
from shared.domain.engine.rule import Aggregate, Basis, Measure
from shared.domain.filters import Compare, leaves


def compile_figure(aggregate: Aggregate, bit: int) -> Figure:
    """Return an aggregate as a function of the scene, given the bit of its filter.

    The bits are those at list price; where the running price decides, the filter itself is asked.
    """
    running = aggregate.basis is Basis.RUNNING
    if asks_running_price(aggregate):
        return compile_aggregate(aggregate)
    match aggregate.measure:
        case Measure.COUNT:
            return lambda scene: len({one.unit_class for one in scene.goods if one.mask & bit})
        case Measure.SUM_QUANTITY:
            return lambda scene: sum([one.units for one in scene.goods if one.mask & bit])
        case Measure.SUM_AMOUNT if running:
            return lambda scene: sum([one.units * one.price for one in scene.goods if one.mask & bit])
        case Measure.SUM_AMOUNT:
            return lambda scene: sum([one.units * one.list_price for one in scene.goods if one.mask & bit])
        case Measure.DISTINCT:
            return compile_aggregate(aggregate)


def asks_running_price(aggregate: Aggregate) -> bool:
    """Say whether the filter of an aggregate depends on what units cost on entering the lane."""
    return (
        aggregate.basis is Basis.RUNNING
        and aggregate.where is not None
        and any(
            isinstance(leaf, Compare) and leaf.fact == "product.price" for _, leaf in leaves(aggregate.where)
        )
    )
