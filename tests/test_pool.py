"""The pool: opened late, whole transactions, and a database that is away is said so and found again."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Barrier

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

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


def test_while_it_is_away_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a patience of hours this ends only if those who wait are told."""
    (nobody_listens,) = free_ports(1)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://127.0.0.1:{nobody_listens}/x")
    monkeypatch.setattr(pool, "_PATIENCE_S", 10_000)
    forget_app()

    def refused(_: int) -> bool:
        with pytest.raises(pool.DatabaseUnavailable), pool.connection():
            pytest.fail("there is no such connection")
        return True

    with ThreadPoolExecutor(32) as threads:
        assert all(threads.map(refused, range(200)))


def test_those_that_died_together_are_not_found_out_one_by_one(conn: Conn) -> None:
    """Of eight dead ones the first tells of all: between two of them psycopg's pool would pause."""
    barrier = Barrier(8)

    def backend(_: int) -> int:
        with pool.connection() as one:
            barrier.wait()
            return one.info.backend_pid

    with ThreadPoolExecutor(8) as threads:
        before = set(threads.map(backend, range(8)))
    assert len(before) == 8
    conn.execute("SELECT pg_terminate_backend(pid, 10000) FROM unnest(%s::int[]) AS pid", [list(before)])
    with pool.connection() as another:
        assert another.info.backend_pid not in before
    assert pool._open_pool().get_stats()["connections_lost"] == 1


def test_connections_that_were_cut_are_replaced(conn: Conn) -> None:
    with pool.connection() as one:
        pid = one.info.backend_pid
    conn.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])
    with pool.connection() as another:
        assert another.info.backend_pid != pid


def test_a_connection_cut_while_in_use_is_unavailable(conn: Conn) -> None:
    with pytest.raises(pool.DatabaseUnavailable), pool.connection() as one:
        conn.execute("SELECT pg_terminate_backend(%s)", [one.info.backend_pid])
        one.execute("SELECT 1")


def test_a_mistake_in_sql_is_not_an_outage() -> None:
    with pytest.raises(psycopg.errors.UndefinedTable), pool.connection() as conn:
        conn.execute("SELECT 1 FROM nowhere")


def test_a_statement_that_takes_too_long_is_busy_and_the_connection_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_STATEMENT_TIMEOUT_S", "1")
    forget_app()
    with pytest.raises(pool.DatabaseBusy), pool.connection() as conn:
        pid = conn.info.backend_pid
        conn.execute("SELECT pg_sleep(600)")
    with pool.connection() as conn:
        assert conn.info.backend_pid == pid


def test_a_lock_that_is_not_to_be_had_is_busy(conn: Conn) -> None:
    with conn.transaction(), pytest.raises(pool.DatabaseBusy), pool.transaction() as other:
        conn.execute("LOCK TABLE users")
        other.execute("LOCK TABLE users NOWAIT")


def test_more_than_can_wait_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "1")
    forget_app()
    waiting = pool._open_pool().max_waiting

    def outcome(_: int) -> str:
        try:
            with pool.connection():
                return "served"
        except pool.DatabaseBusy as busy:
            return busy.code

    with ThreadPoolExecutor(waiting + 3) as threads:
        with pool.connection():
            asked = [threads.submit(outcome, number) for number in range(waiting + 3)]
            refused = [one.result() for _, one in zip(range(3), as_completed(asked), strict=False)]
        assert refused == ["database_busy"] * 3
        assert Counter(one.result() for one in asked) == {"served": waiting, "database_busy": 3}


def _session(conn: Conn) -> dict[str, str]:
    names = ["TimeZone", "statement_timeout", "idle_in_transaction_session_timeout"]
    return {name: conn.execute("SELECT current_setting(%s)", [name]).fetchone()[0] for name in names}  # type: ignore[index]


def _prepared(conn: Conn) -> int:
    """How many statements the session has prepared after one was run often enough to be."""
    for _ in range(10):
        conn.execute("SELECT count(*) FROM users WHERE name = %s", ["x"])
    row = conn.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    assert row is not None
    return row[0]


def test_a_session_has_its_time_outs_and_prepares_statements(
    conn: Conn, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set_for_database(conn, TimeZone="Asia/Tokyo")
    monkeypatch.setenv("DATABASE_IDLE_TRANSACTION_TIMEOUT_S", "7")
    forget_app()
    with pool.connection() as one:
        assert _session(one) == {
            "TimeZone": "UTC",
            "statement_timeout": "30s",
            "idle_in_transaction_session_timeout": "7s",
        }
        assert _prepared(one) == 1


def test_through_pgbouncer_nothing_is_set_or_prepared(
    conn: Conn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    there = {
        "TimeZone": "UTC",
        "statement_timeout": "11s",
        "idle_in_transaction_session_timeout": "12s",
    }
    _set_for_database(conn, **there)
    monkeypatch.setenv("DATABASE_PGBOUNCER", "1")
    forget_app()
    with pool.connection() as one:
        assert _session(one) == there
        assert _prepared(one) == 0
        options = one.info.get_parameters().get("options")
    assert options is None
    assert caplog.text == ""


def test_through_pgbouncer_what_the_role_lacks_is_told(
    conn: Conn, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _set_for_database(conn, TimeZone="Asia/Tokyo", statement_timeout="0")
    monkeypatch.setenv("DATABASE_PGBOUNCER", "1")
    forget_app()
    with pool.connection():
        assert "SET TimeZone = 'UTC'" in caplog.text
        assert "SET statement_timeout = '30s'" in caplog.text


def _set_for_database(conn: Conn, **settings: str) -> None:
    """As if for the role, but of this test's database alone."""
    for name, value in settings.items():
        conn.execute(
            SQL("ALTER DATABASE {} SET {} = {}").format(
                Identifier(conn.info.dbname), Identifier(name), Literal(value)
            )
        )


def test_a_process_never_opens_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_POOL_MAX", "3")
    forget_app()

    def backend(_: int) -> int:
        with pool.connection() as conn:
            conn.execute("SELECT pg_sleep(0.02)")
            return conn.info.backend_pid

    with ThreadPoolExecutor(12) as threads:
        assert len(set(threads.map(backend, range(36)))) <= 3


def test_only_what_idled_is_asked_whether_it_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def check(conn: Conn) -> None:
        asked.append(conn.info.backend_pid)
        conn.execute("")

    monkeypatch.setattr(pool._Pool, "check_connection", staticmethod(check))
    for _ in range(3):
        with pool.connection() as conn:
            pid = conn.info.backend_pid
    assert asked == [pid], "a new one"
    monkeypatch.setattr(pool, "_HEARD_S", 0.0)
    with pool.connection() as conn:
        assert asked == [pid, conn.info.backend_pid]
