"""Takings: every way in which a packed offer can take units that are left, the most applications first."""

from collections.abc import Callable, Iterator, Sequence

from shared.domain.engine.lane import Amount, LaneProblem
from shared.domain.engine.packing import Slot, Taken, gain_of, packs_of
from shared.domain.money import SCALE


class Takings:
    """The enumeration for one offer on these slots.

    `goes_on` is told the most that an unfinished taking could still bring in above what its units would bring
    in unused, and says whether to follow it. `tick` is asked at every step whether there is any time left.
    """

    def __init__(
        self,
        problem: LaneProblem,
        place: int,
        slots: Sequence[Slot],
        costs: Sequence[Amount],
        *,
        goes_on: Callable[[Amount], bool],
        tick: Callable[[], bool],
    ) -> None:
        self.packs, self.slots = packs_of(problem.offers[place]), slots
        self.goes_on, self.tick = goes_on, tick
        self.price = (self.packs.price or 0) * SCALE
        bundle = self.packs.price is not None
        self.nets: list[list[Amount | None]] = [
            [
                None
                if number is None
                else (slot.price * SCALE if bundle else gain_of(problem, place, slot.pool, number)) - cost
                for number in slot.numbers
            ]
            for slot, cost in zip(slots, costs, strict=True)
        ]
        picks = range(len(self.packs.units))
        self.order = [
            sorted(
                ((net, at) for at, nets in enumerate(self.nets) if (net := nets[pick]) is not None),
                key=lambda one: -one[0],
            )
            for pick in picks
        ]
        self.rest = [
            [
                sum(slot.units for slot in slots[at:] if slot.numbers[pick] is not None)
                for at in range(len(slots) + 1)
            ]
            for pick in picks
        ]

    def all(self) -> Iterator[list[Taken]]:
        most = min(
            self.packs.most,
            *(rest[0] // units for rest, units in zip(self.rest, self.packs.units, strict=True)),
        )
        for applications in range(most, 0, -1):
            if not self.tick():
                return
            needs = [applications * units for units in self.packs.units]
            yield from self._fill(0, needs, -applications * self.price, [], (0, 0))

    def _fill(
        self, at: int, needs: list[int], value: Amount, taken: list[Taken], so_far: tuple[int, int]
    ) -> Iterator[list[Taken]]:
        """Choose what the slots from `at` on give to the picks that still need so many units."""
        if not any(needs):
            yield taken
            return
        if at == len(self.slots) or not self.goes_on(value + self._most(at, needs)):
            return
        nets = self.nets[at]
        for counts in self._counts(at, needs):
            if not self.tick():
                return
            after = (so_far[0] + counts[0], so_far[1] + counts[1]) if self.packs.ordered else so_far
            if self._in_order(at, *after):
                total, left, here = value, list(needs), list(taken)
                for pick, units in enumerate(counts):
                    if units:
                        total += units * (nets[pick] or 0)
                        left[pick] -= units
                        here.append(Taken(at, pick, units))
                yield from self._fill(at + 1, left, total, here, after)

    def _most(self, at: int, needs: Sequence[int]) -> Amount:
        """Return what the needs can bring in at most, were a unit to serve several picks at once."""
        most: Amount = 0
        for order, need in zip(self.order, needs, strict=True):
            left = need
            for net, slot in order:
                if slot >= at and left:
                    units = min(left, self.slots[slot].units)
                    most += units * net
                    left -= units
        return most

    def _counts(self, at: int, needs: Sequence[int]) -> Iterator[tuple[int, ...]]:
        """Yield how many units of a slot each pick takes: the first picks most first."""
        slot = self.slots[at]
        tops = [0 if number is None else need for number, need in zip(slot.numbers, needs, strict=True)]
        least = [max(0, need - rest[at + 1]) for need, rest in zip(needs, self.rest, strict=True)]
        last = len(needs) - 1

        def choose(pick: int, left: int) -> Iterator[tuple[int, ...]]:
            for units in range(min(left, tops[pick]), least[pick] - 1, -1):
                if pick == last:
                    yield (units,)
                else:
                    for others in choose(pick + 1, left - units):
                        yield (units, *others)

        return choose(0, slot.units)

    def _in_order(self, at: int, bought: int, got: int) -> bool:
        """Say whether the discounted units so far find triggers that are not cheaper.

        The slots come by price, so the units of every prefix that ends a price must make full applications:
        as many triggers as those belong to that are opened by its discounted units.
        """
        if not self.packs.ordered:
            return True
        if at + 1 < len(self.slots) and self.slots[at + 1].price == self.slots[at].price:
            return True
        buy, get = self.packs.units
        return bought >= buy * -(-got // get)
