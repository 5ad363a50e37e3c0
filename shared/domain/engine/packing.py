"""Packing: how one packed offer uses units best when nobody else wants them, in closed form.

A bundle of so many applications takes a set of units from which each pick can be filled. Such sets are the
bases of a matroid, and what they bring in together is a sum over units: taking the greatest first is best.
What one more application brings never rises, so the best number of them is found by halving.

Buy-x-get-y is best read off the units in the order of their prices: with `cheapest` each run of x + y units
is an application, whose last y are discounted, since a discounted unit needs its x at or above its price.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise
from typing import NamedTuple

from shared.domain.engine.lane import Amount, Cell, LaneProblem, Offer, Packs, Use
from shared.domain.money import SCALE

_MOST_PICKS = 6
_IMPOSSIBLE = -(10**30)


class Slot(NamedTuple):
    """Where a packed offer can take units: a pool, what uses them, how many, and the part of each pick."""

    pool: int
    uses: tuple[Use, ...]
    units: int
    price: int
    numbers: tuple[int | None, ...]

    def part(self, pick: int) -> int:
        number = self.numbers[pick]
        if number is None:
            raise ValueError("the pick takes no units here")
        return number


class Taken(NamedTuple):
    """Units of a slot, by its place, for a pick."""

    slot: int
    pick: int
    units: int


def slots_of(
    problem: LaneProblem, place: int, found: Sequence[tuple[int, tuple[Use, ...], int]]
) -> list[Slot]:
    """Return these units by pool, use and number as slots: first those that can only be triggers.

    The others follow by price, the dearest first.
    """
    offer = problem.offers[place]
    packs = packs_of(offer)
    numbers: dict[int, list[int | None]] = {}
    for number, part in enumerate(offer.parts):
        numbers.setdefault(part.pool, [None] * len(packs.units))[part.pick] = number
    slots = [Slot(pool, uses, units, packs.prices[pool], tuple(numbers[pool])) for pool, uses, units in found]
    slots.sort(key=lambda slot: -slot.price)
    if packs.price is None:
        slots.sort(key=lambda slot: slot.numbers[1] is not None)
    return slots


def cells_of(place: int, slots: Sequence[Slot], taken: Sequence[Taken]) -> list[Cell]:
    """Return the units that a packed offer takes, as cells that nobody else uses."""
    return [Cell(slots[slot].pool, units, ((place, slots[slot].part(pick)),)) for slot, pick, units in taken]


def packs_of(offer: Offer) -> Packs:
    if offer.packs is None:
        raise ValueError("not a packed offer")
    return offer.packs


def saved(packs: Packs, slots: Sequence[Slot], taken: Sequence[Taken]) -> Amount:
    """Return what the members of bundles cost above the price of the bundles, had no unit a floor."""
    members = sum([units * slots[slot].price for slot, _, units in taken])
    formed = sum([units for _, _, units in taken]) // sum(packs.units)
    return (members - formed * (packs.price or 0)) * SCALE


def plainly_saved(
    problem: LaneProblem, place: int, slots: Sequence[Slot], taken: Sequence[Taken]
) -> Amount | None:
    """Return what one bundle saves, or None where there are several, or a floor or a cap could matter."""
    offer = problem.offers[place]
    packs = packs_of(offer)
    if sum([units for _, _, units in taken]) != sum(packs.units) or offer.floors or offer.most is not None:
        return None
    for slot, _, _ in taken:
        pool = problem.pools[slots[slot].pool]
        if pool.floor or pool.taken or pool.price < slots[slot].price:
            return None
    found = saved(packs, slots, taken)
    return found if found >= 0 and all(grant.most is None for grant in offer.grants) else None


def best_packing(
    problem: LaneProblem, place: int, slots: Sequence[Slot], costs: Sequence[Amount] | None = None
) -> list[Taken] | None:
    """Return the best use of these slots, or None when the search has to find it.

    `costs` says what a unit of each slot gives up by being used; only bundles can reckon with that.
    """
    packs = packs_of(problem.offers[place])
    if packs.price is not None:
        found = best_bundle(packs, slots, costs)
        return None if found is None else found[0]
    if costs is not None and any(costs):
        return None
    return _best_gift(problem, place, packs, slots)


def best_bundle(
    packs: Packs, slots: Sequence[Slot], costs: Sequence[Amount] | None
) -> tuple[list[Taken], bool] | None:
    """Return the best use of the slots by a bundle, and whether surely no other does as well."""
    if len(packs.units) > _MOST_PICKS:
        return None
    weights: list[Amount] = [slot.price * SCALE for slot in slots]
    if costs is not None:
        weights = [weight - cost for weight, cost in zip(weights, costs, strict=True)]
    order = sorted(range(len(slots)), key=lambda place: -weights[place])
    groups = _groups(packs, slots)
    price = (packs.price or 0) * SCALE

    def chosen(applications: int) -> tuple[Amount, list[tuple[int, int]]]:
        """Return what so many applications bring in, and the units of each slot they use."""
        left = [applications * units for _, units in groups]
        used: list[tuple[int, int]] = []
        value, wanted = -applications * price, applications * sum(packs.units)
        for slot in order:
            kind = _kind(slots[slot])
            tight = [number for number, (picks, _) in enumerate(groups) if kind | picks == picks]
            units = min([slots[slot].units, *(left[number] for number in tight)])
            for number in tight:
                left[number] -= units
            if units:
                used.append((slot, units))
                value += units * weights[slot]
                wanted -= units
        return (_IMPOSSIBLE if wanted else value), used

    low, high = 0, packs.most
    values: dict[int, Amount] = {0: 0}
    while low < high:
        middle = (low + high + 1) // 2
        for number in (middle - 1, middle):
            if number not in values:
                values[number] = chosen(number)[0]
        low, high = (middle, high) if values[middle] > values[middle - 1] else (low, middle - 1)
    used = dict(chosen(low)[1])
    only = low == packs.most or chosen(low + 1)[0] != values.get(low, 0)
    left = {weights[slot]: slot for slot, one in enumerate(slots) if used.get(slot, 0) < one.units}
    only = only and all(left.get(weights[slot], slot) == slot for slot in used)
    return _assigned(packs, slots, sorted(used.items()), low), only


def _kind(slot: Slot) -> int:
    return sum(1 << pick for pick, number in enumerate(slot.numbers) if number is not None)


def _groups(packs: Packs, slots: Sequence[Slot]) -> list[tuple[int, int]]:
    """Return sets of picks, as bits, that share units, and how many units an application has of each set."""
    ties = list(range(len(packs.units)))
    for slot in slots:
        joined = {ties[pick] for pick, number in enumerate(slot.numbers) if number is not None}
        ties = [min(joined) if tie in joined else tie for tie in ties]
    return [
        (sum(1 << pick for pick in picks), sum(packs.units[pick] for pick in picks))
        for name in sorted(set(ties))
        for size in range(1, ties.count(name) + 1)
        for picks in combinations([pick for pick, tie in enumerate(ties) if tie == name], size)
    ]


def _assigned(
    packs: Packs, slots: Sequence[Slot], used: Sequence[tuple[int, int]], applications: int
) -> list[Taken]:
    """Fill the picks with the units used; units move on to another pick where the last are stuck."""
    left = [applications * units for units in packs.units]
    given: dict[tuple[int, int], int] = {}
    for slot, total in used:
        units = total
        while units:
            path = _path(slots, given, left, slot)
            moved = min(units, left[path[-1][1]], *(given[step] for step in path[1::2]))
            for number, step in enumerate(path):
                given[step] = given.get(step, 0) + (-moved if number % 2 else moved)
            left[path[-1][1]] -= moved
            units -= moved
    return [Taken(slot, pick, units) for (slot, pick), units in sorted(given.items()) if units]


def _path(
    slots: Sequence[Slot], given: dict[tuple[int, int], int], left: Sequence[int], slot: int
) -> list[tuple[int, int]]:
    """Return the shortest way to put a unit: into a pick, out of it from another slot, and so on."""
    paths = [[(slot, pick)] for pick, number in enumerate(slots[slot].numbers) if number is not None]
    seen = {path[-1][1] for path in paths}
    for path in paths:
        pick = path[-1][1]
        if left[pick]:
            return path
        for (other, of), units in given.items():
            for on, number in enumerate(slots[other].numbers):
                if of == pick and units and number is not None and on not in seen:
                    seen.add(on)
                    paths.append([*path, (other, pick), (other, on)])
    raise AssertionError("the picks cannot be filled")


def gain_of(problem: LaneProblem, place: int, pool: int, number: int) -> Amount:
    """Return what a unit of a part of buy-x-get-y gives when nothing else is taken off it."""
    want = problem.offers[place].parts[number].want
    return min(want, problem.room(pool, ((place, number),))) if want else 0


def _best_gift(problem: LaneProblem, place: int, packs: Packs, slots: Sequence[Slot]) -> list[Taken] | None:
    buy, get = packs.units
    triggers, discounted = ([slot.numbers[pick] is not None for slot in slots] for pick in (0, 1))
    gains = [
        gain_of(problem, place, slot.pool, number) if (number := slot.numbers[1]) is not None else 0
        for slot in slots
    ]
    wanted = [gain for gain, can in zip(gains, discounted, strict=True) if can]
    if wanted != sorted(wanted, reverse=True):
        return None
    if packs.ordered and any(
        one.price == other.price and gain != other_gain
        for (one, gain), (other, other_gain) in pairwise(zip(slots, gains, strict=True))
    ):
        # Of units of one price any may be the trigger of another.
        return None
    positive = sum(slot.units for slot, gain in zip(slots, gains, strict=True) if gain)
    if all(triggers) and all(discounted):
        most = min(packs.most, sum(slot.units for slot in slots) // (buy + get))
        if packs.ordered:
            # An application gives something when the unit after its triggers does.
            most = min(most, (positive + get - 1) // (buy + get) if positive > buy else 0)
            return _in_turn(slots, [(0, buy), (1, get)], most)
        most = min(most, -(-positive // get))
        return _in_turn(slots, [(1, get * most), (0, buy * most)], 1)
    if any(one and other for one, other in zip(triggers, discounted, strict=True)):
        return None
    bought, free = (
        sum(slot.units for slot, can in zip(slots, able, strict=True) if can)
        for able in (triggers, discounted)
    )
    most = min(packs.most, -(-positive // get), bought // buy, free // get)
    found: list[Taken] = []
    for pick, total in ((0, buy * most), (1, get * most)):
        units = total
        for number, slot in enumerate(slots):
            if units and slot.numbers[pick] is not None:
                found.append(Taken(number, pick, min(units, slot.units)))
                units -= found[-1].units
    return found if most else []


def _in_turn(slots: Sequence[Slot], phases: Sequence[tuple[int, int]], rounds: int) -> list[Taken]:
    """Deal the units out, in their order, to the picks in turn."""
    found: dict[tuple[int, int], int] = {}
    size = sum(units for _, units in phases)
    left = rounds * size
    phase, open_units = 0, phases[0][1]
    for number, slot in enumerate(slots):
        units = min(slot.units, left)
        left -= units
        while units:
            if phase == 0 and open_units == phases[0][1] and units >= size:
                for pick, each in phases:
                    found[number, pick] = found.get((number, pick), 0) + each * (units // size)
                units %= size
                continue
            taken = min(units, open_units)
            pick = phases[phase][0]
            found[number, pick] = found.get((number, pick), 0) + taken
            units -= taken
            open_units -= taken
            if not open_units:
                phase = (phase + 1) % len(phases)
                open_units = phases[phase][1]
    return [Taken(slot, pick, units) for (slot, pick), units in found.items() if units]
