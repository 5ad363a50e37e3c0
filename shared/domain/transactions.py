"""Transactions: who may sell, what was recorded before, and what is remembered of a sale."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from shared.domain.baskets import Earlier, SaleFacts, SaleRequest
from shared.domain.engine import canonical_json
from shared.domain.errors import Conflict, Forbidden, NotFound, Refused
from shared.domain.otp import Verified
from shared.domain.quotes import Outcome, Quote, TransactionKind, TransactionStatus
from shared.domain.users import Caller, Permission


class TransactionNotFound(NotFound):
    """There is no transaction {transaction_id}, or not in your stores."""

    code = "transaction_not_found"


class StoreOutOfScope(Forbidden):
    """Your token is not made out for the store {store_id}."""

    code = "store_out_of_scope"


class PriceOverrideForbidden(Forbidden):
    """A unit_price of your own needs the permission price.override; the catalogue's price counts."""

    code = "price_override_forbidden"


class QuoteChanged(Conflict):
    """The net is {net}, not the {expected} you expected; nothing was recorded. Ask again."""

    code = "quote_changed"


class OtpRequired(Refused):
    """The customer must say yes to {promotions}: have a code sent to their phone, and send it along."""

    code = "otp_required"


class IdempotencyKeyMissing(Refused):
    """What is recorded needs an Idempotency-Key header."""

    code = "idempotency_key_missing"


class IdempotencyKeyReused(Refused):
    """This Idempotency-Key was used for something else; what is new needs a new key."""

    code = "idempotency_key_reused"


class AlreadyRecorded(Conflict):
    """The sale was recorded by another request at the same time."""

    code = "already_recorded"


class ReceiptNumberUsed(Conflict):
    """Receipt {receipt_number} of store {store_id} is recorded with another content."""

    code = "receipt_number_used"


class NotASale(Conflict):
    """The transaction {transaction_id} is a {kind}; that can be asked of sales alone."""

    code = "not_a_sale"


class AlreadyVoided(Conflict):
    """The sale was voided before."""

    code = "already_voided"


class SemanticsChanged(Conflict):
    """The sale was priced under semantics {recorded} of the engine, which now has {current}."""

    code = "semantics_changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """A recorded sale with the quote it was recorded at, or what undoes one, with amounts below zero.

    `original_id` is the sale that is undone, `voided_by` the void of this one. `retailer_id` is the store at
    the top, as the stores stood then, with which the sale is settled. `otp_verified_at` is when the customer
    said yes to the sale with a code.
    """

    id: UUID
    kind: TransactionKind
    original_id: UUID | None
    reason: str | None
    voided_by: UUID | None
    store_id: str
    retailer_id: str
    receipt_number: str | None
    status: TransactionStatus
    channel: str
    user_id: UUID
    customer_id: UUID | None
    rule_set_version: int
    otp_challenge_id: UUID | None
    otp_verified_at: datetime | None
    created_at: datetime
    quote: Quote


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvaluation:
    """What the engine was given for a sale and what it answered, as they are kept. Amounts in minor units."""

    id: UUID
    kind: TransactionKind
    store_id: str
    engine_semantics: int
    gross_minor: int
    discount_minor: int
    net_minor: int
    tax_minor: int
    seen: str
    quote: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionSummary:
    """A transaction as a list shows it."""

    id: UUID
    kind: TransactionKind
    original_id: UUID | None
    store_id: str
    retailer_id: str
    receipt_number: str | None
    status: TransactionStatus
    created_at: datetime
    currency: str
    gross: Decimal
    discount: Decimal
    net: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionFilter:
    """What a list of transactions is narrowed to; None does not narrow.

    Created from `from_at` to before `until_at`, both to the millisecond.
    """

    store_id: str | None = None
    retailer_id: str | None = None
    status: TransactionStatus | None = None
    kind: TransactionKind | None = None
    customer_id: UUID | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None


def recorded_before(request: SaleRequest, facts: SaleFacts) -> UUID | None:
    """The sale that an earlier request of the same content recorded, by its key or by its receipt.

    Raises IdempotencyKeyReused, ReceiptNumberUsed when the content was another.
    """
    if facts.by_key is None and facts.by_receipt is None:
        return None
    wanted = request.hash.hex()
    if facts.by_key is not None:
        if facts.by_key.request_hash != wanted:
            raise IdempotencyKeyReused
        return facts.by_key.transaction_id
    if facts.by_receipt is not None:
        if facts.by_receipt.request_hash != wanted:
            raise ReceiptNumberUsed(
                pointer="/receipt_number",
                receipt_number=request.receipt_number,
                store_id=request.store_id,
            )
        return facts.by_receipt.transaction_id
    return None


def void_hash(transaction_id: UUID, reason: str) -> bytes:
    """SHA-256 of the canonical form of a wish to void."""
    document = {"void": str(transaction_id), "reason": reason}
    return hashlib.sha256(canonical_json(document).encode()).digest()


def undone_before(request_hash: bytes, earlier: Earlier | None) -> UUID | None:
    """What an earlier request of the same content recorded. Raises IdempotencyKeyReused."""
    if earlier is None:
        return None
    if earlier.request_hash != request_hash.hex():
        raise IdempotencyKeyReused
    return earlier.transaction_id


def require_permitted(request: SaleRequest, caller: Caller) -> None:
    """Raises StoreOutOfScope, PriceOverrideForbidden."""
    if not caller.sees_store(request.store_id):
        raise StoreOutOfScope(pointer="/store_id", store_id=request.store_id)
    if not caller.may(Permission.PRICE_OVERRIDE):
        for index, line in enumerate(request.lines):
            if line.unit_price is not None:
                raise PriceOverrideForbidden(pointer=f"/lines/{index}/unit_price")


def require_expected(request: SaleRequest, quote: Quote) -> None:
    """Raises QuoteChanged when the caller has shown the customer another net."""
    if request.expected_net is not None and request.expected_net != quote.net:
        raise QuoteChanged(pointer="/expected_net", net=quote.net, expected=request.expected_net)


def require_verified(quote: Quote, verified: Verified | None) -> None:
    """Raises OtpRequired when a promotion that applied wants the customer's code, and there is none."""
    if verified is None:
        wanting = [
            each.name for each in quote.promotions if each.requires_otp and each.outcome is Outcome.APPLIED
        ]
        if wanting:
            raise OtpRequired(pointer="/otp_code", promotions=", ".join(wanting))
