"""Sold: a sale with its physical units, of which some come back."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from shared.domain.engine.basket import Basket
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.engine.evaluate import evaluate_and_play
from shared.domain.engine.evaluation import Evaluation, UnitRole
from shared.domain.engine.game import Game
from shared.domain.engine.held import Held, Place
from shared.domain.engine.lines import tax_of
from shared.domain.engine.plan import Plan
from shared.domain.engine.reprice import Kept
from shared.domain.engine.ruleset import RuleSet
from shared.domain.engine.units import Run, runs_by_line
from shared.domain.money import Rounding, largest_remainder


class Sold:
    """A sale evaluated once more, with the physical units of its lines as they were dealt out."""

    def __init__(
        self,
        rule_set: RuleSet,
        basket: Basket,
        now: datetime,
        held: Held,
        returned: Sequence[int],
        *,
        rounding: Rounding = Rounding.HALF_EVEN,
        node_budget: int = NODE_BUDGET,
    ) -> None:
        found, (game, winner) = evaluate_and_play(
            rule_set, basket, now, rounding=rounding, node_budget=node_budget
        )
        self.evaluation: Evaluation = found
        self.game: Game = game
        self.runs = runs_by_line(basket, game.classes, winner.runs)
        self.held, self.returned = held, returned
        self.kept = [units - back for units, back in zip(held.units, returned, strict=True)]
        self.plans: Mapping[str, Plan] = game.program.by_id

    def room(self, place: Place) -> int:
        """Return what the promotion gives now on the units of the line that are kept."""
        name, line = place
        index, kept = self.plans[name].index, self.kept[line]
        if line >= len(self.runs):
            # A gift costs nothing, however many of it are kept.
            return kept * self.evaluation.lines[line].unit_price
        present = _first(self.runs[line], self.held.units[line])
        weights = [sum(share.minor for share in run.shares if share.by == index) for run in present]
        amount = self.held.given[place].amount
        split = largest_remainder(amount, weights, counts=[run.units for run in present])
        room = 0
        for run, (share, extra) in zip(present, split, strict=True):
            here = min(run.units, kept)
            room += here * share + min(here, extra)
            kept -= here
        return room

    def refund(self, left: Mapping[Place, int]) -> int:
        gross = sum(
            back * line.unit_price for back, line in zip(self.returned, self.evaluation.lines, strict=True)
        )
        return gross - sum(given.amount for given in self.held.given.values()) + sum(left.values())

    def entries(self, plan: Plan) -> list[tuple[int, Kept]]:
        """Return the kept units as the promotion found them, each entry with its line."""
        found: list[tuple[int, Kept]] = []
        for line, bought in enumerate(self.game.basket.lines):
            units: dict[tuple[int, bool], int] = {}
            for run in _first(self.runs[line], self.kept[line]):
                mine = [share.entry_price for share in run.shares if share.by == plan.index]
                price = mine[0] if mine else bought.unit_price - self._earlier(run, plan)
                units[price, bool(mine)] = units.get((price, bool(mine)), 0) + run.units
            for (price, used), count in units.items():
                found.append((line, Kept(bought._replace(quantity=count), price, count if used else 0)))
        return found

    def _earlier(self, run: Run, plan: Plan) -> int:
        lanes = self.game.program.plans
        return sum(share.minor for share in run.shares if lanes[share.by].lane_place < plan.lane_place)

    def units_back(self, place: Place, role: UnitRole) -> int:
        """Return how many units that the promotion used in this role come back."""
        name, line = place
        if self.evaluation.lines[line].gift:
            return self.returned[line] if role is UnitRole.DISCOUNTED else 0
        index, runs = self.plans[name].index, self.runs[line]

        def used(units: int) -> int:
            return sum(
                run.units
                for run in _first(runs, units)
                if any(share.by == index and share.role is role for share in run.shares)
            )

        return used(self.held.units[line]) - used(self.kept[line])

    def tax(self, line: int, net: int) -> int:
        """Return the tax of what is left of a line; gifts cost nothing."""
        if self.evaluation.lines[line].gift:
            return 0
        rate = self.game.basket.lines[line].tax_rate_pct
        return tax_of(net, rate, includes=self.game.basket.store.prices_include_tax)


def _first(runs: Sequence[Run], units: int) -> list[Run]:
    """Return the runs of the first units."""
    found: list[Run] = []
    for run in runs:
        taken = min(run.units, units)
        if taken:
            found.append(run._replace(units=taken))
        units -= taken
    return found
