"""Selling: pricing a basket, recording the sale, reading it back."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Self
from uuid import UUID

import azure.functions as func
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from shared import pool
from shared.actions import otp
from shared.actions import transactions as actions
from shared.domain.baskets import CurrencyMismatch, RequestedLine, SaleRequest, UnknownSku, UnknownStore
from shared.domain.customers import RequestedCustomer, UnknownCustomer, phone_hash
from shared.domain.facts import as_code
from shared.domain.limits import LimitContended
from shared.domain.money import AmountInexact, CurrencyUnknown
from shared.domain.otp import DIGITS, CodeRefused, Purpose, Verified
from shared.domain.pages import Page, page_of
from shared.domain.quotes import Quote, TransactionKind, TransactionStatus
from shared.domain.replays import Replay
from shared.domain.returns import NothingLeft
from shared.domain.transactions import (
    AlreadyVoided,
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    NotASale,
    OtpRequired,
    PriceOverrideForbidden,
    QuoteChanged,
    ReceiptNumberUsed,
    SemanticsChanged,
    StoreOutOfScope,
    Transaction,
    TransactionFilter,
    TransactionNotFound,
    TransactionSummary,
)
from shared.domain.users import Caller, Permission
from shared.edge.http import endpoint
from shared.edge.operations import Headers, Reply, Request
from shared.edge.problems import PermissionMissing
from shared.jobs import codes
from shared.settings import settings
from shared.store import Conn, stores, transaction_lists, transactions

bp = func.Blueprint()

type Amount = Annotated[Decimal, Field(ge=0, max_digits=15, decimal_places=4)]
type Key = Annotated[str, StringConstraints(min_length=1, max_length=100)]
type Code = Annotated[
    str, StringConstraints(min_length=1, max_length=100, pattern=r"\S"), AfterValidator(as_code)
]
type OtpCode = Annotated[str, StringConstraints(pattern=rf"^[0-9]{{{DIGITS}}}$")]
type Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]

_PRICING = (
    StoreOutOfScope,
    PriceOverrideForbidden,
    UnknownStore,
    UnknownCustomer,
    UnknownSku,
    CurrencyMismatch,
    CurrencyUnknown,
    AmountInexact,
)
_RECORDING = (
    IdempotencyKeyMissing,
    IdempotencyKeyReused,
    ReceiptNumberUsed,
    QuoteChanged,
    LimitContended,
    OtpRequired,
    CodeRefused,
)
_REPLAYED = (("Idempotent-Replayed", "true"),)


class LineBody(Request):
    sku: Key
    quantity: Annotated[int, Field(ge=1, le=100_000)]
    unit_price: Amount | None = Field(
        default=None, description="Instead of the catalogue's; needs the permission `price.override`."
    )


class CustomerBody(Request):
    """Who buys: by id or by phone number, not both, or by attributes alone."""

    id: UUID | None = Field(default=None, description="Of a customer who is known.")
    phone: Phone | None = Field(
        default=None,
        description="Recognises who comes back, and is kept as a keyed digest alone, from the first sale on.",
        examples=["+390612345678"],
    )
    attributes: Annotated[dict[Key, Key], Field(max_length=50)] = Field(
        default_factory=dict, description="Count for this basket, before those that are kept."
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.id is not None and self.phone is not None:
            raise PydanticCustomError("invalid", "Give an id or a phone number, not both.")
        return self

    def customer(self) -> RequestedCustomer:
        digest = None if self.phone is None else phone_hash(self.phone, settings().customer_pepper)
        return RequestedCustomer(id=self.id, phone_hash=digest, attributes=self.attributes)


class SaleBody(Request):
    store_id: Key
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = Field(examples=["EUR"])
    channel: Annotated[str, StringConstraints(min_length=1, max_length=30)] = Field(examples=["store"])
    customer: CustomerBody | None = None
    codes: Annotated[list[Code], Field(max_length=20)] = Field(
        default_factory=list, description="Promotion codes presented, in any case."
    )
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=500)]
    receipt_number: Key | None = Field(
        default=None, description="The shop's own number: a sale of the same receipt is recorded once."
    )
    expected_net: Amount | None = Field(
        default=None, description="What the customer was told; if it is another now, nothing is recorded."
    )
    otp_challenge_id: UUID | None = Field(
        default=None,
        description="Of the code that the customer was sent, which a promotion that `requires_otp` wants.",
    )
    otp_code: OtpCode | None = Field(
        default=None, description="The code. No retry needs it once the sale is recorded."
    )

    @model_validator(mode="after")
    def _is_an_answer(self) -> Self:
        if (self.otp_challenge_id is None) != (self.otp_code is None):
            raise PydanticCustomError("invalid", "Give otp_challenge_id and otp_code together.")
        named = self.customer is not None and (self.customer.id or self.customer.phone)
        if self.otp_code is not None and not named:
            raise PydanticCustomError("invalid", "A code needs its customer, by id or by phone number.")
        return self

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
            customer=None if self.customer is None else self.customer.customer(),
            codes=tuple(dict.fromkeys(self.codes)),
        )


class EvaluationBody(SaleBody):
    confirm: bool = Field(default=False, description="Record the sale as well.")
    near_misses: bool = Field(
        default=False,
        description="Tell what a little more of these goods would bring; not when the sale is recorded.",
    )


class VoidBody(Request):
    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class SaleHeaders(Headers):
    idempotency_key: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        default=None, description="Names this sale: a retry with the same key and body records nothing more."
    )


class TransactionPath(Request):
    transaction_id: UUID


class TransactionsQuery(Request):
    store_id: Key | None = None
    retailer_id: Key | None = Field(
        default=None, description="The store at the top, with which the sales are settled."
    )
    status: TransactionStatus | None = None
    kind: TransactionKind | None = None
    promotion_id: UUID | None = Field(
        default=None, description="Gave something, or got it back, in the transaction."
    )
    customer_id: UUID | None = None
    receipt_number: Key | None = None
    created_from: AwareDatetime | None = Field(
        default=None,
        description="Created then or later, to the millisecond.",
        examples=["2026-06-01T00:00:00Z"],
    )
    created_until: AwareDatetime | None = Field(
        default=None, description="Created before then.", examples=["2026-07-01T00:00:00Z"]
    )
    cursor: UUID | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50

    def wanted(self) -> TransactionFilter:
        return TransactionFilter(
            store_id=self.store_id,
            retailer_id=self.retailer_id,
            status=self.status,
            kind=self.kind,
            customer_id=self.customer_id,
            from_at=self.created_from,
            until_at=self.created_until,
        )


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
    Idempotency-Key, and the customer's code where a promotion that applied `requires_otp`.
    """
    if body.confirm:
        return _record(caller, now, headers, body)
    with pool.connection() as conn:
        quote = actions.evaluate(
            conn, now, request=body.request(), caller=caller, near_misses=body.near_misses
        )
    return Reply(quote)


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
    """The sales you may see, and what undid some, newest first."""
    wanted, most = query.wanted(), query.limit + 1
    with pool.connection() as conn:
        seen = stores.find_ids(conn, caller.reach)
        if query.store_id is not None and seen is not None and query.store_id not in seen:
            raise StoreOutOfScope(store_id=query.store_id)
        if query.receipt_number is not None:
            found = transaction_lists.find_of_receipt(
                conn,
                query.receipt_number,
                wanted,
                promotion_id=query.promotion_id,
                store_ids=seen,
                before=query.cursor,
                limit=most,
            )
        elif query.promotion_id is not None:
            found = transaction_lists.find_of_promotion(
                conn, query.promotion_id, wanted, store_ids=seen, before=query.cursor, limit=most
            )
        elif seen is not None:
            theirs = seen if query.store_id is None else [query.store_id]
            found = transaction_lists.find_of_stores(conn, theirs, wanted, before=query.cursor, limit=most)
        else:
            found = transaction_lists.find(conn, wanted, before=query.cursor, limit=most)
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
        sale = transactions.get(conn, path.transaction_id, caller.reach)
    if sale is None:
        raise TransactionNotFound(transaction_id=path.transaction_id)
    return sale


@endpoint(
    bp,
    "GET",
    "transactions/{transaction_id:guid}/replay",
    access=Permission.TRANSACTIONS_READ,
    raises=(TransactionNotFound, NotASale, SemanticsChanged),
)
def replay_transaction(caller: Caller, path: TransactionPath) -> Replay:
    """Price the sale once more from what was seen then, and tell whether every byte is the same."""
    with pool.connection() as conn:
        return actions.replay(conn, transaction_id=path.transaction_id, caller=caller)


@endpoint(
    bp,
    "POST",
    "transactions/{transaction_id:guid}/void",
    access=Permission.TRANSACTIONS_VOID,
    status=201,
    raises=(
        TransactionNotFound,
        NotASale,
        AlreadyVoided,
        NothingLeft,
        IdempotencyKeyMissing,
        IdempotencyKeyReused,
    ),
)
def void_transaction(
    caller: Caller, now: datetime, path: TransactionPath, headers: SaleHeaders, body: VoidBody
) -> Reply[Transaction]:
    """Take back a sale, or what its returns left: a transaction of its own, with amounts below zero.

    Limits get theirs back.
    """
    key = _key(headers)
    with pool.transaction() as conn:
        transaction, replayed = actions.void(
            conn, now, transaction_id=path.transaction_id, reason=body.reason, caller=caller, key=key
        )
    return Reply(transaction, headers=_REPLAYED if replayed else ())


def _key(headers: SaleHeaders) -> str:
    if headers.idempotency_key is None:
        raise IdempotencyKeyMissing
    return headers.idempotency_key


def _verify(now: datetime, body: SaleBody) -> Callable[[Conn], Verified] | None:
    """How the customer's code is looked at. It is no part of the request that is hashed and kept."""
    challenge_id, code = body.otp_challenge_id, body.otp_code
    if challenge_id is None or code is None:
        return None

    def verify(conn: Conn) -> Verified:
        return otp.check(
            conn,
            now,
            challenge_id=challenge_id,
            code=code,
            purpose=Purpose.REDEMPTION,
            pepper=settings().otp_pepper,
            caps=codes.caps(),
        )

    return verify


def _record(caller: Caller, now: datetime, headers: SaleHeaders, body: SaleBody) -> Reply[Quote]:
    if not caller.may(Permission.TRANSACTIONS_CREATE):
        raise PermissionMissing(permission=Permission.TRANSACTIONS_CREATE.value)
    key = _key(headers)
    with pool.connection() as conn:
        quote, replayed = actions.confirm(
            conn, now, request=body.request(), caller=caller, key=key, verify=_verify(now, body)
        )
    if body.otp_code is not None and not replayed:
        otp.tell_used(Purpose.REDEMPTION)
    return Reply(quote, headers=_REPLAYED if replayed else ())
