"""Returns: units of a sale that come back, by the rules of the sale, recorded as a row below zero."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared import rulesets
from shared.domain import redemptions, returns, transactions
from shared.domain.allocations import allocated_in
from shared.domain.engine.returns import Taken, take_back
from shared.domain.left import held_in, left_redeemed
from shared.domain.quotes import Quote
from shared.domain.refunds import Refund, Refunds, preview_of, refund_of, refunds_of
from shared.domain.returns import RequestedUnits, ReturnableSale
from shared.domain.seen import seen_from
from shared.domain.transactions import TransactionNotFound
from shared.domain.users import Caller
from shared.rows import json_text
from shared.store import Conn, limits, undoing
from shared.store import returns as rows
from shared.store import transactions as sales


def preview(
    conn: Conn,
    now: datetime,
    *,
    transaction_id: UUID,
    wanted: Sequence[RequestedUnits] | None,
    caller: Caller,
) -> Refund:
    """What the return would pay back; `wanted` None is all that is left. Nothing is recorded.

    Raises TransactionNotFound, NotASale, AlreadyVoided, SemanticsChanged, and what `returns.units_of` does.
    """
    sale = _found(rows.get(conn, transaction_id, caller.reach), transaction_id)
    return preview_of(sale, returns.quote_of_return(sale.quote, _taken(conn, sale, wanted), now))


def record(
    conn: Conn,
    now: datetime,
    *,
    transaction_id: UUID,
    wanted: Sequence[RequestedUnits] | None,
    reason: str,
    caller: Caller,
    key: str,
) -> tuple[Refund, bool]:
    """The return, recorded; True when an earlier request had recorded it.

    Limits get back what promotions give less. `conn` is in a transaction; the sale is held first and counters
    last, as when a sale is voided. Raises besides what `preview` does: IdempotencyKeyReused.
    """
    sale = _found(rows.lock(conn, transaction_id, caller.reach), transaction_id)
    request_hash = returns.return_hash(transaction_id, reason, wanted)
    earlier = sales.get_by_key(conn, user_id=caller.user_id, key=key)
    recorded = transactions.undone_before(request_hash, earlier)
    if recorded is not None:
        return _told(sale, recorded), True
    taken = _taken(conn, sale, wanted)
    quote = returns.quote_of_return(sale.quote, taken, now)
    given_back = returns.redemptions_of(left_redeemed(rows.find_redemptions(conn, transaction_id)), taken)
    return_id = undoing.insert(
        conn,
        original_id=transaction_id,
        number=len(sale.returns) + 1,
        reason=reason,
        gross_minor=-taken.gross,
        discount_minor=-taken.discount,
        net_minor=-taken.net,
        tax_minor=-taken.tax,
        user_id=caller.user_id,
        request_id=caller.request_id,
        allocations=allocated_in(quote),
        quote=json_text(Quote, quote),
        redemptions=given_back,
        key=key,
        request_hash=request_hash,
        now=now,
    )
    for counter, amount in redemptions.given_back(given_back):
        limits.give_back(conn, counter, amount)
    return _told(_found(rows.get(conn, transaction_id, caller.reach), transaction_id), return_id), False


def find(conn: Conn, *, transaction_id: UUID, caller: Caller) -> Refunds:
    """The returns of a sale. Raises TransactionNotFound, NotASale."""
    sale = _found(rows.get(conn, transaction_id, caller.reach), transaction_id)
    returns.require_sale(sale)
    return refunds_of(sale)


def _found(sale: ReturnableSale | None, transaction_id: UUID) -> ReturnableSale:
    if sale is None:
        raise TransactionNotFound(transaction_id=transaction_id)
    return sale


def _taken(conn: Conn, sale: ReturnableSale, wanted: Sequence[RequestedUnits] | None) -> Taken:
    returns.require_returnable(sale)
    left = sale.left()
    back = returns.units_of(wanted, left)
    seen = seen_from(sale.seen)
    live = rulesets.get(conn, seen.rule_set_version)
    return take_back(live.rule_set, seen.basket, seen.now, held_in(left), back)


def _told(sale: ReturnableSale, return_id: UUID) -> Refund:
    return refund_of(sale, next(each for each in sale.returns if each.id == return_id))
