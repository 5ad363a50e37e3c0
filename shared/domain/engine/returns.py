"""Returns: what is paid back for units that come back, and what promotions then still take off the rest.

The sale is evaluated once more, so that it is known which units each promotion used and at which price it
found them. Units come back from the end of their line, as the evaluation dealt its units out. Each promotion
is taken anew on the units kept of those it used, alone, at the prices it found, its condition looking at all
that is kept; nothing new joins, and its discount becomes the smaller of that and what it still gives there.
One that says `keep` only loses what it gave on the units that come back; so do gifts.

What is paid back is the net before less the net after, and never below zero: when promotions would lose more
on the rest than the units cost, they keep the difference.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from shared.domain.engine.basket import Basket
from shared.domain.engine.combination import NODE_BUDGET
from shared.domain.engine.evaluation import Allocation, UnitRole
from shared.domain.engine.held import Held, Place, held_after
from shared.domain.engine.points import points_of
from shared.domain.engine.reprice import reprice, still_holds
from shared.domain.engine.ruleset import OnReturn, RuleSet
from shared.domain.engine.sold import Sold
from shared.domain.money import Rounding, largest_remainder

_ROLES = (UnitRole.TRIGGER, UnitRole.DISCOUNTED)


class LineTaken(NamedTuple):
    """What is taken back of a line; `net` and `tax` are below zero where what is kept costs more now."""

    units: int
    gross: int
    discount: int
    net: int
    tax: int
    allocations: tuple[Allocation, ...]


class Taken(NamedTuple):
    """What is taken back by line and in all; `net` is paid back. `held` is what is left."""

    lines: tuple[LineTaken, ...]
    gross: int
    discount: int
    net: int
    tax: int
    points: Mapping[str, int]
    held: Held


def take_back(
    rule_set: RuleSet,
    basket: Basket,
    now: datetime,
    held: Held,
    returned: Sequence[int],
    *,
    rounding: Rounding = Rounding.HALF_EVEN,
    node_budget: int = NODE_BUDGET,
) -> Taken:
    """Return what is taken back when so many units of each line of the evaluation come back.

    `basket` and `now` are those of the sale. To take back more than is held is a mistake of the caller:
    ValueError.
    """
    if any(not 0 <= units <= left for units, left in zip(returned, held.units, strict=True)):
        raise ValueError("what comes back is held")
    sale = Sold(rule_set, basket, now, held, returned, rounding=rounding, node_budget=node_budget)
    rooms = {place: sale.room(place) for place in held.given}
    left = _left(rule_set, sale, rooms)
    short = -sale.refund(left)
    if short > 0:
        _add(left, rooms, list(left), [rooms[place] - amount for place, amount in left.items()], short)
    return _taken(rule_set, sale, left)


def _left(rule_set: RuleSet, sale: Sold, rooms: Mapping[Place, int]) -> dict[Place, int]:
    """Return what each promotion gives on each line afterwards, before nobody is to pay for a return."""
    left: dict[Place, int] = {}
    bought = len(sale.game.basket.lines)
    for name in dict.fromkeys(name for name, _ in rooms):
        plan = sale.plans[name]
        mine = [place for place in rooms if place[0] == name]
        left.update((place, rooms[place]) for place in mine)
        priced = [place for place in mine if place[1] < bought]
        if plan.terms.on_return is OnReturn.KEEP or not priced:
            continue
        entries = sale.entries(plan)
        game = sale.game
        anew = reprice(
            rule_set, name, game.basket, game.now, [kept for _, kept in entries], rounding=game.rounding
        )
        by_line = dict.fromkeys(priced, 0)
        for (line, _), amount in zip(entries, anew, strict=True):
            if (name, line) in by_line:
                by_line[name, line] += amount
        left.update(dict.fromkeys(priced, 0))
        most = min(sum(by_line.values()), sum(rooms[place] for place in priced))
        _add(left, rooms, priced, list(by_line.values()), most)
    return left


def _add(
    left: dict[Place, int], rooms: Mapping[Place, int], places: list[Place], weights: list[int], amount: int
) -> None:
    """Give so much more at these places, by weight, nowhere more than there is room."""
    free = [rooms[place] - left[place] for place in places]
    for place, (share, extra) in zip(places, largest_remainder(amount, weights, free), strict=True):
        left[place] += share + extra


def _taken(rule_set: RuleSet, sale: Sold, left: Mapping[Place, int]) -> Taken:
    lines = [_line_taken(sale, line, left) for line in range(len(sale.kept))]
    points = _points_taken(rule_set, sale, lines)
    held = held_after(sale.held, ((line.units, line.allocations) for line in lines), points)
    return Taken(
        tuple(lines),
        sum(line.gross for line in lines),
        sum(line.discount for line in lines),
        sum(line.net for line in lines),
        sum(line.tax for line in lines),
        points,
        held,
    )


def _line_taken(sale: Sold, line: int, left: Mapping[Place, int]) -> LineTaken:
    priced, back = sale.evaluation.lines[line], sale.returned[line]
    allocations: list[Allocation] = []
    for place, given in sale.held.given.items():
        if place[1] == line:
            allocations += _allocations(sale, place, given.amount - left[place])
    gross, discount = back * priced.unit_price, sum(one.amount for one in allocations)
    before = sale.held.units[line] * priced.unit_price - sale.held.given_on(line)
    tax = sale.tax(line, before) - sale.tax(line, before - (gross - discount))
    return LineTaken(back, gross, discount, gross - discount, tax, tuple(allocations))


def _allocations(sale: Sold, place: Place, amount: int) -> list[Allocation]:
    """Return what a promotion gives back on a line, by role; it is what its funders get back, too."""
    name = place[0]
    terms, given = sale.plans[name].terms, sale.held.given[place]
    parts = [part for _, part in given.funding]
    split = largest_remainder(amount, parts, parts) if parts else []
    funding = tuple(
        (party, share + extra) for (party, _), (share, extra) in zip(given.funding, split, strict=True)
    )
    found: list[Allocation] = []
    triggers, discounted = (sale.units_back(place, role) for role in _ROLES)
    if triggers:
        found.append(Allocation(name, terms.version, UnitRole.TRIGGER, triggers, 0))
    if discounted or amount:
        found.append(Allocation(name, terms.version, UnitRole.DISCOUNTED, discounted, amount, funding))
    return found


def _points_taken(rule_set: RuleSet, sale: Sold, lines: Sequence[LineTaken]) -> dict[str, int]:
    """Return the points that are lost: they are counted anew on what is kept, and never become more."""
    taken: dict[str, int] = {}
    nets = [
        held * priced.unit_price - sale.held.given_on(line) - back.net
        for line, (held, priced, back) in enumerate(
            zip(sale.held.units, sale.evaluation.lines, lines, strict=True)
        )
    ]
    game = sale.game
    masks = {
        line: profile.mask
        for one, profile in zip(game.classes, game.profiles, strict=True)
        for line in one.lines
    }
    for name, earned in sale.held.points.items():
        plan, left = sale.plans[name], 0
        kept = [one for _, one in sale.entries(plan)]
        keeps = plan.terms.on_return is OnReturn.KEEP
        if kept and (keeps or still_holds(rule_set, name, game.basket, game.now, kept)):
            left = points_of(plan, game.basket.currency, [(masks[line], nets[line]) for line in masks])
        taken[name] = max(0, earned - left)
    return taken
