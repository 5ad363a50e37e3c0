"""The first of equally good combinations is that of a plain comparison of all of them."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine.evaluation import UnitRole
from shared.domain.engine.pieces import Piece
from shared.domain.engine.ties import Alternative, first

type Choices = list[list[Alternative]]
type Rank = tuple[list[int], int, list[tuple[int, int, int]]]


def piece(pool: int, units: int, *indices: int) -> Piece:
    return Piece(pool, units, 0, [(index, 100, UnitRole.DISCOUNTED) for index in indices])


@st.composite
def choices(draw: st.DrawFn) -> Choices:
    """Draw choices of their own pools; promotions may stand in several of them."""
    found: Choices = []
    for number in range(draw(st.integers(1, 4))):
        sets = draw(st.lists(st.frozensets(st.integers(0, 7), max_size=3), min_size=1, max_size=3))
        found.append(
            [
                Alternative(
                    [piece(10 * number + draw(st.integers(0, 2)), draw(st.integers(1, 2)), *sorted(one))]
                )
                for one in sets
            ]
        )
    return found


def rank(certain: list[Piece], way: tuple[Alternative, ...]) -> Rank:
    pieces = [*certain, *(one for alternative in way for one in alternative.pieces)]
    uses = [(one.pool, index, -one.units) for one in pieces for index, _, _ in one.given]
    applied = sorted({index for _, index, _ in uses})
    return applied, sum(-units for _, _, units in uses), sorted(uses)


@settings(max_examples=150, deadline=None)
@given(choices(), st.frozensets(st.integers(0, 9), max_size=2))
def test_the_first_combination_is_that_of_a_plain_comparison(of: Choices, sure: frozenset[int]) -> None:
    certain = [piece(99, 1, *sorted(sure))]
    chosen = first(certain, of)
    assert all(one in alike for one, alike in zip(chosen, of, strict=True))
    assert rank(certain, tuple(chosen)) == min(rank(certain, way) for way in product(*of))


def test_a_shorter_list_comes_first_only_where_it_is_a_beginning() -> None:
    short, long = Alternative([piece(0, 1, 1)]), Alternative([piece(0, 1, 1, 5)])
    assert first([], [[long, short]]) == [short]
    assert first([piece(9, 1, 9)], [[short, long]]) == [long]


def test_more_combinations_than_are_compared_are_improved() -> None:
    of = [[Alternative([piece(number, 1, 7)]), Alternative([piece(number, 1, 3)])] for number in range(9)]
    assert [one.applied for one in first([], of)] == [frozenset({3})] * 9
