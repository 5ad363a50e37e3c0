"""The long form of the properties: thousands of examples each."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.domain.money import Rounding
from tests.domain.engine import test_combination, test_properties, test_trace
from tests.domain.engine.baskets import any_promos, pieces
from tests.domain.engine.test_properties import baskets, rule_sets

pytestmark = pytest.mark.soak


def at_length(property_: Any, *strategies: Any) -> Any:
    return settings(max_examples=3000, deadline=None)(given(*strategies)(property_.hypothesis.inner_test))


test_cents = at_length(
    test_properties.test_every_cent_is_accounted_for, baskets(), rule_sets(), st.sampled_from(Rounding)
)
test_order = at_length(
    test_properties.test_the_order_of_lines_and_promotions_means_nothing,
    baskets(),
    rule_sets(),
    st.randoms(use_true_random=False),
)
test_splitting = at_length(
    test_properties.test_splitting_a_line_changes_no_sum, baskets(), rule_sets(), st.data()
)
test_one_more = at_length(
    test_properties.test_one_more_rival_never_costs_the_customer,
    baskets(),
    any_promos(most=3),
    any_promos(most=1),
)
test_one_fewer = at_length(
    test_properties.test_without_a_promotion_that_applies_nobody_saves_more, baskets(), any_promos(most=4)
)
test_ties = at_length(
    test_combination.test_ties_between_single_units_are_settled_as_the_oracle_does, pieces(), any_promos()
)
test_priority = at_length(
    test_combination.test_a_lane_served_by_priority_equals_the_oracle, pieces(), any_promos()
)
test_repricing = at_length(
    test_trace.test_repricing_everything_kept_gives_the_discount_of_the_sale, pieces(), any_promos(most=1)
)
