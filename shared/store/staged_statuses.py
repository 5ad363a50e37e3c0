"""Staged statuses: the rows of a file of them, in a table that lives as long as its transaction."""

from collections.abc import Generator, Iterable

from shared.domain.audit import Action, Subject
from shared.domain.csv_rows import Table
from shared.domain.quotes import TransactionStatus
from shared.domain.statuses import BY_HAND, TRANSITIONS
from shared.domain.uploads import Applied, Slice
from shared.rows import of
from shared.store import Conn

_ALLOWED = [(before, after) for before, following in TRANSITIONS.items() for after in following & BY_HAND]


def insert(conn: Conn, blocks: Iterable[bytes]) -> None:
    """Copy the rows, as `shared.copy_text` makes them."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE staged_statuses (
            line           integer NOT NULL,
            transaction_id uuid    NOT NULL,
            status         text    NOT NULL,
            reason         text
        ) ON COMMIT DROP
        """
    )
    with conn.cursor().copy("COPY staged_statuses FROM STDIN WITH (NULL '')") as copy:
        for block in blocks:
            copy.write(block)
    conn.execute("ANALYZE staged_statuses")


def count_pages(conn: Conn) -> int:
    return conn.execute(
        "SELECT pg_relation_size('pg_temp.staged_statuses') / current_setting('block_size')::integer"
    ).fetchall()[0][0]


def delete_duplicates(conn: Conn, _table: Table) -> int:
    """Reject the staged rows about a transaction that an earlier one is about."""
    return conn.execute(
        """
          WITH numbered AS (
                 SELECT line, min(line) OVER (PARTITION BY transaction_id) AS first_line
                   FROM staged_statuses
               ),
               gone AS (
                 DELETE FROM staged_statuses AS s
                  USING numbered AS n
                  WHERE s.line = n.line
                    AND n.first_line < s.line
                 RETURNING s.line, transaction_id, first_line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'transaction_id', 'duplicate', transaction_id, first_line
          FROM gone
        """
    ).rowcount


def delete_unknown(conn: Conn, _table: Table) -> int:
    """Reject the staged rows about no transaction; those of the others are held until the file is applied."""
    conn.execute(
        """
        SELECT
          FROM transactions
         WHERE id IN (SELECT transaction_id FROM staged_statuses)
         ORDER BY id
           FOR NO KEY UPDATE
        """
    )
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_statuses AS s
                  WHERE NOT EXISTS (SELECT FROM transactions WHERE id = s.transaction_id)
                 RETURNING line, transaction_id
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'transaction_id', 'transaction_unknown', transaction_id, ''
          FROM gone
        """
    ).rowcount


def delete_not_allowed(conn: Conn, _table: Table) -> int:
    """Reject the staged rows with a status that may not follow the present one, or only by settlement."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_statuses AS s
                  USING transactions AS t
                  WHERE t.id = s.transaction_id
                    AND t.status <> s.status
                    AND (t.status, s.status) NOT IN (
                          SELECT *
                            FROM unnest(%(before)s::text[], %(after)s::text[])
                        )
                 RETURNING line, s.status, t.status AS present
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'status',
               CASE WHEN status = %(settled)s THEN 'status_by_settlement' ELSE 'transition_not_allowed' END,
               status, present
          FROM gone
        """,
        {
            "before": [before for before, _ in _ALLOWED],
            "after": [after for _, after in _ALLOWED],
            "settled": TransactionStatus.SETTLEMENT_COMPLETE,
        },
    ).rowcount


def find_results(conn: Conn) -> Generator[tuple[int, str]]:
    """Each line with `changed` or `unchanged`, which is what merging will make of it."""
    with conn.cursor("status_results") as cursor:
        cursor.itersize = 1_000
        yield from cursor.execute(
            """
            SELECT line, CASE WHEN t.status = s.status THEN 'unchanged' ELSE 'changed' END
              FROM staged_statuses AS s
              JOIN transactions AS t
                ON t.id = transaction_id
             ORDER BY line
            """
        )


def merge(conn: Conn, part: Slice) -> Applied:
    """Give the transactions their statuses, each change with its entry in the audit."""
    return (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH changed AS (
                     UPDATE transactions AS t
                        SET status = s.status
                       FROM staged_statuses AS s
                      WHERE t.id = s.transaction_id
                        AND t.status <> s.status
                        AND s.ctid >= %(first)s::tid
                        AND s.ctid < %(end)s::tid
                     RETURNING t.id, old.status AS before, s.status, s.reason
                   ),
                   told AS (
                     INSERT INTO audit_entries (at, actor, action, subject_kind, subject_id, before, after)
                     SELECT %(now)s, created_by, %(action)s, %(subject)s, changed.id,
                            jsonb_build_object('status', before),
                            jsonb_build_object(
                              'status', changed.status, 'reason', changed.reason, 'upload_id', uploads.id
                            )
                       FROM changed, uploads
                      WHERE uploads.id = %(upload_id)s
                   )
            SELECT 0 AS inserted, count(*) AS updated
              FROM changed
            """,
            {
                "now": part.now,
                "action": Action.TRANSACTION_STATUS_CHANGED,
                "subject": Subject.TRANSACTION,
                "upload_id": part.upload_id,
                "first": f"({part.first},0)",
                "end": f"({part.end},0)",
            },
        )
        .fetchall()[0]
    )
