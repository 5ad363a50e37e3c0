-- Roll-ups: sums that dashboards read ---------------------------------------------------------------------------

-- How far along the audit's chain the sums are. Each transaction and each change of a status leaves an entry, and
-- the chain puts entries in an order that nothing is ever added before: what commits late comes later in it.
CREATE TABLE rollup_progress (
    is_one   boolean PRIMARY KEY DEFAULT true CHECK (is_one),
    day      date    NOT NULL,
    position integer NOT NULL
);
INSERT INTO rollup_progress (day, position) VALUES ('0001-01-01', 0);

-- Days are those of the store. Voids and returns count below zero on the day on which they are made. All sales
-- count here; `baskets` are those not voided, `revenue_minor` what was paid for them less what was paid back.
CREATE TABLE rollup_sales (
    day            date   NOT NULL,
    store_id       text   NOT NULL,
    currency       text   NOT NULL,
    baskets        bigint NOT NULL,
    redemptions    bigint NOT NULL,
    discount_minor bigint NOT NULL,
    revenue_minor  bigint NOT NULL,
    PRIMARY KEY (day, store_id, currency)
);

-- Here only sales in which a promotion gave something, once for each that did.
CREATE TABLE rollup_promotions (
    day            date    NOT NULL,
    store_id       text    NOT NULL,
    promotion_id   uuid    NOT NULL,
    version        integer NOT NULL,
    currency       text    NOT NULL,
    baskets        bigint  NOT NULL,
    redemptions    bigint  NOT NULL,
    discount_minor bigint  NOT NULL,
    revenue_minor  bigint  NOT NULL,
    PRIMARY KEY (day, promotion_id, version, store_id, currency)
);
CREATE INDEX rollup_promotions_of_promotion ON rollup_promotions (promotion_id, day);

-- By goods and by who bears it; without stores, of which there would be as many rows as sales.
CREATE TABLE rollup_skus (
    day            date    NOT NULL,
    sku            text    NOT NULL,
    promotion_id   uuid    NOT NULL,
    version        integer NOT NULL,
    currency       text    NOT NULL,
    units          bigint  NOT NULL,
    discount_minor bigint  NOT NULL,
    PRIMARY KEY (day, promotion_id, version, sku, currency)
);

CREATE TABLE rollup_funders (
    day            date    NOT NULL,
    promotion_id   uuid    NOT NULL,
    version        integer NOT NULL,
    party          text    NOT NULL,
    currency       text    NOT NULL,
    discount_minor bigint  NOT NULL,
    PRIMARY KEY (day, promotion_id, version, party, currency)
);

-- What each retailer's transactions have come to. A change of status takes from one row and gives to another, on
-- the day of the transaction.
CREATE TABLE rollup_statuses (
    day            date   NOT NULL,
    retailer_id    text   NOT NULL,
    status         text   NOT NULL,
    currency       text   NOT NULL,
    transactions   bigint NOT NULL,
    discount_minor bigint NOT NULL,
    net_minor      bigint NOT NULL,
    PRIMARY KEY (day, retailer_id, status, currency)
);

CREATE TABLE rollup_status_funders (
    day            date   NOT NULL,
    retailer_id    text   NOT NULL,
    status         text   NOT NULL,
    party          text   NOT NULL,
    currency       text   NOT NULL,
    discount_minor bigint NOT NULL,
    PRIMARY KEY (day, retailer_id, status, party, currency)
);
