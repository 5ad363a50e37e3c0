"""Roll-ups: a stretch of the audit's chain is staged once, and added to each of the sums."""

from shared.domain.rollups import Progress
from shared.rows import of
from shared.store import Conn


def lock(conn: Conn, *, wait: bool = False) -> Progress | None:
    """How far the sums are, which nobody else moves until the transaction ends; None when somebody does."""
    cursor = conn.cursor(row_factory=of(Progress))
    if wait:
        return cursor.execute("SELECT day, position FROM rollup_progress FOR UPDATE").fetchone()
    return cursor.execute("SELECT day, position FROM rollup_progress FOR UPDATE SKIP LOCKED").fetchone()


def get_end(conn: Conn, after: Progress, *, limit: int) -> Progress | None:
    """The place of the last of the next `limit` links; None when there are no more."""
    return (
        conn.cursor(row_factory=of(Progress))
        .execute(
            """
            SELECT day, position
              FROM (
                     SELECT day, position
                       FROM audit_links
                      WHERE (day, position) > (%(day)s, %(position)s)
                      ORDER BY day, position
                      LIMIT %(limit)s
                   ) AS following
             ORDER BY day DESC, position DESC
             LIMIT 1
            """,
            {"day": after.day, "position": after.position, "limit": limit},
        )
        .fetchone()
    )


def update_progress(conn: Conn, to: Progress) -> None:
    conn.execute(
        "UPDATE rollup_progress SET day = %(day)s, position = %(position)s",
        {"day": to.day, "position": to.position},
    )


def stage(conn: Conn, after: Progress, until: Progress) -> None:
    """The transactions that entries of a stretch tell of: recorded, or moved from one status to another."""
    conn.execute("DROP TABLE IF EXISTS pg_temp.rollup_batch")
    conn.execute(
        """
        CREATE TEMPORARY TABLE rollup_batch (
            id             uuid    NOT NULL,
            sale_id        uuid    NOT NULL,
            kind           text    NOT NULL,
            day            date    NOT NULL,
            store_id       text    NOT NULL,
            retailer_id    text    NOT NULL,
            currency       text    NOT NULL,
            discount_minor bigint  NOT NULL,
            net_minor      bigint  NOT NULL,
            allocations    jsonb   NOT NULL,
            recorded       boolean NOT NULL,
            left_status    text,
            status         text    NOT NULL
        ) ON COMMIT DROP
        """
    )
    conn.execute(
        """
        INSERT INTO rollup_batch
        SELECT told.id, coalesce(told.original_id, told.id), told.kind,
               (told.created_at AT TIME ZONE stores.zone)::date, told.store_id, told.retailer_id,
               told.currency, told.discount_minor, told.net_minor, told.allocations,
               action = 'transaction.recorded', before ->> 'status', coalesce(after ->> 'status', 'New')
          FROM audit_links
          JOIN audit_entries AS entry
            ON entry.id = entry_id
          JOIN transactions AS told
            ON told.id = CASE WHEN subject_kind = 'transaction' THEN subject_id::uuid END
          JOIN stores
            ON stores.id = told.store_id
         WHERE (audit_links.day, position) > (%(after_day)s, %(after)s)
           AND (audit_links.day, position) <= (%(until_day)s, %(until)s)
           AND action IN ('transaction.recorded', 'transaction.status_changed')
        """,
        {
            "after_day": after.day,
            "after": after.position,
            "until_day": until.day,
            "until": until.position,
        },
    )
    conn.execute("ANALYZE rollup_batch")


def add_sales(conn: Conn) -> None:
    conn.execute(
        """
        INSERT INTO rollup_sales AS kept (
          day, store_id, currency, baskets, redemptions, discount_minor, revenue_minor
        )
        SELECT day, store_id, currency,
               count(*) FILTER (WHERE kind = 'sale') - count(*) FILTER (WHERE kind = 'void'),
               coalesce(sum((SELECT sum(redeemed)
                               FROM redemptions
                              WHERE transaction_id = batch.id)), 0),
               sum(discount_minor), sum(net_minor)
          FROM rollup_batch AS batch
         WHERE recorded
         GROUP BY day, store_id, currency
            ON CONFLICT (day, store_id, currency) DO UPDATE
           SET baskets = kept.baskets + excluded.baskets,
               redemptions = kept.redemptions + excluded.redemptions,
               discount_minor = kept.discount_minor + excluded.discount_minor,
               revenue_minor = kept.revenue_minor + excluded.revenue_minor
        """
    )


def add_promotions(conn: Conn) -> None:
    """A void or return pays back for each promotion that gave something in the sale."""
    conn.execute(
        """
        INSERT INTO rollup_promotions AS kept (
          day, store_id, promotion_id, version, currency, baskets, redemptions, discount_minor, revenue_minor
        )
        SELECT day, store_id, promotion_id, version, currency, sum(baskets), sum(redeemed), sum(discount),
               sum(revenue)
          FROM (
                 SELECT day, rollup_batch.store_id, promotion_id, version, currency,
                        CASE kind WHEN 'sale' THEN 1 WHEN 'void' THEN -1 ELSE 0 END AS baskets,
                        0 AS redeemed, 0 AS discount, net_minor AS revenue
                   FROM rollup_batch
                   JOIN redemptions
                     ON transaction_id = sale_id
                    AND redeemed = 1
                  WHERE recorded
                  UNION ALL
                 SELECT day, rollup_batch.store_id, promotion_id, version, currency, 0, redeemed, 0, 0
                   FROM rollup_batch
                   JOIN redemptions
                     ON transaction_id = id
                  WHERE recorded
                  UNION ALL
                 SELECT day, store_id, promotion_id, version, currency, 0, 0, amount_minor, 0
                   FROM rollup_batch,
                        jsonb_to_recordset(allocations)
                          AS each (promotion_id uuid, version integer, amount_minor bigint)
                  WHERE recorded
               ) AS part
         GROUP BY day, store_id, promotion_id, version, currency
            ON CONFLICT (day, promotion_id, version, store_id, currency) DO UPDATE
           SET baskets = kept.baskets + excluded.baskets,
               redemptions = kept.redemptions + excluded.redemptions,
               discount_minor = kept.discount_minor + excluded.discount_minor,
               revenue_minor = kept.revenue_minor + excluded.revenue_minor
        """
    )


def add_skus(conn: Conn) -> None:
    conn.execute(
        """
        INSERT INTO rollup_skus AS kept (day, sku, promotion_id, version, currency, units, discount_minor)
        SELECT day, sku, promotion_id, version, currency, sum(units), sum(amount_minor)
          FROM rollup_batch,
               jsonb_to_recordset(allocations) AS each (
                 sku text, promotion_id uuid, version integer, units integer, amount_minor bigint
               )
         WHERE recorded
         GROUP BY day, sku, promotion_id, version, currency
            ON CONFLICT (day, promotion_id, version, sku, currency) DO UPDATE
           SET units = kept.units + excluded.units,
               discount_minor = kept.discount_minor + excluded.discount_minor
        """
    )


def add_funders(conn: Conn) -> None:
    conn.execute(
        """
        INSERT INTO rollup_funders AS kept (day, promotion_id, version, party, currency, discount_minor)
        SELECT day, promotion_id, version, party, currency, sum(minor::bigint)
          FROM rollup_batch,
               jsonb_to_recordset(allocations) AS each (promotion_id uuid, version integer, funding jsonb),
               jsonb_each_text(funding) AS part (party, minor)
         WHERE recorded
         GROUP BY day, promotion_id, version, party, currency
            ON CONFLICT (day, promotion_id, version, party, currency) DO UPDATE
           SET discount_minor = kept.discount_minor + excluded.discount_minor
        """
    )


def add_statuses(conn: Conn) -> None:
    conn.execute(
        """
        INSERT INTO rollup_statuses AS kept (
          day, retailer_id, status, currency, transactions, discount_minor, net_minor
        )
        SELECT day, retailer_id, moved.status, currency, sum(sign), sum(sign * discount_minor),
               sum(sign * net_minor)
          FROM rollup_batch AS batch,
               LATERAL (VALUES (batch.status, 1), (left_status, -1)) AS moved (status, sign)
         WHERE moved.status IS NOT NULL
         GROUP BY day, retailer_id, moved.status, currency
            ON CONFLICT (day, retailer_id, status, currency) DO UPDATE
           SET transactions = kept.transactions + excluded.transactions,
               discount_minor = kept.discount_minor + excluded.discount_minor,
               net_minor = kept.net_minor + excluded.net_minor
        """
    )


def add_status_funders(conn: Conn) -> None:
    conn.execute(
        """
        INSERT INTO rollup_status_funders AS kept (
          day, retailer_id, status, party, currency, discount_minor
        )
        SELECT day, retailer_id, moved.status, party, currency, sum(sign * minor::bigint)
          FROM rollup_batch AS batch,
               LATERAL (VALUES (batch.status, 1), (left_status, -1)) AS moved (status, sign),
               jsonb_to_recordset(allocations) AS each (funding jsonb),
               jsonb_each_text(funding) AS part (party, minor)
         WHERE moved.status IS NOT NULL
         GROUP BY day, retailer_id, moved.status, party, currency
            ON CONFLICT (day, retailer_id, status, party, currency) DO UPDATE
           SET discount_minor = kept.discount_minor + excluded.discount_minor
        """
    )


def delete(conn: Conn) -> None:
    """Forget all sums. Whoever reads meanwhile sees them as they were."""
    conn.execute("DELETE FROM rollup_sales")
    conn.execute("DELETE FROM rollup_promotions")
    conn.execute("DELETE FROM rollup_skus")
    conn.execute("DELETE FROM rollup_funders")
    conn.execute("DELETE FROM rollup_statuses")
    conn.execute("DELETE FROM rollup_status_funders")
