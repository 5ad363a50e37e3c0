"""One play of a basket: some promotions, lane after lane, each lane on the prices the one before left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.domain.engine.allocation import allocate
from shared.domain.engine.alone import Alone
from shared.domain.engine.combination import combine
from shared.domain.engine.evaluation import NotMet, PromotionOutcome
from shared.domain.engine.extras import over_limit
from shared.domain.engine.game import Game
from shared.domain.engine.lane import Amount, Pool
from shared.domain.engine.offers import Offered, offered
from shared.domain.engine.plan import Plan
from shared.domain.engine.priority import serve
from shared.domain.engine.scene import Scene
from shared.domain.engine.standing import Standing
from shared.domain.engine.units import Run


@dataclass(slots=True, eq=False)
class LanePlay:
    """A lane as it was played: its units before, what offers would do alone, the runs of each pool after."""

    pools: Sequence[Pool]
    standings: Sequence[Standing]
    alone: Mapping[int, Alone]
    after: Mapping[int, Sequence[Run]]


class Play:
    """The outcome for some promotions alone. `value` and `bound` are in 1/10,000 of a minor unit."""

    __slots__ = (
        "beside",
        "bound",
        "candidates",
        "lanes",
        "optimal",
        "refused",
        "runs",
        "taken",
        "value",
        "wanted",
    )

    def __init__(self, runs: list[Sequence[Run]]) -> None:
        self.runs = runs
        self.value: Amount = 0
        self.bound: Amount = 0
        self.optimal = True
        self.refused: dict[int, PromotionOutcome] = {}
        """The outcomes of those that did not take part, by index."""
        self.lanes: dict[str, LanePlay] = {}
        self.taken: dict[int, int] = {}
        """What each applied promotion takes off units, in minor units."""
        self.wanted: dict[int, int] = {}
        """What those that a budget cuts short would have taken off."""
        self.candidates: list[Plan] = []
        self.beside: list[Plan] = []
        """Those that use no units but give a gift or points."""


def play(game: Game, live: int) -> Play:
    """Play the promotions of these bits."""
    result = Play(
        [
            profile.fresh.get(units) or profile.fresh_runs(units, line.unit_price)
            for (line, units, _), profile in zip(game.classes, game.profiles, strict=True)
        ]
    )
    program = game.program
    live &= game.touched | program.outright
    for lane, mask in program.masks.items():
        if mask & live:
            _play_lane(result, game, lane, program.plans_of(lane, live & mask))
    return result


def _play_lane(result: Play, game: Game, lane: str, plans: Sequence[Plan]) -> None:
    candidates = _candidates(result, game, plans)
    if not candidates:
        return
    result.candidates += candidates
    wanted = 0
    for plan in candidates:
        wanted |= plan.bit
    pools, standings, runs = units_of(game, result.runs, lane, wanted)
    found = _offers(result, game, candidates, pools, standings)
    if not found:
        return
    tied = [one.offer for one in found if one.offer is not None]
    if lane in game.priority_lanes:
        combination = serve(pools, found)
    else:
        free = sum([one.plan.bit for one in found if one.offer is None])
        combination = combine(pools, standings, tied, free, game.node_budget)
    after = allocate(combination, runs, game.rounding, result.taken)
    _put_back(result, pools, after)
    result.value += combination.value
    result.bound += combination.bound
    result.optimal = result.optimal and combination.optimal
    result.lanes[lane] = LanePlay(pools, standings, combination.alone, after)
    for offer in tied:
        if not combination.alone[offer.index].bound:
            result.refused[offer.index] = game.program.plans[offer.index].no_discount


def _put_back(result: Play, pools: Sequence[Pool], after: Mapping[int, Sequence[Run]]) -> None:
    """Let the units of each class be what became of its pools."""
    seen: set[int] = set()
    for place, pool in enumerate(pools):
        of_class = pool.unit_class
        result.runs[of_class] = [*result.runs[of_class], *after[place]] if of_class in seen else after[place]
        seen.add(of_class)


def _candidates(result: Play, game: Game, plans: Sequence[Plan]) -> list[Plan]:
    """Return the promotions that compete for units; note why others do not, and those that use none."""
    candidates: list[Plan] = []
    scene: Scene | None = None
    for plan in plans:
        if plan.condition is not None and scene is None:
            with_facts = any(one.asks_facts for one in plans)
            scene = game.scene(result.runs, with_facts=with_facts)
        refused = None if scene is None else plan.refused(scene)
        if refused is None:
            refused = _unusable(game, plan)
        if refused is None:
            if plan.targets:
                candidates.append(plan)
                continue
            refused = over_limit(game, plan)
            if refused is None:
                result.beside.append(plan)
                continue
        result.refused[plan.index] = refused
    return candidates


def _offers(
    result: Play,
    game: Game,
    candidates: Sequence[Plan],
    pools: Sequence[Pool],
    standings: Sequence[Standing],
) -> list[Offered]:
    """Return what the candidates offer; note why some offer nothing, and what budgets cut short."""
    gains = 0
    for standing in standings:
        gains |= standing.gains
    found: list[Offered] = []
    for plan in candidates:
        one = offered(game, plan, pools, gains)
        if isinstance(one, PromotionOutcome):
            result.refused[plan.index] = one
        else:
            found.append(one)
            if one.wanted is not None:
                result.wanted[plan.index] = one.wanted
    return found


def units_of(
    game: Game, runs_before: Sequence[Sequence[Run]], lane: str, wanted: int
) -> tuple[list[Pool], list[Standing], list[Run]]:
    """Return the units that some promotions touch, on entering their lane: pools, how these stand, runs."""
    pools: list[Pool] = []
    standings: list[Standing] = []
    runs: list[Run] = []
    plans = game.program.lanes[lane]
    for place, (one, profile, of_class) in enumerate(
        zip(game.classes, game.profiles, runs_before, strict=True)
    ):
        if wanted >= 0 and not profile.touches & wanted:
            continue
        list_price = one.line.unit_price
        for run in of_class:
            units, price, floor, _ = run
            standing = profile.standings.get((lane, price, floor))
            standings.append(standing or profile.standing(lane, list_price, price, floor, plans))
            pools.append(Pool(place, units, list_price, price, floor, profile.mask))
            runs.append(run)
    return pools, standings, runs


def _unusable(game: Game, plan: Plan) -> PromotionOutcome | None:
    """Return why a promotion whose condition holds is no candidate for its lane, or None."""
    if plan.gifts and any(gift.sku not in game.basket.gifts for gift in plan.gifts):
        return plan.not_met(NotMet("gift_unavailable"))
    if plan.targets and not plan.bit & game.touched:
        return plan.no_target
    return None
