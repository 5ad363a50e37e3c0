"""Points: what a promotion's points amount to for what its targets cost in the end."""

from collections.abc import Iterable

from shared.domain.engine.plan import Plan
from shared.domain.money import exponent


def points_of(plan: Plan, currency: str, nets: Iterable[tuple[int, int]]) -> int:
    """Return the points of a promotion; each net amount, in minor units, stands beside its units' bits."""
    nets = tuple(nets)
    points = 0
    for benefit, target in plan.points:
        major = sum(net for mask, net in nets if mask & target) // 10 ** exponent(currency)
        points += benefit.fixed + major * benefit.per_major_hundredths // 100
    return points
