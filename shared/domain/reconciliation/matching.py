"""Matching: which receipt is of which sale, in one store around one day.

First by number. What is left is an assignment problem over slips of the same goods at about the same time; a
pair is decided only if no assignment that is nearly as good would have it otherwise. So, as long as what
really happened is among those, nothing decided is wrong.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from statistics import median
from uuid import UUID

from shared.domain.reconciliation.assignment import Assignment
from shared.domain.reconciliation.likeness import NEARLY, OUT, agrees_at_all, cost
from shared.domain.reconciliation.rules import Rules
from shared.domain.reconciliation.slips import Slip

# So many pairs by number say how far a clock is off; so many sure pairs how exact it is.
_TELL_SKEW = 3
_TELL_REACH = 8
_JITTER = timedelta(minutes=1)


class How(StrEnum):
    """What a pair was decided by."""

    NUMBER = "number"
    CONTENT = "content"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Pair:
    sale: Slip
    receipt: Slip
    how: How


@dataclass(frozen=True, slots=True)
class Unsure:
    """Slips that may be each other's in more than one way, or of one number with nothing else in common."""

    sales: tuple[Slip, ...]
    receipts: tuple[Slip, ...]


@dataclass(frozen=True, slots=True)
class Matching:
    """What is decided: pairs and slips that have no other side; and what is not."""

    pairs: tuple[Pair, ...]
    lone_sales: tuple[Slip, ...]
    lone_receipts: tuple[Slip, ...]
    unsure: tuple[Unsure, ...]


def match(sales: Iterable[Slip], receipts: Iterable[Slip], rules: Rules) -> Matching:
    """The receipts of the sales. Does not depend on the order in which they are given."""
    ours, theirs = sorted(sales, key=_order), sorted(receipts, key=_order)
    pairs, unsure = _by_number(ours, theirs)
    skew = _skew(pairs)
    taken = {slip.id for pair in pairs for slip in (pair.sale, pair.receipt)}
    taken |= {slip.id for group in unsure for slip in (*group.sales, *group.receipts)}
    ours = [slip for slip in ours if slip.id not in taken]
    theirs = [slip for slip in theirs if slip.id not in taken]
    found = _assign(ours, theirs, rules, skew, rules.window)
    reach = _reach([*pairs, *found.pairs], skew)
    if found.unsure and reach is not None and reach < rules.window:
        # The clocks turned out to agree so well that less is to be held against each other.
        again = _assign(
            [slip for group in found.unsure for slip in group.sales],
            [slip for group in found.unsure for slip in group.receipts],
            rules,
            skew,
            reach,
        )
        found = Matching(
            (*found.pairs, *again.pairs),
            (*found.lone_sales, *again.lone_sales),
            (*found.lone_receipts, *again.lone_receipts),
            again.unsure,
        )
    return Matching((*pairs, *found.pairs), found.lone_sales, found.lone_receipts, (*unsure, *found.unsure))


def _order(slip: Slip) -> tuple[object, UUID]:
    return slip.at, slip.id


def _by_number(sales: Sequence[Slip], receipts: Sequence[Slip]) -> tuple[list[Pair], list[Unsure]]:
    """Those whose number one sale and one receipt have."""
    by_number: dict[tuple[object, str], tuple[list[Slip], list[Slip]]] = {}
    for side, slips in enumerate((sales, receipts)):
        for slip in slips:
            if slip.number is not None:
                by_number.setdefault((slip.kind, slip.number), ([], []))[side].append(slip)
    pairs: list[Pair] = []
    unsure: list[Unsure] = []
    for ours, theirs in by_number.values():
        if len(ours) == len(theirs) == 1:
            if agrees_at_all(ours[0], theirs[0]):
                pairs.append(Pair(ours[0], theirs[0], How.NUMBER))
            else:
                unsure.append(Unsure(tuple(ours), tuple(theirs)))
    return pairs, unsure


def _skew(pairs: Sequence[Pair]) -> timedelta:
    """How far the till's clock is ahead, as far as anything tells."""
    ahead = [(pair.receipt.at - pair.sale.at).total_seconds() for pair in pairs if pair.how is How.NUMBER]
    return timedelta(seconds=median(ahead)) if len(ahead) >= _TELL_SKEW else timedelta()


def _reach(pairs: Sequence[Pair], skew: timedelta) -> timedelta | None:
    """How far a receipt of this till can be from its sale, as far as anything tells."""
    if len(pairs) < _TELL_REACH:
        return None
    return 2 * max(abs(pair.receipt.at - skew - pair.sale.at) for pair in pairs) + _JITTER


def _assign(
    sales: Sequence[Slip], receipts: Sequence[Slip], rules: Rules, skew: timedelta, reach: timedelta
) -> Matching:
    edges = _edges(sales, receipts, rules, skew, reach)
    pairs: list[Pair] = []
    lone_sales: list[Slip] = []
    lone_receipts: list[Slip] = []
    unsure: list[Unsure] = []
    for lefts, rights in _components(edges, len(receipts)):
        place = {right: index for index, right in enumerate(rights)}
        solved = Assignment(
            [{place[right]: each for right, each in edges[left].items()} for left in lefts], len(rights), OUT
        )
        sure = list(solved.certain(NEARLY))
        for left, right in sure:
            if left is None and right is not None:
                lone_receipts.append(receipts[rights[right]])
            elif left is not None and right is None:
                lone_sales.append(sales[lefts[left]])
            elif left is not None and right is not None:
                pairs.append(Pair(sales[lefts[left]], receipts[rights[right]], How.CONTENT))
        sure_lefts, sure_rights = {left for left, _ in sure}, {right for _, right in sure}
        open_sales = tuple(sales[left] for place, left in enumerate(lefts) if place not in sure_lefts)
        open_receipts = tuple(
            receipts[right] for place, right in enumerate(rights) if place not in sure_rights
        )
        if open_sales or open_receipts:
            unsure.append(Unsure(open_sales, open_receipts))
    return Matching(tuple(pairs), tuple(lone_sales), tuple(lone_receipts), tuple(unsure))


def _edges(
    sales: Sequence[Slip], receipts: Sequence[Slip], rules: Rules, skew: timedelta, reach: timedelta
) -> list[dict[int, int]]:
    """For each sale, the receipts that may be its own and what each would cost. Both are in order of time."""
    by_goods: defaultdict[object, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for place, sale in enumerate(sales):
        by_goods[_goods(sale)][0].append(place)
    for place, receipt in enumerate(receipts):
        by_goods[_goods(receipt)][1].append(place)
    edges: list[dict[int, int]] = [{} for _ in sales]
    for lefts, rights in by_goods.values():
        first = 0
        for left in lefts:
            earliest, latest = sales[left].at + skew - reach, sales[left].at + skew + reach
            while first < len(rights) and receipts[rights[first]].at < earliest:
                first += 1
            for right in rights[first:]:
                if receipts[right].at > latest:
                    break
                tolerance = rules.tolerance_minor(sales[left].currency)
                found = cost(sales[left], receipts[right], tolerance)
                if found is not None:
                    edges[left][right] = found
    return edges


def _goods(slip: Slip) -> object:
    return slip.kind, slip.currency, slip.skus


def _components(edges: Sequence[dict[int, int]], rights: int) -> list[tuple[list[int], list[int]]]:
    """The lefts and rights that hang together, each once, also those that hang on nothing."""
    takers: list[list[int]] = [[] for _ in range(rights)]
    for left, found in enumerate(edges):
        for right in found:
            takers[right].append(left)
    seen_lefts, seen_rights = set[int](), set[int]()
    components: list[tuple[list[int], list[int]]] = []
    for start in range(len(edges)):
        if start in seen_lefts:
            continue
        seen_lefts.add(start)
        lefts, own_rights = [start], list[int]()
        for left in lefts:
            for right in edges[left]:
                if right not in seen_rights:
                    seen_rights.add(right)
                    own_rights.append(right)
                    fresh = [each for each in takers[right] if each not in seen_lefts]
                    seen_lefts.update(fresh)
                    lefts.extend(fresh)
        components.append((sorted(lefts), sorted(own_rights)))
    components.extend(([], [right]) for right in range(rights) if right not in seen_rights)
    return components
