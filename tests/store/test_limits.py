"""Limits in the database: what holds whoever writes, and statements that the driver keeps."""

from datetime import date
from uuid import UUID

import psycopg
import pytest
from psycopg._queries import MAX_CACHED_STATEMENT_LENGTH

from bench.statements import Listening, Statement
from shared.domain.counters import DEBT, WHOLE, CounterKey, Take
from shared.domain.limits import LimitContended
from shared.store import limits, transactions
from tests.actions.selling import a_seller, buyer, confirm, publish, request, three_lenses
from tests.harness import forget_app
from tests.rows import NOW, Conn, a_store, a_user

KEY = CounterKey(UUID(int=1), "redemptions", "", date.min)
OTHER = CounterKey(UUID(int=1), "redemptions", "", date(2026, 6, 15))


def test_slots_are_made_once_and_written_together(conn: Conn) -> None:
    limits.insert_slots(conn, KEY, (DEBT, 1, 2))
    assert limits.lock(conn, KEY) == (0, {DEBT: 0, 1: 0, 2: 0})
    limits.update(conn, KEY, cap=9, rooms={DEBT: 0, 1: 5, 2: 4})
    limits.insert_slots(conn, KEY, (DEBT, 1, 2, 3))
    assert limits.lock(conn, KEY) == (9, {DEBT: 0, 1: 5, 2: 4, 3: 0})
    assert limits.lock(conn, OTHER) == (0, {})


@pytest.mark.parametrize(("slot", "room"), [(1, -1), (DEBT, 1)], ids=["more than there is", "a debt to us"])
def test_no_counter_goes_beyond_its_limit(conn: Conn, slot: int, room: int) -> None:
    limits.insert_slots(conn, KEY, (DEBT, 1))
    with pytest.raises(psycopg.errors.CheckViolation, match="limit_counters_hold"):
        limits.update(conn, KEY, cap=5, rooms={slot: room})


def record(conn: Conn, *takes: Take) -> None:
    """A sale that takes this, as one that was priced a moment ago would."""
    user_id = a_user(conn)
    transactions.insert(
        conn,
        store_id="S1",
        receipt_number=None,
        currency="EUR",
        gross_minor=100,
        discount_minor=10,
        net_minor=90,
        tax_minor=16,
        channel="store",
        user_id=user_id,
        request_id=None,
        customer_id=None,
        new_phone_hash=None,
        rule_set_version=1,
        engine_semantics=1,
        allocations=[],
        seen="{}",
        quote="{}",
        redemptions=[],
        takes=takes,
        key="K",
        request_hash=b"",
        now=NOW,
    )


def test_a_sale_priced_under_another_cap_takes_of_no_slot(conn: Conn) -> None:
    """What was used is not where it would be under that cap."""
    a_store(conn)
    limits.insert_slots(conn, KEY, (DEBT, 1, 2))
    limits.update(conn, KEY, cap=9, rooms={DEBT: 0, 1: 5, 2: 4})
    for cap in (8, 12):
        with pytest.raises(LimitContended):
            record(conn, Take(KEY, 1, cap, 1))
    assert conn.execute("SELECT count(*) FROM transactions").fetchone() == (0,)
    record(conn, Take(KEY, 1, 9, 2))
    assert limits.lock(conn, KEY) == (9, {DEBT: 0, 1: 3, 2: 4})


def test_a_counter_of_one_row_takes_on_the_cap_of_the_sale(conn: Conn) -> None:
    a_store(conn)
    key = CounterKey(UUID(int=1), "redemptions per store", "S1", date.min)
    record(conn, Take(key, WHOLE, 5, 2))
    assert limits.lock(conn, key) == (5, {WHOLE: 3})
    record(conn, Take(key, WHOLE, 8, 1))
    assert limits.lock(conn, key) == (8, {WHOLE: 5})
    with pytest.raises(LimitContended):
        record(conn, Take(key, WHOLE, 3, 1))
    assert limits.lock(conn, key) == (8, {WHOLE: 5})


def test_the_ledger_is_never_changed(conn: Conn) -> None:
    three_lenses(conn)
    publish(conn, limits=({"redemptions": 5},))
    confirm(conn, a_seller(conn))
    for change in ("UPDATE redemptions SET granted_minor = 0", "DELETE FROM redemptions"):
        with pytest.raises(psycopg.errors.IntegrityError, match="never changed"):
            conn.execute(change)


def test_the_statements_of_a_sale_are_short_enough_for_the_driver_to_keep(database_url: str) -> None:
    """It reads a longer one for its parameters each time, which costs as much as a fifth of a sale."""
    forget_app()
    heard: list[Statement] = []
    with psycopg.connect(database_url, autocommit=True, cursor_factory=Listening) as conn:
        three_lenses(conn)
        seller = a_seller(conn)
        publish(conn, limits=({"redemptions": 5},))
        confirm(conn, seller)
        vars(conn)["heard"] = heard
        confirm(conn, seller, request(customer=buyer(phone_hash=b"x")))
    assert len(heard) == 2
    assert max(len(each.sql.encode()) for each in heard) <= MAX_CACHED_STATEMENT_LENGTH
