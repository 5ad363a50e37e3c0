"""Rate counts of signed-in callers."""

from datetime import datetime
from uuid import UUID

from shared.store import Conn


def update(conn: Conn, *, caller: UUID, rate: str, began_at: datetime, most: int) -> int | None:
    """Count one request; how many there are now, or None, uncounted, when there were `most` already."""
    row = conn.execute(
        """
        INSERT INTO rate_counts AS c (caller, rate, began_at, requests)
        VALUES (%(caller)s, %(rate)s, %(began_at)s, 1)
            ON CONFLICT (caller, rate, began_at) DO UPDATE
           SET requests = c.requests + 1
         WHERE c.requests < %(most)s
        RETURNING requests
        """,
        {"caller": caller, "rate": rate, "began_at": began_at, "most": most},
    ).fetchone()
    return None if row is None else row[0]


def delete(conn: Conn, *, before: datetime) -> int:
    """Forget windows that began before."""
    return conn.execute("DELETE FROM rate_counts WHERE began_at < %(before)s", {"before": before}).rowcount
