"""The best combination of one lane: which units each offer uses, so that the customer saves most.

Pools that no limited or whole offer ties together are decided each by itself. Where offers do tie pools
together, every placement of those offers is tried, that of the greatest offer first, and branches that cannot
reach the best found so far are left out. The search counts nodes, never time: it is a pure function.

Ties: the first list of applied offers, then the fewest units used, then the units of the first pools. Units
of one pool that no limit tells apart are decided alike: a tie alone never splits them between two offers.
Once a component has cost `TIE_NODES`, branches that could only tie are left out too, and the first found
stays.
"""

from collections.abc import Sequence
from itertools import product

from shared.domain.engine.components import Choice, Component, split, unit_vector
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, Cell, LaneProblem, Solution

NODE_BUDGET = 2_000
_MOST_PRODUCTS = 256

type _Key = tuple[tuple[int, ...], int, tuple[int, ...]]


def best_combination(problem: LaneProblem, node_budget: int = NODE_BUDGET) -> Solution:
    """Return the solution with the greatest discount; `optimal` only when that is proved in the budget."""
    choices: list[list[Choice]] = []
    free = FreeOffers(problem)
    value: Amount = 0
    bound: Amount = 0
    optimal = True
    for pools, alone in split(problem):
        component = Component(problem, pools, alone, free, node_budget)
        choices.append(component.solve())
        node_budget -= component.nodes
        value += component.best
        bound += component.bound
        optimal = optimal and component.bound == component.best
    chosen = _first(problem, choices)
    cells = sorted((cell for choice in chosen for cell in choice.cells), key=_cell_order)
    applied = sorted({offer for choice in chosen for offer in choice.applied})
    return Solution(value, bound, optimal, tuple(cells), tuple(applied))


def _cell_order(cell: Cell) -> tuple[int, bool, tuple[tuple[int, int], ...]]:
    return cell.pool, not cell.uses, cell.uses


def _first(problem: LaneProblem, choices: Sequence[Sequence[Choice]]) -> Sequence[Choice]:
    """Return the combination of equally good choices that comes first, over all components together."""
    size = 1
    for alike in choices:
        size *= len(alike)
    if size == 1:
        return [alike[0] for alike in choices]
    if size <= _MOST_PRODUCTS:
        return min(product(*choices), key=lambda chosen: _key(problem, chosen))
    chosen = [min(alike, key=lambda choice: _key(problem, [choice])) for alike in choices]
    best, improved = _key(problem, chosen), True
    while improved:
        improved = False
        for place, alike in enumerate(choices):
            for choice in alike:
                tried = [*chosen[:place], choice, *chosen[place + 1 :]]
                key = _key(problem, tried)
                if key < best:
                    chosen, best, improved = tried, key, True
    return chosen


def _key(problem: LaneProblem, chosen: Sequence[Choice]) -> _Key:
    applied = sorted({offer for choice in chosen for offer in choice.applied})
    used = sum(choice.used for choice in chosen)
    return tuple(applied), used, unit_vector(problem, chosen)
