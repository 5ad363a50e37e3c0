"""How far the export of the audit is, blob by blob."""

from datetime import date

from shared.domain.audit_chain import Export
from shared.rows import of
from shared.store import Conn


def get_end(conn: Conn) -> Export | None:
    """The blob that is appended to."""
    return (
        conn.cursor(row_factory=of(Export))
        .execute(
            """
            SELECT day, part, position, length, blocks
              FROM audit_exports
             ORDER BY day DESC, part DESC
             LIMIT 1
            """
        )
        .fetchone()
    )


def get_position(conn: Conn, day: date) -> int:
    """The position of the last exported entry of a day; 0 when none is."""
    return conn.execute(
        """
        SELECT coalesce(max(position), 0)
          FROM audit_exports
         WHERE day = %(day)s
        """,
        {"day": day},
    ).fetchall()[0][0]


def insert(conn: Conn, begun: Export) -> None:
    """Begin a blob, unless somebody did."""
    conn.execute(
        """
        INSERT INTO audit_exports (day, part, position)
        VALUES (%(day)s, %(part)s, %(position)s)
            ON CONFLICT DO NOTHING
        """,
        {"day": begun.day, "part": begun.part, "position": begun.position},
    )


def update(conn: Conn, before: Export, *, position: int, length: int, blocks: int) -> bool:
    """What the blob holds now; False when somebody else said so first."""
    return (
        conn.execute(
            """
            UPDATE audit_exports
               SET position = %(position)s,
                   length = %(length)s,
                   blocks = %(blocks)s
             WHERE day = %(day)s
               AND part = %(part)s
               AND length = %(before)s
            """,
            {
                "day": before.day,
                "part": before.part,
                "before": before.length,
                "position": position,
                "length": length,
                "blocks": blocks,
            },
        ).rowcount
        == 1
    )


def get_day_after(conn: Conn, day: date | None) -> date | None:
    """The first day after, or of all, that has links."""
    return conn.execute(
        """
        SELECT min(day)
          FROM audit_links
         WHERE (%(day)s::date IS NULL OR day > %(day)s)
        """,
        {"day": day},
    ).fetchall()[0][0]
