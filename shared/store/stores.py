"""Stores: reading them."""

from collections.abc import Sequence

from shared.domain.baskets import SellingStore, facts_of
from shared.domain.stores import Store
from shared.domain.users import EVERY_STORE, Reach
from shared.rows import of
from shared.store import Conn


def get(conn: Conn, store_id: str, reach: Reach = EVERY_STORE) -> Store | None:
    """The store, if it is within reach."""
    return (
        conn.cursor(row_factory=of(Store))
        .execute(
            """
            SELECT id, name, parent_id, company_a_id, company_b_id, address, city, region, country,
                   postal_code, latitude, longitude, zone, active, attributes, updated_at
              FROM stores
             WHERE id = %(store_id)s
               AND store_in_reach(id, %(root)s, %(below)s)
            """,
            {"store_id": store_id, "root": reach.root, "below": reach.below},
        )
        .fetchone()
    )


def find(
    conn: Conn,
    *,
    reach: Reach = EVERY_STORE,
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

    None does not narrow.
    """
    return (
        conn.cursor(row_factory=of(Store))
        .execute(
            """
            SELECT id, name, parent_id, company_a_id, company_b_id, address, city, region, country,
                   postal_code, latitude, longitude, zone, active, attributes, updated_at
              FROM stores
             WHERE id > %(after)s
               AND (%(root)s::text IS NULL
                    OR id = %(root)s
                    OR (%(below)s AND id IN (SELECT stores_below(%(root)s))))
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
                "root": reach.root,
                "below": reach.below,
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


def find_these(conn: Conn, ids: tuple[str, ...]) -> list[Store]:
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


def find_ids(conn: Conn, reach: Reach) -> list[str] | None:
    """The ids of the stores within reach; None for all there are."""
    if reach.root is None or not reach.below:
        return None if reach.root is None else [reach.root]
    return [row[0] for row in conn.execute("SELECT stores_below(%(root)s)", {"root": reach.root})]


def is_retailer(conn: Conn, store_id: str) -> bool:
    """Whether there is such a store, without a parent."""
    row = conn.execute(
        """
        SELECT EXISTS (SELECT FROM stores WHERE id = %(store_id)s AND parent_id IS NULL)
        """,
        {"store_id": store_id},
    ).fetchone()
    return row is not None and row[0]


def find_selling(conn: Conn, store_ids: Sequence[str]) -> dict[str, SellingStore]:
    """What the stores bring to a sale, by their ids."""
    rows = conn.execute(
        """
        SELECT id, zone, facts
          FROM store_facts
         WHERE id = ANY(%(store_ids)s)
        """,
        {"store_ids": list(store_ids)},
    )
    return {
        store_id: SellingStore(store_id, zone, facts_of("store", facts)) for store_id, zone, facts in rows
    }
