"""Reports: what dashboards ask of the sums, in the order of a key that cursors name."""

from datetime import date
from uuid import UUID

from shared.domain.rollups import PromotionSums, StatusSums
from shared.rows import of
from shared.store import Conn


def find_by_promotion(
    conn: Conn,
    *,
    first: date,
    last: date,
    promotion_id: UUID | None,
    store_id: str | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[PromotionSums]:
    """Each version of a promotion, over the days from the first to the last."""
    return (
        conn.cursor(row_factory=of(PromotionSums))
        .execute(
            """
            SELECT key, name, currency, baskets, redemptions, discount_minor, revenue_minor
              FROM (
                     SELECT promotion_id, version, promotion_id || '/' || version AS key, currency,
                            sum(baskets)::bigint AS baskets, sum(redemptions)::bigint AS redemptions,
                            sum(discount_minor)::bigint AS discount_minor,
                            sum(revenue_minor)::bigint AS revenue_minor
                       FROM rollup_promotions
                      WHERE day BETWEEN %(first)s AND %(last)s
                        AND (%(promotion_id)s::uuid IS NULL OR promotion_id = %(promotion_id)s)
                        AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
                      GROUP BY promotion_id, version, currency
                   ) AS figures
              LEFT JOIN promotion_versions
             USING (promotion_id, version)
             WHERE %(key)s::text IS NULL OR (key, currency) > (%(key)s, %(currency)s)
             ORDER BY key, currency
             LIMIT %(limit)s
            """,
            {
                "first": first,
                "last": last,
                "promotion_id": promotion_id,
                "store_id": store_id,
                "key": after and after[0],
                "currency": after and after[1],
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_of_promotion(
    conn: Conn,
    *,
    by_store: bool,
    first: date,
    last: date,
    promotion_id: UUID,
    store_id: str | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[PromotionSums]:
    """Stores or days, counting sales in which a promotion gave something."""
    return (
        conn.cursor(row_factory=of(PromotionSums))
        .execute(
            """
            SELECT key, currency, baskets, redemptions, discount_minor, revenue_minor
              FROM (
                     SELECT CASE WHEN %(by_store)s THEN store_id ELSE day::text END AS key, currency,
                            sum(baskets)::bigint AS baskets, sum(redemptions)::bigint AS redemptions,
                            sum(discount_minor)::bigint AS discount_minor,
                            sum(revenue_minor)::bigint AS revenue_minor
                       FROM rollup_promotions
                      WHERE day BETWEEN %(first)s AND %(last)s
                        AND promotion_id = %(promotion_id)s
                        AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
                      GROUP BY key, currency
                   ) AS figures
             WHERE %(key)s::text IS NULL OR (key, currency) > (%(key)s, %(currency)s)
             ORDER BY key, currency
             LIMIT %(limit)s
            """,
            {
                "by_store": by_store,
                "first": first,
                "last": last,
                "promotion_id": promotion_id,
                "store_id": store_id,
                "key": after and after[0],
                "currency": after and after[1],
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_of_all_sales(
    conn: Conn,
    *,
    by_store: bool,
    first: date,
    last: date,
    store_id: str | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[PromotionSums]:
    """Stores or days, counting all sales."""
    return (
        conn.cursor(row_factory=of(PromotionSums))
        .execute(
            """
            SELECT key, currency, baskets, redemptions, discount_minor, revenue_minor
              FROM (
                     SELECT CASE WHEN %(by_store)s THEN store_id ELSE day::text END AS key, currency,
                            sum(baskets)::bigint AS baskets, sum(redemptions)::bigint AS redemptions,
                            sum(discount_minor)::bigint AS discount_minor,
                            sum(revenue_minor)::bigint AS revenue_minor
                       FROM rollup_sales
                      WHERE day BETWEEN %(first)s AND %(last)s
                        AND (%(store_id)s::text IS NULL OR store_id = %(store_id)s)
                      GROUP BY key, currency
                   ) AS figures
             WHERE %(key)s::text IS NULL OR (key, currency) > (%(key)s, %(currency)s)
             ORDER BY key, currency
             LIMIT %(limit)s
            """,
            {
                "by_store": by_store,
                "first": first,
                "last": last,
                "store_id": store_id,
                "key": after and after[0],
                "currency": after and after[1],
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_by_sku(
    conn: Conn,
    *,
    first: date,
    last: date,
    promotion_id: UUID | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[PromotionSums]:
    return (
        conn.cursor(row_factory=of(PromotionSums))
        .execute(
            """
            SELECT sku AS key, currency, sum(units)::bigint AS units,
                   sum(discount_minor)::bigint AS discount_minor
              FROM rollup_skus
             WHERE day BETWEEN %(first)s AND %(last)s
               AND (%(promotion_id)s::uuid IS NULL OR promotion_id = %(promotion_id)s)
               AND (%(key)s::text IS NULL OR (sku, currency) > (%(key)s, %(currency)s))
             GROUP BY sku, currency
             ORDER BY sku, currency
             LIMIT %(limit)s
            """,
            {
                "first": first,
                "last": last,
                "promotion_id": promotion_id,
                "key": after and after[0],
                "currency": after and after[1],
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_by_funder(
    conn: Conn,
    *,
    first: date,
    last: date,
    promotion_id: UUID | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[PromotionSums]:
    return (
        conn.cursor(row_factory=of(PromotionSums))
        .execute(
            """
            SELECT party AS key, currency, sum(discount_minor)::bigint AS discount_minor
              FROM rollup_funders
             WHERE day BETWEEN %(first)s AND %(last)s
               AND (%(promotion_id)s::uuid IS NULL OR promotion_id = %(promotion_id)s)
               AND (%(key)s::text IS NULL OR (party, currency) > (%(key)s, %(currency)s))
             GROUP BY party, currency
             ORDER BY party, currency
             LIMIT %(limit)s
            """,
            {
                "first": first,
                "last": last,
                "promotion_id": promotion_id,
                "key": after and after[0],
                "currency": after and after[1],
                "limit": limit,
            },
        )
        .fetchall()
    )


def find_statuses(
    conn: Conn,
    *,
    first: date,
    last: date,
    retailer_id: str | None,
    after: tuple[str, ...] | None,
    limit: int,
) -> list[StatusSums]:
    """What each retailer's transactions of the days have come to; none of what left a status again."""
    return (
        conn.cursor(row_factory=of(StatusSums))
        .execute(
            """
            SELECT retailer_id, status, currency, transactions, discount_minor, net_minor,
                   (SELECT coalesce(jsonb_object_agg(party, minor) FILTER (WHERE minor <> 0), '{}')
                      FROM (
                             SELECT party, sum(discount_minor) AS minor
                               FROM rollup_status_funders AS borne
                              WHERE borne.retailer_id = figures.retailer_id
                                AND borne.status = figures.status
                                AND borne.currency = figures.currency
                                AND day BETWEEN %(first)s AND %(last)s
                              GROUP BY party
                           ) AS parts) AS funding
              FROM (
                     SELECT retailer_id, status, currency, sum(transactions)::bigint AS transactions,
                            sum(discount_minor)::bigint AS discount_minor,
                            sum(net_minor)::bigint AS net_minor
                       FROM rollup_statuses
                      WHERE day BETWEEN %(first)s AND %(last)s
                        AND (%(wanted)s::text IS NULL OR retailer_id = %(wanted)s)
                        AND (%(retailer_id)s::text IS NULL
                             OR (retailer_id, status, currency) > (%(retailer_id)s, %(status)s, %(currency)s))
                      GROUP BY retailer_id, status, currency
                     HAVING sum(transactions) <> 0
                      ORDER BY retailer_id, status, currency
                      LIMIT %(limit)s
                   ) AS figures
             ORDER BY retailer_id, status, currency
            """,
            {
                "first": first,
                "last": last,
                "wanted": retailer_id,
                "retailer_id": after and after[0],
                "status": after and after[1],
                "currency": after and after[2],
                "limit": limit,
            },
        )
        .fetchall()
    )
