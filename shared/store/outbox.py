"""The outbox: leases are taken by the database's clock, which all senders share."""

from datetime import timedelta
from uuid import UUID

from shared.domain.outbox import Message
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn, *, most: int, lease: timedelta, attempts: int) -> list[Message]:
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
                        AND attempts < %(attempts)s
                        AND (lease_until IS NULL OR lease_until < now())
                      ORDER BY created_at
                      LIMIT %(most)s
                        FOR UPDATE SKIP LOCKED
                   )
            RETURNING id, kind, message, attempts
            """,
            {"most": most, "lease": lease, "attempts": attempts},
        )
        .fetchall()
    )


def update_sent(conn: Conn, message_id: UUID) -> None:
    """It was delivered, which counts whoever holds it by now: forget what it said."""
    conn.execute(
        """
        UPDATE outbox
           SET sent_at = now(),
               failed_at = NULL,
               failure = NULL,
               lease_until = NULL,
               message = NULL
         WHERE id = %(message_id)s
        """,
        {"message_id": message_id},
    )


def update_postponed(conn: Conn, leased: Message, *, pause: timedelta, failure: str) -> None:
    """It was not delivered under this lease; the next sender may try after `pause`."""
    conn.execute(
        """
        UPDATE outbox
           SET lease_until = now() + %(pause)s,
               failure = %(failure)s
         WHERE id = %(message_id)s
           AND attempts = %(attempts)s
           AND sent_at IS NULL
           AND failed_at IS NULL
        """,
        {"message_id": leased.id, "attempts": leased.attempts, "pause": pause, "failure": failure},
    )


def update_failed(conn: Conn, leased: Message, *, failure: str) -> None:
    """It was not delivered under this lease and will not be tried again: forget what it said, keep why."""
    conn.execute(
        """
        UPDATE outbox
           SET failed_at = now(),
               lease_until = NULL,
               message = NULL,
               failure = %(failure)s
         WHERE id = %(message_id)s
           AND attempts = %(attempts)s
           AND sent_at IS NULL
           AND failed_at IS NULL
        """,
        {"message_id": leased.id, "attempts": leased.attempts, "failure": failure},
    )


def update_expired(conn: Conn, *, attempts: int) -> int:
    """Fail what nobody is sending and nobody may send any more; returns how many."""
    return conn.execute(
        """
        UPDATE outbox
           SET failed_at = now(),
               lease_until = NULL,
               message = NULL,
               failure = coalesce(failure, CASE WHEN expires_at <= now() THEN 'expired'
                                                ELSE 'the sender ended at each attempt'
                                           END)
         WHERE sent_at IS NULL
           AND failed_at IS NULL
           AND (lease_until IS NULL OR lease_until < now())
           AND (expires_at <= now() OR attempts >= %(attempts)s)
        """,
        {"attempts": attempts},
    ).rowcount
