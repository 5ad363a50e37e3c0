"""Held: what a customer still has of a sale, and what promotions still take off it."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from shared.domain.engine.evaluation import Allocation, Evaluation

type Place = tuple[str, int]
"""A promotion, and a line by its place among those of the evaluation, gifts included."""


class Given(NamedTuple):
    """What a promotion takes off a line, in minor units, and what each of its funders bears of it."""

    amount: int
    funding: tuple[tuple[str, int], ...]


class Held(NamedTuple):
    """Units by line, what promotions give by place in the order in which they gave, and points earned."""

    units: tuple[int, ...]
    given: Mapping[Place, Given]
    points: Mapping[str, int]

    def given_on(self, line: int) -> int:
        return sum(given.amount for (_, place), given in self.given.items() if place == line)


def held_of(evaluation: Evaluation) -> Held:
    """Return what is held when nothing has come back yet."""
    given: dict[Place, Given] = {}
    for line, priced in enumerate(evaluation.lines):
        for one in priced.allocations:
            place = (one.promotion_id, line)
            given[place] = plus(given.get(place), one.amount, one.funding)
    points = {one.promotion_id: one.points for one in evaluation.promotions if one.points}
    return Held(tuple(line.quantity for line in evaluation.lines), given, points)


def held_after(
    held: Held, taken: Iterable[tuple[int, Iterable[Allocation]]], points: Mapping[str, int]
) -> Held:
    """Return what is held when of each line so many units and these allocations were taken back."""
    units, given = list(held.units), dict(held.given)
    for line, (count, allocations) in enumerate(taken):
        units[line] -= count
        for one in allocations:
            place = (one.promotion_id, line)
            given[place] = plus(given[place], -one.amount, [(party, -part) for party, part in one.funding])
    left = {name: earned - points.get(name, 0) for name, earned in held.points.items()}
    return Held(tuple(units), given, left)


def plus(given: Given | None, amount: int, funding: Iterable[tuple[str, int]]) -> Given:
    parts = dict(given.funding) if given else {}
    for party, part in funding:
        parts[party] = parts.get(party, 0) + part
    return Given((given.amount if given else 0) + amount, tuple(parts.items()))
