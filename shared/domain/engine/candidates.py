"""Candidates: what a promotion offers in its lane, given the units on entering it."""

from collections.abc import Sequence

from shared.domain.engine.lane import Grant, Offer, Part, Pool
from shared.domain.engine.rule import AmountOff, Basis, Benefit, Per, PercentOff, Rule
from shared.domain.engine.ruleset import PromotionTerms
from shared.domain.engine.units import UnitClass
from shared.domain.filters import matches
from shared.domain.money import SCALE


def make_offer(terms: PromotionTerms, classes: Sequence[UnitClass], pools: Sequence[Pool]) -> Offer | None:
    """Return the promotion's offer, or None when none of the units is its target."""
    rule = terms.rule
    targets = [_targets(benefit, classes, pools) for benefit in rule.benefits]
    if not any(targets):
        return None
    whole = _is_whole(rule)
    grants = tuple(
        _grant(benefit, pools, found) for benefit, found in zip(rule.benefits, targets, strict=True)
    )
    taken = [
        _taken(benefit, pools, found, whole=whole)
        for benefit, found in zip(rule.benefits, targets, strict=True)
    ]
    limit = None if whole else rule.benefits[0].max_units
    return Offer(
        promotion_id=terms.promotion_id,
        stackable=terms.stackable,
        whole=whole,
        grants=grants,
        parts=tuple(
            part for pool in sorted(set[int]().union(*taken)) for part in _parts(pool, taken, grants)
        ),
        floors=_floors(rule, pools, targets),
        most_in_basket=limit.units if limit and limit.per is Per.BASKET else None,
        most_in_line=limit.units if limit and limit.per is Per.LINE else None,
    )


def _is_whole(rule: Rule) -> bool:
    """Say whether the rule is off or uses all its units: a cap, a spread amount, several limited benefits."""
    return any(
        benefit.max_discount_minor is not None
        or (isinstance(benefit, AmountOff) and benefit.per is not Per.UNIT)
        or (benefit.max_units is not None and len(rule.benefits) > 1)
        for benefit in rule.benefits
    )


def _targets(benefit: Benefit, classes: Sequence[UnitClass], pools: Sequence[Pool]) -> list[int]:
    if benefit.target is None:
        return list(range(len(pools)))
    wanted = {place for place, one in enumerate(classes) if matches(benefit.target, one.facts)}
    return [place for place, pool in enumerate(pools) if pool.unit_class in wanted]


def _taken(benefit: Benefit, pools: Sequence[Pool], targets: list[int], *, whole: bool) -> dict[int, int]:
    """Return how many units of each pool the benefit uses: of a whole offer the first, up to its limit."""
    limit = benefit.max_units if whole else None
    if limit is None:
        return {pool: pools[pool].units for pool in targets}
    left: dict[int, int] = {}
    taken: dict[int, int] = {}
    for pool in targets:
        scope = pools[pool].unit_class if limit.per is Per.LINE else -1
        units = min(pools[pool].units, left.get(scope, limit.units))
        left[scope] = left.get(scope, limit.units) - units
        if units:
            taken[pool] = units
    return taken


def _parts(pool: int, taken: list[dict[int, int]], grants: Sequence[Grant]) -> list[Part]:
    """Return the pool's units by the benefits that use them; each benefit uses the first units."""
    reaches = {number: units[pool] for number, units in enumerate(taken) if pool in units}
    parts: list[Part] = []
    done = 0
    for reach in sorted(set(reaches.values())):
        numbers = tuple(number for number, units in reaches.items() if units >= reach)
        want = sum(grants[number].wants[pool] for number in numbers if grants[number].per is Per.UNIT)
        parts.append(Part(pool, reach - done, numbers, want))
        done = reach
    return parts


def _grant(benefit: Benefit, pools: Sequence[Pool], targets: list[int]) -> Grant:
    most = None if benefit.max_discount_minor is None else benefit.max_discount_minor * SCALE
    prices = {
        pool: pools[pool].price if benefit.basis is Basis.RUNNING else pools[pool].list_price
        for pool in targets
    }
    if isinstance(benefit, PercentOff):
        return Grant(
            Per.UNIT, {pool: price * benefit.basis_points for pool, price in prices.items()}, most=most
        )
    amount = benefit.amount_minor * SCALE
    if benefit.per is Per.UNIT:
        return Grant(Per.UNIT, dict.fromkeys(targets, amount), most=most)
    return Grant(benefit.per, prices, amount, most)


def _floors(rule: Rule, pools: Sequence[Pool], targets: list[list[int]]) -> dict[int, int]:
    """Return the least price per pool in minor units, rounded up: a floor is never undercut by rounding."""
    floors: dict[int, int] = {}
    for benefit, found in zip(rule.benefits, targets, strict=True):
        if benefit.price_floor is not None:
            for pool in found:
                share = -(-pools[pool].list_price * benefit.price_floor.basis_points // SCALE)
                floors[pool] = max(floors.get(pool, 0), benefit.price_floor.minor, share)
    return floors
