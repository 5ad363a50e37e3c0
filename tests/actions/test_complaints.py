"""What users of other systems complain about where limits and the database are concerned, as tests.

The name of a test says the complaint; the comment says where it was made.
"""

from collections import Counter
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from shared.actions import transactions
from shared.domain.quotes import Outcome
from shared.domain.users import Caller, Role
from tests.actions.selling import (
    a_seller,
    at_once,
    buyer,
    confirm,
    outcome_of,
    publish,
    quote,
    request,
    sell,
    sold,
    three_lenses,
    used,
)
from tests.rows import NOW, Conn, a_product, a_user, random_key

ONE = ({"redemptions": 1},)
OF_A = request(("A", 1))


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn, "100.00")
    return a_seller(conn)


def a_customer(conn: Conn) -> UUID:
    customer_id = uuid4()
    conn.execute(
        "INSERT INTO customers (id, first_active_at, last_active_at) VALUES (%s, %s, %s)",
        [customer_id, NOW, NOW],
    )
    return customer_id


def test_a_code_of_one_use_is_used_once_by_64_who_checked_before(
    conn: Conn, seller: Caller, database_url: str
) -> None:
    # vendurehq/vendure#4660 (check, then use), saleor/saleor#544, litemall#581 (1 unit claimed 9 times)
    when = {"fact": "code", "op": "eq", "value": "ONCE"}
    benefit = {"kind": "percent_off", "percent": "10"}
    once = publish(conn, limits=ONE, rule={"schema": 1, "if": when, "then": [benefit]})
    sale = request(("A", 1), codes=("ONCE",))
    assert outcome_of(quote(conn, seller, sale), once) is Outcome.APPLIED
    till = [lambda own: sell(own, seller, sale).discount] * 64
    assert Counter(at_once(database_url, till)) == {Decimal("10.00"): 1, Decimal("0.00"): 63}


def test_looking_twice_and_paying_once_counts_once(conn: Conn, seller: Caller) -> None:
    # saleor/saleor#8219: two-stage payment counts twice
    publish(conn, limits=({"redemptions": 2},))
    for _ in range(3):
        quote(conn, seller, OF_A)
    key = random_key()
    assert confirm(conn, seller, OF_A, key=key)[1] is False
    assert confirm(conn, seller, OF_A, key=key)[1] is True
    assert list(used(conn).values()) == [1]


def test_a_sale_taken_back_gives_its_use_back(conn: Conn, seller: Caller) -> None:
    # saleor/saleor#15855: the payment refunded, the use gone
    promotion_id = publish(conn, limits=ONE)
    sale = sold(sell(conn, seller, OF_A))
    assert outcome_of(quote(conn, seller, OF_A), promotion_id) is Outcome.LIMIT_REACHED
    manager = Caller(a_user(conn, Role.BACK_OFFICE), Role.BACK_OFFICE, None)
    with conn.transaction():
        transactions.void(
            conn, NOW, transaction_id=sale, reason="paid back", caller=manager, key=random_key()
        )
    assert outcome_of(quote(conn, seller, OF_A), promotion_id) is Outcome.APPLIED


def test_a_limit_for_each_customer_holds_for_each_and_for_nobody_else(conn: Conn, seller: Caller) -> None:
    # shopperlabs/shopper#510 (it never worked), medusajs/medusa#15960 (one user's shown as used by all)
    promotion_id = publish(conn, limits=({"redemptions": 1, "per": "customer"},))
    one, other = (request(("A", 1), customer=buyer(a_customer(conn))) for _ in range(2))
    assert outcome_of(sell(conn, seller, one), promotion_id) is Outcome.APPLIED
    assert outcome_of(sell(conn, seller, one), promotion_id) is Outcome.LIMIT_REACHED
    assert outcome_of(sell(conn, seller, other), promotion_id) is Outcome.APPLIED


def test_nobody_is_paid_for_buying(conn: Conn, seller: Caller, database_url: str) -> None:
    # macrozheng/mall#1003: five orders on one coupon, negative payable
    benefit = {"kind": "amount_off", "amount": "500.00", "currency": "EUR", "per": "basket"}
    for number in range(3):
        rule = {"schema": 1, "then": [benefit]}
        publish(conn, name=f"off {number}", stackable=True, rule=rule, limits=({"redemptions": 2},))
    nets = at_once(database_url, [lambda own: sell(own, seller, OF_A).net] * 16)
    assert min(nets) == 0
    assert all(0 <= net <= 100 for net in nets)


def test_statements_do_not_grow_with_lines_or_promotions(conn: Conn, seller: Caller) -> None:
    # PrestaShop/PrestaShop#16568 (one query 141 times), Sylius/Sylius#9882, vendurehq/vendure#3075
    for number in range(40):
        a_product(conn, f"S{number}", "10.00")
        publish(conn, name=f"promotion {number}")
    many = request(*((f"S{number}", 1) for number in range(40)))
    quote(conn, seller, many)
    assert _statements(conn, seller, many) == _statements(conn, seller, OF_A) == 1


def _statements(conn: Conn, seller: Caller, sale: object) -> int:
    heard: list[str] = []

    class Listening(type(conn.cursor())):  # type: ignore[misc]
        def execute(self, query: str, *given: object, **more: object) -> object:
            heard.append(query)
            return super().execute(query, *given, **more)

    conn.cursor_factory = Listening
    quote(conn, seller, sale)  # type: ignore[arg-type]
    return len(heard)
