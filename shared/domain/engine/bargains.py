"""Bargains: what buy-x-get-y does best where each unit it uses gives something up.

The units are gone through in the order of their prices. What matters of those before is only how many were
bought and how many were got: of the ways to come to the same numbers the best one goes on.
"""

from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from shared.domain.engine.lane import Amount, LaneProblem, Packs
from shared.domain.engine.packing import Slot, Taken, gain_of, packs_of

_MOST_STEPS = 1_500

type _Counts = tuple[int, int]
type _Nets = Sequence[Amount | None]
"""What a unit of each slot brings in above what it gives up; None where it cannot be used so."""


class Bargain(NamedTuple):
    """The best use of the slots, and what it gains above what its units give up; none when none gains enough.

    `only` says that none gains as much, save what uses later units instead where that gives nothing up.
    """

    gain: Amount
    taken: list[Taken]
    only: bool
    steps: int = 0
    """How many ways were looked at."""


type _Way = tuple[Amount, tuple[int, int], int, bool, _Counts, "_Way | None"]
"""A best way to buy and get so many units of the slots so far.

Its gain; which units are used and how, and which of them give something up, by the sizes of numbers; whether
it is the only one; the units of the last slot, and the way before it.
"""


def best_bargain(
    problem: LaneProblem, place: int, slots: Sequence[Slot], costs: Sequence[Amount], least: Amount
) -> Bargain | None:
    """Return the best use of the slots that gains `least` or more, or None when there is too much to try.

    `costs` says what a unit of each slot gives up.
    """
    packs = packs_of(problem.offers[place])
    bought = [None if slot.numbers[0] is None else -cost for slot, cost in zip(slots, costs, strict=True)]
    got = [
        None if (number := slot.numbers[1]) is None else gain_of(problem, place, slot.pool, number) - cost
        for slot, cost in zip(slots, costs, strict=True)
    ]
    most = _most_applications(packs, slots, bought, got, least)
    if not most:
        return Bargain(0, [], only=True)
    ways, steps = _ways(packs, slots, bought, got, costs, most=most, least=least)
    if steps > _MOST_STEPS:
        return None
    buy, get = packs.units
    found: _Way | None = None
    only = True
    for number in range(1, most + 1):
        way = ways.get((buy * number, get * number))
        if way is not None and (found is None or way[0] >= found[0]):
            only = way[3] and (found is None or way[0] > found[0])
            found = way
    if found is None:
        return Bargain(0, [], only, steps)
    return Bargain(found[0], _taken(found, len(slots)), only, steps)


def _most_applications(packs: Packs, slots: Sequence[Slot], bought: _Nets, got: _Nets, least: Amount) -> int:
    """Return the most applications that could gain so much, were a unit to serve both picks at once.

    Those whose units got all give up more than they get are never needed.
    """
    buy, get = packs.units
    worth = sum([slot.units for net, slot in zip(got, slots, strict=True) if net is not None and net >= 0])
    most = min(packs.most, -(-worth // get))
    sums: list[list[Amount]] = []
    for nets, units in ((bought, buy), (got, get)):
        able = [(net, slot.units) for net, slot in zip(nets, slots, strict=True) if net is not None]
        run = [net for net, count in able for _ in range(min(count, most * units))]
        run.sort(reverse=True)
        sums.append([0, *accumulate(run)])
    most = min(most, (len(sums[0]) - 1) // buy, (len(sums[1]) - 1) // get)
    while most and sums[0][most * buy] + sums[1][most * get] < least:
        most -= 1
    return most


def _ways(
    packs: Packs,
    slots: Sequence[Slot],
    bought: _Nets,
    got: _Nets,
    costs: Sequence[Amount],
    *,
    most: int,
    least: Amount,
) -> tuple[dict[_Counts, _Way], int]:
    """Return the best way to come to each number of units bought and got, and how many were looked at.

    When there are more than `_MOST_STEPS` of them, it stops.
    """
    buy, get = packs.units
    rest: list[Amount] = [0]
    for net, slot in zip(reversed(got), reversed(slots), strict=True):
        rest.append(rest[-1] + max(net or 0, 0) * slot.units)
    rest.reverse()
    base = sum([slot.units for slot in slots]) + 1
    weights = _weights(slots, base)
    ways: dict[_Counts, _Way] = {(0, 0): (0, (0, 0), 0, True, (0, 0), None)}
    steps = 0
    for at, slot in enumerate(slots):
        of_bought, of_got, weight, units = bought[at], got[at], weights[at], slot.units
        costly = weight if costs[at] else 0
        enough = least - rest[at + 1]
        closes = packs.ordered and (at + 1 == len(slots) or slots[at + 1].price != slot.price)
        after: dict[_Counts, _Way] = {}
        for (have, had), way in ways.items():
            so_far, (every, order), of_costly, only, _, _ = way
            order *= base
            most_bought = 0 if of_bought is None else min(units, buy * most - have)
            most_got = 0 if of_got is None else min(units, get * most - had)
            steps += (most_bought + 1) * (most_got + 1)
            if steps > _MOST_STEPS:
                return {}, steps
            for more in range(most_bought + 1):
                top = min(units - more, most_got)
                if closes:
                    # Discounted units so far find as many triggers that are not cheaper.
                    top = min(top, get * ((have + more) // buy) - had)
                without = so_far + more * (of_bought or 0)
                for another in range(top + 1):
                    gain = without + another * (of_got or 0)
                    if gain >= enough:
                        used = more + another
                        rank = every + weight * used, order + more
                        one = gain, rank, of_costly + costly * used, only, (more, another), way
                        reached = have + more, had + another
                        other = after.get(reached)
                        after[reached] = one if other is None else _better(other, one)
        ways = after
    return ways, steps


def _weights(slots: Sequence[Slot], base: int) -> list[int]:
    """Return what a unit of each slot weighs, so that those of the first pools always weigh more."""
    order = sorted(range(len(slots)), key=lambda at: -slots[at].pool)
    weights = [0] * len(slots)
    for size, at in enumerate(order):
        weights[at] = base**size
    return weights


def _better(one: _Way, other: _Way) -> _Way:
    """Return the way that gains more; of two that gain as much, that which uses the first pools."""
    if one[0] != other[0]:
        return one if one[0] > other[0] else other
    gain, rank, costly, _, here, before = one if one[1] >= other[1] else other
    apart = one[1][0] != other[1][0] and one[2] == other[2]
    return gain, rank, costly, apart and one[3] and other[3], here, before


def _taken(way: _Way, at: int) -> list[Taken]:
    found: list[Taken] = []
    one: _Way | None = way
    while one is not None and at:
        at -= 1
        (bought, got), one = one[4], one[5]
        found += [Taken(at, pick, units) for pick, units in ((1, got), (0, bought)) if units]
    found.reverse()
    return found
