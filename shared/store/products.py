"""Products: reading the catalogue, and applying a staged file to it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from shared.domain.kinds.kind import Kind
from shared.domain.products import Product
from shared.domain.uploads import Applied
from shared.rows import of
from shared.store import Conn


def get(conn: Conn, sku: str) -> Product | None:
    return (
        conn.cursor(row_factory=of(Product))
        .execute(
            """
            SELECT sku, kind, name, brand, collection, type, price, currency, tax_rate_pct, active,
                   attributes, updated_at
              FROM products
             WHERE sku = %(sku)s
            """,
            {"sku": sku},
        )
        .fetchone()
    )


def find(
    conn: Conn,
    *,
    kind: str | None = None,
    brand: str | None = None,
    collection: str | None = None,
    type_: str | None = None,
    active: bool | None = None,
    text: str | None = None,
    after: str = "",
    limit: int,
) -> list[Product]:
    """The products after the sku `after`, by sku; each word of `text` is in sku, name or brand.

    None does not narrow.
    """
    return (
        conn.cursor(row_factory=of(Product))
        .execute(
            """
            SELECT sku, kind, name, brand, collection, type, price, currency, tax_rate_pct, active,
                   attributes, updated_at
              FROM products
             WHERE sku > %(after)s
               AND (%(kind)s::text IS NULL OR kind = %(kind)s)
               AND (%(brand)s::text IS NULL OR brand = %(brand)s)
               AND (%(collection)s::text IS NULL OR collection = %(collection)s)
               AND (%(type)s::text IS NULL OR type = %(type)s)
               AND (%(active)s::boolean IS NULL OR active = %(active)s)
               AND (%(text)s::text IS NULL
                    OR lower(concat_ws(' ', sku, name, brand)) LIKE ALL (search_patterns(%(text)s)))
             ORDER BY sku
             LIMIT %(limit)s
            """,
            {
                "kind": kind,
                "brand": brand,
                "collection": collection,
                "type": type_,
                "active": active,
                "text": text,
                "after": after,
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_these(conn: Conn, skus: Sequence[str]) -> list[Product]:
    """The products of these skus, by sku."""
    return (
        conn.cursor(row_factory=of(Product))
        .execute(
            """
            SELECT sku, kind, name, brand, collection, type, price, currency, tax_rate_pct, active,
                   attributes, updated_at
              FROM products
             WHERE sku = ANY (%(skus)s)
             ORDER BY sku
            """,
            {"skus": list(skus)},
        )
        .fetchall()
    )


def insert_staged(conn: Conn, rows: Iterable[Sequence[object]]) -> None:
    """Copy the rows of a file into a table that lives as long as the transaction."""
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
    with conn.cursor().copy(
        """
        COPY staged_products (line, sku, name, brand, collection, type, price, currency, tax_rate_pct, active,
                              attributes)
        FROM STDIN
        """
    ) as copy:
        for row in rows:
            copy.write_row(row)
    conn.execute("ANALYZE staged_products")


def delete_staged_duplicates(conn: Conn, _kind: Kind) -> int:
    """Reject the staged rows whose sku an earlier one has."""
    return conn.execute(
        """
          WITH first AS (
                 SELECT sku, min(line) AS line
                   FROM staged_products
                  GROUP BY sku
                 HAVING count(*) > 1
               ),
               gone AS (
                 DELETE FROM staged_products AS s
                  USING first
                  WHERE s.sku = first.sku
                    AND s.line > first.line
                 RETURNING s.line, s.sku, first.line AS first_line
               )
        INSERT INTO rejected_cells (line, place, code, value, other)
        SELECT line, 'sku', 'duplicate', sku, first_line
          FROM gone
        """
    ).rowcount


def delete_staged_of_other_kind(conn: Conn, kind: Kind) -> int:
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
        {"kind": kind.constants["kind"]},
    ).rowcount


def upsert_staged(
    conn: Conn,
    kind: Kind,
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
    return (
        conn.cursor(row_factory=of(Applied))
        .execute(
            """
              WITH applied AS (
                     INSERT INTO products
                            (sku, kind, name, brand, collection, type, price, currency, tax_rate_pct, active,
                             attributes, upload_id, created_at, updated_at)
                     SELECT s.sku, %(kind)s, s.name, m.brand, m.collection, m.type, s.price, s.currency,
                            s.tax_rate_pct, m.active, m.attributes, %(upload_id)s, %(now)s, %(now)s
                       FROM staged_products AS s
                            LEFT JOIN products AS o ON o.sku = s.sku
                            CROSS JOIN LATERAL (
                              SELECT CASE WHEN 'brand' = ANY (%(given)s) THEN s.brand ELSE o.brand END,
                                     CASE WHEN 'collection' = ANY (%(given)s)
                                          THEN s.collection ELSE o.collection END,
                                     CASE WHEN 'type' = ANY (%(given)s) THEN s.type ELSE o.type END,
                                     COALESCE(s.active, o.active, true),
                                     COALESCE(o.attributes - %(attributes)s::text[], '{}') || s.attributes
                            ) AS m (brand, collection, type, active, attributes)
                      WHERE (o.name, o.brand, o.collection, o.type, o.price, o.currency, o.tax_rate_pct,
                             o.active, o.attributes)
                            IS DISTINCT FROM
                            (s.name, m.brand, m.collection, m.type, s.price, s.currency, s.tax_rate_pct,
                             m.active, m.attributes)
                         ON CONFLICT (sku) DO UPDATE
                        SET name = excluded.name,
                            brand = excluded.brand,
                            collection = excluded.collection,
                            type = excluded.type,
                            price = excluded.price,
                            currency = excluded.currency,
                            tax_rate_pct = excluded.tax_rate_pct,
                            active = excluded.active,
                            attributes = excluded.attributes,
                            upload_id = excluded.upload_id,
                            updated_at = excluded.updated_at
                     RETURNING old.sku IS NULL AS is_new
                   )
            SELECT (SELECT count(*) FROM staged_products) AS staged,
                   count(*) FILTER (WHERE is_new) AS inserted,
                   count(*) FILTER (WHERE NOT is_new) AS updated
              FROM applied
            """,
            {
                "kind": kind.constants["kind"],
                "given": given,
                "attributes": attributes,
                "upload_id": upload_id,
                "now": now,
            },
        )
        .fetchall()[0]
    )
