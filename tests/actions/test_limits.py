"""Limits: never exceeded, used up to the last, whoever else sells at the same time."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest

from shared import rulesets
from shared.actions import transactions
from shared.domain import counters
from shared.domain.baskets import SaleRequest
from shared.domain.engine import Lane
from shared.domain.limits import LimitContended
from shared.domain.money import to_minor
from shared.domain.quotes import Outcome, Quote
from shared.domain.users import Caller, Role
from shared.store import sale_facts
from tests.actions.selling import (
    a_seller,
    at_once,
    buyer,
    confirm,
    count,
    outcome_of,
    publish,
    publish_anew,
    quote,
    request,
    sell,
    sold,
    three_lenses,
    used,
)
from tests.rows import NOW, Conn, a_product, a_user, random_key

ONE_OF_A = request(("A", 1))


@pytest.fixture
def seller(conn: Conn) -> Caller:
    """A shop assistant of S1, where three lenses at 100.00 are sold."""
    three_lenses(conn, "100.00")
    return a_seller(conn)


def a_customer(conn: Conn) -> UUID:
    row = conn.execute(
        "INSERT INTO customers (id, first_active_at, last_active_at) VALUES (%s, %s, %s) RETURNING id",
        [uuid4(), NOW, NOW],
    ).fetchone()
    assert row is not None
    return row[0]


def redemptions(most: int, **scope: str) -> dict[str, Any]:
    return {"redemptions": most, **scope}


def budget(amount: str, **scope: str) -> dict[str, Any]:
    return {"budget": amount, "currency": "EUR", **scope}


def a_sale(seller: Caller, sale: Any = ONE_OF_A, now: datetime = NOW) -> Callable[[Conn], Decimal | None]:
    """A till's call: the discount of the recorded sale, None when it was told to ask again."""

    def call(conn: Conn) -> Decimal | None:
        try:
            return confirm(conn, seller, sale, now=now)[0].discount
        except LimitContended:
            return None

    return call


# Many at once.


def test_64_at_once_on_a_limit_of_one(conn: Conn, seller: Caller, database_url: str) -> None:
    publish(conn, limits=(redemptions(1),))
    discounts = at_once(database_url, [a_sale(seller)] * 64)
    assert Counter(discounts) == {Decimal("10.00"): 1, Decimal("0.00"): 63}
    assert count(conn, "transactions") == 64
    assert list(used(conn).values()) == [1]


def test_64_at_once_of_one_customer_in_one_store(conn: Conn, seller: Caller, database_url: str) -> None:
    publish(conn, limits=(redemptions(1, per="customer"),))
    publish(conn, name="Store", lane=Lane.ORDER, limits=(redemptions(2, per="store", period="day"),))
    sale = request(("A", 1), customer=buyer(a_customer(conn)))
    discounts = at_once(database_url, [a_sale(seller, sale)] * 64)
    assert None not in discounts
    assert sorted(used(conn).values()) == [1, 2]


def test_a_cap_is_used_up_exactly_by_many_tills(conn: Conn, seller: Caller, database_url: str) -> None:
    publish(conn, limits=(redemptions(200),))
    till = a_sale(seller)
    discounts = at_once(database_url, [lambda own: [till(own) for _ in range(8)]] * 32)
    assert Counter(each for own in discounts for each in own) == {
        Decimal("10.00"): 200,
        Decimal("0.00"): 56,
    }
    assert list(used(conn).values()) == [200]


@pytest.mark.parametrize("partial", ["refuse", "grant_rest"])
def test_a_budget_is_never_exceeded(conn: Conn, seller: Caller, database_url: str, partial: str) -> None:
    """Sales of 10.00 and 20.00 off, more than 777.00 pays for; the last minor unit goes only by parts."""
    publish(conn, limits=(budget("777.00", partial=partial),))
    tills = [a_sale(seller, request(("A", 1 + number % 2))) for number in range(32)]
    discounts = at_once(
        database_url, [lambda own, till=till: [till(own) for _ in range(4)] for till in tills]
    )
    given = sum(each for own in discounts for each in own if each is not None)
    assert given == Decimal("777.00" if partial == "grant_rest" else "770.00")
    assert list(used(conn).values()) == [int(given * 100)]
    assert quote(conn, seller, ONE_OF_A).discount == 0


def test_two_capped_promotions_in_one_sale_do_not_deadlock(
    conn: Conn, seller: Caller, database_url: str
) -> None:
    for lane in Lane:
        publish(conn, name=lane, lane=lane, limits=(redemptions(30), budget("100000.00")))
    till = a_sale(seller)
    at_once(database_url, [lambda own: [till(own) for _ in range(4)]] * 16)
    assert sorted(value for (_, name, _, _), value in used(conn).items() if name == "redemptions") == [30] * 3


def test_a_slot_that_is_short_is_helped_by_the_others(conn: Conn, seller: Caller) -> None:
    """70.00 over many slots: the first sales are small, and then one wants more than any slot has."""
    publish(conn, limits=(budget("70.00"),))
    a_product(conn, "SMALL", "1.00")
    assert sell(conn, seller, request(("SMALL", 1))).discount == Decimal("0.10")
    assert conn.execute("SELECT max(room) FROM limit_counters").fetchone()[0] < 1000  # type: ignore[index]
    assert sell(conn, seller, ONE_OF_A).discount == Decimal("10.00")
    assert list(used(conn).values()) == [1010]


# What is told.


ALL_OFF = {"kind": "percent_off", "percent": "100"}
GIFT_AND_ALL_OFF = {"schema": 1, "then": [ALL_OFF, {"kind": "gift", "sku": "GIFT", "units": 2}]}


@pytest.mark.parametrize(
    ("rule", "sale", "worth"),
    [
        ({"schema": 1, "then": [ALL_OFF]}, request(), 30_000),
        (GIFT_AND_ALL_OFF, request(), 40_000),
        (GIFT_AND_ALL_OFF, request(("A", 3), ("B", 2, "70.01"), ("A", 1)), 64_002),
    ],
    ids=["the basket", "and a gift", "at other prices"],
)
@pytest.mark.usefixtures("seller")
def test_a_slot_speaks_for_its_counter_only_where_it_holds_all_the_sale_can_use(
    conn: Conn, rule: dict[str, Any], sale: SaleRequest, worth: int
) -> None:
    a_product(conn, "GIFT", "50.00")
    publish(conn, rule=rule, limits=(budget("5000.00", partial="grant_rest"),))
    admin = Caller(a_user(conn), Role.ADMIN, None)
    generous = quote(conn, admin, sale)
    assert to_minor(generous.discount, "EUR") == worth
    sell(conn, admin, ONE_OF_A)
    own, _ = counters.preferred_slots(conn.info.backend_pid, 0)
    for held in (0, worth // 2, worth - 1, worth, worth + 1):
        conn.execute(
            """
            UPDATE limit_counters
               SET room = CASE slot WHEN %s THEN %s WHEN %s THEN 90000 ELSE 0 END
            """,
            [own, held, 1 + own % counters.SLOTS],
        )
        assert quote(conn, admin, sale) == generous
        conn.execute("UPDATE limit_counters SET room = 0 WHERE slot <> %s", [own])
        # What is left is what the rows say together: the budget less what is missing in them.
        assert to_minor(quote(conn, admin, sale).discount, "EUR") == min(held, worth)


def test_an_empty_slot_says_nothing_of_its_counter_even_to_a_sale_that_costs_nothing(
    conn: Conn, seller: Caller
) -> None:
    a_product(conn, "FREE", "0.00")
    points = {"schema": 1, "then": [{"kind": "points", "fixed": 25}]}
    promotion = publish(conn, rule=points, limits=(budget("5000.00"),))
    own, _ = counters.preferred_slots(conn.info.backend_pid, 0)
    conn.execute(
        """
        INSERT INTO limit_counters (promotion_id, name, subject, starts_on, slot, cap, room)
        SELECT %s, 'budget', '', '0001-01-01', slot, 500000, CASE slot WHEN %s THEN 0 ELSE 16000 END
          FROM generate_series(1, 32) AS slot
        """,
        [promotion, own],
    )
    assert outcome_of(quote(conn, seller, request(("FREE", 1))), promotion) is Outcome.APPLIED


def test_of_a_limit_one_row_is_read_while_it_suffices(conn: Conn, seller: Caller) -> None:
    """To add up all rows would cost more than the statement that records the sale."""
    publish(conn, limits=(redemptions(5_000),))
    sell(conn, seller)
    own, _ = counters.preferred_slots(conn.info.backend_pid, 0)
    (near,), (whole,) = (
        sale_facts.get(
            conn,
            NOW,
            request=request(),
            live=rulesets.newest(),
            new_customer_id=uuid4(),
            slots=(own, own),
            whole_counters=whole_counters,
            user_id=seller.user_id,
            key=None,
        ).counters
        for whole_counters in (False, True)
    )
    assert near.left == near.rooms[own] == near.room < 4_999
    assert whole.left == whole.room == 4_999


def test_a_limit_that_is_used_up_is_told_without_a_sale(conn: Conn, seller: Caller) -> None:
    promotion = publish(conn, limits=(redemptions(1),))
    assert outcome_of(quote(conn, seller, ONE_OF_A), promotion) is Outcome.APPLIED
    sell(conn, seller, ONE_OF_A)
    (told,) = quote(conn, seller, ONE_OF_A).promotions
    assert (told.outcome, told.discount) == (Outcome.LIMIT_REACHED, 0)
    assert told.detail is not None
    assert (told.detail.reason, told.detail.limit, told.detail.left) == (
        "limit_reached",
        "redemptions",
        None,
    )


def test_a_budget_that_is_short_tells_what_is_left(conn: Conn, seller: Caller) -> None:
    publish(conn, limits=(budget("15.00"),))
    sell(conn, seller, ONE_OF_A)
    (told,) = quote(conn, seller, ONE_OF_A).promotions
    assert told.outcome is Outcome.LIMIT_REACHED
    assert told.detail is not None
    assert told.detail.left == Decimal("5.00")


def test_what_is_left_is_granted_where_the_promotion_says_so(conn: Conn, seller: Caller) -> None:
    publish(conn, limits=(budget("15.00", partial="grant_rest"),))
    sell(conn, seller, ONE_OF_A)
    (told,) = sell(conn, seller, ONE_OF_A).promotions
    assert (told.discount, told.wanted) == (Decimal("5.00"), Decimal("10.00"))
    row = conn.execute("SELECT wanted_minor, granted_minor FROM redemptions ORDER BY 2").fetchone()
    assert row == (1000, 500)


def test_a_limit_per_customer_needs_one(conn: Conn, seller: Caller) -> None:
    promotion = publish(conn, limits=(redemptions(5, per="customer"),))
    assert outcome_of(quote(conn, seller), promotion) is Outcome.LIMIT_REACHED
    known = request(customer=buyer(a_customer(conn)))
    assert outcome_of(quote(conn, seller, known), promotion) is Outcome.APPLIED


def test_a_budget_pays_in_its_own_currency_alone(conn: Conn, seller: Caller) -> None:
    promotion = publish(conn, limits=(budget("1000.00"),))
    a_product(conn, "USD", "10.00", currency="USD")
    answer = quote(conn, seller, request(("USD", 1), currency="USD"))
    assert outcome_of(answer, promotion) is Outcome.LIMIT_REACHED


def test_customers_and_stores_count_apart(conn: Conn, seller: Caller) -> None:
    per_customer = publish(conn, limits=(redemptions(1, per="customer"),))
    per_store = publish(conn, name="Store", lane=Lane.ORDER, limits=(redemptions(2, per="store"),))
    other_store = a_seller(conn, "S2")
    one, other = a_customer(conn), a_customer(conn)

    def applied(who: Caller, customer: UUID) -> set[UUID]:
        sale = request(("A", 1), store_id=who.store_id, customer=buyer(customer))
        return {
            each.promotion_id for each in sell(conn, who, sale).promotions if each.outcome is Outcome.APPLIED
        }

    assert applied(seller, one) == {per_customer, per_store}
    assert applied(seller, one) == {per_store}
    assert applied(seller, other) == {per_customer}
    assert applied(other_store, other) == {per_store}


# Periods.


@pytest.mark.parametrize(
    ("zone", "local_days"),
    [
        ("Pacific/Auckland", ["2026-04-05", "2026-04-06"]),
        ("Asia/Kolkata", ["2026-06-15", "2026-06-16"]),
        ("Asia/Kathmandu", ["2026-06-15", "2026-06-16"]),
        ("Europe/Rome", ["2026-10-25", "2026-10-26"]),
        ("America/New_York", ["2026-03-08", "2026-03-09"]),
        ("America/St_Johns", ["2026-06-15", "2026-06-16"]),
        ("Pacific/Kiritimati", ["2026-06-15", "2026-06-16"]),
    ],
)
def test_a_day_is_the_stores_own(conn: Conn, zone: str, local_days: list[str]) -> None:
    """A microsecond before midnight in the store is used up by the day's sale, midnight is not."""
    three_lenses(conn)
    seller = a_seller(conn, zone=zone)
    promotion = publish(conn, limits=(redemptions(1, period="day"),), zone_policy="UTC")
    midnight = datetime.fromisoformat(local_days[1]).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    sell(conn, seller, now=midnight - timedelta(hours=20))
    assert (
        outcome_of(quote(conn, seller, now=midnight - timedelta(microseconds=1)), promotion)
        is Outcome.LIMIT_REACHED
    )
    sell(conn, seller, now=midnight)
    assert outcome_of(quote(conn, seller, now=midnight), promotion) is Outcome.LIMIT_REACHED
    assert [starts_on for _, _, _, starts_on in sorted(used(conn), key=str)] == local_days


@pytest.mark.parametrize(
    ("period", "last", "first"),
    [("week", "2026-06-14", "2026-06-15"), ("month", "2026-06-30", "2026-07-01")],
)
def test_weeks_begin_on_monday_and_months_on_the_first(
    conn: Conn, seller: Caller, period: str, last: str, first: str
) -> None:
    promotion = publish(conn, limits=(redemptions(1, period=period),))
    noon = {day: datetime.fromisoformat(f"{day}T12:00+02:00") for day in (last, first)}
    sell(conn, seller, now=noon[last])
    assert outcome_of(quote(conn, seller, now=noon[last]), promotion) is Outcome.LIMIT_REACHED
    assert outcome_of(quote(conn, seller, now=noon[first]), promotion) is Outcome.APPLIED


# Versions.


@pytest.mark.parametrize(("cap", "more"), [(8, 3), (5, 0), (3, 0), (500, 6)], ids=str)
def test_what_was_used_counts_under_publish_anew(conn: Conn, seller: Caller, cap: int, more: int) -> None:
    """Five of ten are used when the cap becomes another."""
    promotion = publish(conn, limits=(redemptions(10), redemptions(10, per="store")))
    for _ in range(5):
        sell(conn, seller, ONE_OF_A)
    publish_anew(conn, promotion, name="Again", limits=(redemptions(cap), redemptions(cap, per="store")))
    discounts = [sell(conn, seller, ONE_OF_A).discount for _ in range(6)]
    assert discounts == [Decimal("10.00")] * more + [Decimal("0.00")] * (6 - more)
    assert set(used(conn).values()) == {5 + more}


def test_64_at_once_when_the_cap_was_lowered(conn: Conn, seller: Caller, database_url: str) -> None:
    promotion = publish(conn, limits=(redemptions(100),))
    till = a_sale(seller)
    at_once(database_url, [lambda own: [till(own) for _ in range(5)]] * 8)
    publish_anew(conn, promotion, name="Less", limits=(redemptions(60),))
    discounts = at_once(database_url, [till] * 64)
    assert sum(discount == Decimal("10.00") for discount in discounts) == 20
    assert list(used(conn).values()) == [60]


# Given back.


def void(conn: Conn, seller: Caller, sale: Quote) -> None:
    with conn.transaction():
        transactions.void(
            conn, NOW, transaction_id=sold(sale), reason="Mistake", caller=seller, key=random_key()
        )


def test_a_void_gives_count_and_amount_back(conn: Conn, seller: Caller) -> None:
    limits = (redemptions(1), budget("10.00"), redemptions(1, per="customer", period="day"))
    promotion = publish(conn, limits=limits)
    sale = request(("A", 1), customer=buyer(a_customer(conn)))
    first = sell(conn, seller, sale)
    assert outcome_of(sell(conn, seller, sale), promotion) is Outcome.LIMIT_REACHED
    void(conn, seller, first)
    assert set(used(conn).values()) == {0}
    assert outcome_of(sell(conn, seller, sale), promotion) is Outcome.APPLIED
    assert outcome_of(sell(conn, seller, sale), promotion) is Outcome.LIMIT_REACHED


def test_what_is_given_back_pays_the_debt_of_a_lowered_cap_first(conn: Conn, seller: Caller) -> None:
    promotion = publish(conn, limits=(redemptions(10), redemptions(10, per="store")))
    sales = [sell(conn, seller, ONE_OF_A) for _ in range(5)]
    publish_anew(conn, promotion, name="Less", limits=(redemptions(3), redemptions(3, per="store")))
    for given_back, sale in enumerate(sales[:3], 1):
        assert sell(conn, seller, ONE_OF_A).discount == 0
        void(conn, seller, sale)
        assert set(used(conn).values()) == {5 - given_back}
    assert sell(conn, seller, ONE_OF_A).discount == Decimal("10.00")
    assert sell(conn, seller, ONE_OF_A).discount == 0


def test_sales_and_voids_at_once_leave_what_was_sold(conn: Conn, seller: Caller, database_url: str) -> None:
    publish(conn, limits=(redemptions(40), budget("300.00")))

    def sell_and_void(own: Conn) -> None:
        for number in range(4):
            try:
                sale = sell(own, seller, ONE_OF_A)
            except LimitContended:
                continue
            if number % 2:
                void(own, seller, sale)

    at_once(database_url, [sell_and_void] * 16)
    kept = conn.execute(
        "SELECT coalesce(sum(redeemed), 0), coalesce(sum(granted_minor), 0) FROM redemptions"
    ).fetchone()
    assert kept is not None
    assert {name: value for (_, name, _, _), value in used(conn).items()} == {
        "redemptions": kept[0],
        "budget": kept[1],
    }


def test_a_refused_sale_takes_nothing(conn: Conn, seller: Caller) -> None:
    publish(conn, limits=(redemptions(5), redemptions(5, per="store")))
    sell(conn, seller, ONE_OF_A)
    before = used(conn)
    conn.execute("ALTER TABLE receipt_keys ADD CONSTRAINT no_more CHECK (receipt_number <> 'R')")
    with pytest.raises(Exception, match="no_more"):
        sell(conn, seller, request(("A", 1), receipt_number="R"))
    assert used(conn) == before
    assert count(conn, "transactions") == count(conn, "redemptions") == 1


def test_a_contended_limit_is_told_after_three_times_anew(conn: Conn, seller: Caller) -> None:
    """A database that refuses each time, as a counter does that others were quicker at."""
    promotion = publish(conn, limits=(redemptions(5, per="store"),))
    conn.execute(
        "INSERT INTO limit_counters VALUES (%s, 'redemptions per store', 'S1', '0001-01-01', 0, 5, 5)",
        [promotion],
    )
    conn.execute(
        """
        CREATE FUNCTION be_quicker() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN new.room := -1; RETURN new; END';
        CREATE TRIGGER be_quicker BEFORE UPDATE ON limit_counters
        FOR EACH ROW EXECUTE FUNCTION be_quicker();
        """
    )
    with pytest.raises(LimitContended):
        sell(conn, seller, ONE_OF_A)
    assert count(conn, "transactions") == 0
