-- Settlement: what the brand owes each retailer, stated in documents that never change ------------------------

-- What a close looks at: what may be stated and, until it is paid, was. A return or void waits for nobody's word.
CREATE INDEX transactions_to_settle ON transactions (retailer_id, id)
 WHERE status = 'Verified' OR (kind <> 'sale' AND status = 'New');

-- A request to close a period, of one retailer or of all (null), or to correct a statement; a job works on it. No
-- key refers to jobs: they are deleted long before.
CREATE TABLE settlement_closings (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    job_id       uuid        NOT NULL,
    retailer_id  text        REFERENCES stores,
    from_on      date        NOT NULL,
    until_on     date        NOT NULL,
    corrects     uuid,
    reason       text,
    user_id      uuid        NOT NULL REFERENCES users,
    request_id   text,
    key          text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    CONSTRAINT settlement_closings_key UNIQUE (user_id, key),
    CONSTRAINT settlement_closings_end_after_they_begin CHECK (from_on <= until_on),
    CONSTRAINT settlement_closings_correct_one_for_a_reason CHECK (
        (corrects IS NULL) = (reason IS NULL) AND (corrects IS NULL OR retailer_id IS NOT NULL)
    )
);
CREATE INDEX settlement_closings_of_job ON settlement_closings (job_id);

-- The retailers of a closing with their own period: local days from `from_on` through `until_on` are the instants
-- from `from_at` to before `until_at`. A closing takes them in the order of `place`.
CREATE TABLE settlement_closing_retailers (
    closing_id  uuid        NOT NULL REFERENCES settlement_closings ON DELETE CASCADE,
    place       integer     NOT NULL,
    retailer_id text        NOT NULL REFERENCES stores,
    name        text        NOT NULL,
    zone        text        NOT NULL,
    from_at     timestamptz NOT NULL,
    until_at    timestamptz NOT NULL,
    PRIMARY KEY (closing_id, place)
);

-- One for each retailer, period and currency: a statement and, where sales stated earlier came back, a credit note.
-- Until it is issued it is a draft that nobody sees, and that a closing which does not end leaves behind.
CREATE TABLE settlements (
    id            uuid        PRIMARY KEY DEFAULT uuidv7(),
    closing_id    uuid        NOT NULL REFERENCES settlement_closings,
    retailer_id   text        NOT NULL REFERENCES stores,
    retailer_name text        NOT NULL,
    zone          text        NOT NULL,
    currency      text        NOT NULL,
    from_on       date        NOT NULL,
    until_on      date        NOT NULL,
    from_at       timestamptz NOT NULL,
    until_at      timestamptz NOT NULL,
    corrects      uuid        REFERENCES settlements,
    reason        text,
    issued_at     timestamptz,
    issued_on     date,
    paid_at       timestamptz,
    paid_on       date,
    paid_by       uuid,
    reference     text,
    CONSTRAINT settlements_correct_for_a_reason CHECK ((corrects IS NULL) = (reason IS NULL)),
    CONSTRAINT settlements_are_issued_on_a_day CHECK ((issued_at IS NULL) = (issued_on IS NULL)),
    CONSTRAINT settlements_are_paid_once_issued CHECK (
        num_nonnulls(paid_at, paid_on, paid_by, reference) IN (0, 4) AND (paid_at IS NULL OR issued_at IS NOT NULL)
    )
);
-- Two closings of one retailer at once: the key decides.
CREATE UNIQUE INDEX settlements_one_draft ON settlements (retailer_id, currency) WHERE issued_at IS NULL;
CREATE INDEX settlements_of_retailer ON settlements (retailer_id, id DESC);
CREATE INDEX settlements_of_closing ON settlements (closing_id);
CREATE INDEX settlements_correcting ON settlements (corrects) WHERE corrects IS NOT NULL;

-- Where a transaction was stated, and taken off again: its turns are stated (even) and reversed (odd) one after the
-- other, so that it is on at most one statement, which the key decides. What undoes a sale stated earlier is in
-- the credit note. `carried_over` is what was made before the period.
CREATE TABLE settlement_entries (
    transaction_id uuid     NOT NULL,
    turn           smallint NOT NULL CHECK (turn >= 0),
    settlement_id  uuid     NOT NULL,
    document       text     NOT NULL CHECK (document IN ('statement', 'credit_note')),
    carried_over   boolean  NOT NULL,
    CONSTRAINT settlement_entries_pkey PRIMARY KEY (transaction_id, turn)
);
CREATE UNIQUE INDEX settlement_entries_of_settlement ON settlement_entries (settlement_id, transaction_id);

-- A line is what one party bears of what a promotion took off a line of a transaction: `line` is the place in its
-- quote, `place` counts the lines of the transaction from 0. What nobody was named to bear the retailer bears.
CREATE TABLE settlement_lines (
    settlement_id  uuid    NOT NULL,
    transaction_id uuid    NOT NULL,
    place          integer NOT NULL,
    document       text    NOT NULL,
    line           integer NOT NULL,
    sku            text    NOT NULL,
    promotion_id   uuid    NOT NULL,
    version        integer NOT NULL,
    role           text    NOT NULL,
    party          text    NOT NULL,
    units          integer NOT NULL,
    amount_minor   bigint  NOT NULL,
    PRIMARY KEY (settlement_id, transaction_id, place)
);

-- The documents of a settlement, numbered without gaps within their series when they are issued. `owed_minor` is
-- what the brand bears; with the retailer's own part and that of others it is the discount.
CREATE TABLE settlement_documents (
    settlement_id  uuid    NOT NULL REFERENCES settlements,
    document       text    NOT NULL CHECK (document IN ('statement', 'credit_note')),
    series         text,
    number         integer CHECK (number >= 1),
    transactions   integer NOT NULL,
    carried_over   integer NOT NULL,
    reversed       integer NOT NULL,
    lines          bigint  NOT NULL,
    gross_minor    bigint  NOT NULL,
    discount_minor bigint  NOT NULL,
    owed_minor     bigint  NOT NULL,
    retailer_minor bigint  NOT NULL,
    others_minor   bigint  NOT NULL,
    PRIMARY KEY (settlement_id, document),
    CONSTRAINT settlement_documents_number UNIQUE (series, number),
    CONSTRAINT settlement_documents_add_up CHECK (discount_minor = owed_minor + retailer_minor + others_minor)
);

-- The number given last in each series; whoever issues holds it, so that a number is used or never was.
CREATE TABLE settlement_series (
    name text    PRIMARY KEY,
    last integer NOT NULL CHECK (last >= 1)
);

-- The sums of a document's lines.
CREATE TABLE settlement_totals (
    settlement_id uuid    NOT NULL REFERENCES settlements,
    document      text    NOT NULL,
    promotion_id  uuid    NOT NULL,
    version       integer NOT NULL,
    party         text    NOT NULL,
    lines         bigint  NOT NULL,
    amount_minor  bigint  NOT NULL,
    PRIMARY KEY (settlement_id, document, promotion_id, version, party)
);

-- Nothing of an issued settlement ever changes, except that it is paid, once --------------------------------------

CREATE FUNCTION refuse_issued() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
         SELECT
           FROM settlements
          WHERE issued_at IS NOT NULL
            AND id IN (SELECT settlement_id FROM touched)
       ) THEN
        RAISE EXCEPTION 'what was issued is never changed (%)', TG_TABLE_NAME
              USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER settlement_entries_stay BEFORE UPDATE ON settlement_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_entries_are_added_to_drafts AFTER INSERT ON settlement_entries
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_entries_are_taken_from_drafts AFTER DELETE ON settlement_entries
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_entries_are_never_emptied BEFORE TRUNCATE ON settlement_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER settlement_lines_stay BEFORE UPDATE ON settlement_lines
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_lines_are_added_to_drafts AFTER INSERT ON settlement_lines
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_lines_are_taken_from_drafts AFTER DELETE ON settlement_lines
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_lines_are_never_emptied BEFORE TRUNCATE ON settlement_lines
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TRIGGER settlement_totals_stay BEFORE UPDATE ON settlement_totals
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlement_totals_are_added_to_drafts AFTER INSERT ON settlement_totals
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_totals_are_taken_from_drafts AFTER DELETE ON settlement_totals
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();

CREATE TRIGGER settlement_documents_are_changed_in_drafts AFTER UPDATE ON settlement_documents
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_documents_are_added_to_drafts AFTER INSERT ON settlement_documents
    REFERENCING NEW TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();
CREATE TRIGGER settlement_documents_are_taken_from_drafts AFTER DELETE ON settlement_documents
    REFERENCING OLD TABLE AS touched FOR EACH STATEMENT EXECUTE FUNCTION refuse_issued();

CREATE TRIGGER settlements_stay_as_issued BEFORE UPDATE ON settlements
    FOR EACH ROW WHEN (
        OLD.paid_at IS NOT NULL
        OR (OLD.issued_at IS NOT NULL
            AND to_jsonb(NEW) - '{paid_at,paid_on,paid_by,reference}'::text[]
                IS DISTINCT FROM to_jsonb(OLD) - '{paid_at,paid_on,paid_by,reference}'::text[])
    ) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER settlements_are_never_deleted BEFORE DELETE ON settlements
    FOR EACH ROW WHEN (OLD.issued_at IS NOT NULL) EXECUTE FUNCTION refuse_change();

-- Drafts of closings that ended without issuing them.
CREATE VIEW abandoned_settlements AS
SELECT settlements.id
  FROM settlements
  JOIN settlement_closings
    ON settlement_closings.id = closing_id
  LEFT JOIN jobs
    ON jobs.id = job_id
 WHERE issued_at IS NULL
   AND (jobs.id IS NULL OR finished_at IS NOT NULL);

-- Without those of drafts.
CREATE VIEW issued_entries AS
SELECT transaction_id, turn, settlement_id
  FROM settlement_entries
  JOIN settlements
    ON settlements.id = settlement_id
 WHERE issued_at IS NOT NULL;

-- As others see them -------------------------------------------------------------------------------------------

-- An amount in minor units with exactly the decimals of its currency, as domain.money has them.
CREATE FUNCTION from_minor(minor bigint, currency text) RETURNS numeric LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT CASE
         WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN minor * 0.001
         WHEN currency IN ('CLF', 'UYW') THEN minor * 0.0001
         WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI', 'VND',
                           'VUV', 'XAF', 'XOF', 'XPF') THEN minor::numeric
         ELSE minor * 0.01
       END
$$;

CREATE FUNCTION document_number(series text, number integer) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT series || '-' || lpad(number::text, greatest(6, length(number::text)), '0')
$$;

CREATE VIEW issued_settlements AS
SELECT settlements.id, closing_id, retailer_id, retailer_name, zone, currency, from_on, until_on, from_at, until_at,
       corrects, reason, issued_at, issued_on, paid_on, reference,
       CASE WHEN paid_at IS NULL THEN 'issued' ELSE 'paid' END AS status,
       package.documents,
       from_minor(package.owed_minor, currency) AS owed,
       from_minor(package.owed_minor + coalesce(corrections.owed_minor, 0), currency) AS net_owed,
       corrections.ids AS corrected_by
  FROM settlements
       CROSS JOIN LATERAL (
         SELECT sum(owed_minor)::bigint AS owed_minor,
                jsonb_agg(
                  jsonb_build_object(
                    'document', document, 'number', document_number(series, number),
                    'transactions', transactions, 'carried_over', carried_over, 'reversed', reversed,
                    'lines', lines,
                    'gross', from_minor(gross_minor, currency)::text,
                    'discount', from_minor(discount_minor, currency)::text,
                    'owed', from_minor(owed_minor, currency)::text,
                    'retailer_part', from_minor(retailer_minor, currency)::text,
                    'others_part', from_minor(others_minor, currency)::text
                  )
                  ORDER BY document DESC
                ) AS documents
           FROM settlement_documents
          WHERE settlement_id = settlements.id
       ) AS package
       CROSS JOIN LATERAL (
         WITH RECURSIVE correcting (id) AS (
                SELECT later.id
                  FROM settlements AS later
                 WHERE later.corrects = settlements.id
                   AND later.issued_at IS NOT NULL
                 UNION ALL
                SELECT later.id
                  FROM settlements AS later
                  JOIN correcting
                    ON later.corrects = correcting.id
                 WHERE later.issued_at IS NOT NULL
              )
         SELECT coalesce(array_agg(DISTINCT correcting.id), '{}') AS ids, sum(owed_minor)::bigint AS owed_minor
           FROM correcting
           JOIN settlement_documents
             ON settlement_id = correcting.id
       ) AS corrections
 WHERE issued_at IS NOT NULL;

-- The lines of issued and of drafted settlements with what they are about. Names are those of today, dates the
-- retailer's.
CREATE VIEW settlement_line_details AS
SELECT lines.settlement_id, lines.transaction_id, lines.place, lines.document, entries.carried_over,
       entries.turn % 2 = 1 AS reversed,
       kind, original_id, transactions.created_at,
       (transactions.created_at AT TIME ZONE settlements.zone)::date AS sold_on,
       store_id, stores.name AS store_name, receipt_number,
       lines.line, lines.sku, lines.promotion_id, lines.version, versions.name AS promotion_name,
       lines.role, lines.units, lines.party, from_minor(lines.amount_minor, settlements.currency) AS amount
  FROM settlement_lines AS lines
  JOIN settlements
    ON settlements.id = lines.settlement_id
  JOIN settlement_entries AS entries
    ON entries.settlement_id = lines.settlement_id
   AND entries.transaction_id = lines.transaction_id
  JOIN transactions
    ON transactions.id = lines.transaction_id
  JOIN stores
    ON stores.id = store_id
  JOIN promotion_versions AS versions
    ON versions.promotion_id = lines.promotion_id
   AND versions.version = lines.version;
