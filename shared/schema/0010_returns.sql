-- Returns: units of a sale that come back, each return a row of transactions below zero ---------------------------

-- The returns of a sale, numbered from 1; the key decides between two who would be the same one.
CREATE TABLE returns (
    original_id    uuid    NOT NULL,
    number         integer NOT NULL CHECK (number >= 1),
    transaction_id uuid    NOT NULL,
    CONSTRAINT returns_pkey PRIMARY KEY (original_id, number)
);

-- As before, but without the returns of a sale that was voided afterwards: the void took back what they left.
CREATE OR REPLACE FUNCTION customer_purchases(customer uuid, moment timestamptz, zone text, wanted text)
RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_build_object(
         'orders', count(*) FILTER (WHERE kind = 'sale'),
         'orders.7d', count(*) FILTER (WHERE kind = 'sale' AND age <= '7 days'),
         'orders.30d', count(*) FILTER (WHERE kind = 'sale' AND age <= '30 days'),
         'orders.90d', count(*) FILTER (WHERE kind = 'sale' AND age <= '90 days'),
         'orders.365d', count(*) FILTER (WHERE kind = 'sale' AND age <= '365 days'),
         'spend', sum(net_minor) FILTER (WHERE currency = wanted),
         'spend.7d', sum(net_minor) FILTER (WHERE currency = wanted AND age <= '7 days'),
         'spend.30d', sum(net_minor) FILTER (WHERE currency = wanted AND age <= '30 days'),
         'spend.90d', sum(net_minor) FILTER (WHERE currency = wanted AND age <= '90 days'),
         'spend.365d', sum(net_minor) FILTER (WHERE currency = wanted AND age <= '365 days'),
         'days_since_last_purchase', min(days) FILTER (WHERE kind = 'sale')
       )
  FROM (
         SELECT kind, currency, net_minor, moment - created_at AS age,
                (moment AT TIME ZONE zone)::date - (created_at AT TIME ZONE zone)::date AS days
           FROM transactions
          WHERE customer_id = customer
            AND kind <> 'void'
            AND NOT EXISTS (
                  SELECT
                    FROM voids
                   WHERE voids.original_id = coalesce(transactions.original_id, transactions.id)
                )
       ) AS purchase
$$;

-- As before, but without those that a return gave back.
CREATE OR REPLACE FUNCTION customer_redemptions(customer uuid, moment timestamptz, promotions uuid[])
RETURNS jsonb LANGUAGE sql STABLE AS $$
SELECT jsonb_object_agg(promotion_id, counts)
  FROM (
         SELECT promotion_id,
                jsonb_build_array(
                  count(*),
                  count(*) FILTER (WHERE moment - at <= '7 days'),
                  count(*) FILTER (WHERE moment - at <= '30 days'),
                  count(*) FILTER (WHERE moment - at <= '90 days'),
                  count(*) FILTER (WHERE moment - at <= '365 days')
                ) AS counts
           FROM redemptions AS redeemed_once
          WHERE customer_id = customer
            AND promotion_id = ANY(promotions)
            AND redeemed = 1
            AND NOT EXISTS (SELECT FROM voids WHERE original_id = redeemed_once.transaction_id)
            AND NOT EXISTS (
                  SELECT
                    FROM returns
                    JOIN redemptions AS given_back
                      ON given_back.transaction_id = returns.transaction_id
                     AND given_back.promotion_id = redeemed_once.promotion_id
                   WHERE returns.original_id = redeemed_once.transaction_id
                     AND given_back.redeemed = -1
                )
          GROUP BY promotion_id
       ) AS counted
$$;
