"""Statuses: the way from the sale to its settlement, and no other."""

from itertools import product

import pytest

from shared.domain.quotes import TransactionStatus
from shared.domain.statuses import BY_HAND, TRANSITIONS, sources_of

NEW, REVIEW, VERIFIED, SETTLED = TransactionStatus

# Written down by hand: from, to.
ALLOWED = {
    (NEW, REVIEW),
    (NEW, VERIFIED),
    (REVIEW, VERIFIED),
    (VERIFIED, REVIEW),
    (VERIFIED, SETTLED),
}


@pytest.mark.parametrize(("before", "after"), list(product(TransactionStatus, repeat=2)))
def test_these_may_follow_each_other_and_no_others(
    before: TransactionStatus, after: TransactionStatus
) -> None:
    assert (after in TRANSITIONS[before]) is ((before, after) in ALLOWED)
    assert (before in sources_of(after)) is ((before, after) in ALLOWED)


def test_payment_alone_completes_a_settlement_and_nothing_is_new_again() -> None:
    assert {REVIEW, VERIFIED} == BY_HAND
