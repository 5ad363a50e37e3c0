"""The best combination of one lane: which units each offer uses, so that the customer saves most.

Pools that only free offers want are decided each by itself. Where the other offers do not get into each
other's way, each does what it would do alone, which nothing can exceed. Where they do, their component is
searched.

Ties: the first list of applied offers, then the fewest units used, then the units of the first pools. Units
of one pool that no limit tells apart are decided alike: a tie alone never splits them between two offers.
Once a component has cost `TIE_NODES`, branches that could only tie are left out too, and the first found
stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from shared.domain.engine.alone import Alone, alone
from shared.domain.engine.components import Component
from shared.domain.engine.decisions import decide
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, Grant, LaneProblem, Offer, Part, Pool
from shared.domain.engine.pieces import Piece, of_cells, of_decision
from shared.domain.engine.rule import Per
from shared.domain.engine.standing import Decision, Free, Standing
from shared.domain.engine.undisturbed import undisturbed

NODE_BUDGET = 2_000
_MOST_PRODUCTS = 256


class Alternative:
    """One of equally good ways to decide some pools."""

    __slots__ = ("pieces",)

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces

    @property
    def applied(self) -> set[int]:
        """Who takes anything off."""
        return {index for piece in self.pieces for index, amount, _ in piece.given if amount}

    @property
    def counts(self) -> dict[tuple[int, int], int]:
        """How many units of a pool each promotion uses."""
        found: dict[tuple[int, int], int] = {}
        for piece in self.pieces:
            for index, _, _ in piece.given:
                found[piece.pool, index] = found.get((piece.pool, index), 0) + piece.units
        return found


class Solved(NamedTuple):
    """Some pools decided: the equally good alternatives, what they give, and what none can exceed."""

    alike: Sequence[Alternative]
    value: Amount
    bound: Amount


@dataclass(slots=True, eq=False)
class Combination:
    """The pieces of all pools, in order. `value` is the whole discount, `bound` none can exceed."""

    pieces: list[Piece]
    value: Amount
    bound: Amount
    optimal: bool
    alone: Mapping[int, Alone]
    """Of each offer that is not free, by its promotion's index."""


def combine(
    pools: Sequence[Pool], standings: Sequence[Standing], tied: Sequence[Offer], live: int, node_budget: int
) -> Combination:
    """Return the combination of these offers and of the free ones whose bits are live."""
    decided = [decide(standing, live) for standing in standings]
    if not tied:
        return _of_choices(_of_free(pools, decided, range(len(pools))), {})
    problem = LaneProblem(pools, tied)
    lone = [alone(problem, place) for place in range(len(tied))]
    by_index = {offer.index: found for offer, found in zip(tied, lone, strict=True)}
    solved: list[Solved] = []
    joined = set[int]()
    for members, places in _components(tied):
        joined.update(places)
        found = undisturbed(problem, members, lone, decided)
        if found is not None:
            pieces, value = found
            left = {place: pools[place].units for place in places}
            for piece in pieces:
                left[piece.pool] -= piece.units
            solved.append(Solved([Alternative(pieces)], value, value))
            solved += _of_free(pools, decided, places, left)
            continue
        component = _search(problem, standings, members, lone, places, live, node_budget)
        alike = [Alternative(of_cells(component.problem, one.cells)) for one in component.solve()]
        node_budget -= component.nodes
        solved.append(Solved(alike, component.best, component.bound))
    solved += _of_free(pools, decided, [place for place in range(len(pools)) if place not in joined])
    return _of_choices(solved, by_index)


def _of_choices(solved: Sequence[Solved], lone: Mapping[int, Alone]) -> Combination:
    if all(len(one.alike) == 1 for one in solved):
        chosen = [one.alike[0] for one in solved]
    else:
        chosen = _first([one.alike for one in solved])
    pieces = [piece for one in chosen for piece in one.pieces]
    pieces.sort(key=_order)
    value, bound = sum([one.value for one in solved]), sum([one.bound for one in solved])
    return Combination(pieces, value, bound, value == bound, lone)


def _order(piece: Piece) -> tuple[int, bool, list[int]]:
    return piece.pool, not piece.given, [index for index, _, _ in piece.given]


def _of_free(
    pools: Sequence[Pool],
    decided: Sequence[Sequence[Decision]],
    places: Iterable[int],
    left: Mapping[int, int] | None = None,
) -> list[Solved]:
    """Return what free offers do with these pools, or with what is left of them."""
    solved: list[Solved] = []
    for place in places:
        units = pools[place].units if left is None else left[place]
        if units:
            alike = decided[place]
            value = alike[0].value * units
            alternatives = [Alternative([of_decision(place, units, one)]) for one in alike]
            solved.append(Solved(alternatives, value, value))
    return solved


def _components(tied: Sequence[Offer]) -> list[tuple[list[int], list[int]]]:
    """Return the offers tied together by pools they share, and these pools."""
    groups: list[tuple[list[int], set[int]]] = []
    for place, offer in enumerate(tied):
        members, places = [place], {part.pool for part in offer.parts}
        apart: list[tuple[list[int], set[int]]] = []
        for group in groups:
            if places.isdisjoint(group[1]):
                apart.append(group)
            else:
                members, places = [*group[0], *members], places | group[1]
        groups = [*apart, (members, places)]
    return [(sorted(members), sorted(places)) for members, places in groups]


def _search(
    problem: LaneProblem,
    standings: Sequence[Standing],
    members: Sequence[int],
    lone: Sequence[Alone],
    places: Sequence[int],
    live: int,
    node_budget: int,
) -> Component:
    """Return the search over these offers and the free ones of their pools."""
    offers = [problem.offers[member] for member in members] + _free_offers(standings, places, live)
    offers.sort(key=lambda offer: offer.index)
    sub = LaneProblem(problem.pools, offers)
    bounds = {problem.offers[member].index: lone[member] for member in members}
    tied = [place for place, offer in enumerate(offers) if not offer.free]
    tied.sort(key=lambda place: -bounds[offers[place].index].value)
    alone_bounds = {place: bounds[offers[place].index].bound for place in tied}
    return Component(sub, places, alone_bounds, FreeOffers(sub), node_budget)


def _free_offers(standings: Sequence[Standing], places: Sequence[int], live: int) -> list[Offer]:
    wants: dict[int, list[tuple[int, Free]]] = {}
    for place in places:
        for free in standings[place].free:
            if free.plan.bit & live:
                wants.setdefault(free.plan.index, []).append((place, free))
    return [
        Offer(
            index,
            found[0][1].plan.terms.stackable,
            whole=False,
            grants=(Grant(Per.UNIT, {place: free.want for place, free in found}),),
            parts=tuple(Part(place, 1, (0,), free.want) for place, free in found),
            floors={place: free.floor for place, free in found if free.floor},
        )
        for index, found in wants.items()
    ]


def _first(choices: Sequence[Sequence[Alternative]]) -> Sequence[Alternative]:
    """Return the combination of equally good choices that comes first, over all components together."""
    size = 1
    for alike in choices:
        size *= len(alike)
    if size <= _MOST_PRODUCTS:
        return min(product(*choices), key=_rank)
    chosen = [min(alike, key=lambda one: _rank([one])) for alike in choices]
    best, improved = _rank(chosen), True
    while improved:
        improved = False
        for place, alike in enumerate(choices):
            for choice in alike:
                tried = [*chosen[:place], choice, *chosen[place + 1 :]]
                rank = _rank(tried)
                if rank < best:
                    chosen, best, improved = tried, rank, True
    return chosen


def _rank(chosen: Sequence[Alternative]) -> tuple[list[int], int, list[tuple[int, int, int]]]:
    """Return who applies, how many units are used, and where: the smaller, the earlier."""
    applied = sorted({index for one in chosen for index in one.applied})
    counts = sorted((pool, index, -units) for one in chosen for (pool, index), units in one.counts.items())
    return applied, sum(-units for _, _, units in counts), counts
