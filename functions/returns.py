"""Returns: units of a sale that come back, what that pays, and which came back before."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from shared import pool
from shared.actions import returns as actions
from shared.domain.refunds import Refund, Refunds
from shared.domain.returns import LineNotSold, MoreThanLeft, NothingLeft, RequestedUnits, SkuNotSold
from shared.domain.transactions import (
    AlreadyVoided,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    NotASale,
    SemanticsChanged,
    TransactionNotFound,
)
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request

bp = func.Blueprint()

_REPLAYED = (("Idempotent-Replayed", "true"),)


class ReturnedLineBody(Request):
    """Units of a line, by its place in the sale, or of a SKU, not both."""

    line: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="Its place among the lines of the sale's quote, gifts included, from 0."
    )
    sku: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = Field(
        default=None,
        description="Where several lines have it, the last is taken from first; gifts stand last. What names"
        " its line is served before.",
    )
    quantity: Annotated[int, Field(ge=1, le=100_000)]

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.line is None) is (self.sku is None):
            raise PydanticCustomError("invalid", "Give a line or a SKU, and not both.")
        return self


class ReturnBody(Request):
    confirm: bool = Field(default=False, description="Record the return; else only tell what it would be.")
    lines: Annotated[list[ReturnedLineBody], Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="What comes back; all that is left when there are none."
    )
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] | None = Field(
        default=None, validate_default=True, description="Needed to record the return."
    )

    @field_validator("reason")
    @classmethod
    def _is_given(cls, reason: str | None, info: ValidationInfo) -> str | None:
        if reason is None and info.data.get("confirm"):
            raise PydanticCustomError("missing", "A return is recorded for a reason.")
        return reason

    def wanted(self) -> tuple[RequestedUnits, ...] | None:
        if self.lines is None:
            return None
        return tuple(
            RequestedUnits(quantity=each.quantity, line=each.line, sku=each.sku) for each in self.lines
        )


class ReturnHeaders(Headers):
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None,
        description="Names this return: a retry with the same key and body records nothing more.",
    )


class SalePath(Request):
    transaction_id: UUID


@endpoint(
    bp,
    "POST",
    "transactions/{transaction_id:guid}/returns",
    access=Permission.TRANSACTIONS_RETURN,
    status=201,
    raises=(
        TransactionNotFound,
        NotASale,
        AlreadyVoided,
        SemanticsChanged,
        LineNotSold,
        SkuNotSold,
        MoreThanLeft,
        NothingLeft,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
    ),
    also=(200,),
)
def create_return(
    caller: Caller, now: datetime, path: SalePath, headers: ReturnHeaders, body: ReturnBody
) -> Reply[Refund]:
    """Take back some units of a sale, or all that is left of it.

    What promotions give is counted anew on what is kept, by the rules and prices of the sale: the refund is
    what was paid less what is kept costs now, and never below zero. A sale that was priced under other
    semantics of the engine can still be voided.
    With `confirm` the return is recorded, which needs an Idempotency-Key and a reason; else it is a preview.
    """
    wanted = body.wanted()
    if not body.confirm or body.reason is None:
        with pool.connection() as conn:
            preview = actions.preview(
                conn, now, transaction_id=path.transaction_id, wanted=wanted, caller=caller
            )
        return Reply(preview, status=200)
    if headers.idempotency_key is None:
        raise IdempotencyKeyMissing
    with pool.transaction() as conn:
        refund, replayed = actions.record(
            conn,
            now,
            transaction_id=path.transaction_id,
            wanted=wanted,
            reason=body.reason,
            caller=caller,
            key=headers.idempotency_key,
        )
    return Reply(refund, headers=_REPLAYED if replayed else ())


@endpoint(
    bp,
    "GET",
    "transactions/{transaction_id:guid}/returns",
    access=Permission.TRANSACTIONS_READ,
    raises=(TransactionNotFound, NotASale),
)
def list_returns(caller: Caller, path: SalePath) -> Refunds:
    """The returns of a sale, and what can still come back."""
    with pool.connection() as conn:
        return actions.find(conn, transaction_id=path.transaction_id, caller=caller)
