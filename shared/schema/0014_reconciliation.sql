-- Reconciliation: what retailers' tills say beside what was recorded here --------------------------------------

-- Whose till a file of receipts comes from.
ALTER TABLE uploads ADD COLUMN retailer_id text;

-- What is agreed on with a retailer, by name; a change is a row more, and the last one counts.
CREATE TABLE retailer_terms (
    retailer_id text        NOT NULL REFERENCES stores,
    name        text        NOT NULL CHECK (name IN ('receipt_mapping', 'reconciliation_rules')),
    revision    integer     NOT NULL CHECK (revision >= 1),
    terms       jsonb       NOT NULL,
    created_by  uuid        NOT NULL REFERENCES users,
    created_at  timestamptz NOT NULL,
    CONSTRAINT retailer_terms_pkey PRIMARY KEY (retailer_id, name, revision)
);
CREATE TRIGGER retailer_terms_are_immutable BEFORE UPDATE OR DELETE ON retailer_terms
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A receipt as it was sent last; what went out and what came back under one number are two. `key` is the till's
-- number and the day or, where there is none, time and till. `lines` are in an order of their own, so that what is sent
-- again is equal. `day` is by the store's clock.
CREATE TABLE receipts (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    retailer_id text        NOT NULL,
    store_id    text        NOT NULL REFERENCES stores,
    kind        text        NOT NULL CHECK (kind IN ('sale', 'return')),
    key         text        NOT NULL,
    number      text,
    sold_at     timestamptz NOT NULL,
    day         date        NOT NULL,
    currency    text        NOT NULL,
    net_minor   bigint      NOT NULL,
    lines       jsonb       NOT NULL,
    revision    integer     NOT NULL DEFAULT 1,
    upload_id   uuid        NOT NULL,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    CONSTRAINT receipts_key UNIQUE (store_id, key, kind)
);
CREATE INDEX receipts_of_store ON receipts (store_id, sold_at);
CREATE INDEX receipts_by_number ON receipts (store_id, number) WHERE number IS NOT NULL;
CREATE INDEX receipts_of_retailer ON receipts (retailer_id, day);

-- The days of stores that an upload touched, until the run is made that reconciles them, in the same transaction.
CREATE TABLE receipt_days (
    upload_id uuid NOT NULL,
    store_id  text NOT NULL,
    day       date NOT NULL,
    PRIMARY KEY (upload_id, day, store_id)
);

-- A run: the days of stores that it goes through, and what came of each. It goes with its job.
CREATE TABLE reconciliations (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    job_id      uuid        NOT NULL REFERENCES jobs ON DELETE CASCADE,
    retailer_id text,
    upload_id   uuid,
    created_by  uuid        REFERENCES users,
    created_at  timestamptz NOT NULL
);
CREATE INDEX reconciliations_of_job ON reconciliations (job_id);

CREATE TABLE reconciliation_days (
    reconciliation_id uuid    NOT NULL REFERENCES reconciliations ON DELETE CASCADE,
    day               date    NOT NULL,
    store_id          text    NOT NULL,
    done              boolean NOT NULL DEFAULT false,
    sales             integer NOT NULL DEFAULT 0,
    receipts          integer NOT NULL DEFAULT 0,
    matched           integer NOT NULL DEFAULT 0,
    verified          integer NOT NULL DEFAULT 0,
    reviewed          integer NOT NULL DEFAULT 0,
    waiting           integer NOT NULL DEFAULT 0,
    found             jsonb   NOT NULL DEFAULT '{}',
    PRIMARY KEY (reconciliation_id, day, store_id)
);
CREATE INDEX reconciliation_days_to_do ON reconciliation_days (reconciliation_id, day, store_id) WHERE NOT done;

-- What is known of a sale: its receipt, how that was found, and the status that reconciliation gave it last, by
-- which one that somebody gave is told apart. A receipt is of one sale.
CREATE TABLE reconciled_sales (
    transaction_id uuid        PRIMARY KEY,
    store_id       text        NOT NULL,
    receipt_id     uuid        CONSTRAINT reconciled_sales_receipt_once UNIQUE DEFERRABLE INITIALLY DEFERRED,
    how            text        CHECK (how IN ('number', 'content', 'person')),
    status         text,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT reconciled_sales_say_how CHECK ((receipt_id IS NULL) = (how IS NULL))
);

-- `key` names what was found of which slips, and is open once. What people resolved is never changed again.
CREATE TABLE differences (
    id             uuid        PRIMARY KEY DEFAULT uuidv7(),
    key            text        NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('missing_with_us', 'missing_with_them', 'amount',
                                                        'quantity', 'promotion_not_allowed', 'duplicate',
                                                        'unsure')),
    state          text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'resolved')),
    retailer_id    text        NOT NULL,
    store_id       text        NOT NULL,
    day            date        NOT NULL,
    currency       text        NOT NULL,
    transaction_id uuid,
    receipt_id     uuid,
    ours           jsonb,
    theirs         jsonb,
    promotion      text,
    candidates     jsonb       NOT NULL,
    resolution     text        CHECK (resolution IN ('match', 'accept_ours', 'accept_theirs', 'dismiss',
                                                     'withdrawn')),
    reason         text,
    resolved_by    uuid        REFERENCES users,
    resolved_at    timestamptz,
    found_at       timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    CONSTRAINT differences_end_somehow CHECK ((state = 'resolved') = (resolution IS NOT NULL)),
    CONSTRAINT differences_of_something CHECK (num_nonnulls(transaction_id, receipt_id) > 0)
);
CREATE UNIQUE INDEX differences_open_once ON differences (key) WHERE state = 'open';
CREATE INDEX differences_by_state ON differences (state, id DESC);
CREATE INDEX differences_by_kind ON differences (state, kind, id DESC);
CREATE INDEX differences_of_retailer ON differences (retailer_id, state, id DESC);
CREATE INDEX differences_of_store ON differences (store_id, id DESC);
CREATE INDEX differences_of_transaction ON differences (transaction_id) WHERE transaction_id IS NOT NULL;
CREATE INDEX differences_of_receipt ON differences (receipt_id) WHERE receipt_id IS NOT NULL;
