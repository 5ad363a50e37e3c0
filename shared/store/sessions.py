"""Sessions and their refresh tokens."""

from datetime import datetime
from uuid import UUID

from shared.domain.sessions import EndedFor, Presented, Session
from shared.rows import of
from shared.store import Conn


def insert(
    conn: Conn,
    *,
    session_id: UUID,
    user_id: UUID,
    digest: bytes,
    now: datetime,
    expires_at: datetime,
    idle_at: datetime,
) -> Session | None:
    """Begin a session at the user's first store; None when the user is not active.

    The lock on the user makes whoever is disabling them wait, so that their end finds this session.
    """
    return (
        conn.cursor(row_factory=of(Session))
        .execute(
            """
              WITH who AS (
                     SELECT id, name, role, phone, email,
                            array(
                              SELECT store_id
                                FROM user_stores
                               WHERE user_id = users.id
                               ORDER BY store_id
                            ) AS store_ids
                       FROM users
                      WHERE id = %(user_id)s
                        AND active
                        FOR SHARE
                   ),
                   begun AS (
                     INSERT INTO sessions (id, user_id, store_id, created_at, expires_at)
                     SELECT %(session_id)s, id, store_ids[1], %(now)s, %(expires_at)s
                       FROM who
                     RETURNING id, store_id
                   ),
                   token AS (
                     INSERT INTO refresh_tokens (digest, session_id, expires_at)
                     SELECT %(digest)s, id, %(idle_at)s
                       FROM begun
                   )
            SELECT begun.id, begun.store_id, to_jsonb(who) AS user
              FROM begun, who
            """,
            {
                "session_id": session_id,
                "user_id": user_id,
                "digest": digest,
                "now": now,
                "expires_at": expires_at,
                "idle_at": idle_at,
            },
        )
        .fetchone()
    )


def get(conn: Conn, session_id: UUID) -> Session | None:
    """The session, if neither it nor its user's being active has ended."""
    return (
        conn.cursor(row_factory=of(Session))
        .execute(
            """
            SELECT id, store_id, "user"
              FROM sessions_of_active
             WHERE id = %(session_id)s
            """,
            {"session_id": session_id},
        )
        .fetchone()
    )


def update_rotated(
    conn: Conn, *, digest: bytes, sealed: bytes, next_digest: bytes, now: datetime, idle_at: datetime
) -> Session | None:
    """Replace a refresh token by the next; None when it is not one that can be replaced now.

    One statement: of many that present the same token one wins, and no token is replaced without its next.
    """
    return (
        conn.cursor(row_factory=of(Session))
        .execute(
            """
              WITH rotated AS (
                     UPDATE refresh_tokens AS t
                        SET rotated_at = %(now)s,
                            sealed = %(sealed)s
                       FROM sessions AS s
                            JOIN sessions_of_active AS a USING (id)
                      WHERE t.digest = %(digest)s
                        AND t.rotated_at IS NULL
                        AND t.expires_at > %(now)s
                        AND s.id = t.session_id
                        AND s.expires_at > %(now)s
                     RETURNING a.id, a.store_id, a.user
                   ),
                   next AS (
                     INSERT INTO refresh_tokens (digest, session_id, expires_at)
                     SELECT %(next_digest)s, id, %(idle_at)s
                       FROM rotated
                   )
            SELECT id, store_id, "user"
              FROM rotated
            """,
            {
                "digest": digest,
                "sealed": sealed,
                "next_digest": next_digest,
                "now": now,
                "idle_at": idle_at,
            },
        )
        .fetchone()
    )


def get_presented(conn: Conn, digest: bytes) -> Presented | None:
    """A refresh token, whatever became of it."""
    return (
        conn.cursor(row_factory=of(Presented))
        .execute(
            """
            SELECT t.session_id, s.ended_at IS NOT NULL AS ended, t.rotated_at, t.sealed
              FROM refresh_tokens AS t
                   JOIN sessions AS s ON s.id = t.session_id
             WHERE t.digest = %(digest)s
            """,
            {"digest": digest},
        )
        .fetchone()
    )


def update_store(conn: Conn, *, session_id: UUID, store_id: str) -> Session | None:
    """Choose the store of the tokens to come; None when the user may not work there, or the session ended."""
    return (
        conn.cursor(row_factory=of(Session))
        .execute(
            """
            UPDATE sessions AS s
               SET store_id = %(store_id)s
              FROM sessions_of_active AS a
             WHERE s.id = %(session_id)s
               AND a.id = s.id
               AND s.ended_at IS NULL
               AND user_reaches_store(s.user_id, %(store_id)s)
            RETURNING s.id, s.store_id, a.user
            """,
            {"session_id": session_id, "store_id": store_id},
        )
        .fetchone()
    )


def update_ended(conn: Conn, *, session_id: UUID, why: EndedFor, now: datetime) -> bool:
    """End a session and with it every token of it; False when it had ended before."""
    return (
        conn.execute(
            """
            UPDATE sessions
               SET ended_at = %(now)s,
                   ended_for = %(why)s
             WHERE id = %(session_id)s
               AND ended_at IS NULL
            """,
            {"session_id": session_id, "why": why, "now": now},
        ).rowcount
        == 1
    )


def find_ended(conn: Conn, since: datetime) -> frozenset[UUID]:
    """The sessions that ended after `since`."""
    row = conn.execute(
        """
        SELECT array_agg(id)
          FROM sessions
         WHERE ended_at > %(since)s
        """,
        {"since": since},
    ).fetchone()
    return frozenset(row[0] or ()) if row else frozenset()
