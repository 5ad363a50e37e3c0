"""Audit entries, only ever added."""

from datetime import datetime

from shared.domain.audit import Action, By, State, Subject
from shared.rows import jsonb
from shared.store import Conn


def insert(
    conn: Conn,
    *,
    now: datetime,
    by: By | None,
    action: Action,
    subject: Subject,
    subject_id: object,
    before: State,
    after: State,
) -> None:
    """An entry, in the transaction of the change that it tells; nobody is the app's own doing."""
    conn.execute(
        """
        INSERT INTO audit_entries (at, actor, action, subject_kind, subject_id, before, after, request_id)
        VALUES (%(now)s, %(actor)s, %(action)s, %(subject)s, %(subject_id)s, %(before)s, %(after)s,
                %(request_id)s)
        """,
        {
            "now": now,
            "actor": by and by.user_id,
            "action": action,
            "subject": subject,
            "subject_id": str(subject_id),
            "before": None if before is None else jsonb(before),
            "after": None if after is None else jsonb(after),
            "request_id": by and by.request_id,
        },
    )
