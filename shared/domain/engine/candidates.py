"""Candidates: what a promotion offers in its lane, given the units on entering it."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from shared.domain.engine.lane import Amount, Grant, Offer, Packs, Part, Pool
from shared.domain.engine.plan import Packing, Plan, Taker
from shared.domain.engine.rule import Choose, Per
from shared.domain.money import SCALE

_MOST_PICKS_COMBINED = 6
_FIRST = (0,)
_NONE: Mapping[int, int] = {}


def make_offer(
    plan: Plan, pools: Sequence[Pool], takers: Sequence[Taker], most: int | None = None
) -> Offer | None:
    """Return what these benefits of a promotion offer, or None when none of the units is a target.

    `most` is what a budget leaves of it, in minor units: such an offer is whole.
    """
    targets = [[place for place, pool in enumerate(pools) if pool.mask & taker.target] for taker in takers]
    if not any(targets):
        return None
    if len(takers) == 1:
        return _simple_offer(plan, pools, takers[0], targets[0], most)
    whole = plan.whole or most is not None
    grants = tuple(_grant(taker, pools, found) for taker, found in zip(takers, targets, strict=True))
    taken = [
        _taken(taker, pools, found) if whole else {place: pools[place].units for place in found}
        for taker, found in zip(takers, targets, strict=True)
    ]
    parts = [part for pool in sorted(set[int]().union(*taken)) for part in _parts(pool, taken, grants)]
    return Offer(
        plan.index,
        plan.terms.stackable,
        whole,
        grants,
        tuple(parts),
        _floors(takers, pools, targets),
        None if whole else takers[0].in_basket,
        None if whole else takers[0].in_line,
        None,
        None if most is None else most * SCALE,
    )


def _simple_offer(
    plan: Plan, pools: Sequence[Pool], taker: Taker, targets: list[int], most: int | None
) -> Offer:
    """Return the offer of one benefit."""
    whole = plan.whole or most is not None
    grant = _grant(taker, pools, targets)
    wants = grant.wants
    per_unit = taker.per is Per.UNIT
    if whole and taker.limited:
        taken = _taken(taker, pools, targets).items()
        parts = [Part(place, units, _FIRST, wants[place] if per_unit else 0) for place, units in taken]
    else:
        parts = [
            Part(place, pools[place].units, _FIRST, wants[place] if per_unit else 0) for place in targets
        ]
    floors = _floors((taker,), pools, (targets,)) if taker.floor_minor or taker.floor_points else _NONE
    return Offer(
        plan.index,
        plan.terms.stackable,
        whole,
        (grant,),
        tuple(parts),
        floors,
        None if whole else taker.in_basket,
        None if whole else taker.in_line,
        None,
        None if most is None else most * SCALE,
    )


def make_packed_offer(
    plan: Plan, packing: Packing, pools: Sequence[Pool], most: int | None = None
) -> Offer | None:
    """Return the offer of a packed benefit, or None when there are too few units for one application."""
    counts = tuple(units for units, _ in packing.picks)
    by_pick = [[place for place, pool in enumerate(pools) if pool.mask & bit] for _, bit in packing.picks]
    if not all(by_pick):
        return None
    applications = _most_applications(counts, by_pick, pools)
    if packing.most is not None:
        applications = min(applications, packing.most)
    if not applications:
        return None
    prices = {
        place: pools[place].list_price if packing.listed else pools[place].price
        for found in by_pick
        for place in found
    }
    bundle = packing.choose is None
    rate = SCALE if bundle else packing.basis_points
    wants = {place: price * rate for place, price in prices.items()}
    parts = [
        Part(place, pools[place].units, (0,), wants[place], pick)
        if bundle or pick
        else Part(place, pools[place].units, (), 0, pick)
        for pick, found in enumerate(by_pick)
        for place in found
    ]
    floors = {
        place: floor
        for pick, found in enumerate(by_pick)
        for place in found
        if (bundle or pick) and (floor := packing.floor(pools[place].list_price))
    }
    caps = [cap for cap in (packing.cap, None if most is None else most * SCALE) if cap is not None]
    return Offer(
        plan.index,
        plan.terms.stackable,
        whole=False,
        grants=(Grant(Per.UNIT, wants),),
        parts=tuple(parts),
        floors=floors,
        packs=Packs(
            counts,
            applications,
            packing.price if bundle else None,
            packing.choose is Choose.CHEAPEST,
            prices,
        ),
        most=min(caps, default=None),
    )


def _most_applications(counts: Sequence[int], by_pick: Sequence[Sequence[int]], pools: Sequence[Pool]) -> int:
    """Return how many applications the numbers of units allow: of each pick, and of picks together."""
    found: int | None = None
    picks = range(len(counts))
    sizes = picks if len(counts) <= _MOST_PICKS_COMBINED else (0, len(counts) - 1)
    for size in sizes:
        for chosen in combinations(picks, size + 1):
            places = set[int]().union(*(by_pick[pick] for pick in chosen))
            units = sum(pools[place].units for place in places)
            most = units // sum(counts[pick] for pick in chosen)
            if not most:
                return 0
            found = most if found is None else min(found, most)
    return found or 0


def _taken(taker: Taker, pools: Sequence[Pool], targets: list[int]) -> dict[int, int]:
    """Return how many units of each pool a whole offer uses: the first, up to its limits."""
    if not taker.limited:
        return {pool: pools[pool].units for pool in targets}
    in_basket, in_line, lines = taker.in_basket, dict[int, int](), set[int]()
    taken: dict[int, int] = {}
    for pool in targets:
        line, units = pools[pool].unit_class, pools[pool].units
        if taker.lines is not None:
            lines.add(line)
            units = 0 if len(lines) > taker.lines else units
        if in_basket is not None:
            units = min(units, in_basket)
            in_basket -= units
        if taker.in_line is not None:
            units = min(units, in_line.get(line, taker.in_line))
            in_line[line] = in_line.get(line, taker.in_line) - units
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


def _grant(taker: Taker, pools: Sequence[Pool], targets: list[int]) -> Grant:
    wants = {place: taker.want(pools[place].list_price, pools[place].price) for place in targets}
    return Grant(taker.per, wants, taker.amount, taker.cap)


def _floors(takers: Sequence[Taker], pools: Sequence[Pool], targets: Sequence[list[int]]) -> dict[int, int]:
    floors: dict[int, int] = {}
    for taker, found in zip(takers, targets, strict=True):
        for place in found if taker.floor_minor or taker.floor_points else ():
            floors[place] = max(floors.get(place, 0), taker.floor(pools[place].list_price))
    return floors


def room_for(offer: Offer, part: Part, pools: Sequence[Pool]) -> Amount:
    """Return what a unit of this part can lose to the offer alone."""
    pool = pools[part.pool]
    floor = pool.floor
    if offer.floors:
        floor = max(floor, offer.floors.get(part.pool, 0))
    return max(0, (pool.price - floor) * SCALE - pool.taken)
