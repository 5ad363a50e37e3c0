"""Audit entries: adding one, which is never changed, and finding some."""

from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.audit import Action, AuditEntry, By, State, Subject
from shared.rows import jsonb, of
from shared.store import Conn

# An id tells when its entry was written, by the database's clock, `at` when that began which it tells of, by
# the app's: they are not further apart.
_APART = timedelta(minutes=15)


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


def find(
    conn: Conn,
    *,
    subject: Subject | None,
    subject_id: str | None,
    actor: UUID | None,
    action: Action | None,
    from_at: datetime | None,
    until_at: datetime | None,
    before: UUID | None,
    limit: int,
) -> list[AuditEntry]:
    """Newest first, from an instant to before another; None does not narrow.

    Never prepared: which index serves depends on what is asked for, and one plan for all would read millions.
    """
    return (
        conn.cursor(row_factory=of(AuditEntry))
        .execute(
            """
            SELECT entry.id, at, actor, action, subject_kind, subject_id, before, after, request_id,
                   audit_links.day AS sealed_on, audit_links.position
              FROM (
                     SELECT id, at, actor, action, subject_kind, subject_id, before, after, request_id
                       FROM audit_entries
                      WHERE (%(subject)s::text IS NULL OR subject_kind = %(subject)s)
                        AND (%(subject_id)s::text IS NULL OR subject_id = %(subject_id)s)
                        AND (%(actor)s::uuid IS NULL OR actor = %(actor)s)
                        AND (%(action)s::text IS NULL OR action = %(action)s)
                        AND (%(from_at)s::timestamptz IS NULL
                             OR (at >= %(from_at)s AND id >= id_from(%(from_at)s - %(apart)s)))
                        AND (%(until_at)s::timestamptz IS NULL
                             OR (at < %(until_at)s AND id < id_from(%(until_at)s + %(apart)s)))
                        AND (%(before)s::uuid IS NULL OR id < %(before)s)
                      ORDER BY id DESC
                      LIMIT %(limit)s
                   ) AS entry
              LEFT JOIN audit_links
                ON audit_links.entry_id = entry.id
             ORDER BY entry.id DESC
            """,
            {
                "subject": subject,
                "subject_id": subject_id,
                "actor": actor,
                "action": action,
                "from_at": from_at,
                "until_at": until_at,
                "apart": _APART,
                "before": before,
                "limit": limit,
            },
            prepare=False,
        )
        .fetchall()
    )
