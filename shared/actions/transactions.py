"""Transactions: pricing a basket, and recording the sale exactly once."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from shared import rulesets
from shared.domain import engine, transactions
from shared.domain.baskets import SaleFacts, SaleRequest, basket_of, seen_of
from shared.domain.engine import canonical_json
from shared.domain.quotes import Quote, RecordedSale, quote_of
from shared.domain.transactions import (
    AlreadyRecorded,
    TransactionNotFound,
)
from shared.domain.users import Caller
from shared.rows import json_text
from shared.store import Conn
from shared.store import transactions as rows


def evaluate(conn: Conn, now: datetime, *, request: SaleRequest, caller: Caller) -> Quote:
    """The price of the basket; nothing is recorded.

    Raises StoreOutOfScope, PriceOverrideForbidden, and what `domain.baskets.basket_of` does.
    """
    transactions.require_permitted(request, caller)
    facts = _facts(conn, request, caller, key=None)
    basket = basket_of(request, facts)
    rule_set = rulesets.get(conn, facts.rule_set_version)
    return quote_of(engine.evaluate(rule_set, basket, now), now)


def confirm(
    conn: Conn, now: datetime, *, request: SaleRequest, caller: Caller, key: str
) -> tuple[Quote, bool]:
    """The price of the basket, recorded as a sale; True when an earlier request had recorded it.

    `conn` is in autocommit: one read, the evaluation, and one statement that writes everything or nothing.
    Raises besides what `evaluate` does: IdempotencyKeyReused, ReceiptNumberUsed, QuoteChanged.
    """
    transactions.require_permitted(request, caller)
    facts = _facts(conn, request, caller, key)
    recorded = transactions.recorded_before(request, facts)
    if recorded is not None:
        return _replay(conn, recorded), True
    basket = basket_of(request, facts)
    rule_set = rulesets.get(conn, facts.rule_set_version)
    evaluation = engine.evaluate(rule_set, basket, now)
    quote = quote_of(evaluation, now)
    transactions.require_expected(request, quote)
    try:
        sale = rows.insert(
            conn,
            store_id=request.store_id,
            receipt_number=request.receipt_number,
            currency=evaluation.currency,
            gross_minor=evaluation.gross,
            discount_minor=evaluation.discount,
            net_minor=evaluation.net,
            tax_minor=evaluation.tax,
            channel=request.channel,
            user_id=caller.user_id,
            rule_set_version=facts.rule_set_version,
            engine_semantics=engine.SEMANTICS,
            seen=canonical_json(seen_of(basket, facts, now)),
            quote=json_text(Quote, quote),
            key=key,
            request_hash=request.hash,
            now=now,
        )
    except AlreadyRecorded:
        # Another request with this key or receipt committed between our read and our write.
        recorded = transactions.recorded_before(request, _facts(conn, request, caller, key))
        if recorded is None:
            raise
        return _replay(conn, recorded), True
    return replace(quote, transaction=sale), False


def _facts(conn: Conn, request: SaleRequest, caller: Caller, key: str | None) -> SaleFacts:
    return rows.get_facts(
        conn,
        store_id=request.store_id,
        skus=request.skus,
        user_id=caller.user_id,
        key=key,
        receipt_number=request.receipt_number,
    )


def _replay(conn: Conn, transaction_id: UUID) -> Quote:
    sale = rows.get(conn, transaction_id)
    if sale is None:
        raise TransactionNotFound(transaction_id=transaction_id)
    return replace(
        sale.quote,
        transaction=RecordedSale(sale.id, sale.status, sale.receipt_number, sale.created_at),
    )
