"""The best combination of one lane: which units each offer uses, so that the customer saves most.

Pools that only free offers want are decided each by itself. Where the other offers do not get into each
other's way, each does what it would do alone, which nothing can exceed. Where they do, their component is
searched.

Units of one pool that no limit tells apart are decided alike: a tie alone never splits them between two
offers. Once a component has cost `TIE_NODES`, branches that could only tie are left out too, and the first
found stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from operator import attrgetter

from shared.domain.engine.alone import Alone, alone
from shared.domain.engine.components import Component
from shared.domain.engine.contest import contest
from shared.domain.engine.decisions import decide
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.lane import Amount, Grant, LaneProblem, Offer, Part, Pool
from shared.domain.engine.pieces import Piece, of_cells
from shared.domain.engine.responses import IDLE, response
from shared.domain.engine.rule import Per
from shared.domain.engine.standing import Decision, Free, Standing
from shared.domain.engine.ties import MOST_WAYS, Alternative, first
from shared.domain.engine.undisturbed import Found, apart, strangers, undisturbed

NODE_BUDGET = 1_500


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
            best = contest(problem, few, lone, solving.costs)
            if best is not None:
                solving.choose(best, among)
                totals.update((tied[member].index, lone[member].value) for member in few)
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

    def choose(self, best: Sequence[Found], places: Sequence[int]) -> None:
        """Let offers have their pieces in one of several equally good ways, and free ones what is left."""
        if len(best) == 1:
            self.take(best[0], places)
            return
        used = {piece.pool for found in best for piece in found.pieces}
        self.leave_to_free([place for place in places if place not in used], {})
        ways: list[Alternative] = []
        of_way = self
        for found in best:
            of_way = _Solving(self.pools, self.decided)
            of_way.take(found, used)
            ways += [
                Alternative([*of_way.pieces, *(piece for one in chosen for piece in one.pieces)])
                for chosen in islice(product(*of_way.choices), MOST_WAYS)
            ]
        self.choices.append(ways)
        self.value += of_way.value
        self.bound += of_way.value

    def search(self, component: Component) -> None:
        alike = [Alternative(of_cells(component.problem, one.cells)) for one in component.solve()]
        self.choices.append(alike)
        self.value += component.best
        self.bound += component.bound

    def combination(self, lone: Mapping[int, Alone], totals: Mapping[int, Amount]) -> Combination:
        pieces = self.pieces
        if self.choices:
            for one in first(pieces, self.choices):
                pieces += one.pieces
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
    alone_bounds = {place: bounds[offer.index].bound for place, offer in enumerate(offers) if not offer.free}
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
