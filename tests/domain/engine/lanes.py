"""One lane solved outright, before anything is rounded."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.domain.engine import BasketLine, PromotionTerms, RuleSet, compile_rule_set
from shared.domain.engine.combination import NODE_BUDGET, combine
from shared.domain.engine.evaluate import evaluate_and_play
from shared.domain.engine.evaluation import PromotionOutcome
from shared.domain.engine.game import Game
from shared.domain.engine.lane import Amount
from shared.domain.engine.offers import offered
from shared.domain.engine.pieces import Piece
from shared.domain.engine.play import units_of
from shared.domain.engine.units import Run, merge_lines
from shared.domain.money import Rounding
from tests.domain.engine.baskets import NOW, basket


class Solved(NamedTuple):
    value: Amount
    bound: Amount
    optimal: bool
    applied: tuple[str, ...]
    used: int
    pieces: Sequence[Piece]

    @property
    def told(self) -> object:
        return self[:5], [(piece.pool, piece.units, piece.given) for piece in self.pieces]


def solve(
    lines: Sequence[BasketLine], terms: Sequence[PromotionTerms], node_budget: int = NODE_BUDGET
) -> Solved:
    """Return the best combination of promotions of the first lane, which all are candidates."""
    program = compile_rule_set(1, terms).program
    of = basket(*lines)
    classes = merge_lines(of)
    game = Game(program, of, classes, NOW, rounding=Rounding.HALF_EVEN, node_budget=node_budget)
    runs = [[Run(one.units, one.line.unit_price)] for one in classes]
    pools, standings, _ = units_of(game, runs, "line", -1)
    gains, free = 0, 0
    for standing in standings:
        gains |= standing.gains
    tied = []
    for plan in program.plans:
        one = offered(game, plan, pools, gains)
        if isinstance(one, PromotionOutcome):
            continue
        if one.offer is None:
            free |= plan.bit
        else:
            tied.append(one.offer)
    found = combine(pools, standings, tied, free, node_budget)
    given = [(index, amount) for piece in found.pieces for index, amount, _ in piece.given]
    applied = sorted({index for index, amount in given if amount})
    return Solved(
        found.value,
        found.bound,
        found.optimal,
        tuple(program.plans[index].terms.promotion_id for index in applied),
        sum(piece.units * len(piece.given) for piece in found.pieces),
        found.pieces,
    )


def play_of(lines: Sequence[BasketLine], rules: RuleSet) -> tuple[Amount, bool]:
    """Return what the play that counts takes off, before rounding, and whether every play is proved."""
    found, (_, winner) = evaluate_and_play(
        rules, basket(*lines), NOW, rounding=Rounding.HALF_EVEN, node_budget=NODE_BUDGET
    )
    return winner.value, found.optimal
