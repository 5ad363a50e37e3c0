"""Selling: pricing a basket, recording the sale, reading it back."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import azure.functions as func
from pydantic import Field, StringConstraints

from shared import pool
from shared.actions import transactions as actions
from shared.domain.baskets import CurrencyMismatch, RequestedLine, SaleRequest, UnknownSku, UnknownStore
from shared.domain.money import AmountInexact, CurrencyUnknown
from shared.domain.pages import Page, page_of
from shared.domain.quotes import Quote
from shared.domain.transactions import (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    PriceOverrideForbidden,
    QuoteChanged,
    ReceiptNumberUsed,
    StoreOutOfScope,
    Transaction,
    TransactionNotFound,
    TransactionSummary,
)
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.edge.problems import PermissionMissing
from shared.store import transactions

bp = func.Blueprint()

type Amount = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=4)]
type Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]

_PRICING = (
    StoreOutOfScope,
    PriceOverrideForbidden,
    UnknownStore,
    UnknownSku,
    CurrencyMismatch,
    CurrencyUnknown,
    AmountInexact,
)
_RECORDING = (IdempotencyKeyMissing, IdempotencyKeyReused, ReceiptNumberUsed, QuoteChanged)


class LineBody(Request):
    sku: Key
    quantity: Annotated[int, Field(ge=1, le=100_000)]
    unit_price: Amount | None = Field(
        default=None, description="Instead of the catalogue's; needs the permission `price.override`."
    )


class SaleBody(Request):
    store_id: Key
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(examples=["EUR"])
    channel: Annotated[str, StringConstraints(min_length=1, max_length=30)] = Field(examples=["store"])
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=500)]
    receipt_number: Key | None = Field(
        default=None, description="The shop's own number: a sale of the same receipt is recorded once."
    )
    expected_net: Amount | None = Field(
        default=None, description="What the customer was told; if it is another now, nothing is recorded."
    )

    def request(self) -> SaleRequest:
        return SaleRequest(
            store_id=self.store_id,
            currency=self.currency,
            channel=self.channel,
            lines=tuple(
                RequestedLine(sku=line.sku, quantity=line.quantity, unit_price=line.unit_price)
                for line in self.lines
            ),
            receipt_number=self.receipt_number,
            expected_net=self.expected_net,
        )


class EvaluationBody(SaleBody):
    confirm: bool = Field(default=False, description="Record the sale as well.")


class SaleHeaders(Headers):
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="Names this sale: a retry with the same key and body records nothing more."
    )


class TransactionPath(Request):
    transaction_id: UUID


class TransactionsQuery(Request):
    store_id: Key | None = None
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


@endpoint(
    bp,
    "POST",
    "promotions/evaluate",
    access=Permission.BASKETS_EVALUATE,
    raises=(*_PRICING, *_RECORDING),
)
def evaluate_basket(
    caller: Caller, now: datetime, headers: SaleHeaders, body: EvaluationBody
) -> Reply[Quote]:
    """Price a basket: which promotions apply, what each line costs, and why.

    With `confirm` the sale is recorded as well, which needs the permission `transactions.create` and an
    Idempotency-Key.
    """
    if body.confirm:
        return _record(caller, now, headers, body)
    with pool.connection() as conn:
        return Reply(actions.evaluate(conn, now, request=body.request(), caller=caller))


@endpoint(
    bp,
    "POST",
    "transactions",
    access=Permission.TRANSACTIONS_CREATE,
    status=201,
    raises=(*_PRICING, *_RECORDING),
)
def create_transaction(caller: Caller, now: datetime, headers: SaleHeaders, body: SaleBody) -> Reply[Quote]:
    """Record a sale at the price it has now."""
    return _record(caller, now, headers, body)


@endpoint(bp, "GET", "transactions", access=Permission.TRANSACTIONS_READ, raises=(StoreOutOfScope,))
def list_transactions(caller: Caller, query: TransactionsQuery) -> Page[TransactionSummary]:
    """The sales you may see, newest first."""
    if query.store_id is not None and not caller.sees_store(query.store_id):
        raise StoreOutOfScope(store_id=query.store_id)
    store_id = query.store_id or caller.store_scope
    with pool.connection() as conn:
        found = transactions.find(conn, store_id=store_id, before=query.cursor, limit=query.limit + 1)
    return page_of(found, query.limit, lambda sale: sale.id)


@endpoint(
    bp,
    "GET",
    "transactions/{transaction_id:guid}",
    access=Permission.TRANSACTIONS_READ,
    raises=(TransactionNotFound,),
)
def get_transaction(caller: Caller, path: TransactionPath) -> Transaction:
    """A sale with the quote it was recorded at."""
    with pool.connection() as conn:
        sale = transactions.get(conn, path.transaction_id)
    if sale is None or not caller.sees_store(sale.store_id):
        raise TransactionNotFound(transaction_id=path.transaction_id)
    return sale


def _record(caller: Caller, now: datetime, headers: SaleHeaders, body: SaleBody) -> Reply[Quote]:
    if not caller.may(Permission.TRANSACTIONS_CREATE):
        raise PermissionMissing(permission=Permission.TRANSACTIONS_CREATE.value)
    if headers.idempotency_key is None:
        raise IdempotencyKeyMissing
    with pool.connection() as conn:
        quote, replayed = actions.confirm(
            conn, now, request=body.request(), caller=caller, key=headers.idempotency_key
        )
    return Reply(quote, headers=(("Idempotent-Replayed", "true"),) if replayed else ())
