"""Transactions: pricing a basket, recording the sale exactly once, repeating it, and undoing it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID, uuid4

from shared import rulesets
from shared.domain import counters, engine, redemptions, replays, returns, transactions
from shared.domain.allocations import allocated_in
from shared.domain.baskets import SaleFacts, SaleRequest, basket_of
from shared.domain.counters import CounterKey, Shortfall, Take
from shared.domain.customers import CustomerAppeared
from shared.domain.engine import Evaluation
from shared.domain.left import left_redeemed
from shared.domain.limits import LimitContended
from shared.domain.live import LiveRules
from shared.domain.money import to_minor
from shared.domain.otp import CodeRefused, Verified, require_of
from shared.domain.quotes import Quote, RecordedSale, quote_of, undone
from shared.domain.replays import Replay
from shared.domain.seen import Seen, seen_from, seen_text
from shared.domain.transactions import AlreadyRecorded, Transaction, TransactionNotFound
from shared.domain.users import Caller
from shared.rows import json_text
from shared.store import Conn, customers, limits, sale_facts, undoing
from shared.store import returns as return_rows
from shared.store import transactions as rows

# So often a sale is priced anew when others were quicker to take what it had seen.
_AGAIN = 3
# So often counters are spread for one pricing: the first of a period, and again when others empty a slot.
_SPREADS = 3


@dataclass(frozen=True, slots=True)
class _Priced:
    """A basket with its price, and what that rests on."""

    facts: SaleFacts
    seen: Seen
    evaluation: Evaluation
    quote: Quote


def evaluate(
    conn: Conn, now: datetime, *, request: SaleRequest, caller: Caller, near_misses: bool = False
) -> Quote:
    """The price of the basket; nothing is recorded.

    Raises StoreOutOfScope, PriceOverrideForbidden, and what `domain.baskets.basket_of` does.
    """
    transactions.require_permitted(request, caller)
    # A near miss buys more, and could meet a limit that the basket itself does not.
    live, facts = _read(conn, now, request, caller, None, whole_counters=near_misses)
    return _price(now, request, live, facts, near_misses=near_misses).quote


def confirm(
    conn: Conn,
    now: datetime,
    *,
    request: SaleRequest,
    caller: Caller,
    key: str,
    verify: Callable[[Conn], Verified] | None = None,
) -> tuple[Quote, bool]:
    """The price of the basket, recorded as a sale; True when an earlier request had recorded it.

    `conn` is in autocommit: one read, the evaluation, and one statement that writes everything or nothing.
    When others took meanwhile what a limit had left, all of it is done again, at most three times. `verify`
    counts an attempt at the customer's code, which is used up with the sale or not at all. Raises besides
    what `evaluate` does: IdempotencyKeyReused, ReceiptNumberUsed, QuoteChanged, LimitContended, OtpRequired,
    CodeRefused.
    """
    transactions.require_permitted(request, caller)
    try:
        verified = None if verify is None else _verified(conn, request, verify)
        return _confirm_again(conn, now, request, caller, key, verified)
    except CodeRefused:
        # It may have been used up by this very sale, whose answer was lost.
        _, facts = _read(conn, now, request, caller, key)
        recorded = transactions.recorded_before(request, facts)
        if recorded is None:
            raise
        return _recorded(conn, recorded), True


def _verified(conn: Conn, request: SaleRequest, verify: Callable[[Conn], Verified]) -> Verified:
    """The right code of the customer whom the sale names. Raises CodeRefused."""
    verified = verify(conn)
    customer = request.customer
    if customer is None:
        raise CodeRefused
    phone_hash = customer.phone_hash
    if customer.id is not None:
        phone_hash = customers.get_phone_hash(conn, customer.id)
    require_of(verified, phone_hash)
    return verified


def _confirm_again(  # noqa: PLR0917 - who wants what recorded
    conn: Conn,
    now: datetime,
    request: SaleRequest,
    caller: Caller,
    key: str,
    verified: Verified | None,
) -> tuple[Quote, bool]:
    charged: list[CounterKey] = []
    for _ in range(_AGAIN):
        try:
            return _confirm(conn, now, request, caller, key, verified, charged)
        except (AlreadyRecorded, CustomerAppeared, LimitContended):
            continue
    with conn.transaction():
        # The last time nobody else can take of what is charged while the sale is priced.
        for counter in charged:
            limits.lock(conn, counter)
        return _confirm(conn, now, request, caller, key, verified, charged)


def replay(conn: Conn, *, transaction_id: UUID, caller: Caller) -> Replay:
    """The sale evaluated once more from what was seen, under the rule set it was priced by.

    Raises TransactionNotFound, NotASale, SemanticsChanged.
    """
    recorded = rows.get_evaluation(conn, transaction_id, caller.reach)
    if recorded is None:
        raise TransactionNotFound(transaction_id=transaction_id)
    replays.require_replayable(recorded)
    seen = seen_from(recorded.seen)
    live = rulesets.get(conn, seen.rule_set_version)
    evaluation = engine.evaluate(live.rule_set, seen.basket, seen.now)
    quote = quote_of(evaluation, seen.now, seen.overridden, live.requiring_otp)
    return replays.replay_of(recorded, evaluation, quote, json_text(Quote, quote))


def void(
    conn: Conn, now: datetime, *, transaction_id: UUID, reason: str, caller: Caller, key: str
) -> tuple[Transaction, bool]:
    """The transaction that takes back the sale, or what its returns left; True when it was recorded before.

    Limits get back what the sale took of them. `conn` is in a transaction. Raises TransactionNotFound,
    NotASale, AlreadyVoided, NothingLeft, IdempotencyKeyReused.
    """
    sale = return_rows.lock(conn, transaction_id, caller.reach)
    if sale is None:
        raise TransactionNotFound(transaction_id=transaction_id)
    request_hash = transactions.void_hash(transaction_id, reason)
    earlier = rows.get_by_key(conn, user_id=caller.user_id, key=key)
    recorded = transactions.undone_before(request_hash, earlier)
    if recorded is not None:
        return _get(conn, recorded), True
    left = returns.left_to_void(sale)
    redeemed = left_redeemed(return_rows.find_redemptions(conn, transaction_id))
    taken_back = [redemptions.undone(each) for each in redeemed]
    quote = undone(left, now)
    void_id = undoing.insert(
        conn,
        original_id=transaction_id,
        number=None,
        reason=reason,
        user_id=caller.user_id,
        request_id=caller.request_id,
        gross_minor=-to_minor(left.gross, left.currency),
        discount_minor=-to_minor(left.discount, left.currency),
        net_minor=-to_minor(left.net, left.currency),
        tax_minor=-to_minor(left.tax, left.currency),
        allocations=allocated_in(quote),
        quote=json_text(Quote, quote),
        redemptions=taken_back,
        key=key,
        request_hash=request_hash,
        now=now,
    )
    for counter, amount in redemptions.given_back(taken_back):
        limits.give_back(conn, counter, amount)
    return _get(conn, void_id), False


def _read(
    conn: Conn,
    now: datetime,
    request: SaleRequest,
    caller: Caller,
    key: str | None,
    *,
    whole_counters: bool = False,
) -> tuple[LiveRules, SaleFacts]:
    """One round trip, unless rules were published since that ask for something else."""
    known, chance = rulesets.newest(), uuid4()
    while True:
        facts = sale_facts.get(
            conn,
            now,
            request=request,
            live=known,
            new_customer_id=chance,
            slots=counters.preferred_slots(conn.info.backend_pid, chance.int),
            whole_counters=whole_counters,
            user_id=caller.user_id,
            key=key,
        )
        live = rulesets.get(conn, facts.rule_set_version)
        if live.asks_as(known):
            return live, facts
        known = live


def _confirm(  # noqa: PLR0917 - who wants what recorded
    conn: Conn,
    now: datetime,
    request: SaleRequest,
    caller: Caller,
    key: str,
    verified: Verified | None,
    charged: list[CounterKey],
) -> tuple[Quote, bool]:
    """Record the sale as it is priced now; `charged` becomes the cut counters that it charges, in order."""
    for _ in range(_SPREADS):
        live, facts = _read(conn, now, request, caller, key)
        recorded = transactions.recorded_before(request, facts)
        if recorded is not None:
            return _recorded(conn, recorded), True
        priced = _price(now, request, live, facts)
        transactions.require_expected(request, priced.quote)
        transactions.require_verified(priced.quote, verified)
        takes, short = counters.takes_of(facts.counters, redemptions.granted_by(priced.evaluation))
        if not short:
            charged[:] = [take.key for take in takes if take.key.is_cut]
            sale = _record(conn, now, request, caller, key, priced, takes, verified)
            return replace(priced.quote, transaction=sale), False
        for each in short:
            _spread(conn, each)
    raise LimitContended


def _price(
    now: datetime, request: SaleRequest, live: LiveRules, facts: SaleFacts, *, near_misses: bool = False
) -> _Priced:
    basket = basket_of(request, facts, live.gifts)
    evaluation = engine.evaluate(live.rule_set, basket, now, near_misses=near_misses)
    seen = Seen(basket, request.overridden, facts.rule_set_version, now)
    quote = quote_of(evaluation, now, seen.overridden, live.requiring_otp)
    return _Priced(facts, seen, evaluation, quote)


def _record(  # noqa: PLR0917 - what a sale consists of
    conn: Conn,
    now: datetime,
    request: SaleRequest,
    caller: Caller,
    key: str,
    priced: _Priced,
    takes: list[Take],
    verified: Verified | None,
) -> RecordedSale:
    """Insert the sale and, in the same transaction, use up the code that it was verified by, if there is one.

    Raises CodeRefused when another sale was first.
    """
    if verified is None:
        return _insert(conn, now, request, caller, key, priced, takes)
    with conn.transaction():
        sale = _insert(conn, now, request, caller, key, priced, takes)
        if not rows.update_verified(
            conn, transaction_id=sale.id, challenge_id=verified.challenge_id, now=now
        ):
            raise CodeRefused
    return sale


def _insert(  # noqa: PLR0917 - what a sale consists of
    conn: Conn,
    now: datetime,
    request: SaleRequest,
    caller: Caller,
    key: str,
    priced: _Priced,
    takes: list[Take],
) -> RecordedSale:
    customer, evaluation = priced.facts.customer, priced.evaluation
    is_new = customer is not None and customer.is_new and request.customer is not None
    return rows.insert(
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
        request_id=caller.request_id,
        customer_id=None if customer is None else customer.id,
        new_phone_hash=request.customer.phone_hash if is_new and request.customer else None,
        rule_set_version=priced.facts.rule_set_version,
        engine_semantics=engine.SEMANTICS,
        allocations=allocated_in(priced.quote),
        seen=seen_text(priced.seen),
        quote=json_text(Quote, priced.quote),
        redemptions=redemptions.redemptions_of(evaluation, takes),
        takes=takes,
        key=key,
        request_hash=request.hash,
        now=now,
    )


def _spread(conn: Conn, short: Shortfall) -> None:
    """Share what a counter has left among its slots anew, all of them held, unless somebody just did."""
    with conn.transaction():
        limits.insert_slots(conn, short.key, counters.slots_of(short.cap))
        before, rooms = limits.lock(conn, short.key)
        fresh = counters.spread(rooms, before=before, cap=short.cap, least=short.least)
        if fresh is not None:
            limits.update(conn, short.key, cap=short.cap, rooms=fresh)


def _recorded(conn: Conn, transaction_id: UUID) -> Quote:
    sale = _get(conn, transaction_id)
    return replace(
        sale.quote,
        transaction=RecordedSale(sale.id, sale.status, sale.receipt_number, sale.created_at),
    )


def _get(conn: Conn, transaction_id: UUID) -> Transaction:
    transaction = rows.get(conn, transaction_id)
    if transaction is None:
        raise TransactionNotFound(transaction_id=transaction_id)
    return transaction
