"""Money: exact conversion at the edges, one rounding, and splits that conserve."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.money import (
    AmountInexact,
    CurrencyUnknown,
    Rounding,
    divide,
    from_minor,
    largest_remainder,
    round_minor,
    to_minor,
)


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("33.33", "EUR", 3333),
        ("1250", "JPY", 1250),
        ("1.250", "KWD", 1250),
        ("1.2345", "CLF", 12345),
        ("-5", "EUR", -500),
    ],
)
def test_amounts_go_to_minor_units_and_back(amount: str, currency: str, minor: int) -> None:
    assert to_minor(Decimal(amount), currency) == minor
    assert from_minor(minor, currency) == Decimal(amount)


def test_amounts_come_back_with_the_decimals_of_their_currency() -> None:
    assert str(from_minor(5, "EUR")) == "0.05"
    assert str(from_minor(0, "EUR")) == "0.00"
    assert str(from_minor(7, "JPY")) == "7"
    assert str(from_minor(7, "BHD")) == "0.007"


@pytest.mark.parametrize(
    ("amount", "currency"), [("0.001", "EUR"), ("0.5", "JPY"), ("NaN", "EUR"), ("Infinity", "EUR")]
)
def test_more_decimals_than_the_currency_has_are_refused(amount: str, currency: str) -> None:
    with pytest.raises(AmountInexact) as refusal:
        to_minor(Decimal(amount), currency, pointer="/amount")
    assert refusal.value.pointer == "/amount"


@pytest.mark.parametrize("currency", ["XXX", "eur", "", "EURO"])
def test_an_unknown_currency_is_refused(currency: str) -> None:
    with pytest.raises(CurrencyUnknown):
        to_minor(Decimal(1), currency)


def test_halves_round_as_told() -> None:
    assert [divide(n, 2, Rounding.HALF_EVEN) for n in (1, 3, 5)] == [0, 2, 2]
    assert [divide(n, 2, Rounding.HALF_UP) for n in (1, 3, 5)] == [1, 2, 3]
    assert [round_minor(n, Rounding.HALF_EVEN) for n in (4999, 5000, 5001, 15000)] == [0, 0, 1, 2]


def test_ties_go_to_the_first() -> None:
    assert largest_remainder(1000, [1, 1, 1]) == [(333, 1), (333, 0), (333, 0)]
    assert largest_remainder(1000, [1], counts=[3]) == [(333, 1)]


def test_the_largest_remainder_comes_before_the_first() -> None:
    assert largest_remainder(10, [1, 5, 3]) == [(1, 0), (5, 1), (3, 0)]


def test_a_full_unit_passes_its_rest_on() -> None:
    assert largest_remainder(100, [90, 5, 5], rooms=[10, 80, 80]) == [(10, 0), (45, 0), (45, 0)]
    assert largest_remainder(100, [90, 9, 1], rooms=[10, 20, 80]) == [(10, 0), (20, 0), (70, 0)]


def test_without_weights_units_count_as_equal() -> None:
    assert largest_remainder(5, [0, 0], rooms=[4, 4]) == [(2, 1), (2, 0)]


def test_what_does_not_fit_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        largest_remainder(5, [1, 1], rooms=[2, 2])


groups = st.lists(
    st.tuples(st.integers(0, 50), st.integers(0, 40), st.integers(0, 5)), min_size=1, max_size=6
)


@given(groups, st.data())
def test_splits_conserve_and_respect_every_room(
    units: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    weights, rooms, counts = (list(column) for column in zip(*units, strict=True))
    most = sum(room * count for room, count in zip(rooms, counts, strict=True))
    total = data.draw(st.integers(0, most))
    pairs = largest_remainder(total, weights, rooms, counts)
    assert sum(share * count + extra for (share, extra), count in zip(pairs, counts, strict=True)) == total
    for (share, extra), room, count in zip(pairs, rooms, counts, strict=True):
        assert 0 <= extra <= count
        assert count == 0 or share + (extra > 0) <= room


@given(groups, st.data())
def test_grouped_units_get_what_single_units_would(
    units: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    weights, rooms, counts = (list(column) for column in zip(*units, strict=True))
    total = data.draw(st.integers(0, sum(room * count for room, count in zip(rooms, counts, strict=True))))
    pairs = largest_remainder(total, weights, rooms, counts)
    grouped = [
        share + (n < extra) for (share, extra), count in zip(pairs, counts, strict=True) for n in range(count)
    ]
    singles = [(weight, room) for weight, room, count in units for _ in range(count)]
    alone = largest_remainder(total, [weight for weight, _ in singles], [room for _, room in singles])
    assert grouped == [share + extra for share, extra in alone]
