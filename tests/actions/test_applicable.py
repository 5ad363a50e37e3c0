"""What could be used in a store now, without a basket: in force there, and what is known of each."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.actions import applicable, groups, promotions
from shared.domain.applicable import Applicable, Left, Standing
from shared.domain.audit import By
from shared.domain.baskets import SaleRequest, UnknownStore
from shared.domain.customers import RequestedCustomer, UnknownCustomer
from shared.domain.groups import GroupTerms, Subject
from shared.domain.money import CurrencyUnknown
from shared.domain.transactions import StoreOutOfScope
from shared.domain.users import Caller, Role
from tests.rows import NOW, Conn, a_store, a_user, terms

MET, NOT_MET, DEPENDS, LIMIT_REACHED = Standing
GOLD = {"fact": "customer.attributes.tier", "op": "eq", "value": "gold"}
IN_STORE = {"fact": "channel", "op": "eq", "value": "store"}
ONLINE = {"fact": "channel", "op": "eq", "value": "web"}
ROMAN = {"fact": "store.city", "op": "eq", "value": "Roma"}
MILANESE = {"fact": "store.city", "op": "eq", "value": "Milano"}
MONDAY = {"fact": "time.weekday", "op": "eq", "value": 1}
CODE = {"fact": "code", "op": "eq", "value": "SUMMER"}
TWO = {"sum_quantity": "lines", "op": "ge", "value": 2}
IN_EUROS = {"fact": "basket.currency", "op": "eq", "value": "EUR"}
LOYAL = {"fact": "history.orders", "op": "ge", "value": 1}
SPENT = {"fact": "history.spend.90d", "op": "ge", "value": "0.01", "currency": "EUR"}
AGAIN = {"fact": "history.redemptions", "op": "lt", "value": 1}


@pytest.fixture
def seller(conn: Conn) -> Caller:
    a_store(conn, "S1")
    a_store(conn, "KIRITIMATI", zone="Pacific/Kiritimati", city="London")
    return Caller(a_user(conn, Role.STORE_USER, store_id="S1"), Role.STORE_USER, "S1")


@pytest.fixture
def gold(conn: Conn) -> UUID:
    """A customer who never bought anything."""
    customer_id = uuid4()
    conn.execute(
        """
        INSERT INTO customers (id, attributes, first_active_at, last_active_at)
        VALUES (%s, '{"tier": "gold"}', %s, %s)
        """,
        [customer_id, NOW, NOW],
    )
    return customer_id


def rule(condition: dict[str, Any] | None = None, **benefit: Any) -> dict[str, Any]:
    then = [{"kind": "percent_off", "percent": "10", **benefit}]
    return {"schema": 1, "then": then} | ({} if condition is None else {"if": condition})


def publish(conn: Conn, **changes: Any) -> UUID:
    by = By(a_user(conn))
    with conn.transaction():
        promotion = promotions.create(conn, NOW, terms=terms(**changes), by=by)
        return promotions.publish(conn, NOW, promotion.id, by=by, approval_required=False).id


def find(
    conn: Conn,
    seller: Caller,
    *,
    now: datetime = NOW,
    store_id: str = "S1",
    channel: str = "",
    currency: str = "",
    customer_id: UUID | None = None,
) -> list[Applicable]:
    customer = None if customer_id is None else RequestedCustomer(id=customer_id, attributes={})
    request = SaleRequest(
        store_id=store_id,
        currency=currency,
        channel=channel,
        lines=(),
        receipt_number=None,
        expected_net=None,
        customer=customer,
    )
    return list(applicable.find(conn, now, request=request, caller=seller))


# Refusals first.


def test_what_is_not_known_is_refused(conn: Conn, seller: Caller) -> None:
    admin = Caller(a_user(conn), Role.ADMIN, None)
    with pytest.raises(StoreOutOfScope):
        find(conn, seller, store_id="KIRITIMATI")
    with pytest.raises(UnknownStore) as no_store:
        find(conn, admin, store_id="NOWHERE")
    with pytest.raises(UnknownCustomer) as no_customer:
        find(conn, seller, customer_id=uuid4())
    with pytest.raises(CurrencyUnknown) as no_currency:
        find(conn, seller, currency="XYZ")
    pointers = [each.value.pointer for each in (no_store, no_customer, no_currency)]
    assert pointers == ["/store_id", "/customer_id", "/currency"]


# In force.


def test_only_what_is_in_force_in_that_store_now_is_told(conn: Conn, seller: Caller) -> None:
    """It is Monday, 15 June, 14:00 in Rome."""
    local = datetime(2026, 6, 15, 14)  # noqa: DTZ001
    expected = {
        publish(conn, starts_at=local),
        publish(conn, ends_at=local + timedelta(minutes=1)),
        publish(conn, windows=({"weekdays": ["mon"], "from": "13:00", "to": "15:00"},)),
        publish(conn, stores=ROMAN),
    }
    publish(conn, starts_at=local + timedelta(seconds=1))
    publish(conn, windows=({"weekdays": ["mon"], "from": "09:00", "to": "14:00"},))
    publish(conn, stores=MILANESE)
    by = By(a_user(conn))
    with conn.transaction():
        promotions.pause(conn, NOW, publish(conn), by=by)
        promotions.create(conn, NOW, terms=terms(), by=by)
    assert {each.promotion_id for each in find(conn, seller)} == expected


def test_the_clock_is_that_of_the_store(conn: Conn, seller: Caller) -> None:  # noqa: ARG001
    """In Kiritimati it is Tuesday by then."""
    admin = Caller(a_user(conn), Role.ADMIN, None)
    publish(conn, rule=rule(MONDAY))
    standings = [find(conn, admin, store_id=store)[0].standing for store in ("S1", "KIRITIMATI")]
    assert standings == [MET, NOT_MET]


def test_groups_of_stores_are_those_that_were_settled(conn: Conn, seller: Caller) -> None:
    group = groups.create(
        conn,
        NOW,
        Subject.STORE,
        terms=GroupTerms(name="Romans", description="", filter=ROMAN),
        by=By(a_user(conn)),
    )
    member = {"in_group": str(group.id)}
    publish(conn, stores=member, rule=rule(member))
    (found,) = find(conn, seller)
    assert (found.standing, "Romans" in found.rule) == (MET, True)
    a_store(conn, "S2")
    assert find(conn, Caller(a_user(conn), Role.ADMIN, None), store_id="S2") == [], "not settled yet"


# What is known of it.


WITHOUT_A_BASKET: list[tuple[dict[str, Any] | None, Standing]] = [
    (None, MET),
    (ROMAN, MET),
    (MILANESE, NOT_MET),
    (MONDAY, MET),
    (TWO, DEPENDS),
    (CODE, DEPENDS),
    (IN_STORE, DEPENDS),
    (GOLD, DEPENDS),
    (LOYAL, DEPENDS),
    (IN_EUROS, DEPENDS),
    ({"all": [ROMAN, TWO]}, DEPENDS),
    ({"all": [MILANESE, TWO]}, NOT_MET),
    ({"any": [ROMAN, TWO]}, MET),
    ({"any": [MILANESE, TWO]}, DEPENDS),
    ({"not": TWO}, DEPENDS),
    ({"not": MILANESE}, MET),
    ({"not": {"all": [MILANESE, TWO]}}, MET),
    ({"not": {"any": [ROMAN, TWO]}}, NOT_MET),
]


def test_what_waits_for_a_basket_is_told_apart(conn: Conn, seller: Caller) -> None:
    for condition, _ in WITHOUT_A_BASKET:
        publish(conn, rule=rule(condition))
    assert standings(conn, seller) == [expected for _, expected in WITHOUT_A_BASKET]


def standings(conn: Conn, seller: Caller, **said: Any) -> list[Standing]:
    """Of the promotions, in the order in which they were made."""
    return [each.standing for each in sorted(find(conn, seller, **said), key=lambda one: one.promotion_id)]


SAID: list[tuple[dict[str, Any], dict[str, Any], Standing]] = [
    (IN_STORE, {"channel": "store"}, MET),
    (ONLINE, {"channel": "store"}, NOT_MET),
    (IN_EUROS, {"currency": "EUR"}, MET),
    (IN_EUROS, {"currency": "USD"}, NOT_MET),
    (GOLD, {"customer": True}, MET),
    (LOYAL, {"customer": True}, NOT_MET),
    (AGAIN, {"customer": True}, MET),
    (SPENT, {"customer": True}, DEPENDS),
    (SPENT, {"currency": "EUR"}, DEPENDS),
    (SPENT, {"customer": True, "currency": "EUR"}, NOT_MET),
    (SPENT, {"customer": True, "currency": "USD"}, NOT_MET),
]


def test_what_is_said_is_known(conn: Conn, seller: Caller, gold: UUID) -> None:
    for condition, _, _ in SAID:
        publish(conn, rule=rule(condition))
    for place, (condition, said, expected) in enumerate(SAID):
        customer = {"customer_id": gold} if "customer" in said else {}
        told = {name: value for name, value in said.items() if name != "customer"}
        assert standings(conn, seller, **told, **customer)[place] is expected, (condition, said)


def test_a_rule_in_another_currency_is_not_met(conn: Conn, seller: Caller) -> None:
    publish(conn, rule=rule(kind="percent_off", max_discount={"amount": "5.00", "currency": "EUR"}))
    standings = [find(conn, seller, currency=each)[0].standing for each in ("", "EUR", "USD")]
    assert standings == [MET, MET, NOT_MET]


# Limits.


def test_what_limits_leave_is_told(conn: Conn, seller: Caller, gold: UUID) -> None:
    publish(
        conn,
        limits=(
            {"redemptions": 5, "per": "customer"},
            {"redemptions": 7, "per": "store", "period": "day"},
            {"budget": "50.00", "currency": "EUR"},
        ),
    )
    store, budget = (
        Left("redemptions per store and day", Decimal(7), None),
        Left("budget", Decimal("50.00"), "EUR"),
    )
    name = "redemptions per customer"
    (somebody,) = find(conn, seller)
    assert (somebody.standing, somebody.limits) == (MET, (Left(name, None, None), store, budget))
    (known,) = find(conn, seller, customer_id=gold)
    assert known.limits == (Left(name, Decimal(5), None), store, budget)
    assert find(conn, seller, currency="USD")[0].standing is LIMIT_REACHED, (
        "a budget in euros gives no dollars"
    )


def test_a_limit_used_up_comes_before_the_condition(conn: Conn, seller: Caller) -> None:
    promotion_id = publish(conn, rule=rule(MILANESE), limits=({"redemptions": 3, "per": "store"},))
    conn.execute(
        """
        INSERT INTO limit_counters (promotion_id, name, subject, starts_on, slot, cap, room)
        VALUES (%s, 'redemptions per store', 'S1', '0001-01-01', 0, 3, 0)
        """,
        [promotion_id],
    )
    (found,) = find(conn, seller)
    assert (found.standing, found.limits[0].left) == (LIMIT_REACHED, Decimal(0))


# In words.


def test_what_it_gives_is_told_in_words(conn: Conn, seller: Caller) -> None:
    publish(
        conn,
        name="Pairs",
        priority=3,
        rule=rule(TWO, target={"fact": "product.brand", "op": "eq", "value": "Lumen"}),
        windows=({"weekdays": ["mon"], "from": "09:00", "to": "18:00"},),
        ends_at=None,
    )
    (found,) = find(conn, seller)
    assert (found.name, found.lane, found.priority, found.ends_at) == ("Pairs", "line", 3, None)
    assert "10 %" in found.rule
    assert "Lumen" in found.rule
    assert "Monday" in (found.windows or "")


def test_they_come_in_the_order_of_the_rule_set(conn: Conn, seller: Caller) -> None:
    for priority in (1, 3, 2):
        publish(conn, priority=priority)
    assert [each.priority for each in find(conn, seller)] == [3, 2, 1]


def test_before_any_publish_there_is_nothing(conn: Conn, seller: Caller) -> None:
    assert find(conn, seller, now=datetime(2026, 1, 1, tzinfo=UTC)) == []
