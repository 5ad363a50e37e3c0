"""One component of a lane's problem: pools tied together by offers that are not free.

Every placement of those offers is tried, and branches that cannot reach the best found so far are left out.
What is left is asked for its best answers at every turn. The search counts nodes, never time: it is a pure
function.
"""

from collections.abc import Mapping, Sequence
from itertools import count

from shared.domain.engine.answers import Answers, has_answer
from shared.domain.engine.bounds import Bounds, Groups, Slot
from shared.domain.engine.free import FreeOffers
from shared.domain.engine.greedy import greedy
from shared.domain.engine.lane import Amount, LaneProblem
from shared.domain.engine.leaves import Choice, Leaves
from shared.domain.engine.packing import Slot as Spot
from shared.domain.engine.packing import Taken, best_packing, cells_of, plainly_saved
from shared.domain.engine.placing import Move, moved, packable, packed, used, ways
from shared.domain.engine.settle import settle, total
from shared.domain.engine.takings import Takings

TIE_NODES = 200
_STEPS_OF_A_NODE = 3
_PARTS_OF_A_NODE = 24
_PARTS_OF_A_CROWD = 100


class Component:
    """The search in one component; `best` is the value found and `bound` what none can exceed.

    `alone` says of each offer that is not free what it gives at most when it is alone.
    """

    def __init__(
        self,
        problem: LaneProblem,
        pools: Sequence[int],
        alone: Mapping[int, Amount],
        free: FreeOffers,
        budget: int,
    ) -> None:
        self.problem, self.alone, self.budget = problem, alone, budget
        self.leaves = Leaves(problem, free)
        self.answers = Answers(problem, alone, free)
        self.start: Groups = {pool: (((), problem.pools[pool].units),) for pool in pools}
        self.tied = self._order()
        self.answering = len(self.tied)
        """From which turn on all offers answer."""
        while self.answering and has_answer(problem.offers[self.tied[self.answering - 1]]):
            self.answering -= 1
        parts = sum(len(problem.offers[place].parts) for place in self.tied)
        # Offers that stack share cells, so that many of them cost more than each alone.
        self.cost = 1 + parts // _PARTS_OF_A_NODE + (parts // _PARTS_OF_A_CROWD) ** 2
        self.nodes = self.answers.nodes
        self.bound: Amount = 0
        self.finished = True

    @property
    def best(self) -> Amount:
        return self.leaves.value

    def solve(self) -> list[Choice]:
        """Return the best solutions found that apply different offers."""
        self.leaves.settle(self.start)
        self.bound = self.best
        if self.tied:
            self.bounds = Bounds(self.problem, self.tied, self.alone)
            self.leaves.settle(greedy(self.problem, self.tied, self.bounds, self.start))
            self.bound = self.bounds.of(0, self.start, 0)
            self._decide(0, self.start, 0)
            proved = self.finished and self.leaves.proved
            self.bound = self.best if proved else max(self.best, self.bound)
        return list(self.leaves.ties.values())

    def _order(self) -> list[int]:
        """Return the offers that are not free: first those whose best answers want the same units as others'.

        Once these are decided, what the others do best settles the rest. What takes most to enumerate comes
        last, buy-x-get-y and offers of many parts, so that it is most often settled so.
        """
        units = {pool: self.problem.pools[pool].units for pool in self.start}
        answers = {
            place: self.answers.of(place, units)
            for place in self.alone
            if has_answer(self.problem.offers[place])
        }
        left = dict(units)
        for answer in answers.values():
            for pool, _, _, taken in answer.moves if answer else ():
                left[pool] -= taken

        def rank(place: int) -> tuple[bool, bool, int, Amount]:
            offer, answer = self.problem.offers[place], answers.get(place)
            agreed = answer is not None and all(left[move[0]] >= 0 for move in answer.moves)
            bargain = offer.packs is not None and offer.packs.price is None
            return agreed, bargain, len(offer.parts), -self.alone[place]

        return sorted(self.alone, key=rank)

    def spend(self, nodes: int | None = None) -> bool:
        self.nodes += self.cost if nodes is None else nodes
        if self.nodes > self.budget:
            self.finished = False
        return self.nodes <= self.budget

    def hopeless(self, bound: Amount) -> bool:
        return bound < self.best or (bound == self.best and self.nodes > TIE_NODES)

    def _decide(self, turn: int, groups: Groups, fixed: Amount) -> None:
        """Try every way to place the offer whose turn it is, then go without it."""
        while turn < len(self.tied) and self._has_no_place(self.tied[turn], groups):
            turn += 1
        if not self.spend():
            return
        if turn == len(self.tied):
            self.leaves.settle(groups, fixed)
            return
        known = self._answer(turn, groups, fixed) if turn >= self.answering else None
        if known or (known is None and self.hopeless(self.bounds.of(turn, groups, fixed))):
            return
        place = self.tied[turn]
        offer = self.problem.offers[place]
        if offer.whole and self.alone[place]:
            for placed in ways(self.bounds, place, groups, self.spend):
                self._decide(turn + 1, placed, fixed + self.alone[place])
            self._decide(turn + 1, groups, fixed)
        elif offer.whole:
            self._decide(turn + 1, groups, fixed)
        elif offer.packs:
            self._place_packed(turn, groups, fixed)
        else:
            slots = self.bounds.slots(place, groups)
            self._place_limited(turn, groups, slots, offer.in_basket, in_line={}, fixed=fixed)

    def _answer(self, turn: int, groups: Groups, fixed: Amount) -> bool | None:
        """Let all offers from this turn on do what is best for each, and say whether that settles them.

        Where not even that could be among the best, there is nothing more to do either. None where an answer
        takes a search.
        """
        left = {pool: units for pool, cells in groups.items() for uses, units in cells if not uses}
        bound = self.bounds.of(len(self.tied), groups, fixed)
        moves: list[Move] = []
        certain = True
        for place in self.tied[turn:]:
            before = self.answers.nodes
            answer = self.answers.of(place, left)
            if not self.spend(self.answers.nodes - before):
                return True
            if answer is None:
                return None
            bound += answer.gain
            fixed += answer.value
            moves += answer.moves
            certain = certain and answer.only
        if turn == 0:
            self.bound = min(self.bound, bound)
        if self.hopeless(bound):
            return True
        if not certain and self.nodes <= TIE_NODES:
            return False
        for pool, _, _, units in moves:
            left[pool] -= units
            if left[pool] < 0:
                return False
        self._decide(len(self.tied), moved(groups, moves), fixed)
        return True

    def _has_no_place(self, place: int, groups: Groups) -> bool:
        offer = self.problem.offers[place]
        return offer.whole and not offer.stackable and not self.bounds.has_units_for(place, groups)

    def _place_packed(self, turn: int, groups: Groups, fixed: Amount) -> None:
        """Try the best packing of what is left first, then every other, then none."""
        place = self.tied[turn]
        slots = packable(self.problem, place, self.bounds, groups)
        stackable = self.problem.offers[place].stackable
        costs = [0 if stackable else self.bounds.unit(slot.pool, ()) for slot in slots]
        first = best_packing(self.problem, place, slots, costs)
        if first:
            self._decide(
                turn + 1, packed(groups, place, slots, first), fixed + self._value_of(place, slots, first)
            )
        without = self.bounds.of(turn + 1, groups, fixed)
        steps = count(1)

        def goes_on(gain: Amount) -> bool:
            return not self.hopeless(without + gain)

        def tick() -> bool:
            return self.spend(1) if next(steps) % _STEPS_OF_A_NODE == 0 else self.nodes <= self.budget

        for taken in Takings(self.problem, place, slots, costs, goes_on=goes_on, tick=tick).all():
            value = self._value_of(place, slots, taken)
            if value and taken != first:
                self._decide(turn + 1, packed(groups, place, slots, taken), fixed + value)
        self._decide(turn + 1, groups, fixed)

    def _value_of(self, place: int, slots: Sequence[Spot], taken: Sequence[Taken]) -> Amount:
        gains = self.bounds.plain[place]
        if gains is not None:
            return sum([units * gains[slots[slot].part(pick)] for slot, pick, units in taken])
        plain = plainly_saved(self.problem, place, slots, taken)
        if plain is not None:
            return plain
        result = settle(self.problem, cells_of(place, slots, taken))
        self.finished = self.finished and not result.rough
        return total(result.cells)

    def _place_limited(
        self,
        turn: int,
        groups: Groups,
        slots: Sequence[Slot],
        left: int | None,
        *,
        in_line: dict[int, int],
        fixed: Amount,
    ) -> None:
        """Give the offer a number of units in each slot, most first."""
        if not slots or left == 0:
            self._decide(turn + 1, groups, fixed)
            return
        place = self.tied[turn]
        pool, number, uses, count = slots[0]
        line = self.problem.pools[pool].unit_class
        line_left = in_line.get(line, self.problem.offers[place].in_line)
        most = min(limit for limit in (count, left, line_left) if limit is not None)
        above: Amount | None = None
        for taken in range(most, -1, -1):
            placed = used(groups, pool, uses, (place, number), taken)
            remaining = None if left is None else left - taken
            bound = self.bounds.of(turn + 1, placed, fixed) + self.bounds.gain(slots[1:], place, remaining)
            if not self.spend():
                return
            if self.hopeless(bound):
                # Without whole offers to come the bound is concave in the number: once it falls, it falls on.
                if above is not None and bound <= above and not self._whole_after(turn):
                    return
            else:
                lines = in_line if line_left is None else {**in_line, line: line_left - taken}
                self._place_limited(turn, placed, slots[1:], remaining, in_line=lines, fixed=fixed)
            above = bound

    def _whole_after(self, turn: int) -> bool:
        later = (self.problem.offers[place] for place in self.tied[turn + 1 :])
        return any(offer.whole or offer.packs for offer in later)
