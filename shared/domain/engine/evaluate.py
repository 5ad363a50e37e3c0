"""Evaluate a basket: who may take part, which combination wins, and what it means for every line."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction
from math import ceil

from shared.domain.engine.basket import Basket
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.engine.evaluation import Evaluation, LimitReached, Outcome, PromotionOutcome
from shared.domain.engine.explanation import Verdict, explain
from shared.domain.engine.extras import Extras, all_extras
from shared.domain.engine.game import Game
from shared.domain.engine.lines import gift_lines, priced_lines
from shared.domain.engine.near import near_misses as find_near_misses
from shared.domain.engine.plan import Plan
from shared.domain.engine.play import Play, play
from shared.domain.engine.ruleset import RuleSet
from shared.domain.engine.units import merge_lines
from shared.domain.money import SCALE, Rounding


def evaluate(
    rule_set: RuleSet,
    basket: Basket,
    now: datetime,
    *,
    rounding: Rounding = Rounding.HALF_EVEN,
    node_budget: int = NODE_BUDGET,
    near_misses: bool = False,
) -> Evaluation:
    """Return prices, allocations and explanations at an instant; a pure function of its arguments.

    A line without units, a negative price or a time without offset is a mistake of the caller: ValueError.
    """
    found, _ = evaluate_and_play(rule_set, basket, now, rounding=rounding, node_budget=node_budget)
    if near_misses:

        def again(other: Basket) -> Evaluation:
            return evaluate(rule_set, other, now, rounding=rounding, node_budget=node_budget)

        return found._replace(near_misses=find_near_misses(rule_set, basket, found, again))
    return found


def evaluate_and_play(
    rule_set: RuleSet, basket: Basket, now: datetime, *, rounding: Rounding, node_budget: int
) -> tuple[Evaluation, tuple[Game, Play]]:
    """Return the evaluation and the play that it tells about."""
    _check(basket, now)
    program = rule_set.program
    screening = program.screening(basket.store, now)
    classes = merge_lines(basket)
    game = Game(
        program,
        basket,
        classes,
        now,
        rounding=rounding,
        node_budget=node_budget,
        priority_lanes=rule_set.priority_lanes,
    )
    outcomes = list(screening.outcomes)
    live = _admitted(game, screening.live, outcomes)
    together = play(game, live & ~program.exclusive)
    alone = _alone(game, live & program.exclusive)
    winner, exclusive = together, None
    for plan, tried in alone.values():
        if tried.value > winner.value:
            winner, exclusive = tried, plan
    extras = all_extras(game, _applied(program.plans, winner), winner.runs)
    verdict = Verdict(winner, exclusive, program.plans, extras, rounding)
    plays = [together, *(tried for _, tried in alone.values())]
    for own in plays:
        for index, refused in own.refused.items():
            outcomes[index] = refused
        for plan in (*own.candidates, *own.beside):
            if plan.index not in own.refused:
                outcomes[plan.index] = explain(plan, own, verdict)
    lines = priced_lines(game, winner.runs)
    if extras:
        lines += gift_lines(game, extras)
    discount = gross = tax = 0
    for _, _, _, line_gross, line_discount, _, line_tax, _, _ in lines:
        gross += line_gross
        discount += line_discount
        tax += line_tax
    optimal = all(one.optimal for one in plays)
    bound = discount if optimal else max(discount, _bound(plays, extras))
    evaluation = Evaluation(
        basket.currency,
        gross,
        discount,
        gross - discount,
        tax,
        optimal,
        bound,
        tuple(lines),
        tuple(outcomes),
    )
    return evaluation, (game, winner)


def _check(basket: Basket, now: datetime) -> None:
    if now.tzinfo is None:
        raise ValueError("the time of an evaluation has an offset")
    for line in basket.lines:
        if line.quantity < 1 or line.unit_price < 0:
            raise ValueError(f"{line.sku}: a quantity of at least 1 and a price of at least 0 are expected")


def _admitted(game: Game, live: int, outcomes: list[PromotionOutcome]) -> int:
    """Return the bits of the promotions whose limits and currency admit this basket; tell of the others."""
    foreign = live & game.program.foreign(game.basket.currency)
    if not foreign and not game.headroom:
        return live
    for plan in game.program.plans:
        if not plan.bit & live:
            continue
        headroom = game.headroom.get(plan.terms.promotion_id)
        if headroom is not None and headroom.used_up is not None:
            detail = LimitReached(headroom.used_up, None)
            outcomes[plan.index] = plan.told(Outcome.LIMIT_REACHED, detail=detail)
            live &= ~plan.bit
        elif plan.bit & foreign:
            outcomes[plan.index] = plan.foreign
            live &= ~plan.bit
    return live


def _bound(plays: Iterable[Play], extras: Mapping[int, Extras]) -> int:
    """Return what no combination could exceed, in minor units."""
    return ceil(Fraction(max(one.bound for one in plays)) / SCALE) + sum(one.value for one in extras.values())


def _alone(game: Game, exclusive: int) -> Mapping[int, tuple[Plan, Play]]:
    """Return the play of each exclusive promotion alone, by its index."""
    if not exclusive:
        return {}
    return {plan.index: (plan, play(game, plan.bit)) for plan in game.program.plans if plan.bit & exclusive}


def _applied(plans: tuple[Plan, ...], winner: Play) -> list[Plan]:
    """Return those of the play's promotions that may bring gifts or points."""
    taken = [plans[index] for index in winner.taken]
    return [*(plan for plan in taken if plan.gifts or plan.points), *winner.beside]
