"""API keys, known by the digest of what their machines send."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.api_keys import ApiKey, KeyHolder
from shared.domain.users import Permission
from shared.rows import of
from shared.store import Conn


def insert(
    conn: Conn,
    *,
    name: str,
    digest: bytes,
    ending: str,
    user_id: UUID,
    store_id: str | None,
    permissions: Sequence[Permission],
    created_by: UUID,
    now: datetime,
    expires_at: datetime,
) -> ApiKey:
    return (
        conn.cursor(row_factory=of(ApiKey))
        .execute(
            """
            INSERT INTO api_keys (name, digest, ending, user_id, store_id, permissions, created_by,
                                  created_at, expires_at)
            VALUES (%(name)s, %(digest)s, %(ending)s, %(user_id)s, %(store_id)s, %(permissions)s,
                    %(created_by)s, %(now)s, %(expires_at)s)
            RETURNING id, name, ending, user_id, store_id, permissions, created_by, created_at, expires_at,
                      revoked_at, last_used_at
            """,
            {
                "name": name,
                "digest": digest,
                "ending": ending,
                "user_id": user_id,
                "store_id": store_id,
                "permissions": list(permissions),
                "created_by": created_by,
                "now": now,
                "expires_at": expires_at,
            },
        )
        .fetchall()[0]
    )


def get(conn: Conn, api_key_id: UUID) -> ApiKey | None:
    return (
        conn.cursor(row_factory=of(ApiKey))
        .execute(
            """
            SELECT id, name, ending, user_id, store_id, permissions, created_by, created_at, expires_at,
                   revoked_at, last_used_at
              FROM api_keys
             WHERE id = %(api_key_id)s
            """,
            {"api_key_id": api_key_id},
        )
        .fetchone()
    )


def find(conn: Conn, *, user_id: UUID | None, before: UUID | None, limit: int) -> list[ApiKey]:
    """Newest first; None does not narrow."""
    return (
        conn.cursor(row_factory=of(ApiKey))
        .execute(
            """
            SELECT id, name, ending, user_id, store_id, permissions, created_by, created_at, expires_at,
                   revoked_at, last_used_at
              FROM api_keys
             WHERE (%(user_id)s::uuid IS NULL OR user_id = %(user_id)s)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"user_id": user_id, "before": before, "limit": limit},
        )
        .fetchall()
    )


def lock(conn: Conn, api_key_id: UUID) -> ApiKey | None:
    return (
        conn.cursor(row_factory=of(ApiKey))
        .execute(
            """
            SELECT id, name, ending, user_id, store_id, permissions, created_by, created_at, expires_at,
                   revoked_at, last_used_at
              FROM api_keys
             WHERE id = %(api_key_id)s
               FOR UPDATE
            """,
            {"api_key_id": api_key_id},
        )
        .fetchone()
    )


def update_revoked(conn: Conn, *, api_key_id: UUID, now: datetime) -> ApiKey:
    """Revoke a key that is locked."""
    return (
        conn.cursor(row_factory=of(ApiKey))
        .execute(
            """
            UPDATE api_keys
               SET revoked_at = %(now)s
             WHERE id = %(api_key_id)s
            RETURNING id, name, ending, user_id, store_id, permissions, created_by, created_at, expires_at,
                      revoked_at, last_used_at
            """,
            {"api_key_id": api_key_id, "now": now},
        )
        .fetchall()[0]
    )


def update_used(conn: Conn, *, digest: bytes, now: datetime, noticed_before: datetime) -> KeyHolder | None:
    """For whom a key acts; None when it is unknown or void, its user not active or its store out of reach.

    Its use is written down unless that was done since `noticed_before`: not a write for each request.
    """
    return (
        conn.cursor(row_factory=of(KeyHolder))
        .execute(
            """
              WITH found AS (
                     SELECT k.id, k.user_id, u.role, k.store_id, k.permissions, k.last_used_at
                       FROM api_keys AS k
                            JOIN users AS u ON u.id = k.user_id
                      WHERE k.digest = %(digest)s
                        AND k.revoked_at IS NULL
                        AND k.expires_at > %(now)s
                        AND u.active
                        AND (k.store_id IS NULL OR user_reaches_store(k.user_id, k.store_id))
                   ),
                   noticed AS (
                     UPDATE api_keys
                        SET last_used_at = %(now)s
                      WHERE id IN (
                              SELECT id
                                FROM found
                               WHERE last_used_at IS NULL
                                  OR last_used_at < %(noticed_before)s
                            )
                   )
            SELECT user_id, role, store_id, permissions
              FROM found
            """,
            {"digest": digest, "now": now, "noticed_before": noticed_before},
        )
        .fetchone()
    )
