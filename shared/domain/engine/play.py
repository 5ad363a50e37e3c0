"""One play of a basket: some promotions, lane after lane, each lane on the prices the one before left."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.domain.engine.allocation import allocate
from shared.domain.engine.candidates import make_offer
from shared.domain.engine.combination import best_combination
from shared.domain.engine.conditions import Goods, Missing, Scene, holds, unmet_parts
from shared.domain.engine.evaluation import NotMet
from shared.domain.engine.lane import Amount, LaneProblem, Offer, Pool
from shared.domain.engine.ruleset import Lane, PromotionTerms
from shared.domain.engine.units import Run, UnitClass
from shared.domain.money import Rounding


@dataclass(frozen=True, slots=True)
class LanePlay:
    """A lane as it was played: its problem, and the runs of each pool afterwards."""

    problem: LaneProblem
    after: Mapping[int, Sequence[Run]]


@dataclass(slots=True)
class Play:
    """The outcome for these promotions alone. `value` and `bound` are in 1/10,000 of a minor unit."""

    runs: list[list[Run]]
    value: Amount = 0
    bound: Amount = 0
    optimal: bool = True
    refused: dict[str, tuple[NotMet, Missing | None]] = field(
        default_factory=dict[str, tuple[NotMet, Missing | None]]
    )
    lanes: dict[str, tuple[LanePlay, int]] = field(default_factory=dict[str, tuple[LanePlay, int]])
    """Of each candidate, its lane and its place among the offers."""
    applied: dict[str, int] = field(default_factory=dict[str, int])
    """What each applied promotion gives, in minor units."""


def play(
    promotions: Iterable[PromotionTerms],
    classes: Sequence[UnitClass],
    scene: Scene,
    rounding: Rounding,
    node_budget: int,
) -> Play:
    result = Play([[Run(one.units, one.list_price)] for one in classes])
    lanes: dict[str, list[PromotionTerms]] = {}
    for terms in promotions:
        lanes.setdefault(terms.lane, []).append(terms)
    for lane in Lane:
        if lane in lanes:
            _play_lane(result, lanes[lane], classes, scene, rounding=rounding, node_budget=node_budget)
    for runs in result.runs:
        for run in runs:
            for share in run.shares:
                result.applied[share.promotion_id] += share.minor * run.units
    return result


def _play_lane(
    result: Play,
    promotions: Sequence[PromotionTerms],
    classes: Sequence[UnitClass],
    scene: Scene,
    *,
    rounding: Rounding,
    node_budget: int,
) -> None:
    runs = [run for of_class in result.runs for run in of_class]
    pools = tuple(
        Pool(place, run.units, classes[place].list_price, run.price, run.floor)
        for place, of_class in enumerate(result.runs)
        for run in of_class
    )
    scene = Scene(scene.currency, scene.facts, [_goods(pool, classes) for pool in pools])
    offers: list[Offer] = []
    for terms in promotions:
        offer = _candidate(terms, classes, pools, scene)
        if isinstance(offer, Offer):
            offers.append(offer)
        else:
            result.refused[terms.promotion_id] = offer
    if not offers:
        return
    problem = LaneProblem(pools, tuple(offers))
    solution = best_combination(problem, node_budget)
    after: dict[int, list[Run]] = {}
    for pool, run in allocate(problem, solution, runs, rounding):
        after.setdefault(pool, []).append(run)
    result.runs = [[] for _ in classes]
    for place, pool in enumerate(pools):
        result.runs[pool.unit_class] += after[place]
    result.value += solution.value
    result.bound += solution.bound
    result.optimal = result.optimal and solution.optimal
    lane = LanePlay(problem, after)
    result.lanes.update({offer.promotion_id: (lane, place) for place, offer in enumerate(offers)})
    result.applied.update({offers[place].promotion_id: 0 for place in solution.applied})


def _goods(pool: Pool, classes: Sequence[UnitClass]) -> Goods:
    return Goods(pool.unit_class, pool.units, pool.list_price, pool.price, classes[pool.unit_class].facts)


def _candidate(
    terms: PromotionTerms, classes: Sequence[UnitClass], pools: Sequence[Pool], scene: Scene
) -> Offer | tuple[NotMet, Missing | None]:
    rule = terms.rule
    if rule.currency not in (None, scene.currency):
        return NotMet("currency"), None
    if rule.condition is not None and not holds(rule.condition, scene):
        unmet, missing = unmet_parts(rule.condition, scene, "/if")
        return NotMet("condition", tuple(unmet)), missing
    offer = make_offer(terms, classes, pools)
    if offer is None:
        return NotMet("no_target"), None
    if not any(_has_room(offer, part.pool, pools) for part in offer.parts):
        return NotMet("no_discount"), None
    return offer


def _has_room(offer: Offer, pool: int, pools: Sequence[Pool]) -> bool:
    return pools[pool].price > max(pools[pool].floor, offer.floors.get(pool, 0))
