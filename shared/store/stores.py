"""Stores: reading them, and applying a staged file to them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.kinds.kind import Kind
from shared.domain.stores import Store
from shared.domain.uploads import Applied
from shared.rows import of
from shared.store import Conn


def get(conn: Conn, store_id: str) -> Store | None:
    return (
        conn.cursor(row_factory=of(Store))
        .execute(
            """
            SELECT id, name, parent_id, company_a_id, company_b_id, address, city, region, country,
                   postal_code, latitude, longitude, zone, active, attributes, updated_at
              FROM stores
             WHERE id = %(store_id)s
            """,
            {"store_id": store_id},
        )
        .fetchone()
    )


def find(
    conn: Conn,
    *,
    only: str | None = None,
    country: str | None = None,
    region: str | None = None,
    city: str | None = None,
    parent_id: str | None = None,
    active: bool | None = None,
    text: str | None = None,
    after: str = "",
    limit: int,
) -> list[Store]:
    """The stores after the id `after`, by id; each word of `text` is in an id, in name, city or address.

    None does not narrow; `only` narrows to one store.
    """
    return (
        conn.cursor(row_factory=of(Store))
        .execute(
            """
            SELECT id, name, parent_id, company_a_id, company_b_id, address, city, region, country,
                   postal_code, latitude, longitude, zone, active, attributes, updated_at
              FROM stores
             WHERE id > %(after)s
               AND (%(only)s::text IS NULL OR id = %(only)s)
               AND (%(country)s::text IS NULL OR country = %(country)s)
               AND (%(region)s::text IS NULL OR region = %(region)s)
               AND (%(city)s::text IS NULL OR city = %(city)s)
               AND (%(parent_id)s::text IS NULL OR parent_id = %(parent_id)s)
               AND (%(active)s::boolean IS NULL OR active = %(active)s)
               AND (%(text)s::text IS NULL
                    OR lower(concat_ws(' ', id, company_a_id, company_b_id, name, city, address))
                       LIKE ALL (search_patterns(%(text)s)))
             ORDER BY id
             LIMIT %(limit)s
            """,
            {
                "only": only,
                "country": country,
                "region": region,
                "city": city,
                "parent_id": parent_id,
                "active": active,
                "text": text,
                "after": after,
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_these(conn: Conn, ids: Sequence[str]) -> list[Store]:
    """The stores of these ids, by id."""
    return (
        conn.cursor(row_factory=of(Store))
        .execute(
            """
            SELECT id, name, parent_id, company_a_id, company_b_id, address, city, region, country,
                   postal_code, latitude, longitude, zone, active, attributes, updated_at
              FROM stores
             WHERE id = ANY (%(ids)s)
             ORDER BY id
            """,
            {"ids": list(ids)},
        )
        .fetchall()
    )


def insert_staged(conn: Conn, rows: Iterable[Sequence[object]]) -> None:
    """Copy the rows of a file into a table that lives as long as the transaction."""
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
    with conn.cursor().copy(
        """
        COPY staged_stores (line, id, name, parent_id, company_a_id, company_b_id, address, city, region,
                            country, postal_code, latitude, longitude, zone, active, attributes)
        FROM STDIN
        """
    ) as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute("ANALYZE staged_stores")


def delete_staged_duplicates(conn: Conn, _kind: Kind) -> int:
    """Reject the staged rows whose id an earlier one has."""
    return conn.execute(
        """
          WITH first AS (
                 SELECT id, min(line) AS line
                   FROM staged_stores
                  GROUP BY id
                 HAVING count(*) > 1
               ),
               gone AS (
                 DELETE FROM staged_stores AS s
                  USING first
                  WHERE s.id = first.id
                    AND s.line > first.line
                 RETURNING s.line, s.id, first.line AS first_line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'id', 'duplicate', id, first_line
          FROM gone
        """
    ).rowcount


def delete_staged_without_parent(conn: Conn, _kind: Kind) -> int:
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


def delete_staged_of_taken_company_a_ids(conn: Conn, _kind: Kind) -> int:
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


def delete_staged_of_taken_company_b_ids(conn: Conn, _kind: Kind) -> int:
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


def upsert_staged(
    conn: Conn,
    _kind: Kind,
    now: datetime,
    *,
    upload_id: UUID,
    given: list[str],
    attributes: list[str],
) -> Applied:
    """Apply the staged rows; a row that changes nothing is not written.

    Columns that are not `given`, and attributes not in `attributes`, keep what they have. The caller
    holds the lock of the target. What is unchanged is left out before a conflict is looked for, since
    finding one locks the stored row, which is a write.
    """
    applied = (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH applied AS (
                     INSERT INTO stores
                            (id, name, parent_id, company_a_id, company_b_id, address, city, region, country,
                             postal_code, latitude, longitude, zone, active, attributes, upload_id,
                             created_at, updated_at)
                     SELECT s.id, s.name, m.parent_id, m.company_a_id, m.company_b_id, m.address, m.city,
                            m.region, s.country, m.postal_code, m.latitude, m.longitude, s.zone, m.active,
                            m.attributes, %(upload_id)s, %(now)s, %(now)s
                       FROM staged_stores AS s
                            LEFT JOIN stores AS o ON o.id = s.id
                            CROSS JOIN LATERAL (
                              SELECT CASE WHEN 'parent_id' = ANY (%(given)s)
                                          THEN s.parent_id ELSE o.parent_id END,
                                     CASE WHEN 'company_a_id' = ANY (%(given)s)
                                          THEN s.company_a_id ELSE o.company_a_id END,
                                     CASE WHEN 'company_b_id' = ANY (%(given)s)
                                          THEN s.company_b_id ELSE o.company_b_id END,
                                     CASE WHEN 'address' = ANY (%(given)s)
                                          THEN s.address ELSE o.address END,
                                     CASE WHEN 'city' = ANY (%(given)s) THEN s.city ELSE o.city END,
                                     CASE WHEN 'region' = ANY (%(given)s) THEN s.region ELSE o.region END,
                                     CASE WHEN 'postal_code' = ANY (%(given)s)
                                          THEN s.postal_code ELSE o.postal_code END,
                                     CASE WHEN 'latitude' = ANY (%(given)s)
                                          THEN s.latitude ELSE o.latitude END,
                                     CASE WHEN 'longitude' = ANY (%(given)s)
                                          THEN s.longitude ELSE o.longitude END,
                                     COALESCE(s.active, o.active, true),
                                     COALESCE(o.attributes - %(attributes)s::text[], '{}') || s.attributes
                            ) AS m (parent_id, company_a_id, company_b_id, address, city, region,
                                    postal_code, latitude, longitude, active, attributes)
                      WHERE (o.name, o.parent_id, o.company_a_id, o.company_b_id, o.address, o.city,
                             o.region, o.country, o.postal_code, o.latitude, o.longitude, o.zone, o.active,
                             o.attributes)
                            IS DISTINCT FROM
                            (s.name, m.parent_id, m.company_a_id, m.company_b_id, m.address, m.city,
                             m.region, s.country, m.postal_code, m.latitude, m.longitude, s.zone, m.active,
                             m.attributes)
                         ON CONFLICT (id) DO UPDATE
                        SET name = excluded.name,
                            parent_id = excluded.parent_id,
                            company_a_id = excluded.company_a_id,
                            company_b_id = excluded.company_b_id,
                            address = excluded.address,
                            city = excluded.city,
                            region = excluded.region,
                            country = excluded.country,
                            postal_code = excluded.postal_code,
                            latitude = excluded.latitude,
                            longitude = excluded.longitude,
                            zone = excluded.zone,
                            active = excluded.active,
                            attributes = excluded.attributes,
                            upload_id = excluded.upload_id,
                            updated_at = excluded.updated_at
                     RETURNING old.id IS NULL AS is_new
                   )
            SELECT (SELECT count(*) FROM staged_stores) AS staged,
                   count(*) FILTER (WHERE is_new) AS inserted,
                   count(*) FILTER (WHERE NOT is_new) AS updated
              FROM applied
            """,
            {"given": given, "attributes": attributes, "upload_id": upload_id, "now": now},
        )
        .fetchall()[0]
    )
    # Parents and company ids may change hands within a file; a fault must show here and not at the commit.
    conn.execute("SET CONSTRAINTS ALL IMMEDIATE")
    return applied
