"""Promotions and their immutable versions."""

from datetime import datetime
from uuid import UUID

from shared.domain.approvals import ApprovalState
from shared.domain.promotions import Promotion, PromotionStatus, PromotionSummary, Terms
from shared.rows import jsonb, of
from shared.store import Conn


def insert(conn: Conn, *, terms: Terms, user_id: UUID, now: datetime) -> UUID:
    """A new draft with its first version; returns the promotion's id."""
    row = conn.execute(
        """
          WITH promotion AS (
                 INSERT INTO promotions (status, version, created_by, created_at, updated_at)
                 VALUES ('Draft', 1, %(user_id)s, %(now)s, %(now)s)
                 RETURNING id
               )
        INSERT INTO promotion_versions (
                 promotion_id, version, name, type, description, lane, priority, exclusive, stackable,
                 starts_at, ends_at, zone_policy, stores, rule, limits, funding, windows, on_return,
                 requires_otp, hash, created_by, created_at
               )
        SELECT id, 1, %(name)s, %(type)s, %(description)s, %(lane)s, %(priority)s, %(exclusive)s,
               %(stackable)s, %(starts_at)s, %(ends_at)s, %(zone_policy)s, %(stores)s, %(rule)s, %(limits)s,
               %(funding)s, %(windows)s, %(on_return)s, %(requires_otp)s, %(hash)s,
               %(user_id)s, %(now)s
          FROM promotion
        RETURNING promotion_id
        """,
        {**_columns(terms), "user_id": user_id, "now": now},
    ).fetchone()
    assert row is not None  # noqa: S101 - the first INSERT returned the row the second selects
    return row[0]


def insert_version(
    conn: Conn, *, promotion_id: UUID, version: int, terms: Terms, user_id: UUID, now: datetime
) -> None:
    """A new version, which becomes the promotion's newest; what is published stays published."""
    conn.execute(
        """
          WITH version AS (
                 INSERT INTO promotion_versions (
                   promotion_id, version, name, type, description, lane, priority, exclusive, stackable,
                   starts_at, ends_at, zone_policy, stores, rule, limits, funding, windows, on_return,
                   requires_otp, hash, created_by, created_at
                 )
                 VALUES (%(promotion_id)s, %(version)s, %(name)s, %(type)s, %(description)s, %(lane)s,
                         %(priority)s, %(exclusive)s, %(stackable)s, %(starts_at)s, %(ends_at)s,
                         %(zone_policy)s, %(stores)s, %(rule)s, %(limits)s, %(funding)s, %(windows)s,
                         %(on_return)s, %(requires_otp)s, %(hash)s, %(user_id)s, %(now)s)
               )
        UPDATE promotions
           SET version = %(version)s,
               revision = revision + 1,
               updated_at = %(now)s
         WHERE id = %(promotion_id)s
        """,
        {
            **_columns(terms),
            "promotion_id": promotion_id,
            "version": version,
            "user_id": user_id,
            "now": now,
        },
    )


def get(conn: Conn, promotion_id: UUID) -> Promotion | None:
    return (
        conn.cursor(row_factory=of(Promotion))
        .execute(
            """
            SELECT id, status, promotions.version, published_version, revision, name, type, description,
                   lane, priority, exclusive, stackable, starts_at, ends_at, zone_policy, stores, rule,
                   limits, funding, windows, on_return, requires_otp, hash,
                   promotion_versions.created_by AS author,
                   jsonb_build_object('state', coalesce(state, 'none'), 'user_id', user_id, 'at', at,
                                      'reason', reason) AS approval,
                   promotions.created_at, updated_at
              FROM promotions
              JOIN promotion_versions
                ON promotion_versions.promotion_id = id
               AND promotion_versions.version = promotions.version
              LEFT JOIN promotion_approvals
                ON promotion_approvals.promotion_id = id
               AND promotion_approvals.version = promotions.version
             WHERE id = %(promotion_id)s
            """,
            {"promotion_id": promotion_id},
        )
        .fetchone()
    )


def lock(conn: Conn, promotion_id: UUID) -> Promotion | None:
    """The promotion, held against every other change until the transaction ends."""
    conn.execute(
        """
        SELECT 1
          FROM promotions
         WHERE id = %(promotion_id)s
           FOR UPDATE
        """,
        {"promotion_id": promotion_id},
    )
    # Read after the lock is held: a locking join would see the new row beside the old version.
    return get(conn, promotion_id)


def find(
    conn: Conn,
    *,
    status: PromotionStatus | None,
    approval: ApprovalState | None,
    text: str | None,
    before: UUID | None,
    limit: int,
) -> list[PromotionSummary]:
    """Newest first, those created before `before`; `text` is looked for in name and description."""
    return (
        conn.cursor(row_factory=of(PromotionSummary))
        .execute(
            """
            SELECT id, status, coalesce(state, 'none') AS approval, promotions.version, published_version,
                   name, type, lane, priority, starts_at, ends_at, zone_policy, updated_at
              FROM promotions
              JOIN promotion_versions
                ON promotion_versions.promotion_id = id
               AND promotion_versions.version = promotions.version
              LEFT JOIN promotion_approvals
                ON promotion_approvals.promotion_id = id
               AND promotion_approvals.version = promotions.version
             WHERE (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(approval)s::text IS NULL OR coalesce(state, 'none') = %(approval)s)
               AND (%(text)s::text IS NULL
                    OR strpos(lower(name || ' ' || description), lower(%(text)s)) > 0)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"status": status, "approval": approval, "text": text, "before": before, "limit": limit},
        )
        .fetchall()
    )


def get_published(conn: Conn, promotion_id: UUID) -> Promotion | None:
    """The promotion with the terms of its published version; None where nothing was published."""
    return (
        conn.cursor(row_factory=of(Promotion))
        .execute(
            """
            SELECT id, status, promotions.version, published_version, revision, name, type, description,
                   lane, priority, exclusive, stackable, starts_at, ends_at, zone_policy, stores, rule,
                   limits, funding, windows, on_return, requires_otp, hash,
                   promotion_versions.created_by AS author,
                   jsonb_build_object('state', coalesce(state, 'none'), 'user_id', user_id, 'at', at,
                                      'reason', reason) AS approval,
                   promotions.created_at, updated_at
              FROM promotions
              JOIN promotion_versions
                ON promotion_versions.promotion_id = id
               AND promotion_versions.version = published_version
              LEFT JOIN promotion_approvals
                ON promotion_approvals.promotion_id = id
               AND promotion_approvals.version = published_version
             WHERE id = %(promotion_id)s
            """,
            {"promotion_id": promotion_id},
        )
        .fetchone()
    )


def find_unarchived_ids(conn: Conn) -> list[UUID]:
    """The promotions that a timer may have to relabel: published and not archived."""
    return [
        row[0]
        for row in conn.execute(
            """
            SELECT id
              FROM promotions
             WHERE status IN ('Scheduled', 'Active', 'Paused')
             ORDER BY id
            """
        )
    ]


def update_status(
    conn: Conn, *, promotion_id: UUID, status: PromotionStatus, published_version: int | None, now: datetime
) -> None:
    conn.execute(
        """
        UPDATE promotions
           SET status = %(status)s,
               published_version = %(published_version)s,
               revision = revision + 1,
               updated_at = %(now)s
         WHERE id = %(promotion_id)s
        """,
        {
            "promotion_id": promotion_id,
            "status": status,
            "published_version": published_version,
            "now": now,
        },
    )


def update_revision(conn: Conn, promotion_id: UUID, *, now: datetime) -> None:
    """Count a change of something that belongs to the promotion."""
    conn.execute(
        """
        UPDATE promotions
           SET revision = revision + 1,
               updated_at = %(now)s
         WHERE id = %(promotion_id)s
        """,
        {"promotion_id": promotion_id, "now": now},
    )


def _columns(terms: Terms) -> dict[str, object]:
    return {
        "name": terms.name,
        "type": terms.type,
        "description": terms.description,
        "lane": terms.lane,
        "priority": terms.priority,
        "exclusive": terms.exclusive,
        "stackable": terms.stackable,
        "starts_at": terms.starts_at,
        "ends_at": terms.ends_at,
        "zone_policy": terms.zone_policy,
        "stores": None if terms.stores is None else jsonb(terms.stores),
        "rule": jsonb(terms.rule),
        "limits": jsonb(terms.limits),
        "funding": jsonb(terms.funding),
        "windows": jsonb(terms.windows),
        "on_return": terms.on_return,
        "requires_otp": terms.requires_otp,
        "hash": terms.hash,
    }
