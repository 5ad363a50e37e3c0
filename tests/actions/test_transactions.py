"""Sales: the right cents, recorded once, whatever is repeated, interrupted or sent in parallel."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest
from psycopg import pq

from shared.domain.baskets import CurrencyMismatch, SaleRequest, UnknownSku, UnknownStore
from shared.domain.customers import UnknownCustomer
from shared.domain.engine import SEMANTICS
from shared.domain.money import AmountInexact, CurrencyUnknown
from shared.domain.quotes import Outcome, Quote, TransactionStatus
from shared.domain.transactions import (
    IdempotencyKeyReused,
    PriceOverrideForbidden,
    QuoteChanged,
    ReceiptNumberUsed,
    StoreOutOfScope,
)
from shared.domain.users import Caller, Role
from shared.rows import json_text
from shared.store import transactions as rows
from tests.actions.selling import (
    a_seller,
    at_once,
    buyer,
    confirm,
    count,
    publish,
    quote,
    request,
    three_lenses,
)
from tests.rows import NOW, Conn, a_product, a_store, a_user, percent_off

NOBODY = UUID(int=7)


@pytest.fixture
def seller(conn: Conn) -> Caller:
    """A shop assistant of S1, where three lenses at 33.33 are sold."""
    three_lenses(conn)
    return a_seller(conn)


# Refusals first: each with its place, and nothing recorded.

REFUSALS: list[tuple[SaleRequest, type[Exception], str]] = [
    (request(store_id="S2"), StoreOutOfScope, "/store_id"),
    (request(("A", 1), ("A", 1, "1.00")), PriceOverrideForbidden, "/lines/1/unit_price"),
    (request(("A", 1), ("NONE", 1)), UnknownSku, "/lines/1/sku"),
    (request(("A", 1), ("GONE", 1)), UnknownSku, "/lines/1/sku"),
    (request(currency="USD"), CurrencyMismatch, "/lines/0/sku"),
    (request(currency="XQX"), CurrencyUnknown, "/currency"),
    (request(expected_net=Decimal("99.98")), QuoteChanged, "/expected_net"),
    (request(customer=buyer(NOBODY)), UnknownCustomer, "/customer/id"),
]


@pytest.mark.parametrize(("sale", "error", "pointer"), REFUSALS, ids=lambda value: str(value)[:40])
def test_a_refused_sale_leaves_no_trace(
    conn: Conn, seller: Caller, sale: SaleRequest, error: type[Exception], pointer: str
) -> None:
    a_store(conn, "S2")
    a_product(conn, "GONE", "1.00", active=False)
    with pytest.raises(error) as refusal:
        confirm(conn, seller, sale)
    assert refusal.value.pointer == pointer  # type: ignore[attr-defined]
    assert count(conn, "transactions") == 0
    assert conn.execute("SELECT count(*) FROM idempotency_keys").fetchone() == (0,)


def test_a_store_that_is_gone_is_refused(conn: Conn, seller: Caller) -> None:
    conn.execute("UPDATE stores SET active = false")
    with pytest.raises(UnknownStore):
        quote(conn, seller)


def test_a_price_of_ones_own_needs_a_permission_and_whole_cents(conn: Conn, seller: Caller) -> None:
    back_office = Caller(a_user(conn, Role.BACK_OFFICE), Role.BACK_OFFICE, None)
    assert quote(conn, back_office, request(("A", 2, "10.50"))).net == Decimal("21.00")
    with pytest.raises(AmountInexact) as refusal:
        quote(conn, back_office, request(("A", 2, "10.505")))
    assert refusal.value.pointer == "/lines/0/unit_price"
    with pytest.raises(PriceOverrideForbidden):
        quote(conn, seller, request(("A", 1, "33.33")))


# The cents.


def test_ten_percent_off_three_lines_of_33_33(conn: Conn, seller: Caller) -> None:
    promotion = publish(conn)
    answer = quote(conn, seller)
    assert [line.discount for line in answer.lines] == [Decimal("3.34"), Decimal("3.33"), Decimal("3.33")]
    assert (answer.gross, answer.discount, answer.net) == (
        Decimal("99.99"),
        Decimal("10.00"),
        Decimal("89.99"),
    )
    (outcome,) = answer.promotions
    assert (outcome.promotion_id, outcome.outcome, outcome.discount) == (
        promotion,
        Outcome.APPLIED,
        Decimal("10.00"),
    )
    assert answer.transaction is None
    assert count(conn, "transactions") == 0


def test_of_two_overlapping_promotions_the_better_total_is_taken(conn: Conn, seller: Caller) -> None:
    publish(conn)
    better = publish(conn, name="Better", rule=percent_off("25"))
    answer = quote(conn, seller)
    assert answer.discount == Decimal("25.00")
    assert {each.promotion_id: each.outcome for each in answer.promotions}[better] is Outcome.APPLIED


def test_an_ended_promotion_does_not_apply_although_no_timer_ran(conn: Conn, seller: Caller) -> None:
    publish(conn, ends_at=datetime(2026, 7, 1))  # noqa: DTZ001 - local
    rome_ends = datetime(2026, 6, 30, 22, 0, tzinfo=UTC)
    assert quote(conn, seller, now=rome_ends - timedelta(microseconds=1)).discount == Decimal("10.00")
    answer = quote(conn, seller, now=rome_ends)
    assert answer.discount == 0
    assert answer.promotions[0].outcome is Outcome.OUTSIDE_SCHEDULE


def test_without_any_promotion_the_price_is_the_catalogues(conn: Conn, seller: Caller) -> None:
    answer = quote(conn, seller)
    assert (answer.net, answer.discount, answer.promotions) == (Decimal("99.99"), 0, ())
    assert answer.optimal


# Recorded once.


def test_a_sale_is_what_was_quoted(conn: Conn, seller: Caller) -> None:
    publish(conn)
    recorded, replayed = confirm(conn, seller, request(receipt_number="R1", expected_net=Decimal("89.99")))
    assert not replayed
    assert recorded.transaction is not None
    assert recorded.transaction.status is TransactionStatus.NEW
    stored = rows.get(conn, recorded.transaction.id)
    assert stored is not None
    assert stored.quote == quote(conn, seller)
    minor = conn.execute("SELECT gross_minor, discount_minor, net_minor FROM transactions").fetchone()
    assert minor == (9999, 1000, 8999)


def test_a_retry_replays_the_sale_byte_for_byte(conn: Conn, seller: Caller) -> None:
    publish(conn)
    first, _ = confirm(conn, seller, key="K")
    publish(conn, name="Later", rule=percent_off("50"))
    again, replayed = confirm(conn, seller, key="K")
    assert replayed
    assert json_text(Quote, again) == json_text(Quote, first)
    assert count(conn, "transactions") == 1


def test_a_key_is_one_callers_own(conn: Conn, seller: Caller) -> None:
    confirm(conn, seller, key="K")
    other = Caller(a_user(conn, Role.STORE_USER, store_id="S1"), Role.STORE_USER, "S1")
    _, replayed = confirm(conn, other, request(("A", 1)), key="K")
    assert not replayed
    assert count(conn, "transactions") == 2


def test_a_key_with_another_body_is_refused(conn: Conn, seller: Caller) -> None:
    confirm(conn, seller, key="K")
    with pytest.raises(IdempotencyKeyReused):
        confirm(conn, seller, request(("A", 2)), key="K")
    assert count(conn, "transactions") == 1


def test_a_receipt_is_recorded_once_whatever_the_key(conn: Conn, seller: Caller) -> None:
    first, _ = confirm(conn, seller, request(receipt_number="R1"))
    again, replayed = confirm(conn, seller, request(receipt_number="R1"))
    assert replayed
    assert again.transaction == first.transaction
    with pytest.raises(ReceiptNumberUsed) as refusal:
        confirm(conn, seller, request(("A", 9), receipt_number="R1"))
    assert refusal.value.pointer == "/receipt_number"
    assert count(conn, "transactions") == 1


def test_amounts_written_otherwise_are_the_same_request() -> None:
    assert request(expected_net=Decimal(10)).hash == request(expected_net=Decimal("10.00")).hash
    assert request(expected_net=Decimal(10)).hash != request(expected_net=Decimal("10.01")).hash


@pytest.mark.parametrize("receipts", ["one key", "one receipt"])
def test_64_parallel_confirms_record_one_sale(
    conn: Conn, seller: Caller, database_url: str, receipts: str
) -> None:
    publish(conn)
    sale = request(receipt_number="R1") if receipts == "one receipt" else request()
    key = "K" if receipts == "one key" else None
    answers = at_once(database_url, [lambda own: confirm(own, seller, sale, key=key)] * 64)
    assert count(conn, "transactions") == 1
    assert sum(not replayed for _, replayed in answers) == 1
    assert len({json_text(Quote, answer) for answer, _ in answers}) == 1


def test_what_the_engine_saw_is_kept_whole(conn: Conn, seller: Caller) -> None:
    publish(conn)
    confirm(conn, seller)
    row = conn.execute("SELECT seen, engine_semantics, rule_set_version FROM transactions").fetchone()
    assert row is not None
    seen = json.loads(row[0])
    assert (seen["now"], seen["rule_set_version"], seen["engine_semantics"]) == (
        NOW.isoformat(),
        1,
        SEMANTICS,
    )
    assert seen["store"]["zone"] == "Europe/Rome"
    assert seen["lines"][0]["unit_price"] == 3333
    assert seen["lines"][0]["facts"]["product.attributes.index"] == "1.50"


# Round trips.


def round_trips(conn: Conn, trace: Path, call: Callable[[], object]) -> int:
    """How often libpq waits for the server: an exchange ends with Sync, or is one simple Query."""
    with trace.open("w") as file:
        conn.pgconn.trace(file.fileno())
        conn.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)
        try:
            call()
        finally:
            conn.pgconn.untrace()
    messages = [line.split("\t") for line in trace.read_text().splitlines()]
    return sum(each[0] == "F" and each[2].startswith(("Sync", "Query")) for each in messages)


def everything(conn: Conn) -> SaleRequest:
    """Published rules that ask for limits, history and codes, and a basket that meets them."""
    publish(
        conn,
        limits=(
            {"redemptions": 100},
            {"redemptions": 100, "per": "store", "period": "day"},
            {"redemptions": 100, "per": "customer", "period": "week"},
            {"budget": "1000.00", "currency": "EUR", "period": "month"},
        ),
        rule={
            "schema": 1,
            "if": {
                "all": [
                    {"fact": "history.orders.30d", "op": "le", "value": 50},
                    {"fact": "history.redemptions", "op": "le", "value": 50},
                    {"fact": "code", "op": "eq", "value": "SPRING"},
                ]
            },
            "then": [{"kind": "percent_off", "percent": "10"}],
        },
    )
    return request(customer=buyer(phone_hash=b"x" * 32), codes=("SPRING",))


def test_one_round_trip_before_and_one_for_the_confirm(conn: Conn, seller: Caller, tmp_path: Path) -> None:
    sale = everything(conn)
    # The first compiles the rules, spreads the counters and makes the customer known.
    confirm(conn, seller, sale)
    assert round_trips(conn, tmp_path / "evaluate", lambda: quote(conn, seller, sale)) == 1
    assert round_trips(conn, tmp_path / "confirm", lambda: confirm(conn, seller, sale)) == 2
    assert confirm(conn, seller, sale)[0].discount == Decimal("10.00")


def test_published_rules_are_read_once_and_then_what_they_ask_for(
    conn: Conn, seller: Caller, tmp_path: Path
) -> None:
    quote(conn, seller)
    publish(conn)
    assert round_trips(conn, tmp_path / "rules", lambda: quote(conn, seller)) == 3
    publish(conn, name="Limited", limits=({"redemptions": 5},))
    assert round_trips(conn, tmp_path / "asked", lambda: quote(conn, seller)) == 4
    assert round_trips(conn, tmp_path / "known", lambda: quote(conn, seller)) == 1


# Groups.


def a_group(conn: Conn, subject: str, *keys: str) -> str:
    """A pinned group with these members."""
    where = {"fact": {"product": "product.sku", "store": "store.id"}[subject], "op": "in", "value": keys}
    row = conn.execute(
        """
        INSERT INTO groups (subject, name, description, filter, created_by, created_at, updated_at)
        VALUES (%s, %s, '', %s, %s, %s, %s)
        RETURNING id
        """,
        [subject, f"{subject} {keys}", json.dumps(where), a_user(conn), NOW, NOW],
    ).fetchone()
    assert row is not None
    conn.cursor().executemany("INSERT INTO group_members VALUES (%s, %s)", [(row[0], key) for key in keys])
    return str(row[0])


def test_facts_tell_the_groups_of_products_and_of_the_store(conn: Conn, seller: Caller) -> None:
    """A store and a product of one name are told apart."""
    a_product(conn, "S1", "33.33")
    ours, other = a_group(conn, "store", "S1"), a_group(conn, "store", "S2")
    lenses, _ = a_group(conn, "product", "A", "B"), a_group(conn, "product", "B", "S1")
    confirm(conn, seller, request(("A", 1), ("B", 1), ("C", 1), ("S1", 1)))
    row = conn.execute("SELECT seen FROM transactions").fetchone()
    assert row is not None
    seen = json.loads(row[0])
    assert seen["store"]["facts"]["store.groups"] == [ours]
    groups = [line["facts"].get("product.groups", []) for line in seen["lines"]]
    assert [len(each) for each in groups] == [1, 2, 0, 1]
    assert groups[0] == [lenses]
    assert groups[1] == sorted(groups[1])
    assert other not in row[0]


def test_a_discount_on_a_group(conn: Conn, seller: Caller) -> None:
    rule = percent_off("10", target={"in_group": a_group(conn, "product", "A", "B")})
    publish(conn, rule=rule)
    assert [line.discount for line in quote(conn, seller).lines] == [Decimal("3.34"), Decimal("3.33"), 0]
