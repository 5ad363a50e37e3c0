"""The audit's migration: entries and transactions of before are in the chain from the start."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.jobs.audit_sealing import seal_due
from shared.jobs.audit_verify import outside, verify
from shared.schema.migrate import FOLDER, migrate
from tests.rows import NOW, Conn, a_store


@pytest.mark.usefixtures("app")
def test_what_was_recorded_before_is_sealed_as_well(conn: Conn, database_url: str, tmp_path: Path) -> None:
    conn.execute("DROP SCHEMA public CASCADE")
    conn.execute("CREATE SCHEMA public")
    for path in FOLDER.glob("*.sql"):
        if path.name < "0013":
            shutil.copy(path, tmp_path)
    migrate(database_url, tmp_path)
    store_id = a_store(conn)
    user_id = conn.execute(
        "INSERT INTO users (name, email, role, created_at) "
        "VALUES ('A', 'a@example.com', 'admin', %s) RETURNING id",
        [NOW],
    ).fetchall()[0][0]
    entry_id = conn.execute(
        "INSERT INTO audit_entries (at, actor, action, subject_kind, subject_id, after) "
        "VALUES (%s, %s, 'group.created', 'group', 'g', '{\"n\": 1}') RETURNING id",
        [NOW, user_id],
    ).fetchall()[0][0]
    sale_id = conn.execute(
        """
        INSERT INTO transactions (id, store_id, retailer_id, status, currency, gross_minor, discount_minor,
                                  net_minor, tax_minor, channel, user_id, rule_set_version, engine_semantics,
                                  allocations, seen, quote, created_at)
        VALUES (transaction_id(%(now)s), %(store_id)s, %(store_id)s, 'New', 'EUR', 100, 0, 100, 0, 'store',
                %(user_id)s, 1, 1, '[]', '{}', '{}', %(now)s)
        RETURNING id
        """,
        {"now": NOW, "store_id": store_id, "user_id": user_id},
    ).fetchall()[0][0]
    migrate(database_url)
    kept = conn.execute(
        "SELECT id, actor, action, after ->> 'kind' FROM audit_entries ORDER BY id"
    ).fetchall()
    assert kept == [
        (sale_id, user_id, "transaction.recorded", "sale"),
        (entry_id, user_id, "group.created", None),
    ]
    assert conn.execute("SELECT count(*) FROM audit_entries_default").fetchall() == [(0,)]
    now = datetime.now(UTC)
    assert seal_due(now) == 2
    report = verify(now.date(), storage=False)
    assert (report.links, report.broken, outside()) == (2, None, None)
