-- Backtests: what a version of a promotion would have changed on the sales of a period -----------------------

-- From an instant until before another, or from a day through another by each store's own clock. The row goes with
-- its job, 90 days after it ended. `store_ids` are the stores as they were chosen; null is every store.
CREATE TABLE backtests (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    job_id       uuid        NOT NULL REFERENCES jobs ON DELETE CASCADE,
    promotion_id uuid        NOT NULL,
    version      integer     NOT NULL,
    from_at      timestamptz,
    until_at     timestamptz,
    from_on      date,
    until_on     date,
    keep_dates   boolean     NOT NULL,
    stores       jsonb,
    store_ids    text[],
    created_by   uuid        NOT NULL REFERENCES users,
    created_at   timestamptz NOT NULL,
    FOREIGN KEY (promotion_id, version) REFERENCES promotion_versions (promotion_id, version),
    CONSTRAINT backtests_have_one_period CHECK (num_nonnulls(from_at, from_on) = 1),
    CONSTRAINT backtests_end_as_they_begin CHECK (
        (from_at IS NULL) = (until_at IS NULL) AND (from_on IS NULL) = (until_on IS NULL)
    )
);
CREATE INDEX backtests_of_promotion ON backtests (promotion_id, id DESC);
CREATE UNIQUE INDEX backtests_of_job ON backtests (job_id);

-- Sums, one row for each key of a breakdown, added to by each step. `total` has one key, which is empty; the key
-- of a day is its date. `before_minor` is what was taken off at the time, `after_minor` what the version
-- would have taken off, `granted_minor` what of that is the promotion's own.
CREATE TABLE backtest_figures (
    backtest_id    uuid    NOT NULL REFERENCES backtests ON DELETE CASCADE,
    breakdown      text    NOT NULL
                           CHECK (breakdown IN ('total', 'store', 'sku', 'promotion', 'funder', 'day')),
    currency       text    NOT NULL,
    key            text    NOT NULL,
    sales          bigint  NOT NULL,
    affected       bigint  NOT NULL,
    limited        bigint  NOT NULL,
    gross_minor    bigint  NOT NULL,
    before_minor   bigint  NOT NULL,
    after_minor    bigint  NOT NULL,
    granted_minor  bigint  NOT NULL,
    PRIMARY KEY (backtest_id, breakdown, currency, key)
);

-- How many sales an older engine priced, by its number.
CREATE TABLE backtest_semantics (
    backtest_id      uuid     NOT NULL REFERENCES backtests ON DELETE CASCADE,
    engine_semantics smallint NOT NULL,
    sales            bigint   NOT NULL,
    PRIMARY KEY (backtest_id, engine_semantics)
);

-- What each counter of the promotion's limits would have used, in the order of time. `subject` and `starts_on`
-- as in limit_counters; `used_up_at` is when the first sale found too little left.
CREATE TABLE backtest_uses (
    backtest_id uuid        NOT NULL REFERENCES backtests ON DELETE CASCADE,
    name        text        NOT NULL,
    subject     text        NOT NULL,
    starts_on   date        NOT NULL,
    used        bigint      NOT NULL,
    used_up_at  timestamptz,
    PRIMARY KEY (backtest_id, name, subject, starts_on)
);

-- A period is read in the order of time.
CREATE INDEX transactions_in_time ON transactions (created_at, id);
