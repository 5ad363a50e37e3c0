"""Assignments: the least cost, and what is certain, as trying every way finds them."""

import random

from hypothesis import given
from hypothesis import strategies as st

from shared.domain.reconciliation.assignment import Assignment
from tests.domain.reconciliation.exhaustive import agreed, every_way

_RIGHTS = 4
# The cost of each pair of a row; None where there is none.
_rows = st.lists(st.tuples(*[st.sampled_from((None, None, 0, 0, 5, 14, 16, 19))] * _RIGHTS), max_size=4)


@given(_rows, st.sampled_from((0, 3, 8)))
def test_as_trying_every_way(rows: list[tuple[int | None, ...]], margin: int) -> None:
    edges = [{right: cost for right, cost in enumerate(row) if cost is not None} for row in rows]
    solved = Assignment(edges, _RIGHTS, 20)
    assert solved.cost == min(cost for cost, _ in every_way(edges, 20))
    pairs = {(left, right) for left, right in enumerate(solved.mates) if right is not None}
    assert any(found == pairs for _, found in every_way(edges, 20))
    assert set(solved.certain(margin)) == agreed(edges, _RIGHTS, 20, margin)


def test_a_long_chain_gives_way_to_its_end() -> None:
    """Each left prefers what the one before has; only the last right is free."""
    count = 300
    edges = [{left: 0, left + 1: 1} for left in range(count)]
    edges.append({0: 0})
    solved = Assignment(edges, count + 1, 1000)
    assert solved.cost == count
    assert solved.mates == [*range(1, count + 1), 0]
    assert len(list(solved.certain(0))) == count + 1


def test_a_crowd_of_equals_is_solved_and_nothing_of_it_is_certain() -> None:
    numbers = random.Random(7)  # noqa: S311 - a sample, not a secret
    edges = [dict.fromkeys(numbers.sample(range(120), 30), 0) for _ in range(120)]
    solved = Assignment(edges, 120, 20)
    assert solved.cost == 0
    assert list(solved.certain(3)) == []
