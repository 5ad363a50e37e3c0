"""Staged stores: the rows of a file of stores, in a table that lives as long as its transaction."""

from collections.abc import Iterable

from shared.domain.csv_rows import Table
from shared.domain.stores import rings
from shared.domain.uploads import Applied, Slice
from shared.rows import of
from shared.store import Conn


def insert(conn: Conn, blocks: Iterable[bytes]) -> None:
    """Copy the rows, as `shared.copy_text` makes them."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE staged_stores (
            line         integer NOT NULL,
            id           text    NOT NULL,
            name         text    NOT NULL,
            parent_id    text,
            company_a_id text,
            company_b_id text,
            address      text,
            city         text,
            region       text,
            country      text    NOT NULL,
            postal_code  text,
            latitude     numeric,
            longitude    numeric,
            zone         text    NOT NULL,
            active       boolean,
            attributes   jsonb   NOT NULL
        ) ON COMMIT DROP
        """
    )
    with conn.cursor().copy("COPY staged_stores FROM STDIN WITH (NULL '')") as copy:
        for block in blocks:
            copy.write(block)
    conn.execute("ANALYZE staged_stores")


def count_pages(conn: Conn) -> int:
    return conn.execute(
        "SELECT pg_relation_size('pg_temp.staged_stores') / current_setting('block_size')::integer"
    ).fetchall()[0][0]


def delete_duplicates(conn: Conn, _table: Table) -> int:
    """Reject the staged rows whose id an earlier one has, and say where a mandatory value differs."""
    return conn.execute(
        """
          WITH first AS (
                 SELECT id, min(line) AS line
                   FROM staged_stores
                  GROUP BY id
                 HAVING count(*) > 1
               ),
               kept AS (
                 SELECT s.id, s.line, s.name, s.country, s.zone
                   FROM first
                        JOIN staged_stores AS s ON s.id = first.id AND s.line = first.line
               ),
               gone AS (
                 DELETE FROM staged_stores AS s
                  USING kept
                  WHERE s.id = kept.id
                    AND s.line > kept.line
                 RETURNING s.line, kept.line AS first_line,
                           CASE WHEN s.name <> kept.name THEN ARRAY['name', s.name]
                                WHEN s.country <> kept.country THEN ARRAY['country', s.country]
                                WHEN s.zone <> kept.zone THEN ARRAY['zone', s.zone]
                                ELSE ARRAY['id', s.id]
                            END AS cell
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, cell[1], CASE cell[1] WHEN 'id' THEN 'duplicate' ELSE 'duplicate_conflict' END,
               cell[2], first_line
          FROM gone
        """
    ).rowcount


def delete_without_parent(conn: Conn, _table: Table) -> int:
    """Reject the staged rows whose parent is neither stored nor staged."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_stores AS s
                  WHERE s.parent_id IS NOT NULL
                    AND NOT EXISTS (SELECT FROM stores WHERE id = s.parent_id)
                    AND NOT EXISTS (SELECT FROM staged_stores AS p WHERE p.id = s.parent_id)
                 RETURNING s.line, s.parent_id
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'parent_id', 'parent_unknown', parent_id, ''
          FROM gone
        """
    ).rowcount


def delete_of_taken_company_a_ids(conn: Conn, _table: Table) -> int:
    """Reject the staged rows with an id at company A that another store has when the file is applied.

    Of several staged rows the one whose store has the id already keeps it, else the first.
    """
    return conn.execute(
        """
          WITH claims AS (
                 SELECT s.line, s.id, s.company_a_id AS value,
                        first_value(s.id) OVER (PARTITION BY s.company_a_id
                                                ORDER BY mine.id IS NULL, s.line) AS first_id
                   FROM staged_stores AS s
                        LEFT JOIN stores AS mine ON mine.id = s.id AND mine.company_a_id = s.company_a_id
                  WHERE s.company_a_id IS NOT NULL
               ),
               taken AS (
                 SELECT c.line, c.value, COALESCE(o.id, c.first_id) AS holder
                   FROM claims AS c
                        LEFT JOIN stores AS o ON o.company_a_id = c.value
                                             AND o.id <> c.id
                                             AND NOT EXISTS (SELECT FROM staged_stores AS n WHERE n.id = o.id)
                  WHERE o.id IS NOT NULL
                     OR c.first_id <> c.id
               ),
               gone AS (
                 DELETE FROM staged_stores AS s
                  USING taken
                  WHERE s.line = taken.line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'company_a_id', 'company_id_taken', value, holder
          FROM taken
        """
    ).rowcount


def delete_of_taken_company_b_ids(conn: Conn, _table: Table) -> int:
    """Reject the staged rows with an id at company B that another store has when the file is applied.

    Of several staged rows the one whose store has the id already keeps it, else the first.
    """
    return conn.execute(
        """
          WITH claims AS (
                 SELECT s.line, s.id, s.company_b_id AS value,
                        first_value(s.id) OVER (PARTITION BY s.company_b_id
                                                ORDER BY mine.id IS NULL, s.line) AS first_id
                   FROM staged_stores AS s
                        LEFT JOIN stores AS mine ON mine.id = s.id AND mine.company_b_id = s.company_b_id
                  WHERE s.company_b_id IS NOT NULL
               ),
               taken AS (
                 SELECT c.line, c.value, COALESCE(o.id, c.first_id) AS holder
                   FROM claims AS c
                        LEFT JOIN stores AS o ON o.company_b_id = c.value
                                             AND o.id <> c.id
                                             AND NOT EXISTS (SELECT FROM staged_stores AS n WHERE n.id = o.id)
                  WHERE o.id IS NOT NULL
                     OR c.first_id <> c.id
               ),
               gone AS (
                 DELETE FROM staged_stores AS s
                  USING taken
                  WHERE s.line = taken.line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'company_b_id', 'company_id_taken', value, holder
          FROM taken
        """
    ).rowcount


def delete_in_rings(conn: Conn, _table: Table) -> int:
    """Reject the staged rows that would be their own ancestors once the file is applied."""
    edges = conn.execute(
        """
        SELECT id, parent_id
          FROM staged_stores
         WHERE parent_id IS NOT NULL
         UNION ALL
        SELECT id, parent_id
          FROM stores AS o
         WHERE parent_id IS NOT NULL
           AND NOT EXISTS (SELECT FROM staged_stores AS s WHERE s.id = o.id)
        """
    ).fetchall()
    found = rings(dict(edges))
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_stores AS s
                  USING unnest(%(ids)s::text[], %(rings)s::text[]) AS ring (id, path)
                  WHERE s.id = ring.id
                 RETURNING s.line, s.parent_id, ring.path
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'parent_id', 'parent_ring', parent_id, path
          FROM gone
        """,
        {"ids": list(found), "rings": list(found.values())},
    ).rowcount


def merge(conn: Conn, part: Slice) -> Applied:
    """Write the stores that are new or differ; those that do not are not even locked.

    The caller holds the lock of the target, so that nobody else adds a store meanwhile.
    """
    return (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH merged AS (
                     MERGE INTO stores AS p
                     USING (SELECT *
                              FROM staged_stores
                             WHERE ctid >= %(first)s::tid
                               AND ctid < %(end)s::tid) AS s
                        ON p.id = s.id
                      WHEN MATCHED
                       AND (p.name, p.parent_id, p.company_a_id, p.company_b_id, p.address, p.city, p.region,
                            p.postal_code, p.latitude, p.longitude, p.country, p.zone, p.active, p.attributes)
                           IS DISTINCT FROM
                           (s.name,
                            CASE WHEN 'parent_id' = ANY (%(given)s) THEN s.parent_id ELSE p.parent_id END,
                            CASE WHEN 'company_a_id' = ANY (%(given)s)
                                 THEN s.company_a_id ELSE p.company_a_id END,
                            CASE WHEN 'company_b_id' = ANY (%(given)s)
                                 THEN s.company_b_id ELSE p.company_b_id END,
                            CASE WHEN 'address' = ANY (%(given)s) THEN s.address ELSE p.address END,
                            CASE WHEN 'city' = ANY (%(given)s) THEN s.city ELSE p.city END,
                            CASE WHEN 'region' = ANY (%(given)s) THEN s.region ELSE p.region END,
                            CASE WHEN 'postal_code' = ANY (%(given)s)
                                 THEN s.postal_code ELSE p.postal_code END,
                            CASE WHEN 'latitude' = ANY (%(given)s) THEN s.latitude ELSE p.latitude END,
                            CASE WHEN 'longitude' = ANY (%(given)s) THEN s.longitude ELSE p.longitude END,
                            s.country, s.zone, COALESCE(s.active, p.active),
                            (p.attributes - %(attributes)s::text[]) || s.attributes)
                      THEN UPDATE
                       SET name = s.name,
                           parent_id = CASE WHEN 'parent_id' = ANY (%(given)s)
                                            THEN s.parent_id ELSE p.parent_id END,
                           company_a_id = CASE WHEN 'company_a_id' = ANY (%(given)s)
                                               THEN s.company_a_id ELSE p.company_a_id END,
                           company_b_id = CASE WHEN 'company_b_id' = ANY (%(given)s)
                                               THEN s.company_b_id ELSE p.company_b_id END,
                           address = CASE WHEN 'address' = ANY (%(given)s)
                                          THEN s.address ELSE p.address END,
                           city = CASE WHEN 'city' = ANY (%(given)s) THEN s.city ELSE p.city END,
                           region = CASE WHEN 'region' = ANY (%(given)s) THEN s.region ELSE p.region END,
                           postal_code = CASE WHEN 'postal_code' = ANY (%(given)s)
                                              THEN s.postal_code ELSE p.postal_code END,
                           latitude = CASE WHEN 'latitude' = ANY (%(given)s)
                                           THEN s.latitude ELSE p.latitude END,
                           longitude = CASE WHEN 'longitude' = ANY (%(given)s)
                                            THEN s.longitude ELSE p.longitude END,
                           country = s.country,
                           zone = s.zone,
                           active = COALESCE(s.active, p.active),
                           attributes = (p.attributes - %(attributes)s::text[]) || s.attributes,
                           upload_id = %(upload_id)s,
                           updated_at = %(now)s
                      WHEN NOT MATCHED
                      THEN INSERT (id, name, parent_id, company_a_id, company_b_id, address, city, region,
                                   country, postal_code, latitude, longitude, zone, active, attributes,
                                   upload_id, created_at, updated_at)
                           VALUES (s.id, s.name, s.parent_id, s.company_a_id, s.company_b_id, s.address,
                                   s.city, s.region, s.country, s.postal_code, s.latitude, s.longitude,
                                   s.zone, COALESCE(s.active, true), s.attributes, %(upload_id)s, %(now)s,
                                   %(now)s)
                     RETURNING merge_action() AS action
                   )
            SELECT count(*) FILTER (WHERE action = 'INSERT') AS inserted,
                   count(*) FILTER (WHERE action = 'UPDATE') AS updated
              FROM merged
            """,
            {
                "given": part.given,
                "attributes": part.attributes,
                "upload_id": part.upload_id,
                "now": part.now,
                "first": f"({part.first},0)",
                "end": f"({part.end},0)",
            },
        )
        .fetchall()[0]
    )


def check(conn: Conn) -> None:
    """Parents and company ids may change hands within a file; a fault must show now, not at the commit."""
    conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
