"""Matching: as trying every way finds it on small cases, and never wrong where much goes wrong at tills."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samples.tills import Day, Trouble, days, midnight
from shared.domain.reconciliation.matching import How, Matching, match
from shared.domain.reconciliation.rules import Rules
from shared.domain.reconciliation.slips import Slip, SlipKind
from tests.domain.reconciliation.exhaustive import agreed

RULES = Rules()
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
# Further apart than the window, and the furthest that a clock is off.
APART = timedelta(minutes=30)


def a_slip(
    number: int, at_s: int = 0, net: int = 1000, *units: tuple[str, int], name: str | None = None
) -> Slip:
    units = units or (("A", 1),)
    kind = SlipKind.RETURN if units[0][1] < 0 else SlipKind.SALE
    return Slip(
        id=UUID(int=number),
        kind=kind,
        number=name,
        at=NOON + timedelta(seconds=at_s),
        currency="EUR",
        net_minor=net,
        units=units,
    )


def pairs(found: Matching) -> set[tuple[int, int]]:
    return {(pair.sale.id.int, pair.receipt.id.int) for pair in found.pairs}


def lone(found: Matching) -> tuple[set[int], set[int]]:
    return {slip.id.int for slip in found.lone_sales}, {slip.id.int for slip in found.lone_receipts}


def unsure(found: Matching) -> list[tuple[set[int], set[int]]]:
    return [({s.id.int for s in each.sales}, {s.id.int for s in each.receipts}) for each in found.unsure]


_side = st.lists(
    st.tuples(
        st.sampled_from((0, 400, 800, 1200, 1600)),
        st.sampled_from((1000, 1001, 1200)),
        st.sampled_from(((("A", 1),), (("A", 2),), (("B", 1),), (("A", 1), ("B", 1)), (("A", -1),))),
    ),
    max_size=4,
)


@given(_side, _side)
def test_as_trying_every_way(ours: list[tuple], theirs: list[tuple]) -> None:
    """The law written once more in plain words: same goods, a quarter of an hour, 2 cents."""
    sales = [a_slip(i, at, net, *units) for i, (at, net, units) in enumerate(ours)]
    receipts = [a_slip(100 + i, at, net, *units) for i, (at, net, units) in enumerate(theirs)]
    edges: list[dict[int, int]] = [{} for _ in ours]
    for i, (at, net, units) in enumerate(ours):
        for j, (their_at, their_net, their_units) in enumerate(theirs):
            same_goods = {s: q > 0 for s, q in units} == {s: q > 0 for s, q in their_units}
            if same_goods and abs(at - their_at) <= 900:
                edges[i][j] = 16 if units != their_units else 14 if abs(net - their_net) > 2 else 0
    told = agreed(edges, len(theirs), 20, 3)
    found = match(sales, receipts, RULES)
    assert pairs(found) == {(i, 100 + j) for i, j in told if i is not None and j is not None}
    assert lone(found) == (
        {i for i, j in told if j is None},
        {100 + j for i, j in told if i is None and j is not None},
    )


@given(_side, _side, st.randoms())
def test_the_order_does_not_matter(ours: list[tuple], theirs: list[tuple], numbers: Random) -> None:
    sales = [a_slip(i, at, net, *units) for i, (at, net, units) in enumerate(ours)]
    receipts = [a_slip(100 + i, at, net, *units) for i, (at, net, units) in enumerate(theirs)]
    found = match(sales, receipts, RULES)
    numbers.shuffle(sales)
    numbers.shuffle(receipts)
    again = match(sales, receipts, RULES)
    assert (pairs(again), lone(again)) == (pairs(found), lone(found))
    assert {slip.id for each in (*found.unsure, *again.unsure) for slip in each.sales} == {
        slip.id for each in found.unsure for slip in each.sales
    }


def test_a_number_decides_at_any_distance_in_time_and_amount() -> None:
    found = match([a_slip(1, 0, 1000, name="7")], [a_slip(2, 30_000, 900, name="7")], RULES)
    assert [(pair.how, pair.sale.id.int, pair.receipt.id.int) for pair in found.pairs] == [(How.NUMBER, 1, 2)]


def test_a_number_with_nothing_else_in_common_decides_nothing() -> None:
    found = match([a_slip(1, 0, 1000, name="7")], [a_slip(2, 0, 900, ("B", 1), name="7")], RULES)
    assert (pairs(found), unsure(found)) == (set(), [({1}, {2})])


def test_lookalikes_in_one_minute_are_for_somebody_to_look_at() -> None:
    found = match([a_slip(1, 0), a_slip(2, 40)], [a_slip(3, 5), a_slip(4, 50)], RULES)
    assert (pairs(found), unsure(found)) == (set(), [({1, 2}, {3, 4})])


def test_a_lookalike_with_a_number_leaves_the_other_sure() -> None:
    found = match(
        [a_slip(1, 0, name="7"), a_slip(2, 40)], [a_slip(3, 5, name="7"), a_slip(4, 50, name="8")], RULES
    )
    assert pairs(found) == {(1, 3), (2, 4)}


def test_a_good_pair_is_not_broken_up_for_two_bad_ones() -> None:
    found = match([a_slip(1, 0), a_slip(2, 60, 1200)], [a_slip(3, 0), a_slip(4, 60, 800)], RULES)
    assert pairs(found) == {(1, 3), (2, 4)}
    found = match([a_slip(1, 0), a_slip(2, -800, 1200)], [a_slip(3, 0), a_slip(4, 850, 800)], RULES)
    assert (pairs(found), lone(found)) == ({(1, 3)}, ({2}, {4}))


def test_a_clock_an_hour_off_is_seen_by_the_numbers() -> None:
    sales = [a_slip(i, 100 * i, 1000, (f"K{i}", 1), name=str(i)) for i in range(3)]
    receipts = [a_slip(10 + i, 100 * i + 3600, 1000, (f"K{i}", 1), name=str(i)) for i in range(3)]
    found = match([*sales, a_slip(5, 50)], [*receipts, a_slip(15, 3650)], RULES)
    assert (5, 15) in pairs(found)
    assert (5, 15) not in pairs(match([a_slip(5, 50)], [a_slip(15, 3650)], RULES))


def test_clocks_that_agree_tell_more_apart() -> None:
    """Two of the same goods nine minutes apart: with eight pairs within seconds, that is far."""
    sales = [a_slip(i, 100 * i, 1000, (f"K{i}", 1)) for i in range(8)]
    receipts = [a_slip(10 + i, 100 * i + 5, 1000, (f"K{i}", 1)) for i in range(8)]
    alike = [a_slip(30, 0), a_slip(31, 540)], [a_slip(40, 5), a_slip(41, 550)]
    assert pairs(match(*alike, RULES)) == set()
    found = match([*sales, *alike[0]], [*receipts, *alike[1]], RULES)
    assert {(30, 40), (31, 41)} <= pairs(found)


def judged(day: Day, found: Matching) -> tuple[int, int, int]:
    """Wrong pairs, and of the pairs that stand apart how many there are and how many were decided."""
    decided = {pair.receipt.id: pair.sale.id for pair in found.pairs}
    wrong = sum(day.own.get(receipt) != sale for receipt, sale in decided.items())
    sales = {sale.id: sale for sale in day.sales}
    receipts = {receipt.id: receipt for receipt in day.receipts}
    alike: defaultdict[object, list[Slip]] = defaultdict(list)
    for slip in (*day.sales, *day.receipts):
        alike[slip.skus].append(slip)
    apart = [
        receipt_id
        for receipt_id, sale_id in day.own.items()
        if sales[sale_id].number is not None
        or not any(
            other.id not in {sale_id, receipt_id} and abs(other.at - receipts[receipt_id].at) <= APART
            for other in alike[sales[sale_id].skus]
        )
    ]
    return wrong, len(apart), sum(receipt_id in decided for receipt_id in apart)


def reconciled(seed: int, *, stores: int, sales: int, skus: int) -> None:
    numbers = Random(seed)  # noqa: S311 - a sample, not a secret
    wrong = apart = decided = unsure_sales = 0
    met: set[Trouble] = set()
    for day in days(numbers, stores=stores, sales=sales, skus=skus, on=midnight(2026, 3, 2)):
        found = match(day.sales, day.receipts, RULES)
        counts = judged(day, found)
        wrong, apart, decided = wrong + counts[0], apart + counts[1], decided + counts[2]
        unsure_sales += sum(len(each.sales) for each in found.unsure)
        met |= set(day.troubles.values())
        told = [*found.lone_sales, *(pair.sale for pair in found.pairs)]
        told += [sale for each in found.unsure for sale in each.sales]
        assert sorted(slip.id for slip in told) == sorted(slip.id for slip in day.sales)
    assert met == set(Trouble)
    assert unsure_sales, "there were lookalikes"
    assert wrong == 0
    assert decided >= 0.999 * apart
    assert apart > 0.9 * stores * sales


def test_no_wrong_match_on_some_thousand_sales() -> None:
    reconciled(1, stores=100, sales=20, skus=3_000)
    reconciled(2, stores=2, sales=1_000, skus=10_000)


@pytest.mark.soak
def test_no_wrong_match_on_a_million_sales() -> None:
    reconciled(3, stores=45_000, sales=20, skus=3_000)
    reconciled(4, stores=50, sales=2_000, skus=20_000)
