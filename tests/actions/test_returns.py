"""Returns of recorded sales: rows of their own, of which no cent is lost, whoever else undoes the sale."""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.actions import returns, transactions
from shared.domain.engine import SEMANTICS
from shared.domain.limits import LimitContended
from shared.domain.quotes import Outcome, Quote, TransactionKind
from shared.domain.refunds import Refund
from shared.domain.returns import MoreThanLeft, NothingLeft, RequestedUnits
from shared.domain.transactions import (
    AlreadyVoided,
    IdempotencyKeyReused,
    NotASale,
    SemanticsChanged,
    Transaction,
    TransactionNotFound,
)
from shared.domain.users import Caller, Role
from shared.schema.migrate import FOLDER
from shared.store import transactions as rows
from tests.actions.selling import (
    a_seller,
    at_once,
    buyer,
    count,
    outcome_of,
    publish,
    quote,
    request,
    sell,
    sold,
    three_lenses,
    used,
)
from tests.actions.test_replays import a_random_sale, publish_a_bit_of_everything, replay
from tests.rows import NOW, Conn, a_product, a_user, percent_off, random_key, tampering

LATER = NOW + timedelta(days=3)
SHARED = ({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"})


@pytest.fixture
def seller(conn: Conn) -> Caller:
    three_lenses(conn)
    return a_seller(conn)


def units(*lines: tuple[int | str, int]) -> tuple[RequestedUnits, ...]:
    return tuple(
        RequestedUnits(quantity=quantity, line=which)
        if isinstance(which, int)
        else RequestedUnits(quantity=quantity, sku=which)
        for which, quantity in lines
    )


def give_back(
    conn: Conn,
    seller: Caller,
    sale: UUID,
    *lines: tuple[int | str, int],
    key: str | None = None,
    reason: str = "Too small",
) -> tuple[Refund, bool]:
    """Return some lines, or without any all that is left."""
    with conn.transaction():
        return returns.record(
            conn,
            LATER,
            transaction_id=sale,
            wanted=units(*lines) or None,
            reason=reason,
            caller=seller,
            key=key or random_key(),
        )


def void(conn: Conn, seller: Caller, sale: UUID, key: str | None = None) -> Transaction:
    with conn.transaction():
        return transactions.void(
            conn, LATER, transaction_id=sale, reason="Mistake", caller=seller, key=key or random_key()
        )[0]


SUMS = """
SELECT sum(gross_minor), sum(discount_minor), sum(net_minor), sum(tax_minor)
  FROM transactions
"""
BY_QUOTE = """
SELECT 'line', concat_ws(' ', coalesce(original_id, id), place), array_agg(line ->> 'sku'),
       sum((line ->> 'quantity')::int), sum((line ->> 'gross')::numeric), sum((line ->> 'discount')::numeric),
       sum((line ->> 'net')::numeric), sum((line ->> 'tax')::numeric)
  FROM transactions, jsonb_array_elements(quote::jsonb -> 'lines') WITH ORDINALITY AS each (line, place)
 GROUP BY 2
 UNION ALL
SELECT 'allocation', concat_ws(' ', given ->> 'promotion_id', given ->> 'role'), NULL,
       sum((given ->> 'units')::int), sum((given ->> 'amount')::numeric), 0, 0, 0
  FROM transactions, jsonb_path_query(quote::jsonb, '$.lines[*].allocations[*]') AS given
 GROUP BY 2
 UNION ALL
SELECT 'funder', concat_ws(' ', given ->> 'promotion_id', part ->> 'party'), NULL,
       0, sum((part ->> 'amount')::numeric), 0, 0, 0
  FROM transactions, jsonb_path_query(quote::jsonb, '$.lines[*].allocations[*]') AS given,
       jsonb_array_elements(given -> 'funding') AS part
 GROUP BY 2
 UNION ALL
SELECT 'promotion', promotion ->> 'promotion_id', NULL, sum((promotion ->> 'points')::int),
       sum((promotion ->> 'discount')::numeric), 0, 0, 0
  FROM transactions, jsonb_array_elements(quote::jsonb -> 'promotions') AS promotion
 GROUP BY 2
 UNION ALL
SELECT 'quote', '', NULL, 0, sum((quote::jsonb ->> 'gross')::numeric),
       sum((quote::jsonb ->> 'discount')::numeric), sum((quote::jsonb ->> 'net')::numeric),
       sum((quote::jsonb ->> 'tax')::numeric)
  FROM transactions
 UNION ALL
SELECT 'redemption', promotion_id::text, NULL, sum(redeemed), sum(wanted_minor), sum(granted_minor),
       sum(points), 0
  FROM redemptions
 GROUP BY 2
"""


POINTS = """
SELECT transaction_id, promotion_id, points
  FROM redemptions
 WHERE points <> 0
EXCEPT
SELECT id, (promotion ->> 'promotion_id')::uuid, (promotion ->> 'points')::int
  FROM transactions, jsonb_array_elements(quote::jsonb -> 'promotions') AS promotion
"""


def assert_nothing_is_left(conn: Conn) -> None:
    """All rows sum to zero, by line, promotion, funder and redemption, and every limit is as unused."""
    assert conn.execute(POINTS).fetchall() == []
    assert conn.execute(SUMS).fetchone() == (0, 0, 0, 0)
    for kind, key, _, *figures in conn.execute(BY_QUOTE).fetchall():
        assert not any(figures), (kind, key, figures)
    assert set(used(conn).values()) <= {0}


def assert_rows_are_sound(conn: Conn) -> None:
    """Each document says what its columns say, and sums in itself."""
    for row in conn.execute(
        "SELECT id, gross_minor, discount_minor, net_minor, tax_minor FROM transactions"
    ).fetchall():
        recorded = rows.get(conn, row[0])
        assert recorded is not None
        told = recorded.quote
        assert tuple(int(each * 100) for each in (told.gross, told.discount, told.net, told.tax)) == row[1:]
        for name in ("gross", "discount", "net", "tax"):
            assert sum(getattr(line, name) for line in told.lines) == getattr(told, name)
        assert sum(one.discount for one in told.promotions) == told.discount
        for line in told.lines:
            assert line.net == line.gross - line.discount
            assert sum(one.amount for one in line.allocations) == line.discount
            for one in line.allocations:
                assert not one.funding or sum(part.amount for part in one.funding) == one.amount


# What is recorded.


def test_a_return_is_a_row_below_zero_and_leaves_the_sale_alone(conn: Conn, seller: Caller) -> None:
    publish(conn, funding=SHARED)
    sale = sell(conn, seller, request(("A", 2), ("B", 1), receipt_number="R1"))
    before = conn.execute("SELECT * FROM transactions").fetchall()
    refund, replayed = give_back(conn, seller, sold(sale), (0, 1))
    assert not replayed
    assert conn.execute("SELECT * FROM transactions WHERE kind = 'sale'").fetchall() == before
    row = rows.get(conn, refund.id or uuid4())
    assert row is not None
    assert (row.kind, row.original_id, row.reason, row.created_at) == (
        TransactionKind.RETURN,
        sold(sale),
        "Too small",
        LATER,
    )
    assert (row.store_id, row.receipt_number, row.rule_set_version) == ("S1", "R1", 1)
    assert [(line.sku, line.quantity, line.gross) for line in row.quote.lines] == [
        ("A", -1, Decimal("-33.33")),
        ("B", 0, Decimal(0)),
    ]
    # 10.00 of 99.99 are 3.34, 3.33 and 3.33; of 66.66 that are kept, 6.67.
    assert row.quote.net == -refund.refund == Decimal("-30.00")
    (taken,) = row.quote.lines[0].allocations
    assert (taken.units, taken.amount) == (-1, Decimal("-3.33"))
    assert [(part.party, part.amount) for part in taken.funding] == [
        ("brand", Decimal("-2.33")),
        ("retailer", Decimal("-1.00")),
    ]
    assert_rows_are_sound(conn)


@pytest.mark.parametrize("with_void", [False, True], ids=["returned", "voided at the end"])
@pytest.mark.parametrize(
    ("seed", "most"),
    [(11, 25), *(pytest.param(seed, 60, marks=pytest.mark.soak) for seed in range(20))],
)
def test_after_any_returns_nothing_is_left_of_random_sales(
    conn: Conn, seller: Caller, seed: int, most: int, *, with_void: bool
) -> None:
    """Over all lanes, with gifts, points, funders and limits that run out; and every sale still replays."""
    publish_a_bit_of_everything(conn)
    rng, sales = random.Random(seed), []  # noqa: S311 - a sample, not a secret
    for number in range(most):
        try:
            sales.append(sell(conn, seller, a_random_sale(rng, seller), now=NOW + timedelta(hours=number)))
        except LimitContended:
            continue
    conn.execute("UPDATE products SET price = price + 1, brand = 'Another'")
    publish(conn, name="Later", rule=percent_off("90"))
    for sale in sales:
        net, left = sale.net, [line.quantity for line in sale.lines]
        while any(left) and not (with_void and rng.random() < 0.3):
            back = [rng.randint(0, units_left) for units_left in left]
            if not any(back):
                continue
            wanted = [(line, quantity) for line, quantity in enumerate(back) if quantity]
            asked = units(*wanted)
            told = returns.preview(conn, LATER, transaction_id=sold(sale), wanted=asked, caller=seller)
            done, _ = give_back(conn, seller, sold(sale), *wanted)
            assert (told.refund, told.lines, told.returnable) == (done.refund, done.lines, done.returnable)
            assert 0 <= done.refund <= net
            net, left = net - done.refund, [have - less for have, less in zip(left, back, strict=True)]
            assert [(one.line, one.quantity) for one in done.returnable] == [
                (line, quantity) for line, quantity in enumerate(left) if quantity
            ]
        if any(left):
            assert void(conn, seller, sold(sale)).quote.net == -net
        else:
            assert net == 0
    assert_rows_are_sound(conn)
    assert_nothing_is_left(conn)
    for sale in sales:
        assert replay(conn, seller, sold(sale)).equal


def test_a_promotion_is_redeemed_until_it_gives_nothing(conn: Conn, seller: Caller) -> None:
    publish(conn, limits=({"redemptions": 5}, {"budget": "1000.00", "currency": "EUR"}))
    sale = sold(sell(conn, seller, request(("A", 3))))
    for _ in range(3):
        give_back(conn, seller, sale, ("A", 1))
    found = conn.execute(
        """
        SELECT redeemed, wanted_minor, granted_minor
          FROM redemptions
          JOIN returns USING (transaction_id)
         ORDER BY number
        """
    ).fetchall()
    assert found == [(0, -333, -333), (0, -334, -334), (-1, -333, -333)]
    assert_nothing_is_left(conn)


# Limits.


def test_a_budget_gets_back_what_is_given_less_and_the_count_once(conn: Conn, seller: Caller) -> None:
    """20 % above 60.00 is given until what is kept is below; then it does not count any more."""
    rule = percent_off("20") | {
        "if": {"sum_amount": "lines", "basis": "list", "currency": "EUR", "op": "ge", "value": "60.00"}
    }
    limits = ({"redemptions": 1}, {"budget": "25.00", "currency": "EUR"}, {"redemptions": 1, "per": "store"})
    promotion = publish(conn, rule=rule, limits=limits)
    sale = sold(sell(conn, seller, request(("A", 3))))

    def usage() -> dict[str, int]:
        return {name: value for (_, name, _, _), value in used(conn).items()}

    assert usage() == {"redemptions": 1, "budget": 2000, "redemptions per store": 1}
    give_back(conn, seller, sale, ("A", 1))
    assert usage() == {"redemptions": 1, "budget": 1333, "redemptions per store": 1}
    assert outcome_of(quote(conn, seller, request(("A", 2))), promotion) is Outcome.LIMIT_REACHED
    give_back(conn, seller, sale, ("A", 1))
    assert usage() == {"redemptions": 0, "budget": 0, "redemptions per store": 0}
    assert outcome_of(quote(conn, seller, request(("A", 3))), promotion) is Outcome.APPLIED
    give_back(conn, seller, sale, ("A", 1))
    assert usage() == {"redemptions": 0, "budget": 0, "redemptions per store": 0}
    assert_nothing_is_left(conn)


def test_points_keep_a_promotion_redeemed(conn: Conn, seller: Caller) -> None:
    """One with nothing but points counts until the points are gone."""
    when = {"sum_quantity": "lines", "op": "ge", "value": 2}
    publish(
        conn,
        rule={"schema": 1, "if": when, "then": [{"kind": "points", "fixed": 25}]},
        limits=({"redemptions": 9},),
    )
    sale = sold(sell(conn, seller, request(("A", 3))))
    refund, _ = give_back(conn, seller, sale, ("A", 1))
    assert (refund.points, list(used(conn).values())) == (0, [1])
    refund, _ = give_back(conn, seller, sale, ("A", 1))
    assert (refund.points, list(used(conn).values())) == (25, [0])
    give_back(conn, seller, sale, ("A", 1))
    assert conn.execute("SELECT points FROM redemptions ORDER BY points").fetchall() == [(-25,), (25,)]
    assert_nothing_is_left(conn)


def test_points_recorded_before_there_was_a_column_are_those_of_the_quotes(
    conn: Conn, seller: Caller
) -> None:
    """Some points are lost by returns that take back nothing else of the promotion."""
    publish(conn, rule={"schema": 1, "then": [{"kind": "points", "per_unit_of_currency": "1"}]})
    publish(conn)
    sale = sold(sell(conn, seller, request(("A", 3))))
    give_back(conn, seller, sale, ("A", 1))
    give_back(conn, seller, sale, ("A", 1))
    everything = "SELECT * FROM redemptions ORDER BY transaction_id, promotion_id"
    recorded = conn.execute(everything).fetchall()
    with tampering(conn):
        conn.execute("DELETE FROM redemptions WHERE (redeemed, granted_minor) = (0, 0)")
    conn.execute("ALTER TABLE redemptions DROP COLUMN points")
    assert len(conn.execute(everything).fetchall()) < len(recorded)
    conn.execute((FOLDER / "0019_points.sql").read_bytes())
    assert conn.execute(everything).fetchall() == recorded


def test_a_gift_of_no_value_counts_until_it_comes_back(conn: Conn, seller: Caller) -> None:
    a_product(conn, "FREE", "0.00")
    publish(
        conn,
        rule={"schema": 1, "then": [{"kind": "gift", "sku": "FREE", "units": 1}]},
        limits=({"redemptions": 9},),
    )
    sale = sold(sell(conn, seller, request(("A", 1))))
    give_back(conn, seller, sale, ("A", 1))
    assert list(used(conn).values()) == [1]
    give_back(conn, seller, sale, ("FREE", 1))
    assert_nothing_is_left(conn)


def test_32_returns_at_once_give_a_limit_back_exactly(conn: Conn, seller: Caller, database_url: str) -> None:
    publish(
        conn, limits=({"redemptions": 40}, {"budget": "500.00", "currency": "EUR"}), rule=percent_off("20")
    )
    sales = [sold(sell(conn, seller, request(("A", 2)))) for _ in range(32)]
    before = {name: value for (_, name, _, _), value in used(conn).items()}
    assert before == {"redemptions": 32, "budget": 32 * 1333}

    def call(number: int, own: Conn) -> Decimal:
        """Every second customer keeps one."""
        lines = [("A", 1)] if number % 2 else []
        return give_back(own, seller, sales[number], *lines)[0].discount

    discounts = at_once(database_url, [lambda own, number=number: call(number, own) for number in range(32)])
    kept = {name: value for (_, name, _, _), value in used(conn).items()}
    assert kept == {"redemptions": 16, "budget": 32 * 1333 - int(sum(discounts) * 100)}
    at_once(
        database_url,
        [lambda own, sale=sale: give_back(own, seller, sale) for sale in sales[1::2]],
    )
    assert_nothing_is_left(conn)


def test_returns_sales_and_voids_at_once_leave_what_is_sold(
    conn: Conn, seller: Caller, database_url: str
) -> None:
    for name in ("One", "Other"):
        publish(
            conn,
            name=name,
            stackable=True,
            limits=({"redemptions": 30}, {"budget": "90.00", "currency": "EUR"}),
        )

    def till(number: int, own: Conn) -> None:
        for turn in range(4):
            try:
                sale = sold(sell(own, seller, request(("A", 2))))
            except LimitContended:
                continue
            if (number + turn) % 3:
                give_back(own, seller, sale, ("A", 1))
            if (number + turn) % 2:
                void(own, seller, sale)

    at_once(database_url, [lambda own, number=number: till(number, own) for number in range(16)])
    kept = conn.execute("SELECT promotion_id, sum(redeemed), sum(granted_minor) FROM redemptions GROUP BY 1")
    expected = {row[0]: {"redemptions": row[1], "budget": row[2]} for row in kept}
    found: dict[UUID, dict[str, int]] = {}
    for (promotion, name, _, _), value in used(conn).items():
        found.setdefault(promotion, {})[name] = value
    assert found == expected
    assert_rows_are_sound(conn)


# Who comes first.


@pytest.mark.parametrize("keys", ["one key", "many keys"])
def test_32_returns_of_the_last_unit_at_once_are_one(
    conn: Conn, seller: Caller, database_url: str, keys: str
) -> None:
    publish(conn, limits=({"redemptions": 5},))
    sale = sold(sell(conn, seller, request(("A", 2))))
    give_back(conn, seller, sale, ("A", 1))

    def call(own: Conn) -> str:
        try:
            _, replayed = give_back(own, seller, sale, ("A", 1), key="K" if keys == "one key" else None)
        except MoreThanLeft:
            return "refused"
        return "replayed" if replayed else "returned"

    told = Counter(at_once(database_url, [call] * 32))
    assert told == {"returned": 1, "replayed" if keys == "one key" else "refused": 31}
    assert_nothing_is_left(conn)


def test_a_return_and_a_void_at_once_take_back_everything_once(
    conn: Conn, seller: Caller, database_url: str
) -> None:
    publish(conn, limits=({"redemptions": 50},), funding=SHARED)
    sales = [sold(sell(conn, seller, request(("A", 2), ("B", 1)))) for _ in range(16)]

    def back(own: Conn, sale: UUID, lines: Sequence[tuple[int | str, int]]) -> str:
        try:
            give_back(own, seller, sale, *lines)
        except AlreadyVoided:
            return "too late"
        return "returned"

    def undo(own: Conn, sale: UUID) -> str:
        try:
            void(own, seller, sale)
        except NothingLeft:
            return "too late"
        return "voided"

    calls: list[Any] = []
    for number, sale in enumerate(sales):
        lines = [] if number % 2 else [("A", 1)]
        calls += [
            lambda own, sale=sale, lines=lines: back(own, sale, lines),
            lambda own, sale=sale: undo(own, sale),
        ]
    told = at_once(database_url, calls)
    for number, pair in enumerate(zip(told[::2], told[1::2], strict=True)):
        outcomes = {("returned", "too late"), ("too late", "voided")}
        if number % 2 == 0:
            outcomes = {("returned", "voided"), ("too late", "voided")}
        assert pair in outcomes
    assert_nothing_is_left(conn)


def test_a_retry_is_told_the_same_whatever_came_after(conn: Conn, seller: Caller) -> None:
    publish(conn, funding=SHARED)
    sale = sold(sell(conn, seller, request(("A", 3))))
    first, _ = give_back(conn, seller, sale, ("A", 1), key="K")
    give_back(conn, seller, sale, ("A", 1))
    void(conn, seller, sale)
    assert give_back(conn, seller, sale, ("A", 1), key="K") == (first, True)
    for other in ({"reason": "Another"}, {"lines": [("A", 2)]}, {"lines": []}):
        lines: Any = other.pop("lines", [("A", 1)])
        with pytest.raises(IdempotencyKeyReused):
            give_back(conn, seller, sale, *lines, key="K", **other)  # type: ignore[arg-type]
    assert count(conn, "returns") == 2


def test_a_key_of_something_else_is_not_one_of_a_return(conn: Conn, seller: Caller) -> None:
    sale, _ = transactions.confirm(conn, NOW, request=request(), caller=seller, key="K")
    with pytest.raises(IdempotencyKeyReused):
        give_back(conn, seller, sold(sale), key="K")
    other = sold(sell(conn, seller))
    void(conn, seller, other, key="V")
    with pytest.raises(IdempotencyKeyReused):
        give_back(conn, seller, sold(sale), key="V")


def test_one_key_on_two_sales_at_once_is_used_once(conn: Conn, seller: Caller, database_url: str) -> None:
    sales = [sold(sell(conn, seller)) for _ in range(8)]

    def call(own: Conn, sale: UUID) -> bool:
        try:
            give_back(own, seller, sale, key="K")
        except IdempotencyKeyReused:
            return False
        return True

    done = at_once(database_url, [lambda own, sale=sale: call(own, sale) for sale in sales])
    assert sum(done) == count(conn, "returns") == 1


# Voids.


def test_a_void_takes_back_what_returns_left(conn: Conn, seller: Caller) -> None:
    publish(conn, funding=SHARED, limits=({"redemptions": 5}, {"budget": "100.00", "currency": "EUR"}))
    sale = sell(conn, seller, request(("A", 2), ("B", 1)))
    refund, _ = give_back(conn, seller, sold(sale), ("A", 1))
    voided = void(conn, seller, sold(sale))
    assert voided.quote.net == refund.refund - sale.net
    assert [line.quantity for line in voided.quote.lines] == [-1, -1]
    assert_rows_are_sound(conn)
    assert_nothing_is_left(conn)
    with pytest.raises(AlreadyVoided):
        give_back(conn, seller, sold(sale), ("A", 1))
    assert returns.find(conn, transaction_id=sold(sale), caller=seller).returnable == ()


def test_nothing_is_left_to_void_after_a_full_return(conn: Conn, seller: Caller) -> None:
    sale = sold(sell(conn, seller))
    give_back(conn, seller, sale)
    with pytest.raises(NothingLeft):
        void(conn, seller, sale)
    with pytest.raises(NothingLeft):
        give_back(conn, seller, sale)
    assert_nothing_is_left(conn)


def test_a_sale_of_other_semantics_is_voided_but_not_returned(conn: Conn, seller: Caller) -> None:
    publish(conn)
    sale = sold(sell(conn, seller, request(("A", 2))))
    give_back(conn, seller, sale, ("A", 1))
    with tampering(conn):
        conn.execute("UPDATE transactions SET engine_semantics = 1 WHERE kind = 'sale'")
    with pytest.raises(SemanticsChanged) as refusal:
        give_back(conn, seller, sale, ("A", 1))
    assert refusal.value.values == {"recorded": 1, "current": SEMANTICS}
    void(conn, seller, sale)
    assert_nothing_is_left(conn)


def test_what_is_no_sale_of_yours_is_not_returned(conn: Conn, seller: Caller) -> None:
    sale = sold(sell(conn, seller))
    stranger = Caller(a_user(conn, Role.STORE_USER), Role.STORE_USER, "S2")
    for who, transaction_id in ((stranger, sale), (seller, uuid4())):
        with pytest.raises(TransactionNotFound):
            give_back(conn, who, transaction_id)
        with pytest.raises(TransactionNotFound):
            returns.find(conn, transaction_id=transaction_id, caller=who)
        with pytest.raises(TransactionNotFound):
            returns.preview(conn, LATER, transaction_id=transaction_id, wanted=None, caller=who)
    refund, _ = give_back(conn, seller, sale, ("A", 1))
    assert refund.id is not None
    with pytest.raises(NotASale):
        give_back(conn, seller, refund.id)
    with pytest.raises(NotASale):
        void(conn, seller, refund.id)
    with pytest.raises(NotASale):
        replay(conn, seller, refund.id)


# History.


def test_history_knows_what_came_back(conn: Conn, seller: Caller) -> None:
    """Spend is what is not returned; a redemption given back is none; a void takes its returns along."""
    spent = {"fact": "history.spend", "op": "ge", "value": "60.00", "currency": "EUR"}
    earlier = {"fact": "history.redemptions", "op": "ge", "value": 1}
    ten = percent_off("10")
    rich = publish(conn, name="Rich", rule=ten | {"if": spent}, stackable=True)
    again = publish(conn, name="Again", rule=ten | {"if": {"any": [earlier, _sku("B")]}}, stackable=True)
    who = {"customer": buyer(phone_hash=b"one")}

    def knows() -> tuple[bool, bool]:
        told = quote(conn, seller, request(("A", 1), **who))
        return tuple(outcome_of(told, one) is Outcome.APPLIED for one in (rich, again))  # type: ignore[return-value]

    assert knows() == (False, False)
    first = sold(sell(conn, seller, request(("A", 2), **who)))
    assert knows() == (True, False)
    give_back(conn, seller, first, ("A", 1))
    assert knows() == (False, False)
    second = sold(sell(conn, seller, request(("B", 2), **who)))
    assert knows() == (True, True)
    give_back(conn, seller, second)
    assert knows() == (False, False)
    third: Quote = sell(conn, seller, request(("A", 2), **who))
    give_back(conn, seller, sold(third), ("A", 1))
    assert knows() == (True, False)
    void(conn, seller, first)
    void(conn, seller, sold(third))
    fourth = sold(sell(conn, seller, request(("A", 2), **who)))
    assert knows() == (True, False)
    void(conn, seller, fourth)
    assert knows() == (False, False)


def _sku(sku: str) -> dict[str, Any]:
    where = {"fact": "product.sku", "op": "eq", "value": sku}
    return {"count": "lines", "where": where, "op": "ge", "value": 1}
