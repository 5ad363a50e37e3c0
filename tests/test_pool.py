"""The pool: opened late, whole transactions, and a database that is away is said so and found again."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from shared import pool
from tests.harness import forget_app, free_ports
from tests.rows import Conn

pytestmark = pytest.mark.usefixtures("app")


def test_each_statement_is_its_own_transaction() -> None:
    with pool.connection() as conn:
        assert conn.autocommit
        conn.execute("CREATE TABLE marks (id int)")
    with pytest.raises(ZeroDivisionError), pool.connection() as conn:
        conn.execute("INSERT INTO marks VALUES (1)")
        raise ZeroDivisionError
    assert _count() == 1


def test_a_transaction_is_whole_or_nothing() -> None:
    with pool.connection() as conn:
        conn.execute("CREATE TABLE marks (id int)")
    with pytest.raises(ZeroDivisionError), pool.transaction() as conn:
        conn.execute("INSERT INTO marks VALUES (1)")
        raise ZeroDivisionError
    assert _count() == 0
    with pool.transaction() as conn:
        conn.execute("INSERT INTO marks VALUES (1)")
    assert _count() == 1


def _count() -> int:
    with pool.connection() as conn:
        row = conn.execute("SELECT count(*) FROM marks").fetchone()
    assert row is not None
    return row[0]


def test_a_database_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    (nobody_listens,) = free_ports(1)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{nobody_listens}/x")
    forget_app()
    with pytest.raises(pool.DatabaseUnavailable), pool.connection():
        pytest.fail("there is no such connection")


def test_connections_that_were_cut_are_replaced(conn: Conn) -> None:
    with pool.connection() as one:
        pid = one.info.backend_pid
    conn.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pool.connection() as another:
        assert another.info.backend_pid != pid


def test_a_connection_cut_while_in_use_is_unavailable(conn: Conn) -> None:
    with pytest.raises(pool.DatabaseUnavailable), pool.connection() as one:
        conn.execute("SELECT pg_terminate_backend(%s)", [one.info.backend_pid])
        one.execute("SELECT 1")


def test_a_mistake_in_sql_is_not_an_outage() -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), pool.connection() as conn:
        conn.execute("SELECT 1 FROM nowhere")


def test_a_process_never_opens_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "3")
    forget_app()

    def backend(_: int) -> int:
        with pool.connection() as conn:
            conn.execute("SELECT pg_sleep(0.02)")
            return conn.info.backend_pid

    with ThreadPoolExecutor(12) as threads:
        assert len(set(threads.map(backend, range(36)))) <= 3
