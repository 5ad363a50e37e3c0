-- Customers: personal data in rows that can be erased; sales keep the id alone, which then names nobody -------

-- Phone and e-mail are keyed digests: they recognise who comes back, and cannot be read.
CREATE TABLE customers (
    id              uuid        PRIMARY KEY,
    phone_hash      bytea       CONSTRAINT customers_phone_hash_key UNIQUE,
    email_hash      bytea       CONSTRAINT customers_email_hash_key UNIQUE,
    attributes      jsonb       NOT NULL DEFAULT '{}',
    first_active_at timestamptz NOT NULL,
    last_active_at  timestamptz NOT NULL
);

-- Sales, and what undoes them ---------------------------------------------------------------------------------

-- A void or a return is a row of its own with the amounts below zero, so that sums over all rows are what was
-- really sold; the row of the sale is never touched. No key refers to customers: they can be erased.
ALTER TABLE transactions
    ADD COLUMN kind        text NOT NULL DEFAULT 'sale' CHECK (kind IN ('sale', 'void', 'return')),
    ADD COLUMN original_id uuid REFERENCES transactions,
    ADD COLUMN reason      text,
    ADD COLUMN customer_id uuid,
    DROP CONSTRAINT transactions_net_is_not_negative,
    ADD CONSTRAINT transactions_amounts_have_the_sign_of_their_kind CHECK (
        CASE kind
            WHEN 'sale' THEN net_minor >= 0 AND discount_minor >= 0
            ELSE net_minor <= 0 AND discount_minor <= 0
        END
    ),
    ADD CONSTRAINT transactions_refer_to_a_sale CHECK ((kind = 'sale') = (original_id IS NULL)),
    ADD CONSTRAINT transactions_undo_for_a_reason CHECK ((kind = 'sale') = (reason IS NULL));
CREATE INDEX transactions_of_original ON transactions (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX transactions_of_customer ON transactions (customer_id) WHERE customer_id IS NOT NULL;

-- A sale is voided once; the key decides between two who try.
CREATE TABLE voids (
    original_id    uuid NOT NULL,
    transaction_id uuid NOT NULL,
    CONSTRAINT voids_pkey PRIMARY KEY (original_id)
);

-- Limits ------------------------------------------------------------------------------------------------------

-- What promotions gave, one row for each sale and promotion; voids and returns add rows below zero. Nothing is
-- ever changed here, so nobody waits for anybody. `taken` says which counters were charged, and with what.
CREATE TABLE redemptions (
    transaction_id uuid        NOT NULL,
    promotion_id   uuid        NOT NULL,
    version        integer     NOT NULL,
    store_id       text        NOT NULL,
    customer_id    uuid,
    redeemed       smallint    NOT NULL CHECK (redeemed BETWEEN -1 AND 1),
    wanted_minor   bigint      NOT NULL,
    granted_minor  bigint      NOT NULL,
    taken          jsonb       NOT NULL,
    at             timestamptz NOT NULL,
    PRIMARY KEY (transaction_id, promotion_id)
);
CREATE INDEX redemptions_of_customer ON redemptions (customer_id, promotion_id) WHERE customer_id IS NOT NULL;

CREATE TRIGGER redemptions_are_immutable BEFORE UPDATE OR DELETE ON redemptions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- What is left of the limits of promotions, whatever their version. `subject` is the customer or the store that
-- a limit counts for, or empty; `starts_on` the first day of its period, or 0001-01-01 for ever. Of all rows of
-- one counter the rooms sum to the cap less what was used.
-- A counter of one customer or store is the row of slot 0. One that all sales share is cut into slots from 1 on,
-- so that sales seldom wait for each other; what was used above a cap lowered since is the debt of slot -1.
CREATE TABLE limit_counters (
    promotion_id uuid     NOT NULL,
    name         text     NOT NULL,
    subject      text     NOT NULL,
    starts_on    date     NOT NULL,
    slot         smallint NOT NULL CHECK (slot >= -1),
    cap          bigint   NOT NULL,
    room         bigint   NOT NULL,
    CONSTRAINT limit_counters_pkey PRIMARY KEY (promotion_id, name, subject, starts_on, slot),
    CONSTRAINT limit_counters_hold CHECK (CASE slot WHEN -1 THEN room <= 0 ELSE room >= 0 END)
)
-- Each sale rewrites a row: beside its old self, and cleaned up early.
WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 500);

-- The first day of the period of a limit that holds a day.
CREATE FUNCTION start_of(period text, today date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE period
         WHEN 'ever' THEN date '0001-01-01'
         WHEN 'day' THEN today
         ELSE date_trunc(period, today::timestamp)::date
       END
$$;

-- What a customer bought and gave back, ever and within some days of a moment: what is not voided. Amounts are
-- minor units of one currency, days those of a zone's calendar.
CREATE FUNCTION customer_purchases(customer uuid, moment timestamptz, zone text, wanted text) RETURNS jsonb
LANGUAGE sql STABLE AS $$
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
            AND NOT EXISTS (SELECT FROM voids WHERE voids.original_id = transactions.id)
       ) AS purchase
$$;

-- How often a customer redeemed some promotions, by promotion: ever, and within 7, 30, 90 and 365 days.
CREATE FUNCTION customer_redemptions(customer uuid, moment timestamptz, promotions uuid[]) RETURNS jsonb
LANGUAGE sql STABLE AS $$
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
           FROM redemptions
          WHERE customer_id = customer
            AND promotion_id = ANY(promotions)
            AND redeemed = 1
            AND NOT EXISTS (SELECT FROM voids WHERE original_id = redemptions.transaction_id)
          GROUP BY promotion_id
       ) AS counted
$$;

-- What rules ask of products and stores, as one text: what was read before is recognised by it ----------------

CREATE VIEW product_facts AS
SELECT sku, price, currency, tax_rate_pct, active,
       jsonb_build_object(
         'kind', kind, 'name', name, 'brand', brand, 'collection', collection, 'type', type,
         'attributes', attributes,
         'groups', (SELECT jsonb_agg(group_id ORDER BY group_id)
                      FROM group_members
                     WHERE key = sku
                       AND group_id IN (SELECT id FROM groups WHERE subject = 'product'))
       )::text AS facts
  FROM products;

CREATE VIEW store_facts AS
SELECT id, zone, active,
       jsonb_build_object(
         'name', name, 'city', city, 'region', region, 'country', country, 'postal_code', postal_code,
         'attributes', attributes,
         'groups', (SELECT jsonb_agg(group_id ORDER BY group_id)
                      FROM group_members
                     WHERE key = stores.id
                       AND group_id IN (SELECT groups.id FROM groups WHERE subject = 'store'))
       )::text AS facts
  FROM stores;
