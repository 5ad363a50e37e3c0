"""Staged products: the rows of a file of products, in a table that lives as long as its transaction."""

from collections.abc import Iterable

from shared.domain.csv_rows import Table
from shared.domain.uploads import Applied, Slice
from shared.rows import of
from shared.store import Conn


def insert(conn: Conn, blocks: Iterable[bytes]) -> None:
    """Copy the rows, as `shared.copy_text` makes them."""
    conn.execute(
        """
        CREATE TEMPORARY TABLE staged_products (
            line         integer NOT NULL,
            sku          text    NOT NULL,
            name         text    NOT NULL,
            brand        text,
            collection   text,
            type         text,
            price        numeric NOT NULL,
            currency     text    NOT NULL,
            tax_rate_pct numeric NOT NULL,
            active       boolean,
            attributes   jsonb   NOT NULL
        ) ON COMMIT DROP
        """
    )
    with conn.cursor().copy("COPY staged_products FROM STDIN WITH (NULL '')") as copy:
        for block in blocks:
            copy.write(block)
    # The planner needs to know how many rows there are and that their keys differ; looking at every
    # column of many rows takes as long as copying them.
    conn.execute("SET LOCAL default_statistics_target = 10")
    conn.execute("ANALYZE staged_products (sku)")


def count_pages(conn: Conn) -> int:
    return conn.execute(
        "SELECT pg_relation_size('pg_temp.staged_products') / current_setting('block_size')::integer"
    ).fetchall()[0][0]


def delete_duplicates(conn: Conn, _table: Table) -> int:
    """Reject the staged rows whose sku an earlier one has, and say where a mandatory value differs."""
    return conn.execute(
        """
          WITH first AS (
                 SELECT sku, min(line) AS line
                   FROM staged_products
                  GROUP BY sku
                 HAVING count(*) > 1
               ),
               kept AS (
                 SELECT s.sku, s.line, s.name, s.price, s.currency, s.tax_rate_pct
                   FROM first
                        JOIN staged_products AS s ON s.sku = first.sku AND s.line = first.line
               ),
               gone AS (
                 DELETE FROM staged_products AS s
                  USING kept
                  WHERE s.sku = kept.sku
                    AND s.line > kept.line
                 RETURNING s.line, kept.line AS first_line,
                           CASE WHEN s.name <> kept.name THEN ARRAY['name', s.name]
                                WHEN s.price <> kept.price THEN ARRAY['price', s.price::text]
                                WHEN s.currency <> kept.currency THEN ARRAY['currency', s.currency]
                                WHEN s.tax_rate_pct <> kept.tax_rate_pct
                                THEN ARRAY['tax_rate_pct', s.tax_rate_pct::text]
                                ELSE ARRAY['sku', s.sku]
                            END AS cell
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, cell[1], CASE cell[1] WHEN 'sku' THEN 'duplicate' ELSE 'duplicate_conflict' END,
               cell[2], first_line
          FROM gone
        """
    ).rowcount


def delete_of_other_kind(conn: Conn, table: Table) -> int:
    """Reject the staged rows whose sku is a product of another kind."""
    return conn.execute(
        """
          WITH gone AS (
                 DELETE FROM staged_products AS s
                  USING products AS p
                  WHERE p.sku = s.sku
                    AND p.kind <> %(kind)s
                 RETURNING s.line, s.sku, p.kind
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'sku', 'kind_conflict', sku, kind
          FROM gone
        """,
        {"kind": table.kind.constants["kind"]},
    ).rowcount


def merge(conn: Conn, part: Slice) -> Applied:
    """Write the products that are new or differ; those that do not are not even locked.

    The caller holds the lock of the target, so that nobody else adds a product meanwhile.
    """
    return (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH merged AS (
                     MERGE INTO products AS p
                     USING (SELECT *
                              FROM staged_products
                             WHERE ctid >= %(first)s::tid
                               AND ctid < %(end)s::tid) AS s
                        ON p.sku = s.sku
                      WHEN MATCHED
                       AND (p.name, p.brand, p.collection, p.type, p.price, p.currency, p.tax_rate_pct,
                            p.active, p.attributes)
                           IS DISTINCT FROM
                           (s.name,
                            CASE WHEN 'brand' = ANY (%(given)s) THEN s.brand ELSE p.brand END,
                            CASE WHEN 'collection' = ANY (%(given)s) THEN s.collection ELSE p.collection END,
                            CASE WHEN 'type' = ANY (%(given)s) THEN s.type ELSE p.type END,
                            s.price, s.currency, s.tax_rate_pct, COALESCE(s.active, p.active),
                            (p.attributes - %(attributes)s::text[]) || s.attributes)
                      THEN UPDATE
                       SET name = s.name,
                           brand = CASE WHEN 'brand' = ANY (%(given)s) THEN s.brand ELSE p.brand END,
                           collection = CASE WHEN 'collection' = ANY (%(given)s)
                                             THEN s.collection ELSE p.collection END,
                           type = CASE WHEN 'type' = ANY (%(given)s) THEN s.type ELSE p.type END,
                           price = s.price,
                           currency = s.currency,
                           tax_rate_pct = s.tax_rate_pct,
                           active = COALESCE(s.active, p.active),
                           attributes = (p.attributes - %(attributes)s::text[]) || s.attributes,
                           upload_id = %(upload_id)s,
                           updated_at = %(now)s
                      WHEN NOT MATCHED
                      THEN INSERT (sku, kind, name, brand, collection, type, price, currency, tax_rate_pct,
                                   active, attributes, upload_id, created_at, updated_at)
                           VALUES (s.sku, %(kind)s, s.name, s.brand, s.collection, s.type, s.price,
                                   s.currency, s.tax_rate_pct, COALESCE(s.active, true), s.attributes,
                                   %(upload_id)s, %(now)s, %(now)s)
                     RETURNING merge_action() AS action
                   )
            SELECT count(*) FILTER (WHERE action = 'INSERT') AS inserted,
                   count(*) FILTER (WHERE action = 'UPDATE') AS updated
              FROM merged
            """,
            {
                "kind": part.constants["kind"],
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
