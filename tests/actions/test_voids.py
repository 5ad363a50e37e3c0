"""Voids: rows of their own that take a sale back whole, once."""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from shared.actions import transactions
from shared.domain.quotes import TransactionKind
from shared.domain.transactions import (
    AlreadyVoided,
    IdempotencyKeyReused,
    NotASale,
    Transaction,
    TransactionFilter,
    TransactionNotFound,
)
from shared.domain.users import Caller, Role
from shared.store import transaction_lists
from shared.store import transactions as rows
from tests.actions.selling import a_seller, at_once, count, publish, request, sell, sold, three_lenses
from tests.rows import NOW, Conn, a_user, random_key, tampering


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn)
    return a_seller(conn)


def void(
    conn: Conn, seller: Caller, transaction_id: UUID, *, key: str | None = None, reason: str = "Mistake"
) -> tuple[Transaction, bool]:
    with conn.transaction():
        return transactions.void(
            conn, NOW, transaction_id=transaction_id, reason=reason, caller=seller, key=key or random_key()
        )


def test_a_void_is_the_sale_below_zero_and_leaves_the_sale_alone(conn: Conn, seller: Caller) -> None:
    publish(conn, funding=({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"}))
    sale = sell(conn, seller, request(("A", 2), ("B", 1), receipt_number="R1"))
    before = conn.execute("SELECT * FROM transactions").fetchall()
    voided, replayed = void(conn, seller, sold(sale))
    assert not replayed
    assert (voided.kind, voided.original_id, voided.reason) == (
        TransactionKind.VOID,
        sold(sale),
        "Mistake",
    )
    assert (voided.receipt_number, voided.store_id) == ("R1", "S1")
    assert conn.execute("SELECT * FROM transactions WHERE kind = 'sale'").fetchall() == before
    sums = conn.execute(
        "SELECT sum(gross_minor), sum(discount_minor), sum(net_minor), sum(tax_minor) FROM transactions"
    ).fetchone()
    assert sums == (0, 0, 0, 0)
    for one, other in zip(sale.lines, voided.quote.lines, strict=True):
        assert (one.quantity + other.quantity, one.net + other.net, one.tax + other.tax) == (0, 0, 0)
        for given, taken in zip(one.allocations, other.allocations, strict=True):
            assert given.amount + taken.amount == 0
            assert sum(part.amount for part in (*given.funding, *taken.funding)) == 0
    assert sum(line.discount for line in voided.quote.lines) == voided.quote.discount == -sale.discount


def test_reading_and_listing_tell_what_undid_what(conn: Conn, seller: Caller) -> None:
    sale = sold(sell(conn, seller))
    voided, _ = void(conn, seller, sale)
    stored = rows.get(conn, sale)
    assert stored is not None
    assert (stored.kind, stored.voided_by, stored.original_id) == (TransactionKind.SALE, voided.id, None)
    wanted = TransactionFilter(store_id="S1")
    listed = transaction_lists.find(conn, wanted, before=None, limit=10)
    assert [(each.id, each.kind, each.original_id, each.net) for each in listed] == [
        (voided.id, TransactionKind.VOID, sale, Decimal("-99.99")),
        (sale, TransactionKind.SALE, None, Decimal("99.99")),
    ]


def test_a_second_void_is_refused_and_a_retry_replayed(conn: Conn, seller: Caller) -> None:
    sale = sold(sell(conn, seller))
    first, _ = void(conn, seller, sale, key="K")
    assert void(conn, seller, sale, key="K") == (first, True)
    with pytest.raises(AlreadyVoided):
        void(conn, seller, sale, key="L")
    with pytest.raises(IdempotencyKeyReused):
        void(conn, seller, sale, key="K", reason="Another")
    assert count(conn, "transactions") == 2


def test_a_key_of_a_sale_is_not_one_of_a_void(conn: Conn, seller: Caller) -> None:
    sale, _ = transactions.confirm(conn, NOW, request=request(), caller=seller, key="K")
    with pytest.raises(IdempotencyKeyReused):
        void(conn, seller, sold(sale), key="K")


@pytest.mark.parametrize("keys", ["one key", "many keys"])
def test_32_voids_at_once_are_one(conn: Conn, seller: Caller, database_url: str, keys: str) -> None:
    publish(conn, limits=({"redemptions": 5},))
    sale = sold(sell(conn, seller))

    def call(own: Conn) -> str:
        try:
            _, replayed = void(own, seller, sale, key="K" if keys == "one key" else None)
        except AlreadyVoided:
            return "refused"
        return "replayed" if replayed else "voided"

    told = Counter(at_once(database_url, [call] * 32))
    assert told == {"voided": 1, "replayed" if keys == "one key" else "refused": 31}
    assert conn.execute("SELECT sum(room) FROM limit_counters").fetchone() == (5,)


def test_one_key_for_many_sales_at_once_voids_one_of_them(
    conn: Conn, seller: Caller, database_url: str
) -> None:
    sales = [sold(sell(conn, seller)) for _ in range(16)]

    def call_for(sale: UUID) -> Callable[[Conn], str]:
        def call(own: Conn) -> str:
            try:
                void(own, seller, sale, key="K")
            except IdempotencyKeyReused:
                return "refused"
            return "voided"

        return call

    told = Counter(at_once(database_url, [call_for(sale) for sale in sales]))
    assert told == {"voided": 1, "refused": 15}
    assert count(conn, "transactions") == 17


def test_what_is_no_sale_of_yours_is_not_voided(conn: Conn, seller: Caller) -> None:
    sale = sold(sell(conn, seller))
    stranger = Caller(a_user(conn, Role.STORE_USER), Role.STORE_USER, "S2")
    for who, transaction_id in ((stranger, sale), (seller, uuid4())):
        with pytest.raises(TransactionNotFound):
            void(conn, who, transaction_id)
    voided, _ = void(conn, seller, sale)
    with pytest.raises(NotASale):
        void(conn, seller, voided.id)


def test_a_void_rests_on_a_reason_and_a_sale(conn: Conn, seller: Caller) -> None:
    """The database holds what the kinds mean, whoever writes."""
    sale = sold(sell(conn, seller))
    for change in ("reason = 'x'", f"original_id = '{sale}'", "net_minor = -1, gross_minor = -1"):
        with pytest.raises(Exception, match="transactions_"), tampering(conn):
            conn.execute(f"UPDATE transactions SET {change}")  # type: ignore[arg-type]
