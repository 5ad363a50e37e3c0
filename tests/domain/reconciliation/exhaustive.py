"""Every way to pair small sets, tried one by one: the matcher is held against it and shares no code."""

from collections.abc import Iterator, Mapping, Sequence

type Ways = list[tuple[int, frozenset[tuple[int, int]]]]


def every_way(edges: Sequence[Mapping[int, int]], out: int) -> Ways:
    """Each assignment with its cost."""

    def rest(left: int, taken: frozenset[int]) -> Iterator[tuple[int, frozenset[tuple[int, int]]]]:
        if left == len(edges):
            yield 0, frozenset()
            return
        for cost, pairs in rest(left + 1, taken):
            yield cost + out, pairs
        for right, own in edges[left].items():
            if right not in taken:
                for cost, pairs in rest(left + 1, taken | {right}):
                    yield cost + own, pairs | {(left, right)}

    return list(rest(0, frozenset()))


def agreed(
    edges: Sequence[Mapping[int, int]], rights: int, out: int, margin: int
) -> set[tuple[int | None, int | None]]:
    """What all the ways within the margin of the best have in common."""
    ways = every_way(edges, out)
    best = min(cost for cost, _ in ways)
    good = [pairs for cost, pairs in ways if cost <= best + margin]
    told: set[tuple[int | None, int | None]] = set(frozenset.intersection(*good))
    told |= {
        (left, None) for left in range(len(edges)) if all(left not in {a for a, _ in pairs} for pairs in good)
    }
    told |= {
        (None, right) for right in range(rights) if all(right not in {b for _, b in pairs} for pairs in good)
    }
    return told
