"""Audit entries: kept by month, never changed, found by index."""

from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest

from shared.domain.audit import Action, AuditEntry, Subject
from shared.store import audit
from tests.rows import NOW, Conn, a_user

MARCH = date(2031, 3, 1)
IN_MARCH = "id_from('2031-03-05 00:00+00')"


def partitions(conn: Conn, table: str) -> set[str]:
    rows = conn.execute(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [table]
    )
    return {row[0] for row in rows}


def test_there_is_a_partition_for_now_and_for_the_next_month(conn: Conn) -> None:
    names = conn.execute(
        """
        SELECT to_char(now() AT TIME ZONE 'UTC', '_YYYYMM'),
               to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', '_YYYYMM')
        """
    ).fetchall()[0]
    assert partitions(conn, "audit_entries") >= {
        "audit_entries_default",
        *(f"audit_entries{name}" for name in names),
    }


@pytest.mark.parametrize("table", ["audit_entries", "audit_entries_203103", "audit_entries_default"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET actor = NULL",
        "DELETE FROM {}",
        "TRUNCATE {}",
        "TRUNCATE ONLY {}",
    ],
)
def test_entries_of_a_partition_are_never_changed(conn: Conn, table: str, statement: str) -> None:
    conn.execute("SELECT make_partition('audit_entries', %s)", [MARCH])
    conn.execute(
        f"INSERT INTO audit_entries (id, at, action, subject_kind, subject_id) "  # type: ignore[arg-type]
        f"VALUES ({IN_MARCH}, now(), 'a', 'b', 'c'), (id_from('1999-01-01'), now(), 'a', 'b', 'c')"
    )
    if "ONLY" in statement and table == "audit_entries":
        statement = "TRUNCATE {} CASCADE"
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="are never changed"):
        conn.execute(statement.format(table))  # type: ignore[arg-type]


def test_a_partition_made_late_takes_what_the_default_one_caught_and_keeps_it(conn: Conn) -> None:
    conn.execute(
        f"INSERT INTO audit_entries (id, at, action, subject_kind, subject_id) "  # type: ignore[arg-type]
        f"VALUES ({IN_MARCH}, now(), 'a', 'b', 'c')"
    )
    queued = conn.execute("TABLE audit_unsealed").fetchall()
    assert conn.execute("SELECT make_partition('audit_entries', %s)", [MARCH]).fetchall() == [(True,)]
    assert conn.execute("SELECT count(*) FROM audit_entries_203103").fetchall() == [(1,)]
    assert conn.execute("TABLE audit_unsealed").fetchall() == queued, "it waits once"
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="are never changed"):
        conn.execute("DELETE FROM audit_entries_203103")


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_links SET position = 2", "DELETE FROM audit_links", "TRUNCATE audit_links"]
)
def test_links_are_never_changed(conn: Conn, statement: str) -> None:
    conn.execute("INSERT INTO audit_links VALUES ('2026-01-01', 1, uuidv7(), sha256(''))")
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="are never changed"):
        conn.execute(statement)  # type: ignore[arg-type]


def find(conn: Conn, **asked: object) -> list[AuditEntry]:
    nothing: dict[str, object] = dict.fromkeys(
        ("subject", "subject_id", "actor", "action", "from_at", "until_at", "before")
    )
    return audit.find(conn, **nothing | {"limit": 10} | asked)  # type: ignore[arg-type]


@pytest.fixture
def many(conn: Conn) -> Conn:
    """Three months of entries, most of them sales, by a hundred users."""
    for month in (1, 2, 3):
        conn.execute("SELECT make_partition('audit_entries', %s)", [date(2031, month, 1)])
    conn.execute(
        """
        INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id)
        SELECT transaction_id(at), at,
               ('00000000-0000-7000-8000-' || lpad((number % 100)::text, 12, '0'))::uuid,
               CASE WHEN number % 10 = 0 THEN 'promotion.created' ELSE 'transaction.recorded' END,
               CASE WHEN number % 10 = 0 THEN 'promotion' ELSE 'transaction' END,
               number::text
          FROM generate_series(0, 8999) AS number, (SELECT '2031-01-01'::timestamptz) AS year (began),
               LATERAL (SELECT began + number * interval '14 minutes') AS moment (at)
        """
    )
    conn.execute("ANALYZE audit_entries")
    return conn


def test_each_way_to_ask_narrows_and_together_they_do(many: Conn) -> None:
    newest = find(many)
    assert [entry.subject_id for entry in newest] == [str(number) for number in range(8999, 8989, -1)]
    assert [entry.subject_id for entry in find(many, before=newest[3].id, limit=2)] == ["8995", "8994"]
    assert [entry.subject_id for entry in find(many, subject=Subject.TRANSACTION, subject_id="17")] == ["17"]
    assert find(many, subject=Subject.PROMOTION, subject_id="17") == []
    created = find(many, action=Action.PROMOTION_CREATED, actor=newest[9].actor, limit=3)
    assert [entry.subject_id for entry in created] == ["8990", "8890", "8790"]
    at = datetime(2031, 2, 1, tzinfo=UTC)
    between = find(many, from_at=at, until_at=at + timedelta(minutes=30), limit=100)
    assert [entry.at >= at and entry.at < at + timedelta(minutes=30) for entry in between] == [True] * 2
    assert find(many, from_at=at, until_at=at) == []
    assert find(many, subject=Subject.GROUP) == []


def test_times_are_those_of_the_app_though_entries_are_written_later(conn: Conn) -> None:
    began = datetime.now(UTC) - timedelta(minutes=5)
    audit.insert(
        conn,
        now=began,
        by=None,
        action=Action.GROUP_CREATED,
        subject=Subject.GROUP,
        subject_id=1,
        before=None,
        after=None,
    )
    moment = timedelta(microseconds=1)
    assert len(find(conn, from_at=began, until_at=began + moment)) == 1
    assert find(conn, from_at=began + moment) == find(conn, until_at=began) == []


ASKED = {
    "nothing": {},
    "a subject": {"subject": Subject.TRANSACTION, "subject_id": "17"},
    "an actor": {"actor": "00000000-0000-7000-8000-000000000007"},
    "a rare action": {"action": Action.GROUP_DELETED},
    "a rare kind": {"subject": Subject.LANE},
    "a frequent action": {"action": Action.TRANSACTION_RECORDED},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_no_page_reads_more_than_a_few_rows(many: Conn, asked: dict[str, object]) -> None:
    for _ in range(7):
        find(many, **asked)  # As often as a statement would have been prepared.
    many.execute("SELECT pg_stat_force_next_flush()")
    before = rows_read(many)
    find(many, **asked)
    many.execute("SELECT pg_stat_force_next_flush()")
    assert rows_read(many) - before <= 50


def rows_read(conn: Conn) -> int:
    return conn.execute(
        "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int FROM pg_stat_user_tables "
        "WHERE relname LIKE 'audit_entries%'"
    ).fetchall()[0][0]


def test_a_period_reads_the_partitions_of_its_months_alone(many: Conn) -> None:
    plan = "\n".join(
        row[0]
        for row in many.execute(
            "EXPLAIN SELECT id FROM audit_entries "
            "WHERE id >= id_from('2031-02-03') AND id < id_from('2031-02-04')"
        )
    )
    assert "audit_entries_203102" in plan
    assert "audit_entries_203101" not in plan
    assert "audit_entries_203103" not in plan


def test_an_entry_says_where_it_is_sealed(conn: Conn) -> None:
    user_id = a_user(conn)
    audit.insert(
        conn,
        now=NOW,
        by=None,
        action=Action.USER_CREATED,
        subject=Subject.USER,
        subject_id=user_id,
        before=None,
        after={"a": [1]},
    )
    entry = find(conn)[0]
    assert (entry.sealed_on, entry.position, entry.after, entry.before) == (None, None, {"a": [1]}, None)
    conn.execute("INSERT INTO audit_links VALUES ('2026-01-01', 7, %s, sha256(''))", [entry.id])
    sealed = find(conn)[0]
    assert (sealed.sealed_on, sealed.position) == (date(2026, 1, 1), 7)
