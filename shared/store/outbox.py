"""The outbox: leases are taken by the database's clock, which all senders share."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from shared.domain.outbox import Draft, Message, Notification, State
from shared.rows import of
from shared.store import Conn


def insert(conn: Conn, drafts: Sequence[Draft], *, expires_at: datetime) -> None:
    with conn.cursor() as cursor:
        cursor.executemany(
            """
            INSERT INTO outbox (id, kind, recipient, sealed, created_at, expires_at)
            VALUES (%(id)s, %(kind)s, %(recipient)s, %(sealed)s, now(), %(expires_at)s)
            """,
            [
                {
                    "id": draft.id,
                    "kind": draft.kind,
                    "recipient": draft.recipient,
                    "sealed": draft.sealed,
                    "expires_at": expires_at,
                }
                for draft in drafts
            ],
        )


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
                        AND sealed IS NOT NULL
                        AND expires_at > now()
                        AND attempts < %(attempts)s
                        AND (lease_until IS NULL OR lease_until < now())
                      ORDER BY created_at
                      LIMIT %(most)s
                        FOR UPDATE SKIP LOCKED
                   )
            RETURNING id, kind, sealed, attempts
            """,
            {"most": most, "lease": lease, "attempts": attempts},
        )
        .fetchall()
    )


def get_expiry(conn: Conn, message_id: UUID) -> datetime:
    """Until when the message may be sent; it must be there."""
    return conn.execute(
        "SELECT expires_at FROM outbox WHERE id = %(message_id)s", {"message_id": message_id}
    ).fetchall()[0][0]


def update_sent(conn: Conn, message_id: UUID, provider_id: str | None = None) -> None:
    """It was delivered, which counts whoever holds it by now: forget what it said."""
    conn.execute(
        """
        UPDATE outbox
           SET sent_at = now(),
               failed_at = NULL,
               failure = NULL,
               failure_code = NULL,
               lease_until = NULL,
               sealed = NULL,
               provider_id = %(provider_id)s
         WHERE id = %(message_id)s
        """,
        {"message_id": message_id, "provider_id": provider_id},
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


def update_failed(conn: Conn, leased: Message, *, code: str, failure: str) -> None:
    """It was not delivered under this lease and is given up. What it says is kept while it may be retried."""
    conn.execute(
        """
        UPDATE outbox
           SET failed_at = now(),
               lease_until = NULL,
               failure_code = %(code)s,
               failure = %(failure)s
         WHERE id = %(message_id)s
           AND attempts = %(attempts)s
           AND sent_at IS NULL
           AND failed_at IS NULL
        """,
        {"message_id": leased.id, "attempts": leased.attempts, "code": code, "failure": failure},
    )


def update_expired(conn: Conn, *, attempts: int) -> int:
    """Give up what nobody is sending and nobody may send any more, and erase all that expired.

    Returns how many were given up.
    """
    conn.execute(
        """
        UPDATE outbox
           SET sealed = NULL
         WHERE sealed IS NOT NULL
           AND failed_at IS NOT NULL
           AND sent_at IS NULL
           AND expires_at <= now()
        """
    )
    return conn.execute(
        """
        UPDATE outbox
           SET failed_at = now(),
               lease_until = NULL,
               sealed = CASE WHEN expires_at > now() THEN sealed END,
               failure_code = CASE WHEN expires_at <= now() THEN 'expired' ELSE 'undeliverable' END,
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


def find(conn: Conn, *, state: State | None, before: UUID | None, limit: int) -> list[Notification]:
    """Messages, newest first."""
    return (
        conn.cursor(row_factory=of(Notification))
        .execute(
            """
            SELECT id, kind, state, attempts, created_at, expires_at, sent_at, failed_at, failure_code,
                   failure, delivery, can_be_retried
              FROM notifications
             WHERE (%(state)s::text IS NULL OR state = %(state)s)
               AND (%(before)s::uuid IS NULL
                    OR (created_at, id) < (SELECT created_at, id FROM outbox WHERE id = %(before)s))
             ORDER BY created_at DESC, id DESC
             LIMIT %(limit)s
            """,
            {"state": state, "before": before, "limit": limit},
        )
        .fetchall()
    )


def get(conn: Conn, message_id: UUID) -> Notification | None:
    return (
        conn.cursor(row_factory=of(Notification))
        .execute(
            """
            SELECT id, kind, state, attempts, created_at, expires_at, sent_at, failed_at, failure_code,
                   failure, delivery, can_be_retried
              FROM notifications
             WHERE id = %(message_id)s
            """,
            {"message_id": message_id},
        )
        .fetchone()
    )


def update_retried(conn: Conn, message_id: UUID) -> bool:
    """Let it be sent again, as if new; False when it is not dead or says nothing any more."""
    return (
        conn.execute(
            """
            UPDATE outbox
               SET failed_at = NULL,
                   failure_code = NULL,
                   failure = NULL,
                   lease_until = NULL,
                   attempts = 0
             WHERE id = %(message_id)s
               AND failed_at IS NOT NULL
               AND sent_at IS NULL
               AND sealed IS NOT NULL
               AND expires_at > now()
            """,
            {"message_id": message_id},
        ).rowcount
        == 1
    )


def insert_report(
    conn: Conn,
    *,
    message_id: UUID | None,
    provider_id: str,
    status: str,
    reason: str,
    delivery: str | None,
    now: datetime,
) -> bool:
    """Note what became of a message, known by our id or the provider's; False when that was known already.

    What was delivered stays delivered: reports overtake each other.
    """
    return (
        conn.execute(
            """
              WITH reported AS (
                     INSERT INTO delivery_reports (message_id, status, reason, at)
                     SELECT id, %(status)s, %(reason)s, %(now)s
                       FROM outbox
                      WHERE id = %(message_id)s
                         OR (provider_id = %(provider_id)s AND %(message_id)s::uuid IS NULL)
                      LIMIT 1
                         ON CONFLICT DO NOTHING
                     RETURNING message_id
                   )
            UPDATE outbox
               SET delivery = CASE WHEN delivery = 'delivered' THEN delivery
                                   ELSE coalesce(%(delivery)s, delivery)
                              END
              FROM reported
             WHERE id = reported.message_id
            """,
            {
                "message_id": message_id,
                "provider_id": provider_id,
                "status": status,
                "reason": reason,
                "delivery": delivery,
                "now": now,
            },
        ).rowcount
        == 1
    )
