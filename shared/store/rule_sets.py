"""Rule sets: what was live at one moment, never changed once written."""

from datetime import datetime

from shared.domain.promotions import PublishedVersion
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn) -> None:
    """Hold every other change of the rule set off until the transaction ends.

    Taken before any promotion is locked, so that two changes wait for each other in one order.
    """
    conn.execute(
        """
        SELECT pg_advisory_xact_lock(hashtext('rule_sets'))
        """
    )


def insert(conn: Conn, *, now: datetime) -> None:
    """The next rule set: the published version of everything Scheduled or Active, lanes as they are set.

    Needs `lock`.
    """
    conn.execute(
        """
          WITH rule_set AS (
                 INSERT INTO rule_sets (version, priority_lanes, created_at)
                 SELECT coalesce(max(version), 0) + 1,
                        ARRAY(SELECT name FROM lanes WHERE mode = 'priority' ORDER BY name),
                        %(now)s
                   FROM rule_sets
                 RETURNING version
               )
        INSERT INTO rule_set_members (rule_set_version, promotion_id, promotion_version)
        SELECT rule_set.version, id, published_version
          FROM rule_set, promotions
         WHERE status IN ('Scheduled', 'Active')
        """,
        {"now": now},
    )


def get_newest(conn: Conn) -> int:
    """The version of the rule set that counts now; 0 before any publish."""
    row = conn.execute(
        """
        SELECT coalesce(max(version), 0)
          FROM rule_sets
        """
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate without GROUP BY has one row
    return row[0]


def find_members(conn: Conn, version: int) -> list[PublishedVersion]:
    return (
        conn.cursor(row_factory=of(PublishedVersion))
        .execute(
            """
            SELECT promotion_id, version, name, lane, priority, exclusive, stackable, starts_at, ends_at,
                   zone_policy, stores, rule, limits, funding, windows, on_return, requires_otp
              FROM rule_set_members
              JOIN promotion_versions
             USING (promotion_id)
             WHERE rule_set_version = %(version)s
               AND version = promotion_version
             ORDER BY promotion_id
            """,
            {"version": version},
        )
        .fetchall()
    )


def find_priority_lanes(conn: Conn, version: int) -> list[str]:
    """The lanes that are served in order of priority; none of a rule set that is not there."""
    return [
        row[0]
        for row in conn.execute(
            """
            SELECT unnest(priority_lanes)
              FROM rule_sets
             WHERE version = %(version)s
            """,
            {"version": version},
        )
    ]


def find_since(conn: Conn, from_at: datetime, until_at: datetime) -> list[tuple[datetime, int]]:
    """When each rule set began to count that did at some time between, in that order, and its version."""
    return [
        (row[0], row[1])
        for row in conn.execute(
            """
            SELECT created_at, version
              FROM rule_sets
             WHERE created_at <= %(until_at)s
               AND version >= (SELECT coalesce(max(version), 0)
                                 FROM rule_sets
                                WHERE created_at <= %(from_at)s)
             ORDER BY version
            """,
            {"from_at": from_at, "until_at": until_at},
        )
    ]
