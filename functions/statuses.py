"""Statuses of transactions: back office sends one to review, or has verified it."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import statuses as actions
from shared.domain.audit import By
from shared.domain.quotes import TransactionStatus
from shared.domain.statuses import TransitionNotAllowed
from shared.domain.transactions import Transaction, TransactionNotFound
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Request

bp = func.Blueprint()


class StatusBody(Request):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] = Field(
        description="Is kept with the change, for whoever asks later."
    )


class TransactionPath(Request):
    transaction_id: UUID


@endpoint(
    bp,
    "POST",
    "transactions/{transaction_id:guid}/review",
    access=Permission.TRANSACTIONS_REVIEW,
    raises=(TransactionNotFound, TransitionNotAllowed),
)
def review_transaction(
    caller: Caller, by: By, now: datetime, path: TransactionPath, body: StatusBody
) -> Transaction:
    """Send a transaction to review: it is Under Review, and not settled, until somebody verifies it.

    One that is under review already stays as it is; one whose settlement is complete is refused.
    """
    return _change(caller, by, now, path, body, TransactionStatus.UNDER_REVIEW)


@endpoint(
    bp,
    "POST",
    "transactions/{transaction_id:guid}/verify",
    access=Permission.TRANSACTIONS_REVIEW,
    raises=(TransactionNotFound, TransitionNotAllowed),
)
def verify_transaction(
    caller: Caller, by: By, now: datetime, path: TransactionPath, body: StatusBody
) -> Transaction:
    """Say that a transaction is right: it is Verified, and part of the next settlement with its retailer."""
    return _change(caller, by, now, path, body, TransactionStatus.VERIFIED)


def _change(  # noqa: PLR0917 - what the two doors were given
    caller: Caller,
    by: By,
    now: datetime,
    path: TransactionPath,
    body: StatusBody,
    to: TransactionStatus,
) -> Transaction:
    with pool.transaction() as conn:
        return actions.change(
            conn,
            now,
            transaction_id=path.transaction_id,
            to=to,
            reason=body.reason,
            by=by,
            reach=caller.reach,
        )
