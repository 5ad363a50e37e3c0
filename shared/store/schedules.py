"""Schedules: which job is to be queued every so often, and when next."""

from shared.domain.jobs import Scheduled
from shared.rows import of
from shared.store import Conn


def lock_due(conn: Conn) -> list[Scheduled]:
    """What is due, each moved on to its next time, which is in the future whatever was missed.

    Who comes at the same time waits, and finds nothing due.
    """
    return (
        conn.cursor(row_factory=of(Scheduled))
        .execute(
            """
            UPDATE schedules
               SET next_at = next_at + every * (
                     floor(extract(epoch FROM now() - next_at) / extract(epoch FROM every)) + 1
                   )::double precision
             WHERE next_at <= now()
            RETURNING name, kind, arguments
            """
        )
        .fetchall()
    )
