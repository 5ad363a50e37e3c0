"""Groups of products and of stores, as somebody defined them."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from shared.domain.groups import Group, GroupNameTaken, GroupTerms, Subject
from shared.rows import constraints, jsonb, of
from shared.store import Conn


def insert(conn: Conn, subject: Subject, *, terms: GroupTerms, user_id: UUID, now: datetime) -> Group:
    """Raises GroupNameTaken."""
    with constraints({"groups_name_key": lambda: _taken(subject, terms)}):
        return (
            conn.cursor(row_factory=of(Group))
            .execute(
                """
                INSERT INTO groups (subject, name, description, filter, created_by, created_at, updated_at)
                VALUES (%(subject)s, %(name)s, %(description)s, %(filter)s, %(user_id)s, %(now)s, %(now)s)
                RETURNING id, name, description, filter, revision, created_at, updated_at
                """,
                {**_columns(terms), "subject": subject, "user_id": user_id, "now": now},
            )
            .fetchall()[0]
        )


def get(conn: Conn, subject: Subject, group_id: UUID) -> Group | None:
    return (
        conn.cursor(row_factory=of(Group))
        .execute(
            """
            SELECT id, name, description, filter, revision, created_at, updated_at
              FROM groups
             WHERE id = %(group_id)s
               AND subject = %(subject)s
            """,
            {"group_id": group_id, "subject": subject},
        )
        .fetchone()
    )


def find_these(conn: Conn, subject: Subject, ids: Collection[UUID]) -> list[Group]:
    """Those of the groups of these ids that there are, by id."""
    return (
        conn.cursor(row_factory=of(Group))
        .execute(
            """
            SELECT id, name, description, filter, revision, created_at, updated_at
              FROM groups
             WHERE id = ANY (%(ids)s)
               AND subject = %(subject)s
             ORDER BY id
            """,
            {"ids": list(ids), "subject": subject},
        )
        .fetchall()
    )


def find_names(conn: Conn, ids: Collection[UUID]) -> dict[str, str]:
    """The names of groups by their ids."""
    return dict(
        conn.execute(
            """
            SELECT id::text, name
              FROM groups
             WHERE id = ANY (%(ids)s)
            """,
            {"ids": list(ids)},
        ).fetchall()
    )


def find_used(conn: Conn, subject: Subject) -> list[Group]:
    """The groups that a published promotion stands on, by id."""
    return (
        conn.cursor(row_factory=of(Group))
        .execute(
            """
            SELECT id, name, description, filter, revision, created_at, updated_at
              FROM groups
             WHERE subject = %(subject)s
               AND id IN (SELECT group_id
                            FROM promotion_version_groups
                            JOIN promotions
                              ON promotions.id = promotion_id
                             AND published_version = promotion_version_groups.version
                           WHERE status IN ('Scheduled', 'Active', 'Paused'))
             ORDER BY id
            """,
            {"subject": subject},
        )
        .fetchall()
    )


def find_users(conn: Conn, group_id: UUID) -> list[str]:
    """The promotions, by name, that are published with the group, or on their way there.

    What was submitted or approved says what it said then, so the group must not become another under it.
    """
    return [
        row[0]
        for row in conn.execute(
            """
            SELECT DISTINCT name || ' (' || id || ')'
              FROM promotion_version_groups AS named
              JOIN promotion_versions
             USING (promotion_id, version)
              JOIN promotions
                ON id = promotion_id
              LEFT JOIN promotion_approvals
                ON promotion_approvals.promotion_id = id
               AND promotion_approvals.version = named.version
             WHERE group_id = %(group_id)s
               AND status <> 'Archived'
               AND (named.version = published_version
                    OR (named.version = promotions.version AND state IN ('submitted', 'approved')))
             ORDER BY 1
            """,
            {"group_id": group_id},
        )
    ]


def lock(conn: Conn, subject: Subject, group_id: UUID) -> Group | None:
    """The group, held against every other change until the transaction ends."""
    return (
        conn.cursor(row_factory=of(Group))
        .execute(
            """
            SELECT id, name, description, filter, revision, created_at, updated_at
              FROM groups
             WHERE id = %(group_id)s
               AND subject = %(subject)s
               FOR UPDATE
            """,
            {"group_id": group_id, "subject": subject},
        )
        .fetchone()
    )


def find(conn: Conn, subject: Subject, *, text: str | None, before: UUID | None, limit: int) -> list[Group]:
    """Newest first, those created before `before`; `text` is looked for in name and description."""
    return (
        conn.cursor(row_factory=of(Group))
        .execute(
            """
            SELECT id, name, description, filter, revision, created_at, updated_at
              FROM groups
             WHERE subject = %(subject)s
               AND (%(text)s::text IS NULL
                    OR strpos(lower(name || ' ' || description), lower(%(text)s)) > 0)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"subject": subject, "text": text, "before": before, "limit": limit},
        )
        .fetchall()
    )


def update(conn: Conn, subject: Subject, group_id: UUID, *, terms: GroupTerms, now: datetime) -> Group:
    """The group as changed; it must be there. Raises GroupNameTaken."""
    with constraints({"groups_name_key": lambda: _taken(subject, terms)}):
        return (
            conn.cursor(row_factory=of(Group))
            .execute(
                """
                UPDATE groups
                   SET name = %(name)s,
                       description = %(description)s,
                       filter = %(filter)s,
                       revision = revision + 1,
                       updated_at = %(now)s
                 WHERE id = %(group_id)s
                   AND subject = %(subject)s
                RETURNING id, name, description, filter, revision, created_at, updated_at
                """,
                {**_columns(terms), "group_id": group_id, "subject": subject, "now": now},
            )
            .fetchall()[0]
        )


def delete(conn: Conn, group_id: UUID) -> None:
    conn.execute(
        """
        DELETE FROM groups
         WHERE id = %(group_id)s
        """,
        {"group_id": group_id},
    )


def _taken(subject: Subject, terms: GroupTerms) -> GroupNameTaken:
    return GroupNameTaken(pointer="/name", subject=subject.value, name=terms.name)


def _columns(terms: GroupTerms) -> dict[str, object]:
    return {"name": terms.name, "description": terms.description, "filter": jsonb(terms.filter)}
