"""The outbox: leases are taken by the database's clock, which all senders share."""

from datetime import timedelta
from uuid import UUID

from shared.domain.outbox import Message
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn, *, most: int, lease: timedelta) -> list[Message]:
    """Lease up to `most` unsent messages, oldest first, that nobody else is sending."""
    return (
        conn.cursor(row_factory=of(Message))
        .execute(
            """
            UPDATE outbox
               SET lease_until = now() + %(lease)s,
                   attempts = attempts + 1
             WHERE id IN (
                     SELECT id
                       FROM outbox
                      WHERE sent_at IS NULL
                        AND failed_at IS NULL
                        AND expires_at > now()
                        AND (lease_until IS NULL OR lease_until < now())
                      ORDER BY created_at
                      LIMIT %(most)s
                        FOR UPDATE SKIP LOCKED
                   )
            RETURNING id, kind, message, attempts
            """,
            {"most": most, "lease": lease},
        )
        .fetchall()
    )


def update_sent(conn: Conn, message_id: UUID) -> None:
    """It was delivered: forget what it said."""
    conn.execute(
        """
        UPDATE outbox
           SET sent_at = now(),
               lease_until = NULL,
               message = NULL
         WHERE id = %(message_id)s
        """,
        {"message_id": message_id},
    )


def update_postponed(conn: Conn, *, message_id: UUID, pause: timedelta, failure: str) -> None:
    """It was not delivered; the next sender may try after `pause`."""
    conn.execute(
        """
        UPDATE outbox
           SET lease_until = now() + %(pause)s,
               failure = %(failure)s
         WHERE id = %(message_id)s
        """,
        {"message_id": message_id, "pause": pause, "failure": failure},
    )


def update_failed(conn: Conn, *, message_id: UUID, failure: str) -> None:
    """It will not be tried again: forget what it said, keep why."""
    conn.execute(
        """
        UPDATE outbox
           SET failed_at = now(),
               lease_until = NULL,
               message = NULL,
               failure = %(failure)s
         WHERE id = %(message_id)s
        """,
        {"message_id": message_id, "failure": failure},
    )


def update_expired(conn: Conn) -> int:
    """Fail what nobody could deliver in time; returns how many."""
    return conn.execute(
        """
        UPDATE outbox
           SET failed_at = now(),
               lease_until = NULL,
               message = NULL,
               failure = coalesce(failure, 'expired')
         WHERE sent_at IS NULL
           AND failed_at IS NULL
           AND expires_at <= now()
        """
    ).rowcount
