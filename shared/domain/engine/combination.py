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
from math import prod
from operator import attrgetter

from shared.domain.engine.alone import Alone, alone
from shared.domain.engine.components import Component
from shared.domain.engine.decisions import decide
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, Grant, LaneProblem, Offer, Part, Pool
from shared.domain.engine.pieces import Piece, of_cells
from shared.domain.engine.responses import IDLE, response
from shared.domain.engine.rule import Per
from shared.domain.engine.standing import Decision, Free, Standing
from shared.domain.engine.undisturbed import Found, apart, strangers, undisturbed

NODE_BUDGET = 1_500
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


@dataclass(slots=True, eq=False)
class Combination:
    """The pieces of all pools, in order. `value` is the whole discount, `bound` none can exceed.

    `totals` says what those give whose pieces have weights instead of amounts, by index.
    """

    pieces: list[Piece]
    value: Amount
    bound: Amount
    alone: Mapping[int, Alone]
    """Of each offer that is not free, by its promotion's index."""
    totals: Mapping[int, Amount]

    @property
    def optimal(self) -> bool:
        return self.value == self.bound


def combine(
    pools: Sequence[Pool], standings: Sequence[Standing], tied: Sequence[Offer], live: int, node_budget: int
) -> Combination:
    """Return the combination of these offers and of the free ones whose bits are live."""
    decided = [decide(standing, live) for standing in standings]
    solving = _Solving(pools, decided)
    if not tied:
        solving.leave_to_free(range(len(pools)), {})
        return solving.combination({}, {})
    problem = LaneProblem(pools, tied)
    lone = [alone(problem, place) for place in range(len(tied))]
    by_index = {offer.index: found for offer, found in zip(tied, lone, strict=True)}
    if max(map(len, decided)) == 1:
        found = strangers(problem, range(len(tied)), lone, decided)
        if found is not None:
            solving.take(found, range(len(pools)))
            return solving.combination(by_index, found.totals)
    totals: dict[int, Amount] = {}
    joined: set[int] = set()
    for members, places in _components(tied, range(len(tied))):
        found = undisturbed(problem, members, lone, decided)
        if found is not None:
            solving.take(found, places)
            totals.update(found.totals)
            joined.update(places)
            continue
        answers = {member: response(problem, member, lone[member], solving.costs) for member in members}
        for few, among in _components(tied, [member for member in members if answers[member] is not IDLE]):
            joined.update(among)
            found = apart(problem, [answers[member] for member in few])
            if found is None:
                found = undisturbed(problem, few, lone, decided)
            if found is not None:
                solving.take(found, among)
                totals.update(found.totals)
                continue
            component = _search(problem, standings, few, lone, among, live=live, budget=node_budget)
            solving.search(component)
            node_budget = max(0, node_budget - component.nodes)
    solving.leave_to_free([place for place in range(len(pools)) if place not in joined], {})
    return solving.combination(by_index, totals)


class _Solving:
    """A lane while it is being solved: pieces that are certain, and choices among equally good ones."""

    def __init__(self, pools: Sequence[Pool], decided: Sequence[Sequence[Decision]]) -> None:
        self.pools, self.decided = pools, decided
        self.costs = [alike[0].value for alike in decided]
        self.pieces: list[Piece] = []
        self.choices: list[Sequence[Alternative]] = []
        self.value: Amount = 0
        self.bound: Amount = 0

    def leave_to_free(self, places: Iterable[int], left: Mapping[int, int]) -> None:
        """Decide these pools, or what is left of them, among free offers."""
        gained = 0
        for place in places:
            units = left.get(place, self.pools[place].units)
            if units:
                alike = self.decided[place]
                gained += alike[0].value * units
                if len(alike) == 1:
                    self.pieces.append(Piece(place, units, alike[0].floor, alike[0].given))
                else:
                    self.choices.append(
                        [Alternative([Piece(place, units, one.floor, one.given)]) for one in alike]
                    )
        self.value += gained
        self.bound += gained

    def take(self, found: Found, places: Iterable[int]) -> None:
        """Let offers that are in nobody's way have their pieces, and free ones what is left."""
        left: dict[int, int] = {}
        for piece in found.pieces:
            pool = piece.pool
            left[pool] = left.get(pool, self.pools[pool].units) - piece.units
        self.pieces += found.pieces
        self.value += found.value
        self.bound += found.value
        self.leave_to_free(places, left)

    def search(self, component: Component) -> None:
        alike = [Alternative(of_cells(component.problem, one.cells)) for one in component.solve()]
        self.choices.append(alike)
        self.value += component.best
        self.bound += component.bound

    def combination(self, lone: Mapping[int, Alone], totals: Mapping[int, Amount]) -> Combination:
        pieces = self.pieces
        if self.choices:
            for one in _first([[Alternative(pieces)], *self.choices]):
                pieces = [*pieces, *one.pieces] if one.pieces is not pieces else pieces
        if len(pieces) == len(self.pools):
            pieces.sort(key=_pool)
        else:
            pieces.sort(key=_order)
        return Combination(pieces, self.value, self.bound, lone, totals)


_pool = attrgetter("pool")


def _order(piece: Piece) -> tuple[int, bool, list[int]]:
    return piece.pool, not piece.given, [index for index, _, _ in piece.given]


def _components(tied: Sequence[Offer], chosen: Iterable[int]) -> list[tuple[list[int], list[int]]]:
    """Return the offers tied together by pools they share, and these pools."""
    groups: list[tuple[list[int], set[int]]] = []
    for place in chosen:
        members, places = [place], {part.pool for part in tied[place].parts}
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
    *,
    live: int,
    budget: int,
) -> Component:
    """Return the search over these offers and the free ones of their pools."""
    offers = [problem.offers[member] for member in members] + _free_offers(standings, places, live)
    offers.sort(key=lambda offer: offer.index)
    sub = LaneProblem(problem.pools, offers)
    bounds = {problem.offers[member].index: lone[member] for member in members}
    tied = [place for place, offer in enumerate(offers) if not offer.free]
    tied.sort(key=lambda place: -bounds[offers[place].index].value)
    alone_bounds = {place: bounds[offers[place].index].bound for place in tied}
    return Component(sub, places, alone_bounds, FreeOffers(sub), budget)


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
    size = prod(len(alike) for alike in choices)
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
