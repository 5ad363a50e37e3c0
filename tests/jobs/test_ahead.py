"""Ahead: the same items, never too many of them waiting, and nothing left behind."""

from collections.abc import Iterator
from contextlib import closing
from threading import active_count

import pytest

from shared.jobs.ahead import ahead
from tests.harness import eventually


def test_the_items_come_in_order() -> None:
    assert list(ahead(range(1_000), 3)) == list(range(1_000))
    assert list(ahead([], 1)) == []


def test_no_more_wait_than_may() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    taking = ahead(items(), 2)
    for taken in range(5):
        assert next(taking) == taken
        # Two wait, and one is in the hand of whoever makes them.
        eventually(lambda taken=taken: len(made) == taken + 4)
    assert list(taking) == list(range(5, 100))


def test_what_is_raised_comes_after_the_items_before() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("two")

    taking = ahead(items(), 5)
    assert next(taking) == 1
    with pytest.raises(ValueError, match="two"):
        next(taking)


def test_who_stops_leaves_no_thread() -> None:
    before = active_count()
    with closing(ahead(iter(int, 1), 1)) as taking:
        assert next(taking) == 0
        assert active_count() == before + 1
    assert active_count() == before
