"""Entries to seal, and what was sealed of them."""

from datetime import UTC, datetime
from uuid import UUID

from shared.domain.audit import Action, Subject
from shared.store import audit
from tests.rows import Conn

# The day of sealing is no day on which any test runs, or makes sales.
NOW = datetime(2030, 5, 2, 12, 0, tzinfo=UTC)
DAY = NOW.date()


def tell(conn: Conn, *subjects: str) -> None:
    """An entry about each."""
    for subject in subjects:
        audit.insert(
            conn,
            now=NOW,
            by=None,
            action=Action.GROUP_CHANGED,
            subject=Subject.GROUP,
            subject_id=subject,
            before={"name": "È", "size": 1.50},
            after={"name": 'quoted "line"\n, "link": "', "size": 2},
        )


def tell_many(conn: Conn, count: int) -> None:
    conn.execute(
        """
        INSERT INTO audit_entries (at, action, subject_kind, subject_id, after)
        SELECT now(), 'group.created', 'group', number::text, jsonb_build_object('name', repeat('x', 200))
          FROM generate_series(1, %s) AS number
        """,
        [count],
    )


def sealed(conn: Conn) -> list[str]:
    """The subjects of sealed entries, as they stand in the chain."""
    return [
        row[0]
        for row in conn.execute(
            "SELECT subject_id FROM audit_links JOIN audit_entries ON id = entry_id ORDER BY day, position"
        )
    ]


def entry_at(conn: Conn, position: int) -> UUID:
    return conn.execute("SELECT entry_id FROM audit_links WHERE position = %s", [position]).fetchall()[0][0]
