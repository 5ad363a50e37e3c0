"""Staged users: the rows of a file of users, in a table that lives as long as its transaction.

A user is known by phone; one whose phone is new, or who has none, by e-mail.
"""

from collections.abc import Iterable

from shared.domain.csv_rows import Table
from shared.domain.uploads import Applied, Slice
from shared.domain.users import WORK_IN_STORES
from shared.rows import of
from shared.store import Conn


def insert(conn: Conn, blocks: Iterable[bytes]) -> None:
    """Copy the rows, as `shared.copy_text` makes them."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE staged_users (
            line   integer NOT NULL,
            phone  text,
            email  text,
            name   text    NOT NULL,
            role   text    NOT NULL,
            stores text,
            active boolean
        ) ON COMMIT DROP
        """
    )
    with conn.cursor().copy("COPY staged_users FROM STDIN WITH (NULL '')") as copy:
        for block in blocks:
            copy.write(block)
    conn.execute("ALTER TABLE staged_users ADD COLUMN user_id uuid")
    conn.execute("ANALYZE staged_users")


def count_pages(conn: Conn) -> int:
    return conn.execute(
        "SELECT pg_relation_size('pg_temp.staged_users') / current_setting('block_size')::integer"
    ).fetchall()[0][0]


def delete_unreachable(conn: Conn, _table: Table) -> int:
    """Reject the staged rows with neither phone nor e-mail."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_users
                  WHERE phone IS NULL
                    AND email IS NULL
                 RETURNING line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'phone', 'unreachable', '', ''
          FROM gone
        """
    ).rowcount


def delete_ambiguous(conn: Conn, _table: Table) -> int:
    """Reject the staged rows whose phone one user has and whose e-mail another."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_users AS s
                  USING users AS p, users AS e
                  WHERE p.phone = s.phone
                    AND e.email = s.email
                    AND p.id <> e.id
                 RETURNING s.line, s.email
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'email', 'user_ambiguous', email, ''
          FROM gone
        """
    ).rowcount


def delete_without_store(conn: Conn, table: Table) -> int:
    """Reject the staged rows of a role that works in stores, but that leave the user without any.

    A file without the column leaves each user the stores they have.
    """
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_users AS s
                  WHERE s.role = ANY (%(roles)s)
                    AND s.stores IS NULL
                    AND ('stores' = ANY (%(given)s)
                         OR NOT EXISTS (
                              SELECT
                                FROM user_stores
                               WHERE user_id = COALESCE((SELECT id FROM users WHERE phone = s.phone),
                                                        (SELECT id FROM users WHERE email = s.email))
                            ))
                 RETURNING s.line, s.role
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'stores', 'store_missing', '', role
          FROM gone
        """,
        {"roles": sorted(WORK_IN_STORES), "given": table.given},
    ).rowcount


def delete_duplicates(conn: Conn, _table: Table) -> int:
    """Find out whom each staged row is about, and reject those about whom an earlier one is."""
    conn.execute(
        """
        UPDATE staged_users AS s
           SET user_id = COALESCE((SELECT id FROM users WHERE phone = s.phone),
                                  (SELECT id FROM users WHERE email = s.email),
                                  uuidv7())
         WHERE user_id IS NULL
        """
    )
    return conn.execute(
        """
          WITH numbered AS (
                 SELECT line,
                        min(line) OVER (PARTITION BY user_id) AS same_user,
                        CASE WHEN phone IS NOT NULL
                             THEN min(line) OVER (PARTITION BY phone) END AS same_phone,
                        CASE WHEN email IS NOT NULL
                             THEN min(line) OVER (PARTITION BY email) END AS same_email
                   FROM staged_users
               ),
               gone AS (
                 DELETE FROM staged_users AS s
                  USING numbered AS n
                  WHERE s.line = n.line
                    AND LEAST(n.same_user, n.same_phone, n.same_email) < s.line
                 RETURNING s.line, s.phone, s.email, n.same_user, n.same_phone, n.same_email
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line,
               CASE WHEN same_phone < line THEN 'phone' ELSE 'email' END,
               'duplicate',
               COALESCE(CASE WHEN same_phone < line THEN phone ELSE email END, phone, ''),
               LEAST(same_user, same_phone, same_email)
          FROM gone
        """
    ).rowcount


def delete_with_unknown_store(conn: Conn, _table: Table) -> int:
    """Reject the staged rows that name a store there is not."""
    return conn.execute(
        """
          WITH unknown AS (
                 SELECT s.line, min(named.store_id) AS store_id
                   FROM staged_users AS s
                        CROSS JOIN LATERAL unnest(string_to_array(s.stores, ' ')) AS named (store_id)
                  WHERE NOT EXISTS (SELECT FROM stores WHERE id = named.store_id)
                  GROUP BY s.line
               ),
               gone AS (
                 DELETE FROM staged_users AS s
                  USING unknown
                  WHERE s.line = unknown.line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'stores', 'store_unknown', store_id, store_id
          FROM unknown
        """
    ).rowcount


def merge(conn: Conn, part: Slice) -> Applied:
    """Write the users that are new or differ, in themselves or in their stores.

    Phone and e-mail are never taken away by an empty cell: they are how a user signs in.
    """
    return (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH merged AS (
                     MERGE INTO users AS u
                     USING (SELECT *, string_to_array(COALESCE(stores, ''), ' ') AS store_ids
                              FROM staged_users
                             WHERE ctid >= %(first)s::tid
                               AND ctid < %(end)s::tid) AS s
                        ON u.id = s.user_id
                      WHEN MATCHED
                       AND ((u.name, u.role, u.phone, u.email, u.active)
                            IS DISTINCT FROM
                            (s.name, s.role, COALESCE(s.phone, u.phone), COALESCE(s.email, u.email),
                             COALESCE(s.active, u.active))
                            OR ('stores' = ANY (%(given)s)
                                AND ARRAY(SELECT store_id FROM user_stores WHERE user_id = u.id ORDER BY 1)
                                    <> ARRAY(SELECT unnest(s.store_ids) ORDER BY 1)))
                      THEN UPDATE
                       SET name = s.name,
                           role = s.role,
                           phone = COALESCE(s.phone, u.phone),
                           email = COALESCE(s.email, u.email),
                           active = COALESCE(s.active, u.active),
                           upload_id = %(upload_id)s
                      WHEN NOT MATCHED
                      THEN INSERT (id, name, role, phone, email, active, upload_id, created_at)
                           VALUES (s.user_id, s.name, s.role, s.phone, s.email, COALESCE(s.active, true),
                                   %(upload_id)s, %(now)s)
                     RETURNING merge_action() AS action
                   )
            SELECT count(*) FILTER (WHERE action = 'INSERT') AS inserted,
                   count(*) FILTER (WHERE action = 'UPDATE') AS updated
              FROM merged
            """,
            {
                "given": part.given,
                "upload_id": part.upload_id,
                "now": part.now,
                "first": f"({part.first},0)",
                "end": f"({part.end},0)",
            },
        )
        .fetchall()[0]
    )


def update_links(conn: Conn, given: list[str]) -> None:
    """Let each user work in exactly the stores of their row, if the file names stores at all."""
    conn.execute(
        """
        DELETE FROM user_stores AS l
         USING staged_users AS s
         WHERE l.user_id = s.user_id
           AND 'stores' = ANY (%(given)s)
           AND (s.stores IS NULL OR l.store_id <> ALL (string_to_array(s.stores, ' ')))
        """,
        {"given": given},
    )
    conn.execute(
        """
        INSERT INTO user_stores (user_id, store_id)
        SELECT s.user_id, named.store_id
          FROM staged_users AS s
               CROSS JOIN LATERAL unnest(string_to_array(s.stores, ' ')) AS named (store_id)
            ON CONFLICT DO NOTHING
        """
    )
