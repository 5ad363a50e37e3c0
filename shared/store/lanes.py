"""Lanes, as they are set."""

from datetime import datetime

from shared.domain.engine import Lane
from shared.domain.lanes import LaneMode, LaneSetting
from shared.rows import of
from shared.store import Conn


def find(conn: Conn) -> list[LaneSetting]:
    """In the order in which a price passes them."""
    return (
        conn.cursor(row_factory=of(LaneSetting))
        .execute(
            """
            SELECT name, mode, updated_at
              FROM lanes
             ORDER BY array_position(ARRAY['line', 'order', 'tender'], name)
            """
        )
        .fetchall()
    )


def lock(conn: Conn, lane: Lane) -> LaneSetting:
    """The lane, held against every other change until the transaction ends."""
    return (
        conn.cursor(row_factory=of(LaneSetting))
        .execute(
            """
            SELECT name, mode, updated_at
              FROM lanes
             WHERE name = %(lane)s
               FOR UPDATE
            """,
            {"lane": lane},
        )
        .fetchall()[0]
    )


def update(conn: Conn, lane: Lane, mode: LaneMode, *, now: datetime) -> LaneSetting:
    return (
        conn.cursor(row_factory=of(LaneSetting))
        .execute(
            """
            UPDATE lanes
               SET mode = %(mode)s,
                   updated_at = %(now)s
             WHERE name = %(lane)s
            RETURNING name, mode, updated_at
            """,
            {"lane": lane, "mode": mode, "now": now},
        )
        .fetchall()[0]
    )
