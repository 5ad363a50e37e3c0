"""Transactions in the database: ids that tell when, months, what never changes, whom a store settles with."""

import shutil
from datetime import date
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from shared.schema.migrate import FOLDER, migrate
from shared.store import partitions
from tests.actions.selling import a_seller, at_once, publish, sell, sold, three_lenses
from tests.rows import NOW, Conn, a_store, tampering

JUNE = date(2026, 6, 1)


def one(conn: Conn, query: str, *parameters: object) -> object:
    row = conn.execute(query, parameters).fetchone()  # type: ignore[arg-type]
    assert row is not None
    return row[0]


def partition_of(conn: Conn, transaction_id: object) -> str:
    return str(one(conn, "SELECT tableoid::regclass::text FROM transactions WHERE id = %s", transaction_id))


def test_an_id_tells_its_moment_to_the_millisecond(conn: Conn) -> None:
    wrong = conn.execute(
        """
        SELECT moment, id
          FROM (SELECT moment, transaction_id(moment) AS id
                  FROM generate_series(
                         timestamptz '2024-02-28 23:59:58.9994+00', timestamptz '2024-02-29 00:00:01+00',
                         interval '777 microseconds'
                       ) AS moment) AS made
         WHERE uuid_extract_version(id) <> 7
            OR uuid_extract_timestamp(id) <> date_trunc('milliseconds', moment)
            OR id < id_from(moment)
            OR id >= id_from(moment + interval '1 millisecond')
        """
    ).fetchall()
    assert wrong == []


def test_ids_of_one_moment_keep_their_order_and_differ_by_chance(conn: Conn) -> None:
    ids = [row[0] for row in conn.execute("SELECT transaction_id(%s) FROM generate_series(1, 5000)", [NOW])]
    assert ids == sorted(ids)
    assert len({each.int & (2**48 - 1) for each in ids}) == 5000
    assert {each.variant for each in ids} == {uuid4().variant}


def test_the_counter_of_ids_goes_round(conn: Conn) -> None:
    conn.execute("SELECT setval('transaction_order', 67108862)")
    last, first = (one(conn, "SELECT transaction_id(%s)", NOW) for _ in range(2))
    assert str(last)[14:23] > str(first)[14:23]


def test_an_id_of_another_moment_is_refused(conn: Conn) -> None:
    three_lenses(conn)
    sale = sold(sell(conn, a_seller(conn)))
    with pytest.raises(psycopg.errors.CheckViolation, match="transactions_ids_tell_when"), tampering(conn):
        conn.execute("UPDATE transactions SET created_at = created_at + interval '1 s' WHERE id = %s", [sale])


def test_a_sale_never_changes_but_in_its_status(conn: Conn) -> None:
    three_lenses(conn)
    sell(conn, a_seller(conn))
    columns = {
        row[0]
        for row in conn.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_name = 'transactions'"
        )
    }
    changing = {"status", "otp_challenge_id", "otp_verified_at"}
    for column in columns - changing:
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
            conn.execute(f"UPDATE transactions SET {column} = {column}")  # type: ignore[arg-type]
    assert conn.execute("UPDATE transactions SET status = 'Verified'").rowcount == 1
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
        conn.execute("DELETE FROM transactions")


def test_what_has_no_partition_is_caught_and_moves_when_it_gets_one(conn: Conn) -> None:
    three_lenses(conn)
    seller = a_seller(conn)
    sale = sold(sell(conn, seller))
    assert partition_of(conn, sale) == "transactions_default"
    assert partitions.find_strays(conn, "transactions") == {JUNE: 1}
    before = conn.execute("SELECT * FROM transactions").fetchall()
    assert partitions.make(conn, "transactions", JUNE)
    assert partition_of(conn, sale) == "transactions_202606"
    assert partitions.find_strays(conn, "transactions") == {}
    assert conn.execute("SELECT * FROM transactions").fetchall() == before
    assert not partitions.make(conn, "transactions", JUNE)
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
        conn.execute("DELETE FROM transactions")
    later = sold(sell(conn, seller, now=NOW.replace(month=8)))
    assert partition_of(conn, later) == "transactions_default"
    assert partition_of(conn, sold(sell(conn, seller))) == "transactions_202606"


def test_partitions_meet_without_a_gap(conn: Conn) -> None:
    """The last millisecond of a month and the first of the next, across a year."""
    for month in (date(2026, 12, 1), date(2027, 1, 1)):
        partitions.make(conn, "transactions", month)
    bounds = [
        row[0]
        for row in conn.execute(
            """
            SELECT pg_get_expr(relpartbound, oid)
              FROM pg_class
             WHERE relname IN ('transactions_202612', 'transactions_202701')
             ORDER BY relname
            """
        )
    ]
    (_, end), (begin, _) = (bound.removeprefix("FOR VALUES FROM ").split(" TO ") for bound in bounds)
    assert end == begin
    assert begin == f"('{one(conn, 'SELECT id_from(%s)', '2027-01-01T00:00:00Z')}')"


def test_a_month_has_a_first_day(conn: Conn) -> None:
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="not the first day"):
        partitions.make(conn, "transactions", date(2026, 6, 2))


def test_sales_go_on_while_their_month_gets_a_partition(conn: Conn, database_url: str) -> None:
    three_lenses(conn)
    seller = a_seller(conn)
    sell(conn, seller)

    def selling(own: Conn) -> set[object]:
        return {sold(sell(own, seller)) for _ in range(10)}

    def making(own: Conn) -> set[object]:
        return {partitions.make(own, "transactions", JUNE)}

    found = at_once(database_url, [selling, making, selling, making, selling])
    assert sorted(map(len, found)) == [1, 1, 10, 10, 10]
    assert {next(iter(found[1])), next(iter(found[3]))} == {True, False}
    assert one(conn, "SELECT count(*) FROM transactions") == 31
    assert one(conn, "SELECT count(*) FROM transactions_202606") == 31


def test_a_month_is_read_from_its_partition_alone(conn: Conn) -> None:
    for month in (5, 6, 7):
        partitions.make(conn, "transactions", date(2026, month, 1))
    plan = conn.execute(
        """
        EXPLAIN
        SELECT sum(net_minor)
          FROM transactions
         WHERE id >= id_from('2026-06-01T00:00:00Z')
           AND id < id_from('2026-07-01T00:00:00Z')
        """
    ).fetchall()
    read = {word for (line,) in plan for word in line.split() if word.startswith("transactions_")}
    assert read & {row[0] for row in conn.execute("SELECT relname FROM pg_class WHERE relkind = 'r'")} == {
        "transactions_202606"
    }


def test_a_store_settles_with_the_one_at_the_top(conn: Conn) -> None:
    for store_id in ("TOP", "MIDDLE", "LEAF", "OTHER"):
        a_store(conn, store_id)
    conn.execute("UPDATE stores SET parent_id = 'MIDDLE' WHERE id = 'LEAF'")
    conn.execute("UPDATE stores SET parent_id = 'TOP' WHERE id = 'MIDDLE'")
    assert retailers(conn) == {"TOP": "TOP", "MIDDLE": "TOP", "LEAF": "TOP", "OTHER": "OTHER"}
    conn.execute("UPDATE stores SET parent_id = 'OTHER' WHERE id = 'MIDDLE'")
    assert retailers(conn) == {"TOP": "TOP", "MIDDLE": "OTHER", "LEAF": "OTHER", "OTHER": "OTHER"}
    conn.execute("UPDATE stores SET parent_id = NULL WHERE id = 'LEAF'")
    assert retailers(conn)["LEAF"] == "LEAF"


def test_a_child_may_come_before_its_parent(conn: Conn) -> None:
    with conn.transaction():
        a_store(conn, "LEAF")
        conn.execute("UPDATE stores SET parent_id = 'TOP' WHERE id = 'LEAF'")
        a_store(conn, "TOP")
    assert retailers(conn) == {"TOP": "TOP", "LEAF": "TOP"}


def test_a_sale_keeps_the_retailer_it_was_made_under(conn: Conn) -> None:
    three_lenses(conn)
    seller = a_seller(conn)
    a_store(conn, "TOP")
    conn.execute("UPDATE stores SET parent_id = 'TOP' WHERE id = 'S1'")
    sale = sold(sell(conn, seller))
    conn.execute("UPDATE stores SET parent_id = NULL WHERE id = 'S1'")
    assert one(conn, "SELECT retailer_id FROM transactions WHERE id = %s", sale) == "TOP"
    assert one(conn, "SELECT retailer_id FROM transactions WHERE id = %s", sold(sell(conn, seller))) == "S1"


def retailers(conn: Conn) -> dict[str, str]:
    return dict(conn.execute("SELECT id, retailer_id FROM stores").fetchall())


def test_sales_recorded_before_are_carried_over(conn: Conn, database_url: str, tmp_path: Path) -> None:
    """A database of the migrations before, with a sale as it was recorded then."""
    three_lenses(conn)
    seller = a_seller(conn)
    publish(conn, funding=({"party": "brand", "share": "0.7"}, {"party": "retailer", "share": "0.3"}))
    sell(conn, seller)
    row = conn.execute("SELECT allocations, seen, quote, net_minor FROM transactions").fetchone()
    assert row is not None
    allocations, seen, quote, net = row
    conn.execute("DROP SCHEMA public CASCADE")
    conn.execute("CREATE SCHEMA public")
    for path in FOLDER.glob("*.sql"):
        if path.name < "0012":
            shutil.copy(path, tmp_path)
    migrate(database_url, tmp_path)
    store_id = a_store(conn)
    conn.execute(
        "INSERT INTO users (id, name, email, role, created_at) VALUES (%s, 'A', 'a@example.com', %s, %s)",
        [seller.user_id, "admin", NOW],
    )
    conn.execute(
        """
        INSERT INTO transactions (store_id, status, currency, gross_minor, discount_minor, net_minor,
                                  tax_minor, channel, user_id, rule_set_version, engine_semantics, seen,
                                  quote, created_at)
        VALUES (%s, 'New', 'EUR', 9999, 1000, 8999, 1622, 'store', %s, 1, 1, %s, %s, %s)
        """,
        [store_id, seller.user_id, seen, quote, NOW],
    )
    migrate(database_url)
    carried = conn.execute(
        "SELECT allocations, seen, quote, net_minor, retailer_id FROM transactions"
    ).fetchall()
    assert [each[:4] for each in carried] == [(allocations, seen, quote, net)]
    assert carried[0][4] == store_id
