"""Counters: nothing is lost or made up however slots are spread, and a sale takes where there is enough."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.counters import (
    DEBT,
    SLOTS,
    WHOLE,
    Counter,
    CounterKey,
    give_back,
    headroom,
    preferred_slots,
    slots_of,
    spread,
    takes_of,
)
from shared.domain.engine.basket import Headroom
from shared.domain.limits import Limit, Measure, Partial, Scope

ONE, OTHER = UUID(int=1), UUID(int=2)
DAY = date(2026, 6, 15)


def counter(
    limit: Limit,
    used: int | None = 0,
    *,
    promotion_id: UUID = ONE,
    subject: str | None = "",
    rooms: Mapping[int, int] | None = None,
) -> Counter:
    """A counter of which so much was used under its present cap; None is one that nobody counted yet."""
    key = None if subject is None else CounterKey(promotion_id, limit.name, subject, DAY)
    if used is None:
        return Counter(promotion_id, limit, key, None, 0, {})
    room = limit.most - used
    return Counter(promotion_id, limit, key, limit.most, room, {1: room} if rooms is None else rooms)


def redemptions(most: int, per: Scope = Scope.PROMOTION) -> Limit:
    return Limit(Measure.REDEMPTIONS, most, per)


def budget(most: int, partial: Partial = Partial.REFUSE, per: Scope = Scope.PROMOTION) -> Limit:
    return Limit(Measure.BUDGET, most, per, partial=partial, currency="EUR")


REFUSING, GRANTING = Partial.REFUSE, Partial.GRANT_REST

HEADROOMS: dict[str, tuple[list[Counter], Headroom | None]] = {
    "room for more says nothing": ([counter(redemptions(5), 4)], None),
    "nothing counted yet": ([counter(redemptions(5), None)], None),
    "none left": ([counter(redemptions(5), 5)], Headroom(used_up="redemptions")),
    "more used than a lowered cap": ([counter(redemptions(5), 9)], Headroom(used_up="redemptions")),
    "a budget": ([counter(budget(500), 120)], Headroom(refuse_above=380)),
    "a budget that grants the rest": ([counter(budget(500, GRANTING), 120)], Headroom(grant_up_to=380)),
    "a budget that is spent": ([counter(budget(500), 500)], Headroom(used_up="budget")),
    "the least of two budgets": (
        [counter(budget(500), 120), counter(budget(100, per=Scope.STORE), 1, subject="S1")],
        Headroom(refuse_above=99),
    ),
    "budgets of both kinds": (
        [counter(budget(500), 120), counter(budget(100, GRANTING, Scope.STORE), 1, subject="S1")],
        Headroom(refuse_above=380, grant_up_to=99),
    ),
    "nobody says who buys": (
        [counter(redemptions(5, Scope.CUSTOMER), None, subject=None)],
        Headroom(used_up="redemptions per customer"),
    ),
    "one that is used up before others": (
        [counter(redemptions(1), 1), counter(budget(100), 0)],
        Headroom(used_up="redemptions"),
    ),
}


@pytest.mark.parametrize(("counters", "expected"), HEADROOMS.values(), ids=HEADROOMS.keys())
def test_headroom(counters: list[Counter], expected: Headroom | None) -> None:
    assert headroom(counters, "EUR") == ({} if expected is None else {str(ONE): expected})


def test_a_budget_of_another_currency_leaves_nothing() -> None:
    assert headroom([counter(budget(500))], "USD") == {str(ONE): Headroom(used_up="budget")}
    assert headroom([counter(redemptions(500))], "USD") == {}


def test_a_cap_that_changed_counts_what_was_used_under_the_old() -> None:
    key = CounterKey(ONE, "redemptions", "", DAY)
    assert Counter(ONE, redemptions(8), key, 10, 7, {1: 7}).left == 5
    assert Counter(ONE, redemptions(2), key, 10, 7, {1: 7}).left == -1


def test_a_sale_takes_in_one_order_what_its_promotions_give() -> None:
    counters = [
        counter(redemptions(5, Scope.STORE), None, promotion_id=OTHER, subject="S1"),
        counter(budget(500), 0, promotion_id=OTHER, rooms={7: 250, 3: 250}),
        counter(redemptions(5, Scope.STORE), 1, subject="S1"),
        counter(redemptions(5), 0, rooms={4: 0, 9: 5}),
    ]
    takes, short = takes_of(counters, {ONE: 100, OTHER: 250})
    assert not short
    assert [(take.key.promotion_id, take.key.subject, take.slot, take.amount) for take in takes] == [
        (ONE, "", 9, 1),
        (OTHER, "", 7, 250),
        (ONE, "S1", WHOLE, 1),
        (OTHER, "S1", WHOLE, 1),
    ]
    assert takes == sorted(takes, key=lambda take: take.key.order)
    assert takes_of(counters, {}) == ([], [])


def test_a_promotion_that_takes_nothing_off_costs_no_budget_but_is_a_redemption() -> None:
    takes, _ = takes_of([counter(budget(500)), counter(redemptions(5))], {ONE: 0})
    assert [(take.key.name, take.amount) for take in takes] == [("redemptions", 1)]


@pytest.mark.parametrize(
    "short_one",
    [
        counter(budget(500), None),
        counter(budget(500), 0, rooms={1: 99, 2: 99}),
        Counter(ONE, budget(500), CounterKey(ONE, "budget", "", DAY), 400, 400, {1: 400}),
    ],
    ids=["not there", "no slot with enough", "another cap"],
)
def test_a_cut_counter_without_a_slot_that_holds_enough_is_short(short_one: Counter) -> None:
    takes, (short,) = takes_of([short_one], {ONE: 100})
    assert (takes, short.cap, short.least) == ([], 500, 100)


ROOMS = st.dictionaries(st.integers(1, SLOTS), st.integers(0, 10_000), min_size=1).map(
    lambda rooms: {DEBT: 0, **rooms}
)


@given(ROOMS, st.integers(0, 50_000), st.integers(1, 400_000), st.integers(1, 5_000))
def test_a_spread_keeps_what_was_used(rooms: dict[int, int], used: int, cap: int, least: int) -> None:
    before = sum(rooms.values()) + used
    fresh = spread(rooms, before=before, cap=cap, least=least)
    if fresh is None:
        assert before == cap
        assert max(rooms.values()) >= least
        return
    assert fresh.keys() == rooms.keys()
    assert cap - sum(fresh.values()) == used
    assert fresh[DEBT] <= 0 <= min(room for slot, room in fresh.items() if slot != DEBT)
    if fresh[DEBT]:
        assert not any(room for slot, room in fresh.items() if slot != DEBT)
    if cap - used >= least:
        assert max(fresh.values()) >= least


@given(ROOMS, st.integers(-20_000, 0), st.integers(1, 30_000))
def test_giving_back_pays_a_debt_and_loses_nothing(rooms: dict[int, int], debt: int, amount: int) -> None:
    owed = dict.fromkeys(rooms, 0) | {DEBT: debt} if debt else rooms
    fresh = give_back(owed, amount)
    assert sum(fresh.values()) == sum(owed.values()) + amount
    assert fresh[DEBT] == min(0, sum(owed.values()) + amount)


def test_a_counter_of_one_row_simply_gets_it_back() -> None:
    assert give_back({WHOLE: 3}, 2) == {WHOLE: 5}


def test_a_small_cap_has_few_slots() -> None:
    assert slots_of(3) == (DEBT, 1, 2, 3)
    assert len(slots_of(10**9)) == SLOTS + 1
    assert WHOLE not in slots_of(10**9)


def test_sessions_beside_each_other_prefer_slots_of_their_own() -> None:
    assert len({preferred_slots(session, 0)[0] for session in range(1000, 1000 + SLOTS)}) == SLOTS
    assert {preferred_slots(0, chance)[1] for chance in range(SLOTS)} == set(range(1, SLOTS + 1))
