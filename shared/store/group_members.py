"""Members of the groups that promotions stand on, and how they became others."""

from uuid import UUID

from shared.domain.groups import GroupChange
from shared.rows import of
from shared.store import Conn


def delete_unused(conn: Conn, promotion_id: UUID) -> None:
    """Forget the members of groups that this promotion named and that no promotion stands on any more."""
    conn.execute(
        """
          WITH unused AS (
                 SELECT group_id
                   FROM promotion_version_groups
                  WHERE promotion_id = %(promotion_id)s
                 EXCEPT
                 SELECT group_id
                   FROM promotion_version_groups
                   JOIN promotions
                     ON id = promotion_id
                    AND published_version = promotion_version_groups.version
                  WHERE status IN ('Scheduled', 'Active', 'Paused')
               )
        DELETE FROM group_members
         WHERE group_id IN (SELECT group_id FROM unused)
        """,
        {"promotion_id": promotion_id},
    )


def find_changes(conn: Conn, group_id: UUID, *, before: UUID | None, limit: int) -> list[GroupChange]:
    """Newest first, those before the change `before`."""
    return (
        conn.cursor(row_factory=of(GroupChange))
        .execute(
            """
            SELECT id, group_id, at, upload_id, joined, "left", joined_sample, left_sample
              FROM group_changes
             WHERE group_id = %(group_id)s
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"group_id": group_id, "before": before, "limit": limit},
        )
        .fetchall()
    )
