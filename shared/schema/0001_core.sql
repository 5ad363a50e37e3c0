-- Identity ------------------------------------------------------------------------------------------------

CREATE TABLE users (
    id         uuid        PRIMARY KEY DEFAULT uuidv7(),
    name       text        NOT NULL,
    phone      text        CONSTRAINT users_phone_key UNIQUE
                           CONSTRAINT users_phone_is_e164 CHECK (phone ~ '^\+[1-9][0-9]{6,14}$'),
    email      text        CONSTRAINT users_email_key UNIQUE
                           CONSTRAINT users_email_is_lower_case CHECK (email = lower(email)),
    role       text        NOT NULL,
    active     boolean     NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL,
    CONSTRAINT users_can_be_reached CHECK (phone IS NOT NULL OR email IS NOT NULL)
);

-- A challenge for an unknown number is a row without a user: it costs the same and can never be met.
CREATE TABLE otp_challenges (
    id         uuid        PRIMARY KEY,
    user_id    uuid        REFERENCES users ON DELETE CASCADE,
    purpose    text        NOT NULL,
    digest     bytea       NOT NULL,
    attempts   smallint    NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX otp_challenges_of_user ON otp_challenges (user_id, purpose) WHERE used_at IS NULL;

-- Calls to the outside, written with the fact they tell of. `message` holds secrets: it is emptied when sent.
CREATE TABLE outbox (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    kind        text        NOT NULL,
    message     jsonb,
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    lease_until timestamptz,
    attempts    smallint    NOT NULL DEFAULT 0,
    sent_at     timestamptz,
    failed_at   timestamptz,
    failure     text
);
CREATE INDEX outbox_unsent ON outbox (created_at) WHERE sent_at IS NULL AND failed_at IS NULL;

-- Catalogue and stores ------------------------------------------------------------------------------------

CREATE TABLE products (
    sku          text          PRIMARY KEY,
    kind         text          NOT NULL CHECK (kind IN ('lens', 'frame')),
    name         text          NOT NULL,
    brand        text,
    collection   text,
    type         text,
    price        numeric       NOT NULL CHECK (price >= 0),
    currency     text          NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    tax_rate_pct numeric(5, 2) NOT NULL CHECK (tax_rate_pct BETWEEN 0 AND 100),
    active       boolean       NOT NULL,
    attributes   jsonb         NOT NULL,
    upload_id    uuid          NOT NULL,
    created_at   timestamptz   NOT NULL,
    updated_at   timestamptz   NOT NULL
);

CREATE TABLE stores (
    id           text        PRIMARY KEY,
    name         text        NOT NULL,
    parent_id    text        CONSTRAINT stores_parent_exists
                             REFERENCES stores DEFERRABLE INITIALLY DEFERRED,
    company_a_id text        CONSTRAINT stores_company_a_id_key UNIQUE DEFERRABLE INITIALLY DEFERRED,
    company_b_id text        CONSTRAINT stores_company_b_id_key UNIQUE DEFERRABLE INITIALLY DEFERRED,
    address      text,
    city         text,
    region       text,
    country      text        NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    postal_code  text,
    latitude     numeric     CHECK (latitude BETWEEN -90 AND 90),
    longitude    numeric     CHECK (longitude BETWEEN -180 AND 180),
    zone         text        NOT NULL,
    active       boolean     NOT NULL,
    attributes   jsonb       NOT NULL,
    upload_id    uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL
);
CREATE INDEX stores_of_parent ON stores (parent_id);

CREATE TABLE user_stores (
    user_id  uuid NOT NULL REFERENCES users ON DELETE CASCADE,
    store_id text NOT NULL REFERENCES stores,
    PRIMARY KEY (user_id, store_id)
);
CREATE INDEX user_stores_of_store ON user_stores (store_id);

-- Uploads -------------------------------------------------------------------------------------------------

CREATE TABLE uploads (
    id            uuid        PRIMARY KEY DEFAULT uuidv7(),
    kind          text        NOT NULL,
    filename      text        NOT NULL,
    mode          text        NOT NULL CHECK (mode IN ('valid_rows', 'all_or_nothing')),
    validate_only boolean     NOT NULL,
    status        text        NOT NULL CHECK (status IN ('awaiting', 'received', 'validating', 'applying',
                                                         'completed', 'failed', 'cancelled')),
    progress_pct  smallint    NOT NULL DEFAULT 0 CHECK (progress_pct BETWEEN 0 AND 100),
    etag          text,
    size_bytes    bigint,
    rows_read     integer     NOT NULL DEFAULT 0,
    rows_inserted integer     NOT NULL DEFAULT 0,
    rows_updated  integer     NOT NULL DEFAULT 0,
    rows_unchanged integer    NOT NULL DEFAULT 0,
    rows_rejected integer     NOT NULL DEFAULT 0,
    errors        jsonb       NOT NULL DEFAULT '[]',
    reason        text,
    reason_code   text,
    created_by    uuid        NOT NULL REFERENCES users,
    created_at    timestamptz NOT NULL,
    expires_at    timestamptz NOT NULL,
    received_at   timestamptz,
    finished_at   timestamptz,
    CONSTRAINT uploads_rows_add_up CHECK (
        status <> 'completed'
        OR rows_read = rows_inserted + rows_updated + rows_unchanged + rows_rejected
    )
);

-- Promotions ----------------------------------------------------------------------------------------------

CREATE TABLE promotions (
    id                uuid        PRIMARY KEY DEFAULT uuidv7(),
    status            text        NOT NULL
                                  CHECK (status IN ('Draft', 'Scheduled', 'Active', 'Paused', 'Archived')),
    version           integer     NOT NULL,
    published_version integer,
    revision          integer     NOT NULL DEFAULT 1,
    created_by        uuid        NOT NULL REFERENCES users,
    created_at        timestamptz NOT NULL,
    updated_at        timestamptz NOT NULL,
    CONSTRAINT promotions_live_have_a_published_version CHECK (
        status IN ('Draft', 'Archived') OR published_version IS NOT NULL
    )
);
CREATE INDEX promotions_by_status ON promotions (status, id);

-- starts_at and ends_at are local: which instant they mean depends on zone_policy and the store.
CREATE TABLE promotion_versions (
    promotion_id uuid        NOT NULL REFERENCES promotions DEFERRABLE INITIALLY DEFERRED,
    version      integer     NOT NULL,
    name         text        NOT NULL,
    type         text        NOT NULL,
    description  text        NOT NULL,
    lane         text        NOT NULL,
    priority     integer     NOT NULL,
    exclusive    boolean     NOT NULL,
    stackable    boolean     NOT NULL,
    starts_at    timestamp   NOT NULL,
    ends_at      timestamp,
    zone_policy  text        NOT NULL,
    stores       jsonb,
    rule         jsonb       NOT NULL,
    hash         text        NOT NULL,
    created_by   uuid        NOT NULL REFERENCES users,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (promotion_id, version)
);

-- A rule set is everything live at one moment. Publishing, pausing, resuming and archiving add one.
CREATE TABLE rule_sets (
    version    bigint      PRIMARY KEY,
    created_at timestamptz NOT NULL
);

CREATE TABLE rule_set_members (
    rule_set_version  bigint  NOT NULL REFERENCES rule_sets,
    promotion_id      uuid    NOT NULL,
    promotion_version integer NOT NULL,
    PRIMARY KEY (rule_set_version, promotion_id),
    FOREIGN KEY (promotion_id, promotion_version) REFERENCES promotion_versions (promotion_id, version)
);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER promotion_versions_are_immutable BEFORE UPDATE OR DELETE ON promotion_versions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rule_sets_are_immutable BEFORE UPDATE OR DELETE ON rule_sets
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER rule_set_members_are_immutable BEFORE UPDATE OR DELETE ON rule_set_members
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Sales ---------------------------------------------------------------------------------------------------

-- `seen` is what the engine was given and `quote` what it answered, as canonical JSON in text:
-- jsonb would lose the order of keys and the form of numbers, and a replay compares byte for byte.
CREATE TABLE transactions (
    id               uuid        PRIMARY KEY DEFAULT uuidv7(),
    store_id         text        NOT NULL REFERENCES stores,
    receipt_number   text,
    status           text        NOT NULL
                                 CHECK (status IN ('New', 'Under Review', 'Verified', 'Settlement Complete')),
    currency         text        NOT NULL,
    gross_minor      bigint      NOT NULL,
    discount_minor   bigint      NOT NULL,
    net_minor        bigint      NOT NULL,
    tax_minor        bigint      NOT NULL,
    channel          text        NOT NULL,
    user_id          uuid        NOT NULL REFERENCES users,
    rule_set_version bigint      NOT NULL,
    engine_semantics smallint    NOT NULL,
    seen             text        NOT NULL,
    quote            text        NOT NULL,
    created_at       timestamptz NOT NULL,
    CONSTRAINT transactions_net_conserves CHECK (net_minor = gross_minor - discount_minor),
    CONSTRAINT transactions_net_is_not_negative CHECK (net_minor >= 0 AND discount_minor >= 0)
);
CREATE INDEX transactions_newest ON transactions (store_id, id DESC);

CREATE TRIGGER transactions_are_never_deleted BEFORE DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE TABLE idempotency_keys (
    user_id        uuid        NOT NULL REFERENCES users,
    key            text        NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    request_hash   bytea       NOT NULL,
    transaction_id uuid        NOT NULL,
    created_at     timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key)
);
CREATE INDEX idempotency_keys_oldest ON idempotency_keys (created_at);

-- The business key: a retry after a restart carries another Idempotency-Key but the same receipt.
CREATE TABLE receipt_keys (
    store_id       text  NOT NULL,
    receipt_number text  NOT NULL,
    request_hash   bytea NOT NULL,
    transaction_id uuid  NOT NULL,
    CONSTRAINT receipt_keys_pkey PRIMARY KEY (store_id, receipt_number)
);
