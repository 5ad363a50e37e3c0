"""Migrations: once each, in order, whole or not at all, and never a changed past."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from shared.schema.migrate import FOLDER, MigrationError, migrate
from tests.rows import Conn


@pytest.fixture
def empty(conn: Conn, database_url: str) -> str:
    """This test's database with nothing in it."""
    conn.execute("DROP SCHEMA public CASCADE")
    conn.execute("CREATE SCHEMA public")
    return database_url


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "0001_first.sql", "CREATE TABLE first (id int);")
    write(tmp_path, "0002_second.sql", "CREATE TABLE second (id int);")
    return tmp_path


def write(folder: Path, name: str, sql: str) -> None:
    (folder / name).write_text(sql)


def tables(conn: Conn) -> set[str]:
    return {row[0] for row in conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")} - {
        "schema_migrations"
    }


def test_our_own_apply_once(empty: str) -> None:
    assert migrate(empty) == sorted(path.name for path in FOLDER.glob("*.sql"))
    assert migrate(empty) == []


def test_new_ones_apply_in_order(conn: Conn, empty: str, folder: Path) -> None:
    assert migrate(empty, folder) == ["0001_first.sql", "0002_second.sql"]
    write(folder, "0003_third.sql", "ALTER TABLE second ADD name text;")
    assert migrate(empty, folder) == ["0003_third.sql"]
    assert tables(conn) == {"first", "second"}


def test_a_failing_one_leaves_nothing_of_itself(conn: Conn, empty: str, folder: Path) -> None:
    write(folder, "0003_third.sql", "CREATE TABLE third (id int); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty, folder)
    assert tables(conn) == {"first", "second"}
    write(folder, "0003_third.sql", "CREATE TABLE third (id int);")
    assert migrate(empty, folder) == ["0003_third.sql"]


def test_a_changed_past_is_refused(empty: str, folder: Path) -> None:
    migrate(empty, folder)
    write(folder, "0001_first.sql", "CREATE TABLE first (id bigint);")
    write(folder, "0003_third.sql", "CREATE TABLE third (id int);")
    with pytest.raises(MigrationError, match=r"0001_first\.sql was changed"):
        migrate(empty, folder)


def test_other_line_ends_are_no_change(empty: str, folder: Path) -> None:
    write(folder, "0001_first.sql", "CREATE TABLE first\n(id int);")
    migrate(empty, folder)
    (folder / "0001_first.sql").write_bytes(b"CREATE TABLE first\r\n(id int);")
    assert migrate(empty, folder) == []


def test_a_past_that_is_gone_is_refused(empty: str, folder: Path) -> None:
    migrate(empty, folder)
    (folder / "0001_first.sql").unlink()
    with pytest.raises(MigrationError, match="its file is gone"):
        migrate(empty, folder)


def test_one_that_comes_late_is_refused(conn: Conn, empty: str, folder: Path) -> None:
    (folder / "0001_first.sql").rename(folder / "0004_first.sql")
    migrate(empty, folder)
    write(folder, "0003_third.sql", "CREATE TABLE third (id int);")
    with pytest.raises(MigrationError, match="sorts before"):
        migrate(empty, folder)
    assert "third" not in tables(conn)


def test_two_of_one_number_are_refused(empty: str, folder: Path) -> None:
    write(folder, "0002_other.sql", "CREATE TABLE other (id int);")
    with pytest.raises(MigrationError, match="share a number"):
        migrate(empty, folder)


def test_parallel_runs_apply_each_once(empty: str, folder: Path) -> None:
    write(folder, "0003_slow.sql", "SELECT pg_sleep(0.2); CREATE TABLE third (id int);")
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: migrate(empty, folder), range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, 3]
