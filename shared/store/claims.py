"""Claims: one worker at a time holds a job, by a lease on the database's clock, and saves its steps."""

from datetime import timedelta
from uuid import UUID

from shared.domain.jobs import Claim, JobStatus, StepResult, Wake
from shared.rows import jsonb, of
from shared.store import Conn


def lock(conn: Conn, job_id: UUID, *, lease: timedelta, attempts: int) -> Claim | None:
    """Hold the job for as long as the lease; None when it is held, has ended, or had its last attempt."""
    return (
        conn.cursor(row_factory=of(Claim))
        .execute(
            """
              WITH held AS (
                     UPDATE jobs
                        SET status = 'running',
                            claim = claim + 1,
                            attempt = attempt + 1,
                            lease_until = clock_timestamp() + %(lease)s,
                            started_at = coalesce(started_at, now()),
                            updated_at = now()
                      WHERE id = %(job_id)s
                        AND slice_count = 0
                        AND finished_at IS NULL
                        AND (lease_until IS NULL OR lease_until < clock_timestamp())
                        AND attempt < %(attempts)s
                     RETURNING id, parent_id, kind, arguments, cursor, step, claim, attempt,
                               cancel_requested
                   ),
                   begun AS (
                     UPDATE jobs
                        SET status = 'running',
                            started_at = now(),
                            updated_at = now()
                       FROM held
                      WHERE jobs.id = held.parent_id
                        AND jobs.status = 'queued'
                   )
            SELECT id, parent_id, kind, arguments, cursor, step, claim, attempt, cancel_requested
              FROM held
            """,
            {"job_id": job_id, "lease": lease, "attempts": attempts},
        )
        .fetchone()
    )


def update_limits(conn: Conn) -> None:
    """Let a step of this transaction compute and wait for minutes: its lease is renewed meanwhile."""
    conn.execute("SET LOCAL statement_timeout = '4min'")
    conn.execute("SET LOCAL idle_in_transaction_session_timeout = '4min'")


def update_lease(conn: Conn, held: Claim, lease: timedelta) -> bool:
    """Hold it for longer; False when it is not held by this claim any more."""
    return (
        conn.execute(
            """
            UPDATE jobs
               SET lease_until = clock_timestamp() + %(lease)s
             WHERE id = %(job_id)s
               AND claim = %(claim)s
               AND status = 'running'
               AND lease_until IS NOT NULL
            """,
            {"job_id": held.id, "claim": held.claim, "lease": lease},
        ).rowcount
        == 1
    )


def update_saved(conn: Conn, held: Claim, result: StepResult, lease: timedelta) -> JobStatus | None:
    """Save what a step came to, in its transaction; None when this claim may save nothing any more.

    The attempt begins to count anew. A job that somebody wants to cancel is cancelled here, unless this was
    its last step.
    """
    row = conn.execute(
        """
        UPDATE jobs
           SET cursor = %(cursor)s,
               step = step + 1,
               done = done + %(done)s,
               total = CASE WHEN %(finished)s THEN done + %(done)s ELSE coalesce(%(total)s, total) END,
               attempt = 1,
               reason = NULL,
               updated_at = clock_timestamp(),
               status = CASE WHEN %(finished)s THEN 'completed'
                             WHEN cancel_requested THEN 'cancelled'
                             ELSE 'running'
                        END,
               lease_until = CASE WHEN %(finished)s OR cancel_requested THEN NULL
                                  ELSE clock_timestamp() + %(lease)s
                             END,
               finished_at = CASE WHEN %(finished)s OR cancel_requested THEN clock_timestamp() END
         WHERE id = %(job_id)s
           AND claim = %(claim)s
           AND status = 'running'
           AND lease_until IS NOT NULL
        RETURNING status
        """,
        {
            "job_id": held.id,
            "claim": held.claim,
            "cursor": jsonb(result.cursor),
            "done": result.done,
            "total": result.total,
            "finished": result.finished,
            "lease": lease,
        },
    ).fetchone()
    return None if row is None else JobStatus(row[0])


def update_released(conn: Conn, held: Claim) -> Wake | None:
    """Leave it for whoever comes next; None when this claim does not hold it any more."""
    return (
        conn.cursor(row_factory=of(Wake))
        .execute(
            """
            UPDATE jobs
               SET lease_until = NULL,
                   attempt = 0,
                   dropped_at = clock_timestamp(),
                   updated_at = clock_timestamp()
             WHERE id = %(job_id)s
               AND claim = %(claim)s
               AND status = 'running'
               AND lease_until IS NOT NULL
            RETURNING id, step
            """,
            {"job_id": held.id, "claim": held.claim},
        )
        .fetchone()
    )


def update_postponed(conn: Conn, held: Claim, *, pause: timedelta, reason: str) -> bool:
    """Note what the attempt met and leave the job alone for a while; False when it is not this claim's."""
    return (
        conn.execute(
            """
            UPDATE jobs
               SET lease_until = clock_timestamp() + %(pause)s,
                   reason = %(reason)s,
                   updated_at = clock_timestamp()
             WHERE id = %(job_id)s
               AND claim = %(claim)s
               AND status = 'running'
               AND lease_until IS NOT NULL
            """,
            {"job_id": held.id, "claim": held.claim, "pause": pause, "reason": reason},
        ).rowcount
        == 1
    )


def update_ended(conn: Conn, held: Claim, *, status: JobStatus, reason: str | None = None) -> bool:
    """End it without another step; False when it is not this claim's."""
    return (
        conn.execute(
            """
            UPDATE jobs
               SET status = %(status)s,
                   reason = %(reason)s,
                   lease_until = NULL,
                   updated_at = clock_timestamp(),
                   finished_at = clock_timestamp()
             WHERE id = %(job_id)s
               AND claim = %(claim)s
               AND status = 'running'
               AND lease_until IS NOT NULL
            """,
            {"job_id": held.id, "claim": held.claim, "status": status, "reason": reason},
        ).rowcount
        == 1
    )


def find_exhausted_ids(conn: Conn, *, attempts: int) -> list[UUID]:
    """Jobs that nobody holds after their last attempt."""
    rows = conn.execute(
        """
        SELECT id
          FROM jobs
         WHERE finished_at IS NULL
           AND lease_until < clock_timestamp()
           AND attempt >= %(attempts)s
         ORDER BY id
        """,
        {"attempts": attempts},
    ).fetchall()
    return [row[0] for row in rows]


def update_exhausted(conn: Conn, *, job_id: UUID, attempts: int, reason: str) -> Claim | None:
    """Fail a job that nobody holds after its last attempt; `reason` where no attempt left one."""
    return (
        conn.cursor(row_factory=of(Claim))
        .execute(
            """
            UPDATE jobs
               SET status = 'failed',
                   lease_until = NULL,
                   reason = coalesce(reason, %(reason)s),
                   updated_at = clock_timestamp(),
                   finished_at = clock_timestamp()
             WHERE id = %(job_id)s
               AND finished_at IS NULL
               AND lease_until < clock_timestamp()
               AND attempt >= %(attempts)s
            RETURNING id, parent_id, kind, arguments, cursor, step, claim, attempt, cancel_requested
            """,
            {"job_id": job_id, "attempts": attempts, "reason": reason},
        )
        .fetchone()
    )


def update_dropped(conn: Conn, *, attempts: int, patience: timedelta, most: int) -> list[Wake]:
    """Note that a blob is dropped anew for jobs nobody came for; two callers get different ones."""
    return (
        conn.cursor(row_factory=of(Wake))
        .execute(
            """
            UPDATE jobs
               SET dropped_at = clock_timestamp()
             WHERE id IN (
                     SELECT id
                       FROM jobs
                      WHERE finished_at IS NULL
                        AND slice_count = 0
                        AND attempt < %(attempts)s
                        AND (lease_until IS NULL OR lease_until < clock_timestamp())
                        AND dropped_at < clock_timestamp() - %(patience)s
                      ORDER BY id
                      LIMIT %(most)s
                        FOR UPDATE SKIP LOCKED
                   )
            RETURNING id, step
            """,
            {"attempts": attempts, "patience": patience, "most": most},
        )
        .fetchall()
    )
