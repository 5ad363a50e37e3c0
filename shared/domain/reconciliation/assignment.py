"""Assignment: lefts and rights paired at the least cost, and which of the pairs no other way would change.

Each left takes one of its rights or is left out, at a price; rights may be left over. Solved by shortest
augmenting paths with potentials on the sparse graph, after Jonker and Volgenant; the same potentials then
tell, by a search that ends at the margin, how much the best assignment without a given pair would cost more.
"""

from collections.abc import Iterator, Mapping, Sequence
from heapq import heappop, heappush

type Edges = Sequence[Mapping[int, int]]
"""For each left, its rights and what each pair costs, from zero."""


class Assignment:
    """An assignment of least cost. `mates` are the rights of the lefts, None where left out at `out`."""

    def __init__(self, edges: Edges, rights: int, out: int) -> None:
        # Beyond the rights each left has a place of its own, which it takes when it is left out.
        self._edges = [{**found, rights + left: out} for left, found in enumerate(edges)]
        self._rights = rights
        self._left_price = [0] * len(edges)
        self._right_price = [0] * (rights + len(edges))
        self._right_of: list[int] = [-1] * len(edges)
        self._left_of: list[int] = [-1] * (rights + len(edges))
        self._takers: list[list[int]] = [[] for _ in self._left_of]
        for left, found in enumerate(self._edges):
            for right in found:
                self._takers[right].append(left)
        for left in range(len(edges)):
            self._augment(left)

    @property
    def mates(self) -> list[int | None]:
        return [right if right < self._rights else None for right in self._right_of]

    @property
    def cost(self) -> int:
        return sum(self._edges[left][right] for left, right in enumerate(self._right_of))

    def certain(self, margin: int) -> Iterator[tuple[int | None, int | None]]:
        """What is so in every assignment that costs at most `margin` more than this one.

        Pairs (left, right), and those left out as (left, None) and (None, right).
        """
        for left, right in enumerate(self._right_of):
            if not self._may_change(left, margin):
                yield left, right if right < self._rights else None
        for right in range(self._rights):
            if self._left_of[right] < 0 and not self._may_be_taken(right, margin):
                yield None, right

    def _slack(self, left: int, right: int) -> int:
        return self._edges[left][right] - self._left_price[left] - self._right_price[right]

    def _augment(self, start: int) -> None:
        distance: dict[int, int] = {}
        came_from: dict[int, int] = {}
        heap: list[tuple[int, int]] = []
        done: dict[int, int] = {}
        left, base = start, 0
        while True:
            for right in self._edges[left]:
                through = base + self._slack(left, right)
                if right not in done and through < distance.get(right, through + 1):
                    distance[right], came_from[right] = through, left
                    heappush(heap, (through, right))
            base, right = heappop(heap)
            while right in done:
                base, right = heappop(heap)
            if self._left_of[right] < 0:
                break
            done[right] = base
            left = self._left_of[right]
        self._left_price[start] += base
        for passed, at in done.items():
            self._right_price[passed] -= base - at
            self._left_price[self._left_of[passed]] += base - at
        while True:
            left = came_from[right]
            self._left_of[right], self._right_of[left], right = left, right, self._right_of[left]
            if left == start:
                return

    def _may_change(self, start: int, margin: int) -> bool:
        """Whether some assignment within the margin has not the pair of this left.

        Each left takes the next one's right: until the first one's right is taken, or a free one, and then
        the first one's is to spare.
        """
        given_up = self._right_of[start]
        spared = self._sparing(given_up, margin)
        heap, seen = [(0, start)], set[int]()
        while heap:
            base, left = heappop(heap)
            if left in seen:
                continue
            seen.add(left)
            for right in self._edges[left]:
                through = base + self._slack(left, right)
                if through > margin or right == self._right_of[left]:
                    continue
                if right == given_up:
                    return True
                if self._left_of[right] >= 0:
                    heappush(heap, (through, self._left_of[right]))
                elif through + spared <= margin:
                    return True
        return False

    def _may_be_taken(self, start: int, margin: int) -> bool:
        """Whether some assignment within the margin takes this right, which is free."""
        return any(
            self._slack(left, start) + self._sparing(self._right_of[left], margin) <= margin
            for left in self._takers[start]
            if self._slack(left, start) <= margin
        )

    def _sparing(self, start: int, margin: int) -> int:
        """What it costs at least that a right is not needed by its left; anything above the margin is much.

        It is left over for its price, or another left takes it and spares its own.
        """
        least = margin + 1
        heap, seen = [(0, start)], set[int]()
        while heap:
            base, right = heappop(heap)
            if base >= least:
                break
            if right in seen:
                continue
            seen.add(right)
            least = min(least, base - self._right_price[right])
            for left in self._takers[right]:
                through = base + self._slack(left, right)
                if self._right_of[left] != right and through < least:
                    heappush(heap, (through, self._right_of[left]))
        return least
