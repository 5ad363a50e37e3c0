"""Products: reading the catalogue."""

from shared.domain.products import Product
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


def find_these(conn: Conn, skus: tuple[str, ...]) -> list[Product]:
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
