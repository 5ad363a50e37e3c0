"""Versions of promotions: reading them, how far their approval is, and which groups they name."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from shared.domain.approvals import ApprovalState
from shared.domain.versions import PromotionVersion, VersionSummary
from shared.rows import of
from shared.store import Conn


def get(conn: Conn, promotion_id: UUID, version: int) -> PromotionVersion | None:
    return (
        conn.cursor(row_factory=of(PromotionVersion))
        .execute(
            """
            SELECT promotion_versions.promotion_id, promotion_versions.version, name, type, description,
                   lane, priority, exclusive, stackable, starts_at, ends_at, zone_policy, stores, rule,
                   limits, funding, windows, on_return, requires_otp, hash,
                   promotion_versions.created_by AS author, promotion_versions.created_at,
                   jsonb_build_object('state', coalesce(state, 'none'), 'user_id', user_id, 'at', at,
                                      'reason', reason) AS approval,
                   promotion_versions.version IS NOT DISTINCT FROM published_version AS published
              FROM promotion_versions
              JOIN promotions
                ON promotions.id = promotion_versions.promotion_id
              LEFT JOIN promotion_approvals
                ON promotion_approvals.promotion_id = promotion_versions.promotion_id
               AND promotion_approvals.version = promotion_versions.version
             WHERE promotion_versions.promotion_id = %(promotion_id)s
               AND promotion_versions.version = %(version)s
            """,
            {"promotion_id": promotion_id, "version": version},
        )
        .fetchone()
    )


def find(conn: Conn, promotion_id: UUID, *, before: int | None, limit: int) -> list[VersionSummary]:
    """Newest first, those before the version `before`."""
    return (
        conn.cursor(row_factory=of(VersionSummary))
        .execute(
            """
            SELECT promotion_versions.version, name, hash, promotion_versions.created_by AS author,
                   promotion_versions.created_at,
                   jsonb_build_object('state', coalesce(state, 'none'), 'user_id', user_id, 'at', at,
                                      'reason', reason) AS approval,
                   promotion_versions.version IS NOT DISTINCT FROM published_version AS published
              FROM promotion_versions
              JOIN promotions
                ON promotions.id = promotion_versions.promotion_id
              LEFT JOIN promotion_approvals
                ON promotion_approvals.promotion_id = promotion_versions.promotion_id
               AND promotion_approvals.version = promotion_versions.version
             WHERE promotion_versions.promotion_id = %(promotion_id)s
               AND (%(before)s::integer IS NULL OR promotion_versions.version < %(before)s)
             ORDER BY promotion_versions.version DESC
             LIMIT %(limit)s
            """,
            {"promotion_id": promotion_id, "before": before, "limit": limit},
        )
        .fetchall()
    )


def find_authors(conn: Conn, promotion_id: UUID, version: int) -> list[UUID]:
    """Who wrote what the version says since the last one before it that was approved or counts now."""
    return [
        row[0]
        for row in conn.execute(
            """
            SELECT DISTINCT created_by
              FROM promotion_versions
             WHERE promotion_id = %(promotion_id)s
               AND version <= %(version)s
               AND version > coalesce(
                     greatest(
                       (SELECT max(version)
                          FROM promotion_approvals
                         WHERE promotion_id = %(promotion_id)s
                           AND version < %(version)s
                           AND state = 'approved'),
                       (SELECT published_version
                          FROM promotions
                         WHERE id = %(promotion_id)s
                           AND published_version < %(version)s)
                     ),
                     0
                   )
            """,
            {"promotion_id": promotion_id, "version": version},
        )
    ]


def update_approval(
    conn: Conn,
    *,
    promotion_id: UUID,
    version: int,
    state: ApprovalState,
    user_id: UUID,
    reason: str | None,
    now: datetime,
) -> None:
    conn.execute(
        """
        INSERT INTO promotion_approvals (promotion_id, version, state, user_id, at, reason)
        VALUES (%(promotion_id)s, %(version)s, %(state)s, %(user_id)s, %(now)s, %(reason)s)
            ON CONFLICT (promotion_id, version) DO UPDATE
           SET state = excluded.state,
               user_id = excluded.user_id,
               at = excluded.at,
               reason = excluded.reason
        """,
        {
            "promotion_id": promotion_id,
            "version": version,
            "state": state,
            "user_id": user_id,
            "reason": reason,
            "now": now,
        },
    )


def insert_groups(conn: Conn, *, promotion_id: UUID, version: int, group_ids: Iterable[UUID]) -> None:
    """The groups that a new version names."""
    conn.execute(
        """
        INSERT INTO promotion_version_groups (promotion_id, version, group_id)
        SELECT %(promotion_id)s, %(version)s, group_id
          FROM unnest(%(group_ids)s::uuid[]) AS group_id
        """,
        {"promotion_id": promotion_id, "version": version, "group_ids": list(group_ids)},
    )


def find_ids_named(conn: Conn, texts: Collection[str]) -> dict[str, list[UUID]]:
    """The promotions that each text names: by id, or by a name that a version of theirs has, in any case."""
    return dict(
        conn.execute(
            """
            SELECT text, array_agg(DISTINCT promotion_id)
              FROM unnest(%(texts)s::text[]) AS text
              JOIN promotion_versions
                ON lower(btrim(text)) IN (lower(name), promotion_id::text)
             GROUP BY text
            """,
            {"texts": list(texts)},
        ).fetchall()
    )
