-- Retailers ---------------------------------------------------------------------------------------------------

-- The store at the top, with which the brand settles; a store without a parent is its own. Null only while its
-- parents are not there yet, within a transaction.
ALTER TABLE stores ADD COLUMN retailer_id text;

CREATE VIEW store_retailers AS
  WITH RECURSIVE below (id, retailer_id) AS (
         SELECT id, id
           FROM stores
          WHERE parent_id IS NULL
          UNION ALL
         SELECT stores.id, below.retailer_id
           FROM stores
           JOIN below
             ON stores.parent_id = below.id
       )
SELECT id, retailer_id
  FROM below;

CREATE FUNCTION update_retailers() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE stores
       SET retailer_id = found.retailer_id
      FROM store_retailers AS found
     WHERE found.id = stores.id
       AND stores.retailer_id IS DISTINCT FROM found.retailer_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER stores_know_their_retailer AFTER INSERT OR UPDATE OF parent_id ON stores
    FOR EACH STATEMENT EXECUTE FUNCTION update_retailers();

UPDATE stores
   SET retailer_id = found.retailer_id
  FROM store_retailers AS found
 WHERE found.id = stores.id;

-- Ids that tell the time --------------------------------------------------------------------------------------

-- The least UUIDv7 of a moment. Rows of a time are those from the one to before the other, exactly so when the
-- bounds are whole milliseconds.
CREATE FUNCTION id_from(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || '00000000000000000000')::uuid
$$;

-- A UUIDv7 (RFC 9562) of a moment that the caller names: 48 bits of milliseconds, 26 of a counter, by which rows
-- of one moment keep their order, and 48 of chance.
CREATE SEQUENCE transaction_order AS integer MINVALUE 0 MAXVALUE 67108863 CYCLE;
CREATE FUNCTION transaction_id(moment timestamptz) RETURNS uuid LANGUAGE sql VOLATILE AS $$
SELECT encode(
         substring(int8send(floor(extract(epoch FROM moment) * 1000)::bigint) FROM 3)
         || int2send((28672 | (place >> 14))::smallint)
         || int2send(((place & 16383) - 32768)::smallint)
         || substring(uuid_send(gen_random_uuid()) FROM 11),
         'hex'
       )::uuid
  FROM nextval('transaction_order') AS place
$$;

-- Transactions by month ---------------------------------------------------------------------------------------

-- `retailer_id` is whom the sale is settled with, as the stores stood then. `allocations` is what each promotion
-- took off each line and who bears it, in minor units: what `quote` says in words.
-- An id tells when the row was made, so that a time is a range of ids, found by the primary key in the partitions
-- of its months alone.
-- No foreign keys: with them, each partition that comes or goes would stop everybody who reads stores or users, in
-- an order that deadlocks. A sale is made of its store's row, what undoes it of the sale's, and neither is ever
-- deleted; users can be erased, and then sales keep what was their id.
CREATE TABLE transactions_by_month (
    id               uuid        PRIMARY KEY,
    kind             text        NOT NULL DEFAULT 'sale' CHECK (kind IN ('sale', 'void', 'return')),
    original_id      uuid,
    reason           text,
    store_id         text        NOT NULL,
    retailer_id      text        NOT NULL,
    receipt_number   text,
    status           text        NOT NULL
                                 CHECK (status IN ('New', 'Under Review', 'Verified', 'Settlement Complete')),
    currency         text        NOT NULL,
    gross_minor      bigint      NOT NULL,
    discount_minor   bigint      NOT NULL,
    net_minor        bigint      NOT NULL,
    tax_minor        bigint      NOT NULL,
    channel          text        NOT NULL,
    user_id          uuid        NOT NULL,
    customer_id      uuid,
    rule_set_version bigint      NOT NULL,
    engine_semantics smallint    NOT NULL,
    otp_challenge_id uuid,
    otp_verified_at  timestamptz,
    created_at       timestamptz NOT NULL,
    allocations      jsonb       NOT NULL,
    seen             text        NOT NULL,
    quote            text        NOT NULL,
    CONSTRAINT transactions_ids_tell_when CHECK (
        uuid_extract_timestamp(id) = date_trunc('milliseconds', created_at)
    ),
    CONSTRAINT transactions_net_conserves CHECK (net_minor = gross_minor - discount_minor),
    CONSTRAINT transactions_amounts_have_the_sign_of_their_kind CHECK (
        CASE kind
            WHEN 'sale' THEN net_minor >= 0 AND discount_minor >= 0
            ELSE net_minor <= 0 AND discount_minor <= 0
        END
    ),
    CONSTRAINT transactions_refer_to_a_sale CHECK ((kind = 'sale') = (original_id IS NULL)),
    CONSTRAINT transactions_undo_for_a_reason CHECK ((kind = 'sale') = (reason IS NULL)),
    CONSTRAINT transactions_are_verified_by_a_challenge
        CHECK ((otp_challenge_id IS NULL) = (otp_verified_at IS NULL))
) PARTITION BY RANGE (id);

CREATE TABLE transactions_default PARTITION OF transactions_by_month DEFAULT;

-- Sales recorded before now get the moment that their id tells, some milliseconds off, as the time they were made.
INSERT INTO transactions_by_month (
  id, kind, original_id, reason, store_id, retailer_id, receipt_number, status, currency, gross_minor,
  discount_minor, net_minor, tax_minor, channel, user_id, customer_id, rule_set_version, engine_semantics,
  otp_challenge_id, otp_verified_at, created_at, allocations, seen, quote
)
SELECT transactions.id, kind, original_id, reason, store_id, coalesce(stores.retailer_id, store_id),
       receipt_number, status, currency, gross_minor, discount_minor, net_minor, tax_minor, channel, user_id,
       customer_id, rule_set_version, engine_semantics, otp_challenge_id, otp_verified_at,
       uuid_extract_timestamp(transactions.id),
       (SELECT coalesce(
                 jsonb_agg(
                   jsonb_build_object(
                     'line', place - 1,
                     'sku', line ->> 'sku',
                     'promotion_id', given ->> 'promotion_id',
                     'version', (given ->> 'version')::integer,
                     'role', given ->> 'role',
                     'units', (given ->> 'units')::integer,
                     'amount_minor', ((given ->> 'amount')::numeric * minor)::bigint,
                     'funding', (SELECT coalesce(
                                          jsonb_object_agg(
                                            part ->> 'party', ((part ->> 'amount')::numeric * minor)::bigint
                                          ),
                                          '{}'
                                        )
                                   FROM json_array_elements(given -> 'funding') AS part)
                   )
                   ORDER BY place, nth
                 ),
                 '[]'
               )
          FROM (SELECT 10 ^ scale((quote::json ->> 'gross')::numeric)) AS unit (minor),
               json_array_elements(quote::json -> 'lines') WITH ORDINALITY AS each (line, place),
               json_array_elements(line -> 'allocations') WITH ORDINALITY AS allocation (given, nth)),
       seen, quote
  FROM transactions
  JOIN stores
    ON stores.id = store_id;

DROP TABLE transactions;
ALTER TABLE transactions_by_month RENAME TO transactions;
ALTER INDEX transactions_by_month_pkey RENAME TO transactions_pkey;

CREATE INDEX transactions_newest ON transactions (store_id, id DESC);
CREATE INDEX transactions_of_retailer ON transactions (retailer_id, id DESC);
CREATE INDEX transactions_by_status ON transactions (status, id DESC);
CREATE INDEX transactions_of_original ON transactions (original_id) WHERE original_id IS NOT NULL;
CREATE INDEX transactions_of_customer ON transactions (customer_id, id DESC) WHERE customer_id IS NOT NULL;
CREATE INDEX redemptions_of_promotion ON redemptions (promotion_id, transaction_id DESC);

CREATE TRIGGER transactions_are_never_deleted BEFORE DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
-- Nothing but a status changes and, in the moment of the sale, what verified it.
CREATE TRIGGER transactions_stay_as_recorded BEFORE UPDATE OF
    id, kind, original_id, reason, store_id, retailer_id, receipt_number, currency, gross_minor, discount_minor,
    net_minor, tax_minor, channel, user_id, customer_id, rule_set_version, engine_semantics, created_at,
    allocations, seen, quote ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Partitions --------------------------------------------------------------------------------------------------

-- Make sure that a table partitioned by month on its id has the partition of a month, named by its first day.
-- What the default partition caught of that month moves along. False when it was there.
CREATE FUNCTION make_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    name   text := parent || to_char(month, '_YYYYMM');
    caught text := parent || '_default';
    first  uuid := id_from(month::timestamp AT TIME ZONE 'UTC');
    beyond uuid := id_from((month + interval '1 month') AT TIME ZONE 'UTC');
    strays boolean;
BEGIN
    IF month <> date_trunc('month', month::timestamp) THEN
        RAISE EXCEPTION '% is not the first day of a month', month USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('make_partition'), hashtext(parent));
    IF to_regclass(name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE id >= %L AND id < %L)', caught, first, beyond)
       INTO strays;
    IF strays THEN
        -- First of all, as everybody else comes by the table to its partitions.
        EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', parent);
    END IF;
    -- Its own constraint tells that nothing in it is out of bounds, so that attaching it reads nothing.
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL, CONSTRAINT in_month CHECK (id >= %L AND id < %L))',
                   name, parent, first, beyond);
    IF strays THEN
        -- Nobody writes to the table meanwhile, and alone it has no trigger that keeps its rows.
        EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', parent, caught);
        EXECUTE format('INSERT INTO %I SELECT * FROM %I WHERE id >= %L AND id < %L', name, caught, first, beyond);
        EXECUTE format('DELETE FROM %I WHERE id >= %L AND id < %L', caught, first, beyond);
    END IF;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, name, first, beyond);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT in_month', name);
    IF strays THEN
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I DEFAULT', parent, caught);
    END IF;
    RETURN true;
END
$$;

-- What the default partition of a table caught, by month.
CREATE FUNCTION partition_strays(parent text) RETURNS TABLE (month date, rows bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        $query$
        SELECT date_trunc('month', uuid_extract_timestamp(id) AT TIME ZONE 'UTC')::date, count(*)
          FROM %I
         GROUP BY 1
         ORDER BY 1
        $query$,
        parent || '_default'
    );
END
$$;

SELECT make_partition('transactions', (date_trunc('month', now(), 'UTC') AT TIME ZONE 'UTC')::date);
SELECT make_partition(
         'transactions', ((date_trunc('month', now(), 'UTC') AT TIME ZONE 'UTC') + interval '1 month')::date
       );
