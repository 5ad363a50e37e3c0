"""Buy-x-get-y where units give something up: the best bargain is that of trying every use of every unit."""

from collections.abc import Iterator
from itertools import groupby, product
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import compile_rule_set, evaluate
from shared.domain.engine.bargains import Bargain, best_bargain
from shared.domain.engine.lane import Amount, Grant, LaneProblem, Offer, Packs, Part, Pool
from shared.domain.engine.packing import Slot, slots_of
from shared.domain.engine.rule import Per
from tests.domain.engine import oracle
from tests.domain.engine.baskets import NOW, SKUS, basket, gift_promo, line, percent, pieces, promotion, skus
from tests.domain.engine.oracle import Piece, Promo
from tests.domain.engine.test_combination import agrees, solved


class Case(NamedTuple):
    problem: LaneProblem
    slots: list[Slot]
    costs: list[int]

    def best(self, least: Amount = 0) -> Bargain | None:
        return best_bargain(self.problem, 0, self.slots, self.costs, least)


def case(
    units: list[int],
    prices: list[int],
    costs: list[int],
    packs: tuple[int, int],
    *,
    most: int = 9,
    ordered: bool = True,
    triggers_only: int = 0,
    floors: dict[int, int] | None = None,
) -> Case:
    """Half a price off for so many bought; the first pools can only be triggers."""
    pools = [
        Pool(place, of, price, price, 0, 1)
        for place, (of, price) in enumerate(zip(units, prices, strict=True))
    ]
    wants = {place: price * 5000 for place, price in enumerate(prices)}
    parts = [Part(place, of, (), 0, 0) for place, of in enumerate(units)]
    parts += [
        Part(place, of, (0,), wants[place], 1) for place, of in enumerate(units) if place >= triggers_only
    ]
    offer = Offer(
        0,
        stackable=False,
        whole=False,
        grants=(Grant(Per.UNIT, wants),),
        parts=tuple(parts),
        floors=floors or {},
        packs=Packs(packs, most, None, ordered, dict(enumerate(prices))),
    )
    problem = LaneProblem(pools, (offer,))
    slots = slots_of(problem, 0, [(place, (), of) for place, of in enumerate(units)])
    return Case(problem, slots, [costs[slot.pool] * 5000 for slot in slots])


@st.composite
def cases(draw: st.DrawFn) -> Case:
    size = draw(st.integers(1, 4))
    return case(
        [draw(st.integers(1, 2)) for _ in range(size)],
        [draw(st.sampled_from([100, 200, 200, 333])) for _ in range(size)],
        [draw(st.sampled_from([0, 0, 10, 20, 150])) for _ in range(size)],
        (draw(st.integers(1, 3)), draw(st.integers(1, 2))),
        most=draw(st.integers(1, 3)),
        ordered=draw(st.booleans()),
        triggers_only=draw(st.sampled_from([0, 0, 1])),
        floors=draw(st.sampled_from([{}, {0: 150}])),
    )


def uses(of: Case) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Yield every lawful way to buy and get of the slots, and what it gains."""
    offer = of.problem.offers[0]
    assert offer.packs is not None
    (buy, get), pools = offer.packs.units, of.problem.pools
    choices = [
        [
            (bought, got)
            for bought in range(slot.units + 1)
            for got in range(slot.units - bought + 1 if slot.numbers[1] is not None else 1)
        ]
        for slot in of.slots
    ]
    for way in product(*choices):
        bought, got = (sum(each) for each in zip(*way, strict=True))
        applications = got // get
        if (
            not got
            or got != get * applications
            or bought != buy * applications
            or applications > offer.packs.most
        ):
            continue
        if offer.packs.ordered and not _in_order(of.slots, way, buy, get):
            continue
        gain = 0
        for slot, cost, (bought, got) in zip(of.slots, of.costs, way, strict=True):
            floor = offer.floors.get(slot.pool, 0)
            room = max(0, pools[slot.pool].price - floor) * 10_000
            gain += got * min(slot.price * 5000, room) - (bought + got) * cost
        yield gain, list(way)


def _in_order(slots: list[Slot], way: tuple[tuple[int, int], ...], buy: int, get: int) -> bool:
    """Say whether at every price the units that are as dear hold triggers for those got among them."""
    both = [(slot.price, used) for slot, used in zip(slots, way, strict=True) if slot.numbers[1] is not None]
    bought = sum(used[0] for slot, used in zip(slots, way, strict=True) if slot.numbers[1] is None)
    got = 0
    for _, alike in groupby(both, key=lambda one: one[0]):
        for _, used in alike:
            bought, got = bought + used[0], got + used[1]
        if bought < buy * -(-got // get):
            return False
    return True


@settings(max_examples=100, deadline=None)
@given(cases())
def test_the_best_bargain_is_that_of_every_use(of: Case) -> None:
    ways = list(uses(of))
    found = of.best()
    assert found is not None
    gain = max((gain for gain, _ in ways), default=-1)
    if gain < 0:
        assert not found.taken
        return
    assert found.gain == gain
    taken = [[0, 0] for _ in of.slots]
    for slot, pick, units in found.taken:
        taken[slot][pick] += units
    best = [way for gained, way in ways if gained == gain]
    mine = [(bought, got) for bought, got in taken]
    assert mine in best
    if found.only:
        vectors = [_by_pool(of, way) for way in best]
        assert vectors.count(max(vectors)) == 1
        assert _by_pool(of, mine) == max(vectors)
        costly = {tuple(sum(used) for used, cost in zip(way, of.costs, strict=True) if cost) for way in best}
        assert len(costly) == 1


def _by_pool(of: Case, way: list[tuple[int, int]]) -> list[int]:
    """Return how many units of each pool are used, the first pools first."""
    return [sum(used) for _, used in sorted(zip([slot.pool for slot in of.slots], way, strict=True))]


@settings(max_examples=60, deadline=None)
@given(cases())
def test_what_does_not_gain_enough_need_not_be_found(of: Case) -> None:
    found = of.best()
    assert found is not None
    for least in (found.gain, found.gain + 1):
        again = of.best(least)
        assert again is not None
        assert bool(again.taken) == (bool(found.taken) and least == found.gain)


def test_units_that_give_nothing_up_are_used_from_the_first_pool_on() -> None:
    found = case([1, 1, 1, 1], [400, 300, 200, 100], [0, 0, 0, 0], (2, 1)).best()
    assert found is not None
    assert (found.gain, found.only) == (100 * 10_000, True)
    assert [(taken.slot, taken.pick) for taken in found.taken] == [(0, 0), (1, 0), (2, 1)]


def test_a_trigger_that_gives_something_up_is_passed_over() -> None:
    found = case([1, 1, 1, 1], [400, 300, 200, 100], [0, 150, 0, 0], (2, 1)).best()
    assert found is not None
    assert [(taken.slot, taken.pick) for taken in found.taken] == [(0, 0), (2, 0), (3, 1)]


def test_two_ways_that_give_up_as_much_elsewhere_are_not_the_only_one() -> None:
    found = case([1, 1, 1], [400, 400, 100], [10, 10, 0], (1, 1)).best()
    assert found is not None
    assert not found.only


def test_more_ways_than_are_tried_are_left_to_the_search() -> None:
    assert case([5000, 5000], [400, 300], [1, 1], (2, 1), most=3000).best() is None


free_percents = st.lists(
    st.builds(
        lambda name, stackable, targets, percent: Promo(name, 0, stackable, targets, percent),
        st.sampled_from(["q1", "q2"]),
        st.booleans(),
        st.frozensets(st.sampled_from(SKUS), min_size=1),
        st.sampled_from([500, 1000, 2000]),
    ),
    max_size=2,
    unique_by=lambda promo: promo.name,
)


def one_gift(gift: Promo, free: list[Promo]) -> list[Promo]:
    """Return the promotions, the gift as one that stacks with none."""
    return [gift._replace(stackable=False), *free]


@settings(max_examples=40, deadline=None)
@given(pieces(most=3), gift_promo("g"), free_percents)
def test_buy_x_get_y_beside_free_offers_equals_the_oracle(
    units: list[Piece], gift: Promo, free: list[Promo]
) -> None:
    agrees(units, one_gift(gift, free))


@settings(max_examples=40, deadline=None)
@given(pieces(most=3), gift_promo("g"), free_percents)
def test_its_ties_are_settled_as_the_oracle_does(units: list[Piece], gift: Promo, free: list[Promo]) -> None:
    units = list(dict.fromkeys(units))
    rivals = one_gift(gift, free)
    solution, answer = solved(units, rivals), oracle.best(units, rivals)
    if solution.optimal:
        assert (solution.applied, solution.used) == (answer.applied, answer.used)


@pytest.mark.parametrize("most", [None, 1])
def test_a_bargain_keeps_to_its_most_applications(most: int | None) -> None:
    gift = {"kind": "buy_x_get_y", "buy": {"units": 1}, "get": {"units": 1}}
    terms = [
        promotion("gift", gift | ({"max_applications": most} if most else {})),
        promotion("free", percent("10", target=skus("a"))),
    ]
    found = evaluate(compile_rule_set(1, terms), basket(line("a", 1000, 4), line("b", 900, 2)), NOW)
    # Three pairs free; or the pair of b, and a tenth off the four a that are left.
    assert (found.optimal, found.discount) == (True, 2900 if most is None else 1300)
