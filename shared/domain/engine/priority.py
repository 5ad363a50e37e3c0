"""Lanes served by priority: in canonical order, each promotion takes the free units that suit it best."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from shared.domain.engine.alone import Alone, alone
from shared.domain.engine.combination import Combination
from shared.domain.engine.lane import Amount, LaneProblem, Pool
from shared.domain.engine.offers import Offered, make
from shared.domain.engine.pieces import Gift, Piece, of_cells
from shared.domain.money import SCALE


@dataclass(slots=True, eq=False)
class _Shelf:
    """Units of a pool to which the same happened so far; `open` says that whoever stacks may use them."""

    pool: int
    units: int
    floor: int
    open: bool = True
    taken: Amount = 0
    given: list[Gift] = field(default_factory=list[Gift])

    def left(self, price: int, floor: int = 0) -> Amount:
        """Return what a unit can still lose; below zero is what was given above a floor that came later."""
        return max(0, price - max(self.floor, floor)) * SCALE - self.taken


def serve(pools: Sequence[Pool], found: Sequence[Offered]) -> Combination:
    """Return what the promotions take, each after those before it."""
    shelves = [_Shelf(place, pool.units, pool.floor) for place, pool in enumerate(pools)]
    lone: dict[int, Alone] = {}
    value: Amount = 0
    bound: Amount = 0
    for one in found:
        offer = one.offer or make(one.plan, one.takers, pools)
        if offer is None:
            continue
        lone[one.plan.index] = alone(LaneProblem(pools, (offer,)), 0)
        gained = _serve_one(pools, shelves, one)
        value += gained.value
        bound += gained.bound
        shelves = [shelf for shelf in shelves if shelf.units]
    cut = sum([shelf.units * max(0, -shelf.left(pools[shelf.pool].price)) for shelf in shelves])
    shelves.sort(key=lambda shelf: (shelf.pool, not shelf.given, [index for index, _, _ in shelf.given]))
    pieces = [Piece(shelf.pool, shelf.units, shelf.floor, shelf.given) for shelf in shelves]
    return Combination(pieces, value - cut, bound - cut, lone, {})


def _serve_one(pools: Sequence[Pool], shelves: list[_Shelf], one: Offered) -> Alone:
    """Let a promotion take what suits it best of the units left to it."""
    stackable = one.plan.terms.stackable
    mine = [shelf for shelf in shelves if not shelf.given or (stackable and shelf.open)]
    mine.sort(key=lambda shelf: shelf.pool)
    left = _pools_of(pools, mine)
    offer = make(one.plan, one.takers, left, one.most)
    if offer is not None and offer.whole:
        # It may take but the first units: of one pool those that have most left for it.
        floors = {shelf.pool: offer.floors.get(place, 0) for place, shelf in enumerate(mine)}
        mine.sort(key=lambda shelf: (shelf.pool, -shelf.left(pools[shelf.pool].price, floors[shelf.pool])))
        left = _pools_of(pools, mine)
        offer = make(one.plan, one.takers, left, one.most)
    if offer is None:
        return Alone(0, 0, (), ())
    problem = LaneProblem(left, (offer,))
    found = alone(problem, 0)
    for piece in of_cells(problem, found.cells) if found.value else ():
        shelf = mine[piece.pool]
        shelf.units -= piece.units
        given = [*shelf.given, *piece.given]
        taken = shelf.taken + sum(amount for _, amount, _ in piece.given)
        floor = max(shelf.floor, piece.floor)
        shelves.append(_Shelf(shelf.pool, piece.units, floor, shelf.open and stackable, taken, given))
    return found


def _pools_of(pools: Sequence[Pool], shelves: Sequence[_Shelf]) -> list[Pool]:
    found: list[Pool] = []
    for shelf in shelves:
        pool = pools[shelf.pool]
        found.append(
            Pool(
                pool.unit_class,
                shelf.units,
                pool.list_price,
                pool.price,
                shelf.floor,
                pool.mask,
                shelf.taken,
            )
        )
    return found
