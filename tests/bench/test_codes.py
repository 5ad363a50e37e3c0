"""The rank test of the benchmarks sees a difference where there is one, and none where there is none."""

import random

from bench.codes import rank_test


def test_equal_samples_are_told_apart_no_more_often_than_said() -> None:
    dice = random.Random(7)  # noqa: S311 - the same in every run
    found = [
        rank_test([dice.gauss(10, 2) for _ in range(80)], [dice.gauss(10, 2) for _ in range(90)])
        for _ in range(300)
    ]
    assert 3 <= sum(p < 0.05 for p in found) <= 30


def test_a_difference_of_a_tenth_is_seen() -> None:
    dice = random.Random(7)  # noqa: S311 - the same in every run
    one, other = ([dice.gauss(mean, 2) for _ in range(500)] for mean in (10, 11))
    assert rank_test(one, other) < 0.001
    assert rank_test(other, one) < 0.001
