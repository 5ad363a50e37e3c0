"""Statuses: which may follow which, from the sale to its settlement."""

from collections.abc import Mapping

from shared.domain.errors import Conflict
from shared.domain.quotes import TransactionStatus

_NEW, _REVIEW = TransactionStatus.NEW, TransactionStatus.UNDER_REVIEW
_VERIFIED, _SETTLED = TransactionStatus.VERIFIED, TransactionStatus.SETTLEMENT_COMPLETE

TRANSITIONS: Mapping[TransactionStatus, frozenset[TransactionStatus]] = {
    _NEW: frozenset({_REVIEW, _VERIFIED}),
    _REVIEW: frozenset({_VERIFIED}),
    # What turns out wrong before it is paid is looked at again.
    _VERIFIED: frozenset({_REVIEW, _SETTLED}),
    _SETTLED: frozenset(),
}

BY_HAND = frozenset({_REVIEW, _VERIFIED})
"""What people and their files may say; Settlement Complete comes with the payment of a statement alone."""


class TransitionNotAllowed(Conflict):
    """The transaction {transaction_id} is {status} and cannot become {wanted}."""

    code = "transition_not_allowed"


def sources_of(wanted: TransactionStatus) -> list[TransactionStatus]:
    """The statuses that may become this one."""
    return [status for status, following in TRANSITIONS.items() if wanted in following]
