"""Challenges of one-time passwords."""

from datetime import datetime
from uuid import UUID

from shared.domain.otp import Attempt, Channel
from shared.rows import jsonb, of
from shared.store import Conn


def insert(
    conn: Conn,
    *,
    challenge_id: UUID,
    channel: Channel,
    to: str,
    purpose: str,
    digest: bytes,
    message: dict[str, str],
    now: datetime,
    expires_at: datetime,
) -> None:
    """Write the challenge and, where somebody active has the address, the message to send.

    One statement, the same for every channel and for a known and an unknown address, so that its time tells
    nothing. A new challenge ends the user's earlier ones of that purpose, on whichever channel they went.
    """
    conn.execute(
        """
          WITH known AS (
                 SELECT id
                   FROM users
                  WHERE (phone = %(phone)s OR email = %(email)s)
                    AND active
               ),
               superseded AS (
                 UPDATE otp_challenges
                    SET used_at = %(now)s
                  WHERE user_id = (SELECT id FROM known)
                    AND purpose = %(purpose)s
                    AND used_at IS NULL
               ),
               challenge AS (
                 INSERT INTO otp_challenges (id, user_id, purpose, digest, created_at, expires_at)
                 VALUES (%(challenge_id)s, (SELECT id FROM known), %(purpose)s, %(digest)s, %(now)s,
                         %(expires_at)s)
               )
        INSERT INTO outbox (kind, message, created_at, expires_at)
        SELECT %(kind)s, %(message)s, %(now)s, %(expires_at)s
          FROM known
        """,
        {
            "challenge_id": challenge_id,
            "phone": to if channel is Channel.SMS else None,
            "email": to if channel is Channel.EMAIL else None,
            "kind": channel,
            "purpose": purpose,
            "digest": digest,
            "message": jsonb(message),
            "now": now,
            "expires_at": expires_at,
        },
    )


def update_attempts(conn: Conn, *, challenge_id: UUID, most: int, now: datetime) -> Attempt | None:
    """Count one attempt, before anything is compared; None when the challenge can take no more."""
    return (
        conn.cursor(row_factory=of(Attempt))
        .execute(
            """
            UPDATE otp_challenges
               SET attempts = attempts + 1
             WHERE id = %(challenge_id)s
               AND attempts < %(most)s
               AND used_at IS NULL
               AND expires_at > %(now)s
            RETURNING id, user_id, purpose, digest
            """,
            {"challenge_id": challenge_id, "most": most, "now": now},
        )
        .fetchone()
    )


def update_used(conn: Conn, *, challenge_id: UUID, now: datetime) -> bool:
    """Use the challenge up; False when another call was first."""
    return (
        conn.execute(
            """
            UPDATE otp_challenges
               SET used_at = %(now)s
             WHERE id = %(challenge_id)s
               AND used_at IS NULL
            """,
            {"challenge_id": challenge_id, "now": now},
        ).rowcount
        == 1
    )
