"""Evaluate a basket: who may take part, which combination wins, and what it means for every line."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from math import ceil

from shared.domain import schedules
from shared.domain.engine.basket import Basket, BasketLine
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.engine.conditions import Scene
from shared.domain.engine.evaluation import (
    Allocation,
    EvaluatedLine,
    Evaluation,
    Outcome,
    OutsideSchedule,
    PromotionOutcome,
    StoreNotTargeted,
    UnitRole,
)
from shared.domain.engine.explanation import Verdict, explain, told
from shared.domain.engine.lane import Amount
from shared.domain.engine.play import Play, play
from shared.domain.engine.ruleset import Lane, PromotionTerms, RuleSet
from shared.domain.engine.units import Run, UnitClass, deal_out, merge_lines
from shared.domain.filters import matches
from shared.domain.money import SCALE, Rounding, divide


def evaluate(
    rule_set: RuleSet,
    basket: Basket,
    now: datetime,
    *,
    rounding: Rounding = Rounding.HALF_EVEN,
    node_budget: int = NODE_BUDGET,
) -> Evaluation:
    """Return prices, allocations and explanations at an instant; a pure function of its arguments.

    A line without units, a negative price or a time without offset is a mistake of the caller: ValueError.
    """
    _check(basket, now)
    classes = merge_lines(basket)
    scene = _scene(basket)
    absent: dict[str, PromotionOutcome] = {}
    present: list[PromotionTerms] = []
    for terms in rule_set.promotions:
        outcome = _screen(terms, basket, scene, now)
        if outcome is None:
            present.append(terms)
        else:
            absent[terms.promotion_id] = outcome

    together = play([one for one in present if not one.exclusive], classes, scene, rounding, node_budget)
    alone = {
        one.promotion_id: play([one], classes, scene, rounding, node_budget)
        for one in present
        if one.exclusive
    }
    winner, exclusive = together, None
    for name, tried in alone.items():
        if tried.value > winner.value:
            winner, exclusive = tried, name

    order = _order(rule_set)
    verdict = Verdict(
        winner, tuple(sorted(winner.applied, key=lambda name: order[name])), exclusive, rounding
    )
    outcomes = tuple(
        absent.get(terms.promotion_id) or explain(terms, alone.get(terms.promotion_id, together), verdict)
        for terms in rule_set.promotions
    )
    bound = max(one.bound for one in (together, *alone.values()))
    optimal = all(one.optimal for one in (together, *alone.values()))
    return _result(rule_set, basket, classes, winner, outcomes, bound=None if optimal else bound)


def _check(basket: Basket, now: datetime) -> None:
    if now.tzinfo is None:
        raise ValueError("the time of an evaluation has an offset")
    for line in basket.lines:
        if line.quantity < 1 or line.unit_price < 0:
            raise ValueError(f"{line.sku}: a quantity of at least 1 and a price of at least 0 are expected")


def _scene(basket: Basket) -> Scene:
    facts = {
        **basket.store.facts,
        "store.id": basket.store.id,
        "channel": basket.channel,
        "basket.currency": basket.currency,
    }
    return Scene(basket.currency, facts, ())


def _screen(terms: PromotionTerms, basket: Basket, scene: Scene, now: datetime) -> PromotionOutcome | None:
    """Return why a promotion is no candidate at this time and store, or None."""
    zone = basket.store.zone
    reason = None
    if schedules.has_yet_to_start(terms.starts_at, terms.zone_policy, zone, now):
        reason = "not_started"
    elif schedules.has_ended(terms.ends_at, terms.zone_policy, zone, now):
        reason = "ended"
    if reason is not None:
        zone = schedules.zone_of(terms.zone_policy, zone)
        detail = OutsideSchedule(reason, terms.starts_at, terms.ends_at, zone)
        return told(terms, Outcome.OUTSIDE_SCHEDULE, detail=detail)
    if terms.stores is not None and not matches(terms.stores, scene.facts):
        return told(terms, Outcome.STORE_NOT_TARGETED, detail=StoreNotTargeted(basket.store.id))
    return None


def _order(rule_set: RuleSet) -> dict[str, tuple[int, int]]:
    """Return in which order promotions took their shares: lane, then priority and id."""
    lanes = list(Lane)
    return {
        terms.promotion_id: (lanes.index(Lane(terms.lane)), place)
        for place, terms in enumerate(rule_set.promotions)
    }


def _result(
    rule_set: RuleSet,
    basket: Basket,
    classes: Sequence[UnitClass],
    winner: Play,
    outcomes: tuple[PromotionOutcome, ...],
    *,
    bound: Amount | None,
) -> Evaluation:
    versions = {terms.promotion_id: terms.version for terms in rule_set.promotions}
    order = _order(rule_set)
    lines: dict[int, EvaluatedLine] = {}
    for one, runs in zip(classes, winner.runs, strict=True):
        dealt = deal_out(runs, [basket.lines[place].quantity for place in one.lines])
        for place, mine in zip(one.lines, dealt, strict=True):
            lines[place] = _line(basket, basket.lines[place], mine, versions, order)
    in_order = tuple(lines[place] for place in range(len(basket.lines)))
    discount = sum(line.discount for line in in_order)
    return Evaluation(
        currency=basket.currency,
        gross=sum(line.gross for line in in_order),
        discount=discount,
        net=sum(line.net for line in in_order),
        tax=sum(line.tax for line in in_order),
        optimal=bound is None,
        bound=discount if bound is None else max(discount, ceil(Fraction(bound) / SCALE)),
        lines=in_order,
        promotions=outcomes,
    )


def _line(
    basket: Basket,
    line: BasketLine,
    runs: Sequence[Run],
    versions: Mapping[str, int],
    order: Mapping[str, tuple[int, int]],
) -> EvaluatedLine:
    units: dict[str, int] = {}
    amounts: dict[str, int] = {}
    for run in runs:
        for share in run.shares:
            units[share.promotion_id] = units.get(share.promotion_id, 0) + run.units
            amounts[share.promotion_id] = amounts.get(share.promotion_id, 0) + share.minor * run.units
    gross = line.quantity * line.unit_price
    discount = sum(amounts.values())
    return EvaluatedLine(
        sku=line.sku,
        quantity=line.quantity,
        unit_price=line.unit_price,
        gross=gross,
        discount=discount,
        net=gross - discount,
        tax=_tax(gross - discount, line.tax_rate_pct, includes=basket.store.prices_include_tax),
        allocations=tuple(
            Allocation(name, versions[name], UnitRole.DISCOUNTED, units[name], amounts[name])
            for name in sorted(amounts, key=lambda name: order[name])
        ),
    )


def _tax(net: int, rate_pct: Decimal, *, includes: bool) -> int:
    """Return the tax of a net amount: the part of it that is tax, or what comes on top of it."""
    numerator, denominator = rate_pct.as_integer_ratio()
    whole = 100 * denominator
    return divide(net * numerator, whole + numerator if includes else whole, Rounding.HALF_EVEN)
