"""Challenges of one-time passwords."""

from datetime import datetime
from uuid import UUID

from shared.domain.otp import Asked, Attempt, Purpose, Wish
from shared.domain.outbox import OTP_WISH
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn, digest: bytes) -> None:
    """Wait for whoever counts or writes codes of the same address; hold it until the transaction ends."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(%(key)s)", {"key": int.from_bytes(digest[:8], "big", signed=True)}
    )


def get_asked(conn: Conn, wish: Wish, now: datetime) -> Asked:
    return (
        conn.cursor(row_factory=of(Asked))
        .execute(
            """
            SELECT count(*) FILTER (WHERE of_recipient AND of_hour)       AS hour,
                   min(created_at) FILTER (WHERE of_recipient AND of_hour) AS hour_first,
                   count(*) FILTER (WHERE of_recipient)                   AS day,
                   min(created_at) FILTER (WHERE of_recipient)            AS day_first,
                   max(created_at) FILTER (WHERE of_recipient)            AS last,
                   count(*) FILTER (WHERE of_source AND of_hour)          AS source_hour,
                   min(created_at) FILTER (WHERE of_source AND of_hour)   AS source_first
              FROM (SELECT created_at,
                           recipient = %(recipient)s                            AS of_recipient,
                           source = %(source)s                                  AS of_source,
                           created_at > %(now)s::timestamptz - interval '1 hour' AS of_hour
                      FROM otp_challenges
                     WHERE (recipient = %(recipient)s
                            AND created_at > %(now)s::timestamptz - interval '1 day')
                        OR (source = %(source)s
                            AND created_at > %(now)s::timestamptz - interval '1 hour')) AS asked
            """,
            {"recipient": wish.recipient, "source": wish.source, "now": now},
        )
        .fetchall()[0]
    )


def insert(
    conn: Conn,
    wish: Wish,
    *,
    digest: bytes,
    message_id: UUID,
    sealed: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Write the challenge and the wish for its messages; earlier challenges of the address and purpose end.

    Whether anybody has the address is looked up by the sender, never here: a known and an unknown address
    cannot be told apart by anything this does.
    """
    conn.execute(
        """
          WITH superseded AS (
                 UPDATE otp_challenges
                    SET used_at = %(now)s
                  WHERE recipient = %(recipient)s
                    AND purpose = %(purpose)s
                    AND used_at IS NULL
               ),
               challenge AS (
                 INSERT INTO otp_challenges (id, purpose, recipient, phone_hash, source, asked_by, digest,
                                             created_at, expires_at)
                 VALUES (%(challenge_id)s, %(purpose)s, %(recipient)s, %(phone_hash)s, %(source)s,
                         %(asked_by)s, %(digest)s, %(now)s, %(expires_at)s)
               )
        INSERT INTO outbox (id, kind, sealed, created_at, expires_at)
        VALUES (%(message_id)s, %(kind)s, %(sealed)s, %(now)s, %(expires_at)s)
        """,
        {
            "challenge_id": wish.challenge_id,
            "purpose": wish.purpose,
            "recipient": wish.recipient,
            "phone_hash": wish.phone_hash,
            "source": wish.source,
            "asked_by": wish.asked_by,
            "digest": digest,
            "message_id": message_id,
            "kind": OTP_WISH,
            "sealed": sealed,
            "now": now,
            "expires_at": expires_at,
        },
    )


def lock_open(conn: Conn, challenge_id: UUID) -> Attempt | None:
    """The challenge, held until the transaction ends, if the database's clock lets a code still answer it."""
    return (
        conn.cursor(row_factory=of(Attempt))
        .execute(
            """
            SELECT id, user_id, asked_by, purpose, recipient, digest
              FROM otp_challenges
             WHERE id = %(challenge_id)s
               AND used_at IS NULL
               AND expires_at > now()
               FOR UPDATE
            """,
            {"challenge_id": challenge_id},
        )
        .fetchone()
    )


def update_user(conn: Conn, *, challenge_id: UUID, user_id: UUID, purpose: Purpose) -> None:
    """Say whose the challenge is; earlier ones of theirs, asked for by their other address, end."""
    conn.execute(
        """
          WITH superseded AS (
                 UPDATE otp_challenges
                    SET used_at = now()
                  WHERE user_id = %(user_id)s
                    AND purpose = %(purpose)s
                    AND id <> %(challenge_id)s
                    AND used_at IS NULL
               )
        UPDATE otp_challenges
           SET user_id = %(user_id)s
         WHERE id = %(challenge_id)s
        """,
        {"user_id": user_id, "purpose": purpose, "challenge_id": challenge_id},
    )


def count_messages(conn: Conn, recipient: bytes) -> tuple[int, int]:
    """Messages with codes to an address within the last hour and the last day."""
    return conn.execute(
        """
        SELECT count(*) FILTER (WHERE created_at > now() - interval '1 hour'), count(*)
          FROM outbox
         WHERE recipient = %(recipient)s
           AND created_at > now() - interval '1 day'
        """,
        {"recipient": recipient},
    ).fetchall()[0]


def update_day(conn: Conn, *, messages: int, most: int) -> bool:
    """Count messages of today (UTC); False, and nothing counted, when they are too many."""
    return (
        conn.execute(
            """
            INSERT INTO otp_days AS d (day, messages)
            SELECT (now() AT TIME ZONE 'UTC')::date, %(messages)s
             WHERE %(messages)s <= %(most)s
                ON CONFLICT (day) DO UPDATE
               SET messages = d.messages + EXCLUDED.messages
             WHERE d.messages + EXCLUDED.messages <= %(most)s
            """,
            {"messages": messages, "most": most},
        ).rowcount
        == 1
    )


def update_attempts(
    conn: Conn, *, challenge_id: UUID, purpose: Purpose, most: int, most_in_day: int, now: datetime
) -> Attempt | None:
    """Count one attempt, before anything is compared; None when the challenge can take no more.

    `most` for the challenge, `most_in_day` for all challenges of the same address in the last day: a resend
    gives no fresh guesses without end.
    """
    return (
        conn.cursor(row_factory=of(Attempt))
        .execute(
            """
            UPDATE otp_challenges AS c
               SET attempts = attempts + 1
             WHERE id = %(challenge_id)s
               AND purpose = %(purpose)s
               AND attempts < %(most)s
               AND used_at IS NULL
               AND expires_at > %(now)s
               AND (SELECT coalesce(sum(attempts), 0)
                      FROM otp_challenges
                     WHERE recipient = c.recipient
                       AND created_at > %(now)s::timestamptz - interval '1 day') < %(most_in_day)s
            RETURNING id, user_id, asked_by, purpose, recipient, digest, phone_hash
            """,
            {
                "challenge_id": challenge_id,
                "purpose": purpose,
                "most": most,
                "most_in_day": most_in_day,
                "now": now,
            },
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
