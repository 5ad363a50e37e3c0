"""Traces: which units each applied promotion used, in which role, and at which price it found them."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from shared.domain.engine.basket import Basket
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.engine.evaluate import evaluate_and_play
from shared.domain.engine.evaluation import Evaluation, UnitRole
from shared.domain.engine.ruleset import RuleSet
from shared.domain.engine.units import Run, runs_by_line
from shared.domain.money import Rounding


class UnitUse(NamedTuple):
    """Units of a line that a promotion used: the price they had on entering its lane, what it took off."""

    promotion_id: str
    version: int
    line: int
    role: UnitRole
    units: int
    entry_price: int
    amount: int


def trace(
    rule_set: RuleSet,
    basket: Basket,
    now: datetime,
    *,
    rounding: Rounding = Rounding.HALF_EVEN,
    node_budget: int = NODE_BUDGET,
) -> tuple[Evaluation, tuple[UnitUse, ...]]:
    """Return the evaluation, and the uses of units by line, in the order in which promotions took them.

    Gifts use no units.
    """
    found, (game, winner) = evaluate_and_play(
        rule_set, basket, now, rounding=rounding, node_budget=node_budget
    )
    uses: dict[tuple[int, int, int, UnitRole, int], list[int]] = {}
    lanes = [plan.lane_place for plan in game.program.plans]
    for place, mine in enumerate(runs_by_line(basket, game.classes, winner.runs)):
        _note(uses, place, mine, lanes)
    told: list[UnitUse] = []
    for line, _, by, role, entry_price in sorted(uses):
        terms = game.program.plans[by].terms
        units, amount = uses[line, _, by, role, entry_price]
        told.append(UnitUse(terms.promotion_id, terms.version, line, role, units, entry_price, amount))
    return found, tuple(told)


def _note(
    uses: dict[tuple[int, int, int, UnitRole, int], list[int]],
    line: int,
    runs: Sequence[Run],
    lanes: Sequence[int],
) -> None:
    for run in runs:
        for share in run.shares:
            key = (line, lanes[share.by], share.by, share.role, share.entry_price)
            found = uses.setdefault(key, [0, 0])
            found[0] += run.units
            found[1] += run.units * share.minor
