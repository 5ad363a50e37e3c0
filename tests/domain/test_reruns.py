"""Reruns: whatever is left out of the reckoning, the sums are those of two plain evaluations."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.engine import Basket, Outcome, PromotionTerms, compile_rule_set, evaluate
from shared.domain.engine.basket import Headroom
from shared.domain.quotes import Quote, quote_of
from shared.domain.reruns import Members, Rerun, Sale, Trial
from shared.domain.seen import Seen, seen_text
from shared.rows import json_text
from tests.domain.engine.baskets import (
    any_promos,
    basket,
    line,
    lines_of,
    percent,
    pieces,
    promotion,
    skus,
    terms_of,
)

NOW = datetime(2026, 6, 15, 10, 0, tzinfo=UTC)
LIMITS = st.sampled_from(
    [None, Headroom(used_up="redemptions"), Headroom(refuse_above=300), Headroom(grant_up_to=250)]
)


def named(promotions: list[PromotionTerms]) -> list[PromotionTerms]:
    return [replace(each, promotion_id=str(UUID(int=place + 1))) for place, each in enumerate(promotions)]


@pytest.mark.parametrize("examples", [150, pytest.param(5000, marks=pytest.mark.soak)], ids=["some", "many"])
def test_the_sums_are_those_of_two_evaluations(examples: int) -> None:
    @settings(max_examples=examples, database=None, deadline=None)
    @given(any_promos(), pieces(), LIMITS, st.booleans())
    def check(promos: list, bought: list, headroom: Headroom | None, replaces: bool) -> None:
        if not promos or not bought:
            return
        *others, draft = named([terms_of(each) for each in promos])
        live = [*others, replace(draft, priority=draft.priority + 1)] if replaces else others
        sold = basket(*lines_of(bought))
        recorded = evaluate(compile_rule_set(1, live), sold, NOW)
        trial = Trial(draft, {})
        trial.learn(1, Members(tuple(live), ()))
        text = seen_text(Seen(sold, frozenset(), 1, NOW))
        rerun = trial.rerun(Sale("S1", NOW.date(), text, json_text(Quote, quote_of(recorded, NOW)), headroom))
        left = {} if headroom is None else {draft.promotion_id: headroom}
        free = evaluate(compile_rule_set(1, [*others, draft]), sold, NOW)
        bound = evaluate(compile_rule_set(1, [*others, draft]), replace(sold, headroom=left), NOW)
        wants = {one.promotion_id: one.discount for one in free.promotions}[draft.promotion_id]
        assert rerun.before == recorded.discount
        # A limit is looked at where the promotion would give something without it.
        assert rerun.after == (bound if wants else free).discount
        assert sum(each.after for each in rerun.skus) == rerun.after
        assert sum(each.before for each in rerun.funders) == rerun.before
        assert rerun.affected or rerun.before == rerun.after

    check()


@pytest.mark.parametrize(
    ("lane", "bought", "takes_part"), [("line", "A", False), ("order", "A", False), ("line", "B", True)]
)
def test_a_promotion_without_goods_here_is_away(lane: str, bought: str, takes_part: bool) -> None:
    draft = promotion(str(UUID(int=1)), percent("10", target=skus("B")), lane=lane)
    assert _rerun_of(draft, basket(line(bought, 1000))).verdict.wanted == (100 if takes_part else None)


POINTS, GIFT = {"kind": "points", "fixed": 5}, {"kind": "gift", "sku": "G"}
ABSENT = percent("10", target=skus("B"))


@pytest.mark.parametrize(
    "benefits",
    [[POINTS], [GIFT], [ABSENT, POINTS], [ABSENT, GIFT]],
    ids=["points", "gift", "points beside", "gift beside"],
)
def test_what_takes_no_units_takes_part_where_the_engine_says_so(benefits: list[dict[str, object]]) -> None:
    draft = promotion(str(UUID(int=1)), *benefits)
    sold = replace(basket(line("A", 1000)), gifts={"G": line("G", 500)})
    (own,) = evaluate(compile_rule_set(1, [draft]), sold, NOW).promotions
    wanted = own.discount if own.outcome is Outcome.APPLIED else None
    assert _rerun_of(draft, sold).verdict.wanted == wanted


def _rerun_of(draft: PromotionTerms, sold: Basket) -> Rerun:
    """A sale under no promotion, with the draft put in."""
    trial = Trial(draft, {})
    trial.learn(1, Members((), ()))
    recorded = quote_of(evaluate(compile_rule_set(1, []), sold, NOW), NOW)
    text = seen_text(Seen(sold, frozenset(), 1, NOW))
    return trial.rerun(Sale("S1", NOW.date(), text, json_text(Quote, recorded), None))
