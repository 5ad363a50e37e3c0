"""Repricing: one promotion alone on given units at given prices, as a return has to ask."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from shared.domain.engine.allocation import allocate
from shared.domain.engine.alone import alone
from shared.domain.engine.basket import Basket, BasketLine
from shared.domain.engine.combination import Combination
from shared.domain.engine.evaluation import PromotionOutcome
from shared.domain.engine.game import Game
from shared.domain.engine.lane import LaneProblem, Pool
from shared.domain.engine.offers import make, offered
from shared.domain.engine.plan import Plan
from shared.domain.engine.ruleset import RuleSet
from shared.domain.engine.units import Run, merge_lines
from shared.domain.money import Rounding


class Kept(NamedTuple):
    """Units that are kept, as many as the line says, at the price they had on entering the lane.

    The promotion may use the first `usable` of them.
    """

    line: BasketLine
    entry_price: int
    usable: int


def reprice(
    rule_set: RuleSet,
    promotion_id: str,
    basket: Basket,
    now: datetime,
    kept: Sequence[Kept],
    *,
    rounding: Rounding = Rounding.HALF_EVEN,
) -> tuple[int, ...]:
    """Return what a promotion takes off each entry when nobody else does, in minor units.

    Its condition looks at all units kept, its benefits at those it may use. Schedule, stores and limits are
    not asked again; the lines of the basket do not count. A promotion not in the rule set is a KeyError.
    """
    plan = rule_set.program.by_id[promotion_id]
    game = _game(rule_set, basket, now, kept, rounding)
    if not plan.targets or not _holds(game, plan, kept):
        return (0,) * len(kept)
    places = [place for one in game.classes for place in one.lines]
    homes = {place: number for number, one in enumerate(game.classes) for place in one.lines}
    places.sort(key=lambda place: (homes[place], -kept[place].entry_price))
    return _taken(game, plan, kept, places, homes)


def still_holds(
    rule_set: RuleSet, promotion_id: str, basket: Basket, now: datetime, kept: Sequence[Kept]
) -> bool:
    """Say whether a promotion's condition holds on the units kept."""
    plan = rule_set.program.by_id[promotion_id]
    return _holds(_game(rule_set, basket, now, kept, Rounding.HALF_EVEN), plan, kept)


def _game(rule_set: RuleSet, basket: Basket, now: datetime, kept: Sequence[Kept], rounding: Rounding) -> Game:
    of = replace(basket, lines=tuple(one.line for one in kept), headroom={})
    return Game(rule_set.program, of, merge_lines(of), now, rounding=rounding, node_budget=0)


def _holds(game: Game, plan: Plan, kept: Sequence[Kept]) -> bool:
    if plan.terms.rule.currency not in {None, game.basket.currency}:
        return False
    if plan.condition is None:
        return True
    runs = [
        [Run(kept[place].line.quantity, kept[place].entry_price) for place in one.lines]
        for one in game.classes
    ]
    return plan.condition.holds(game.scene(runs, with_facts=plan.asks_facts))


def _taken(
    game: Game, plan: Plan, kept: Sequence[Kept], places: Sequence[int], homes: dict[int, int]
) -> tuple[int, ...]:
    seen = [
        Pool(
            homes[place],
            kept[place].line.quantity,
            kept[place].line.unit_price,
            kept[place].entry_price,
            0,
            game.profiles[homes[place]].mask,
        )
        for place in places
    ]
    one = offered(game, plan, seen, plan.bit)
    if isinstance(one, PromotionOutcome):
        return (0,) * len(kept)
    usable = [replace(pool, units=kept[place].usable) for pool, place in zip(seen, places, strict=True)]
    mine = [number for number, pool in enumerate(usable) if pool.units]
    pools = [usable[number] for number in mine]
    offer = make(plan, one.takers, pools)
    taken = [0] * len(kept)
    if offer is None:
        return tuple(taken)
    problem = LaneProblem(pools, (offer,))
    found = alone(problem, 0)
    combination = Combination(list(found.pieces), found.value, found.bound, {}, {plan.index: found.value})
    after = allocate(combination, [Run(pool.units, pool.price) for pool in pools], game.rounding, {})
    for number, runs in after.items():
        taken[places[mine[number]]] = sum(run.units * share.minor for run in runs for share in run.shares)
    return tuple(taken)
