"""What holds for every evaluation, whatever the basket and the promotions."""

from collections import defaultdict
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import (
    Basket,
    BasketLine,
    Evaluation,
    Lane,
    Outcome,
    PromotionTerms,
    compile_rule_set,
    evaluate,
)
from shared.domain.money import Rounding
from tests.domain.engine import oracle
from tests.domain.engine.baskets import (
    NOW,
    amount,
    any_promos,
    basket,
    benefit_of,
    line,
    percent,
    promos,
    promotion,
    terms_of,
)
from tests.domain.engine.oracle import Promo

any_lane = st.sampled_from(list(Lane))
prices = st.sampled_from([0, 1, 7, 100, 333, 999, 3333, 10_500])


@st.composite
def rule_sets(draw: st.DrawFn) -> list[PromotionTerms]:
    """Draw promotions of several benefits, in all lanes, stackable and exclusive, some with a condition."""
    found: list[PromotionTerms] = []
    for promo in draw(any_promos(most=4)):
        alone = promo.kind in {"gift", "bundle", "tiered"}
        more: list[Promo] = draw(promos(most=1)) if draw(st.booleans()) and not alone else []
        when = {"sum_quantity": "lines", "op": "ge", "value": draw(st.integers(0, 6))}
        found.append(
            promotion(
                promo.name,
                *(benefit_of(one) for one in (promo, *more)),
                when=when if draw(st.booleans()) else None,
                priority=promo.priority,
                stackable=promo.stackable,
                exclusive=draw(st.sampled_from([False, False, True])),
                lane=draw(any_lane),
            )
        )
    return found


@st.composite
def baskets(draw: st.DrawFn) -> Basket:
    lines = draw(
        st.lists(st.tuples(st.sampled_from("abc"), prices, st.integers(1, 5)), min_size=1, max_size=5)
    )
    return basket(*(line(sku, price, quantity) for sku, price, quantity in lines))


def result(of: Basket, terms: list[PromotionTerms], **more: Any) -> Evaluation:
    return evaluate(compile_rule_set(1, terms), of, NOW, **more)


def by_sku(evaluation: Evaluation) -> dict[tuple[str, int, str], tuple[int, int]]:
    sums: dict[tuple[str, int, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for one in evaluation.lines:
        for share in one.allocations:
            units, given_ = sums[one.sku, one.unit_price, share.promotion_id]
            sums[one.sku, one.unit_price, share.promotion_id] = (units + share.units, given_ + share.amount)
    return dict(sums)


@settings(max_examples=50, deadline=None)
@given(baskets(), rule_sets(), st.sampled_from(Rounding))
def test_every_cent_is_accounted_for(of: Basket, terms: list[PromotionTerms], rounding: Rounding) -> None:
    found = result(of, terms, rounding=rounding)
    given_by = dict.fromkeys((one.promotion_id for one in terms), 0)
    for sent, one in zip(of.lines, found.lines, strict=True):
        assert (one.sku, one.quantity, one.unit_price) == (sent.sku, sent.quantity, sent.unit_price)
        assert one.gross == one.quantity * one.unit_price
        assert one.net == one.gross - one.discount
        assert 0 <= one.tax <= one.net
        assert one.discount == sum(share.amount for share in one.allocations)
        for share in one.allocations:
            given_by[share.promotion_id] += share.amount
            assert share.amount >= 0
            assert 1 <= share.units <= one.quantity
    assert given_by == {one.promotion_id: one.discount for one in found.promotions}
    assert found.discount == sum(given_by.values()) == sum(one.discount for one in found.lines)
    assert found.net == found.gross - found.discount == sum(one.net for one in found.lines)
    assert found.tax == sum(one.tax for one in found.lines)
    assert found.net >= 0
    assert found.bound >= found.discount


@settings(max_examples=50, deadline=None)
@given(baskets(), any_promos(most=4), st.data())
def test_no_unit_goes_below_the_floor_of_who_discounts_it(
    of: Basket, rivals: list[Promo], data: st.DataObject
) -> None:
    singles = basket(*(line(one.sku, one.unit_price) for one in of.lines))
    by_name = {promo.name: promo for promo in rivals}
    found = result(singles, [terms_of(promo, lane=data.draw(any_lane)) for promo in rivals])
    for one in found.lines:
        for share in one.allocations:
            floor = oracle.floor_of(by_name[share.promotion_id], oracle.Piece(one.sku, one.unit_price))
            assert one.net >= floor or not share.amount


@settings(max_examples=50, deadline=None)
@given(baskets(), rule_sets(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_promotions_means_nothing(
    of: Basket, terms: list[PromotionTerms], chance: Any
) -> None:
    found = result(of, terms)
    shuffled = list(of.lines)
    chance.shuffle(shuffled)
    other_terms = list(terms)
    chance.shuffle(other_terms)
    other = result(Basket(of.store, of.currency, of.channel, of.codes, tuple(shuffled)), other_terms)
    assert other.promotions == found.promotions
    assert by_sku(other) == by_sku(found)
    assert sorted(other.lines, key=repr) == sorted(found.lines, key=repr)


@settings(max_examples=50, deadline=None)
@given(baskets(), rule_sets(), st.data())
def test_splitting_a_line_changes_no_sum(
    of: Basket, terms: list[PromotionTerms], data: st.DataObject
) -> None:
    lines: list[BasketLine] = []
    for one in of.lines:
        first = data.draw(st.integers(1, one.quantity))
        parts_of_line = [part for part in (first, one.quantity - first) if part]
        lines += [
            BasketLine(one.sku, part, one.unit_price, one.tax_rate_pct, one.facts) for part in parts_of_line
        ]
    whole, parts = (
        result(of, terms),
        result(Basket(of.store, of.currency, of.channel, of.codes, tuple(lines)), terms),
    )
    assert parts.promotions == whole.promotions
    assert by_sku(parts) == by_sku(whole)


@settings(max_examples=50, deadline=None)
@given(baskets(), any_promos(most=3), any_promos(most=1))
def test_one_more_rival_never_costs_the_customer(of: Basket, rivals: list[Promo], more: list[Promo]) -> None:
    terms = [terms_of(promo) for promo in rivals]
    fewer, all_of_them = result(of, terms), result(of, [*terms, terms_of(more[0]._replace(name="more"))])
    if fewer.optimal and all_of_them.optimal:
        assert all_of_them.discount >= fewer.discount - len(terms) - 1


@settings(max_examples=50, deadline=None)
@given(baskets(), any_promos(most=4))
def test_without_a_promotion_that_applies_nobody_saves_more(of: Basket, rivals: list[Promo]) -> None:
    terms = [terms_of(promo) for promo in rivals]
    found = result(of, terms)
    for one in found.promotions:
        if one.outcome is Outcome.APPLIED:
            fewer = result(of, [each for each in terms if each.promotion_id != one.promotion_id])
            if found.optimal and fewer.optimal:
                assert fewer.discount <= found.discount + len(terms)


@settings(max_examples=50, deadline=None)
@given(baskets(), rule_sets())
def test_the_same_question_has_the_same_answer(of: Basket, terms: list[PromotionTerms]) -> None:
    assert repr(result(of, terms)) == repr(result(of, terms))


@settings(max_examples=50, deadline=None)
@given(baskets(), rule_sets())
def test_every_promotion_has_one_outcome_and_what_belongs_to_it(
    of: Basket, terms: list[PromotionTerms]
) -> None:
    found = result(of, terms)
    canonical = compile_rule_set(1, terms).promotions
    assert [one.promotion_id for one in found.promotions] == [one.promotion_id for one in canonical]
    applied = {one.promotion_id for one in found.promotions if one.outcome is Outcome.APPLIED}
    exclusive = {one.promotion_id for one in terms if one.exclusive}
    assert not applied & exclusive or len(applied) == 1
    for one in found.promotions:
        if one.outcome in (Outcome.BEATEN_BY, Outcome.EXCLUDED_BY):
            assert one.beaten_by is not None
            assert set(one.beaten_by.promotion_ids) <= applied
        assert (one.wanted is not None) == (one.outcome is Outcome.APPLIED)


@settings(max_examples=60, deadline=None)
@given(
    baskets(),
    st.sampled_from(["sum_quantity", "sum_amount"]),
    st.sampled_from(["ge", "gt", "between"]),
    st.integers(0, 30),
)
def test_what_is_missing_is_enough_and_less_is_not(of: Basket, measure: str, op: str, least: int) -> None:
    value: Any = least
    more: dict[str, Any] = {}
    if measure == "sum_amount":
        value, more = f"{least}.00", {"currency": "EUR", "basis": "list"}
    when = {measure: "lines", "op": op, "value": [value, value] if op == "between" else value, **more}
    terms = [promotion("wanted", percent("100"), amount("1.00"), when={"any": [when]})]
    outcome = result(of, terms).promotions[0]
    if outcome.missing is None:
        return
    assert outcome.outcome is Outcome.NOT_MET

    def outcome_with(added: int) -> Any:
        piece = line("z", 1, added) if measure == "sum_amount" else line("z", 5, added)
        lines = (*of.lines, piece) if added else of.lines
        return result(Basket(of.store, of.currency, of.channel, of.codes, lines), terms).promotions[0].outcome

    assert outcome_with(outcome.missing.amount) is Outcome.APPLIED
    assert outcome_with(outcome.missing.amount - 1) is Outcome.NOT_MET
