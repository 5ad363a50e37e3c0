-- One-time passwords -----------------------------------------------------------------------------------------

-- `recipient` and `source` are keyed digests: of the phone number or e-mail address, and of where the wish came
-- from, a network address or a caller. Rows without them are of before; nothing answers them.
ALTER TABLE otp_challenges
    ADD COLUMN recipient bytea NOT NULL DEFAULT '',
    ADD COLUMN source    bytea,
    ADD COLUMN asked_by  uuid REFERENCES users ON DELETE CASCADE,
    ADD CONSTRAINT otp_challenges_purpose_is_known CHECK (purpose IN ('sign_in', 'redemption', 'step_up')),
    ADD CONSTRAINT otp_challenges_five_attempts CHECK (attempts BETWEEN 0 AND 5);
CREATE INDEX otp_challenges_of_recipient ON otp_challenges (recipient, created_at);
CREATE INDEX otp_challenges_of_source ON otp_challenges (source, created_at) WHERE source IS NOT NULL;

-- Messages with codes that were let out, by day (UTC): what the cap of the deployment counts.
CREATE TABLE otp_days (
    day      date    PRIMARY KEY,
    messages integer NOT NULL CHECK (messages >= 0)
);

-- Outbox -----------------------------------------------------------------------------------------------------

-- What a message says is kept encrypted, and only as long as it may be sent. What waits unencrypted at this
-- moment holds codes that are of no use from here on.
UPDATE outbox SET failed_at = now(), failure = 'expired' WHERE sent_at IS NULL AND failed_at IS NULL;
ALTER TABLE outbox
    DROP COLUMN message,
    ADD COLUMN sealed       bytea,
    ADD COLUMN recipient    bytea,
    ADD COLUMN failure_code text,
    ADD COLUMN provider_id  text,
    ADD COLUMN delivery     text CHECK (delivery IN ('delivered', 'failed')),
    ADD CONSTRAINT outbox_sent_is_forgotten CHECK (sent_at IS NULL OR sealed IS NULL);
CREATE INDEX outbox_of_recipient ON outbox (recipient, created_at) WHERE recipient IS NOT NULL;
CREATE INDEX outbox_of_provider ON outbox (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX outbox_dead ON outbox (id DESC) WHERE failed_at IS NOT NULL AND sent_at IS NULL;

-- The outbox as operators see it: neither whom a message is for nor what it says.
CREATE VIEW notifications AS
SELECT id, kind, attempts, created_at, expires_at, sent_at, failed_at, failure_code, failure, delivery,
       CASE WHEN sent_at IS NOT NULL THEN 'sent'
            WHEN failed_at IS NOT NULL THEN 'dead'
            ELSE 'waiting'
       END AS state,
       sent_at IS NULL AND failed_at IS NOT NULL AND sealed IS NOT NULL AND expires_at > now() AS can_be_retried
  FROM outbox
 WHERE kind <> 'otp_wish' OR sent_at IS NULL;

-- What the provider said became of a message; it says everything at least once.
CREATE TABLE delivery_reports (
    message_id uuid        NOT NULL REFERENCES outbox ON DELETE CASCADE,
    status     text        NOT NULL,
    reason     text        NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (message_id, status)
);

-- Rate limits ------------------------------------------------------------------------------------------------

-- Counts of signed-in callers. Lost in a crash, and with it at most one window of counting.
CREATE UNLOGGED TABLE rate_counts (
    caller    uuid        NOT NULL,
    rate      text        NOT NULL,
    began_at  timestamptz NOT NULL,
    requests  integer     NOT NULL,
    PRIMARY KEY (caller, rate, began_at)
) WITH (fillfactor = 50);
CREATE INDEX rate_counts_oldest ON rate_counts (began_at);
