"""Counters: what is left of the limits of promotions, and which rows of the database a sale takes it from.

A counter of one customer or of one store is one row. A counter that all sales share is cut into slots, and
a sale takes from one of them, so that sales seldom wait for each other. Of all rows of a counter the rooms
sum to the cap less what was used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from shared.domain.engine.basket import Headroom
from shared.domain.limits import Limit, Measure, Partial

SLOTS = 32
WHOLE = 0
"""The slot of a counter that is not cut."""
DEBT = -1
"""The slot that holds, below zero, what was used above a cap that was lowered since."""
FOR_EVER = date.min
"""When the period of a limit without one starts."""

_NO_LIMIT = Headroom()
# A slot that holds a few times what a sale takes is seldom found short by the next.
_TAKES_A_SLOT = 4


@dataclass(frozen=True, slots=True)
class CounterKey:
    """Names a counter. `subject` is the customer or store it counts for; empty when it counts for all."""

    promotion_id: UUID
    name: str
    subject: str
    starts_on: date

    @property
    def order(self) -> tuple[bool, UUID, str, str, date]:
        """The order in which everybody takes, so that no two wait in a ring; those that are cut first."""
        return self.subject != "", self.promotion_id, self.name, self.subject, self.starts_on

    @property
    def is_cut(self) -> bool:
        return not self.subject


@dataclass(frozen=True, slots=True)
class Counter:
    """A counter as it was read: the `room` of all its rows under the `cap` of then, none where nothing was
    counted, and `rooms` of the slots to take from, by preference. Or only of the first of these, which holds
    more than the sale can use.

    There is no key where the limit counts for a customer and nobody says who buys.
    """

    promotion_id: UUID
    limit: Limit
    key: CounterKey | None
    cap: int | None
    room: int
    rooms: Mapping[int, int]

    @property
    def left(self) -> int:
        """What the limit leaves, below zero where more was used than it allows now."""
        used = 0 if self.cap is None else self.cap - self.room
        return self.limit.most - used


@dataclass(frozen=True, slots=True)
class Take:
    """An amount to take from one row: sales, or minor units of money."""

    key: CounterKey
    slot: int
    cap: int
    amount: int


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A cut counter that has to be spread anew, so that some slot holds `least`."""

    key: CounterKey
    cap: int
    least: int


def headroom(counters: Iterable[Counter], currency: str) -> Mapping[str, Headroom]:
    """Return what the limits leave for a basket, by promotion.

    Nothing is left where a limit counts for a customer and nobody says who buys, and where a budget is in
    another currency.
    """
    found: dict[str, Headroom] = {}
    for counter in counters:
        name = str(counter.promotion_id)
        seen = found.get(name, _NO_LIMIT)
        narrowed = _narrowed(seen, counter, currency)
        if narrowed is not seen:
            found[name] = narrowed
    return found


def _narrowed(seen: Headroom, counter: Counter, currency: str) -> Headroom:
    if seen.used_up is not None:
        return seen
    limit = counter.limit
    if counter.key is None or counter.left < 1 or limit.currency not in {None, currency}:
        return Headroom(used_up=limit.name)
    if limit.measure is Measure.REDEMPTIONS:
        return seen
    if limit.partial is Partial.REFUSE:
        return Headroom(refuse_above=_least(seen.refuse_above, counter.left), grant_up_to=seen.grant_up_to)
    return Headroom(refuse_above=seen.refuse_above, grant_up_to=_least(seen.grant_up_to, counter.left))


def _least(one: int | None, other: int) -> int:
    return other if one is None else min(one, other)


def takes_of(counters: Iterable[Counter], granted: Mapping[UUID, int]) -> tuple[list[Take], list[Shortfall]]:
    """Return what a sale takes, in the order in which it must be taken, and what falls short of it.

    `granted` is what each applied promotion gives, in minor units.
    """
    takes: list[Take] = []
    short: list[Shortfall] = []
    for counter in counters:
        given = granted.get(counter.promotion_id)
        amount = 1 if counter.limit.measure is Measure.REDEMPTIONS else given
        if given is None or not amount or counter.key is None:
            continue
        most = counter.limit.most
        slot = _slot_with(counter, amount) if counter.key.is_cut else WHOLE
        if slot is None:
            short.append(Shortfall(counter.key, most, amount))
        else:
            takes.append(Take(counter.key, slot, most, amount))
    return sorted(takes, key=lambda take: take.key.order), sorted(short, key=lambda one: one.key.order)


def _slot_with(counter: Counter, amount: int) -> int | None:
    if counter.cap != counter.limit.most:
        return None
    return next((slot for slot, room in counter.rooms.items() if room >= amount), None)


def preferred_slots(session: int, chance: int) -> tuple[int, int]:
    """Return the slots to take from: a session's own, and, when that is short, any.

    Sessions that run at one time have numbers close together, and so different slots.
    """
    return 1 + session % SLOTS, 1 + chance % SLOTS


def slots_of(cap: int) -> tuple[int, ...]:
    """The slots of a cut counter, the debt among them."""
    return DEBT, *range(1, min(SLOTS, cap) + 1)


def spread(rooms: Mapping[int, int], *, before: int, cap: int, least: int) -> Mapping[int, int] | None:
    """Return the rooms of a cut counter under a new cap; None when they do as they are.

    As many slots share what is left as leaves each a few times `least`; the others are empty.
    """
    if before == cap and any(room >= least for slot, room in rooms.items() if slot != DEBT):
        return None
    left = cap - before + sum(rooms.values())
    return _shared_out(rooms, left, parts=left // (_TAKES_A_SLOT * least))


def give_back(rooms: Mapping[int, int], amount: int) -> Mapping[int, int]:
    """Return the rooms of a counter after an amount was given back: a debt is paid first."""
    if WHOLE in rooms:
        return {WHOLE: rooms[WHOLE] + amount}
    parts = sum(room > 0 for room in rooms.values())
    return _shared_out(rooms, sum(rooms.values()) + amount, parts)


def _shared_out(rooms: Mapping[int, int], left: int, parts: int) -> dict[int, int]:
    slots = sorted(slot for slot in rooms if slot != DEBT)
    parts = max(1, min(len(slots), parts))
    share, rest = divmod(max(left, 0), parts)
    found = {slot: share + (place < rest) if place < parts else 0 for place, slot in enumerate(slots)}
    return {DEBT: min(left, 0), **found}
