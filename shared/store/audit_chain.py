"""The chain of audit entries: taking those that wait, adding links, and reading both."""

from collections.abc import Iterable
from datetime import date
from uuid import UUID

from shared.domain.audit_chain import Break, Link, Sealed, Waiting
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn) -> bool:
    """Be the only one that adds links until the transaction ends; False when somebody else is."""
    row = conn.execute("SELECT pg_try_advisory_xact_lock(hashtext('audit_links'))").fetchone()
    return row is not None and row[0]


def get_end(conn: Conn) -> Link | None:
    """The last link of all."""
    return (
        conn.cursor(row_factory=of(Link))
        .execute(
            """
            SELECT day, position, link
              FROM audit_links
             ORDER BY day DESC, position DESC
             LIMIT 1
            """
        )
        .fetchone()
    )


def get_end_before(conn: Conn, day: date) -> Link | None:
    """The last link of the days before."""
    return (
        conn.cursor(row_factory=of(Link))
        .execute(
            """
            SELECT day, position, link
              FROM audit_links
             WHERE day < %(day)s
             ORDER BY day DESC, position DESC
             LIMIT 1
            """,
            {"day": day},
        )
        .fetchone()
    )


def delete_waiting(conn: Conn, *, day: date, after: int, limit: int) -> list[Waiting]:
    """Take up to `limit` entries that wait, each with its place after `after`, in the order of their ids.

    Only what is committed is there to be taken, whenever it was begun.
    """
    return (
        conn.cursor(row_factory=of(Waiting))
        .execute(
            """
              WITH taken AS (
                     DELETE FROM audit_unsealed
                      WHERE ctid = ANY(ARRAY(SELECT ctid FROM audit_unsealed LIMIT %(limit)s))
                     RETURNING entry_id
                   )
            SELECT entry_id, position, audit_line(%(day)s, position, entry) AS line
              FROM (
                     SELECT taken.entry_id, entry,
                            (%(after)s + row_number() OVER (ORDER BY taken.entry_id))::integer AS position
                       FROM taken
                       LEFT JOIN audit_entries AS entry
                         ON entry.id = taken.entry_id
                   ) AS placed
             ORDER BY position
            """,
            {"day": day, "after": after, "limit": limit},
        )
        .fetchall()
    )


def insert_links(conn: Conn, day: date, links: Iterable[tuple[Waiting, bytes]]) -> None:
    with conn.cursor().copy("COPY audit_links (day, position, entry_id, link) FROM STDIN") as copy:
        for waiting, link in links:
            copy.write_row((day, waiting.position, waiting.entry_id, link))


def find_days(conn: Conn) -> list[date]:
    """The days that have links or an export, in order."""
    rows = conn.execute(
        """
          WITH RECURSIVE sealed (day) AS (
                 SELECT min(day)
                   FROM audit_links
                  UNION ALL
                 SELECT (SELECT min(day) FROM audit_links WHERE audit_links.day > sealed.day)
                   FROM sealed
                  WHERE day IS NOT NULL
               )
        SELECT day
          FROM sealed
         WHERE day IS NOT NULL
         UNION
        SELECT day
          FROM audit_exports
         ORDER BY day
        """
    ).fetchall()
    return [row[0] for row in rows]


def find_sealed(conn: Conn, *, day: date, after: int, limit: int) -> list[Sealed]:
    """Links of a day after a position, in order, with the lines of their entries as those are now."""
    return (
        conn.cursor(row_factory=of(Sealed))
        .execute(
            """
            SELECT sealed.day, position, entry_id, link, audit_line(sealed.day, position, entry) AS line,
                   entry.id IS NULL AS missing
              FROM (
                     SELECT day, position, entry_id, link
                       FROM audit_links
                      WHERE day = %(day)s
                        AND position > %(after)s
                      ORDER BY position
                      LIMIT %(limit)s
                   ) AS sealed
              LEFT JOIN audit_entries AS entry
                ON entry.id = entry_id
             ORDER BY position
            """,
            {"day": day, "after": after, "limit": limit},
        )
        .fetchall()
    )


def get_unfaithful(conn: Conn, *, day: date, after: int, until: int) -> Break | None:
    """The first entry from `after` to `until` whose transaction is gone, or is not as it was recorded.

    Nor may its status be another than what it was recorded with and the entries of its changes come to, which
    take from one status and give to another in whatever order.
    """
    return (
        conn.cursor(row_factory=of(Break))
        .execute(
            """
            SELECT CASE WHEN recorded.id IS NULL THEN 'transaction_missing' ELSE 'transaction_changed'
                   END AS damage,
                   day, position, entry_id
              FROM audit_links
              JOIN audit_entries AS entry
                ON entry.id = entry_id
              LEFT JOIN transactions AS recorded
                ON recorded.id = entry.id
             WHERE day = %(day)s
               AND position > %(after)s
               AND position <= %(until)s
               AND action = 'transaction.recorded'
               AND (recorded.id IS NULL
                    OR transaction_facts(recorded) <> after
                    OR 1 <> (
                         SELECT count(*) FILTER (WHERE moved.after ->> 'status' = recorded.status)
                                - count(*) FILTER (WHERE moved.before ->> 'status' = recorded.status)
                                + CASE recorded.status WHEN 'New' THEN 1 ELSE 0 END
                           FROM audit_entries AS moved
                          WHERE moved.subject_kind = 'transaction'
                            AND moved.subject_id = recorded.id::text
                            AND moved.action = 'transaction.status_changed'
                       ))
             ORDER BY position
             LIMIT 1
            """,
            {"day": day, "after": after, "until": until},
        )
        .fetchone()
    )


def get_unsealed(conn: Conn, *, day: date | None) -> UUID | None:
    """The first entry, of those made on a day or of all, that has no link and waits for none."""
    row = conn.execute(
        """
        SELECT id
          FROM audit_entries
         WHERE (%(day)s::date IS NULL
                OR (id >= id_from(%(day)s::date::timestamp AT TIME ZONE 'UTC')
                    AND id < id_from((%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC')))
           AND NOT EXISTS (SELECT FROM audit_links WHERE entry_id = audit_entries.id)
           AND NOT EXISTS (SELECT FROM audit_unsealed WHERE entry_id = audit_entries.id)
         ORDER BY id
         LIMIT 1
        """,
        {"day": day},
    ).fetchone()
    return row and row[0]


def get_unrecorded(conn: Conn, *, day: date | None) -> UUID | None:
    """The first transaction, of those made on a day or of all, that no entry tells of."""
    row = conn.execute(
        """
        SELECT id
          FROM transactions
         WHERE (%(day)s::date IS NULL
                OR (id >= id_from(%(day)s::date::timestamp AT TIME ZONE 'UTC')
                    AND id < id_from((%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC')))
           AND NOT EXISTS (SELECT FROM audit_entries WHERE audit_entries.id = transactions.id)
         ORDER BY id
         LIMIT 1
        """,
        {"day": day},
    ).fetchone()
    return row and row[0]
