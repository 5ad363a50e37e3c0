"""Trials: what is read to try a version of a promotion that need not be live."""

from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from shared.domain.baskets import PricedProduct, SellingStore, facts_of
from shared.domain.documents import exact
from shared.domain.filters import Filter, GroupUse, parse_filter
from shared.domain.promotions import PublishedVersion
from shared.rows import of
from shared.store import Conn


def get_version(conn: Conn, promotion_id: UUID, version: int | None) -> PublishedVersion | None:
    """A version of a promotion; None as its number is the newest."""
    return (
        conn.cursor(row_factory=of(PublishedVersion))
        .execute(
            """
            SELECT promotion_id, version, name, lane, priority, exclusive, stackable, starts_at, ends_at,
                   zone_policy, stores, rule, limits, funding, windows, on_return, requires_otp
              FROM promotion_versions
             WHERE promotion_id = %(promotion_id)s
               AND (%(version)s::integer IS NULL OR version = %(version)s)
             ORDER BY version DESC
             LIMIT 1
            """,
            {"promotion_id": promotion_id, "version": version},
        )
        .fetchone()
    )


def get_newest_rule_set(conn: Conn) -> int:
    """The number of the newest rule set, 0 before any."""
    return conn.execute("SELECT coalesce(max(version), 0) FROM rule_sets").fetchall()[0][0]


def find_filters(conn: Conn, uses: Collection[GroupUse]) -> dict[str, Filter]:
    """The filters of the groups that somebody names, as they are defined now, by id of those there are."""
    subjects = {use.group_id: use.subject for use in uses}
    rows = conn.execute(
        """
        SELECT id::text, filter
          FROM groups
         WHERE id = ANY(%(group_ids)s::uuid[])
        """,
        {"group_ids": list(subjects)},
    )
    return {
        group_id: parse_filter(exact(document), namespaces=(subjects[group_id],))
        for group_id, document in rows
    }


def find_goods(conn: Conn, skus: Collection[str]) -> list[PricedProduct]:
    """The active ones, as a sale would see them, by SKU."""
    rows = conn.execute(
        """
        SELECT sku, price::text, currency, tax_rate_pct::text, facts
          FROM product_facts
         WHERE sku = ANY(%(skus)s)
           AND active
         ORDER BY sku
        """,
        {"skus": list(skus)},
    )
    return [
        PricedProduct(sku, Decimal(price), currency, Decimal(tax_rate_pct), facts_of("product", facts))
        for sku, price, currency, tax_rate_pct, facts in rows
    ]


def find_stores(conn: Conn, store_ids: Collection[str]) -> list[SellingStore]:
    """The active ones, as a sale would see them, by id."""
    rows = conn.execute(
        """
        SELECT id, zone, facts
          FROM store_facts
         WHERE id = ANY(%(store_ids)s)
           AND active
         ORDER BY id
        """,
        {"store_ids": list(store_ids)},
    )
    return [SellingStore(store_id, zone, facts_of("store", facts)) for store_id, zone, facts in rows]
