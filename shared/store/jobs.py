"""Jobs: what others see of them, cancelling, and what a job of slices comes to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.jobs import Job, JobDetail, JobKind, JobStatus, Json
from shared.rows import jsonb, of
from shared.store import Conn


def get(conn: Conn, job_id: UUID) -> JobDetail | None:
    """The job and its slices, in the order they were cut."""
    return (
        conn.cursor(row_factory=of(JobDetail))
        .execute(
            """
            SELECT id, parent_id, kind, arguments, status, done, total, step, attempt, cancel_requested,
                   reason, created_by, created_at, started_at, updated_at, finished_at,
                   (SELECT coalesce(jsonb_agg(to_jsonb(slice) ORDER BY slice.id), '[]')
                      FROM job_states AS slice
                     WHERE slice.parent_id = job_states.id) AS slices
              FROM job_states
             WHERE id = %(job_id)s
            """,
            {"job_id": job_id},
        )
        .fetchone()
    )


def find(
    conn: Conn, *, status: JobStatus | None, kind: JobKind | None, before: UUID | None, limit: int
) -> list[Job]:
    """Newest first, those created before `before`; slices are not jobs of their own here."""
    return (
        conn.cursor(row_factory=of(Job))
        .execute(
            """
            SELECT id, parent_id, kind, arguments, status, done, total, step, attempt, cancel_requested,
                   reason, created_by, created_at, started_at, updated_at, finished_at
              FROM job_states
             WHERE parent_id IS NULL
               AND (%(status)s::text IS NULL OR status = %(status)s)
               AND (%(kind)s::text IS NULL OR kind = %(kind)s)
               AND (%(before)s::uuid IS NULL OR id < %(before)s)
             ORDER BY id DESC
             LIMIT %(limit)s
            """,
            {"status": status, "kind": kind, "before": before, "limit": limit},
        )
        .fetchall()
    )


def insert(
    conn: Conn,
    *,
    kind: str,
    arguments: Json,
    slice_count: int,
    created_by: UUID | None,
    now: datetime,
) -> UUID:
    """The id of the new job, which is queued."""
    return conn.execute(
        """
        INSERT INTO jobs (kind, arguments, slice_count, created_by, created_at)
        VALUES (%(kind)s, %(arguments)s, %(slice_count)s, %(created_by)s, %(now)s)
        RETURNING id
        """,
        {
            "kind": kind,
            "arguments": jsonb(arguments),
            "slice_count": slice_count,
            "created_by": created_by,
            "now": now,
        },
    ).fetchall()[0][0]


def insert_slices(conn: Conn, parent_id: UUID, slices: Sequence[Json]) -> list[UUID]:
    """Queue the slices of a job, each with its arguments; their ids in the same order."""
    rows = conn.execute(
        """
        INSERT INTO jobs (parent_id, kind, arguments, created_by, created_at)
        SELECT parent.id, parent.kind, slice.arguments, parent.created_by, parent.created_at
          FROM jobs AS parent,
               jsonb_array_elements(%(slices)s) WITH ORDINALITY AS slice (arguments, place)
         WHERE parent.id = %(parent_id)s
         ORDER BY place
        RETURNING id
        """,
        {"parent_id": parent_id, "slices": jsonb(slices)},
    ).fetchall()
    return [row[0] for row in rows]


def lock_with_slices(conn: Conn, job_id: UUID) -> JobStatus | None:
    """The job's status, which stays until the transaction ends, as do its slices'; None when there is none.

    Slices first: whoever ends a slice goes on to the job it is of.
    """
    rows = conn.execute(
        """
        SELECT id, status
          FROM jobs
         WHERE id = %(job_id)s
            OR parent_id = %(job_id)s
         ORDER BY parent_id NULLS LAST, id
           FOR UPDATE
        """,
        {"job_id": job_id},
    ).fetchall()
    return next((JobStatus(status) for found, status in rows if found == job_id), None)


def update_cancelled(conn: Conn, job_id: UUID) -> None:
    """Cancel the job and its slices: at once where nobody is at work, after the step at hand elsewhere."""
    conn.execute(
        """
        UPDATE jobs
           SET cancel_requested = true,
               updated_at = clock_timestamp(),
               status = CASE WHEN held THEN status ELSE 'cancelled' END,
               lease_until = CASE WHEN held THEN lease_until END,
               finished_at = CASE WHEN held THEN NULL ELSE clock_timestamp() END
          FROM (SELECT id AS found,
                       slice_count > 0 OR coalesce(lease_until >= clock_timestamp(), false) AS held
                  FROM jobs
                 WHERE (id = %(job_id)s OR parent_id = %(job_id)s)
                   AND finished_at IS NULL) AS unfinished
         WHERE id = found
        """,
        {"job_id": job_id},
    )


def lock_parent(conn: Conn, parent_id: UUID) -> None:
    """Make this transaction the only one that counts what its slices came to."""
    conn.execute("SELECT FROM jobs WHERE id = %(parent_id)s FOR UPDATE", {"parent_id": parent_id})


def count_slices(conn: Conn, parent_id: UUID) -> dict[JobStatus, int]:
    """How many slices of the job there are of each status."""
    rows = conn.execute(
        """
        SELECT status, count(*)
          FROM jobs
         WHERE parent_id = %(parent_id)s
         GROUP BY status
        """,
        {"parent_id": parent_id},
    ).fetchall()
    return {JobStatus(status): count for status, count in rows}


def update_settled(conn: Conn, parent_id: UUID, status: JobStatus) -> None:
    """End a job whose slices have; why it failed is why the first of them did."""
    conn.execute(
        """
        UPDATE jobs
           SET status = %(status)s,
               reason = (SELECT reason
                           FROM jobs AS slice
                          WHERE slice.parent_id = %(parent_id)s
                            AND slice.status = 'failed'
                          ORDER BY slice.finished_at, slice.id
                          LIMIT 1),
               updated_at = clock_timestamp(),
               finished_at = clock_timestamp()
         WHERE id = %(parent_id)s
           AND finished_at IS NULL
        """,
        {"parent_id": parent_id, "status": status},
    )
