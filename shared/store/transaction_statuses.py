"""Statuses of transactions: changed as they may be, each change with its entry in the audit."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from shared.domain.audit import Action, By, Subject
from shared.domain.quotes import TransactionStatus
from shared.domain.statuses import sources_of
from shared.store import Conn


def update(
    conn: Conn,
    ids: Collection[UUID],
    *,
    to: TransactionStatus,
    reason: str,
    by: By | None,
    now: datetime,
) -> set[UUID]:
    """Give the transactions a status, where theirs may become it; the ids of those that changed."""
    rows = conn.execute(
        """
          WITH changed AS (
                 UPDATE transactions
                    SET status = %(to)s
                  WHERE id = ANY(%(ids)s)
                    AND status = ANY(%(sources)s)
                 RETURNING id, old.status AS before
               ),
               told AS (
                 INSERT INTO audit_entries (
                   at, actor, action, subject_kind, subject_id, before, after, request_id
                 )
                 SELECT %(now)s, %(actor)s, %(action)s, %(subject)s, id, jsonb_build_object('status', before),
                        jsonb_build_object('status', %(to)s::text, 'reason', %(reason)s::text),
                        %(request_id)s
                   FROM changed
               )
        SELECT id
          FROM changed
        """,
        {
            "to": to,
            "ids": list(ids),
            "sources": sources_of(to),
            "now": now,
            "actor": by and by.user_id,
            "action": Action.TRANSACTION_STATUS_CHANGED,
            "subject": Subject.TRANSACTION,
            "reason": reason,
            "request_id": by and by.request_id,
        },
    ).fetchall()
    return {row[0] for row in rows}
