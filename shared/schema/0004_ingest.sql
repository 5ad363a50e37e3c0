-- Uploads: what a file's reader wants to tell, who it waits for, and who never finished ---------------------

-- `progressed_at` is on this server's clock. `last_failure` names what the last try met, if it ended so.
ALTER TABLE uploads
    ADD COLUMN warnings         jsonb    NOT NULL DEFAULT '[]',
    ADD COLUMN waiting_for      uuid,
    ADD COLUMN cancel_requested boolean  NOT NULL DEFAULT false,
    ADD COLUMN attempts         smallint NOT NULL DEFAULT 0,
    ADD COLUMN last_failure     text,
    ADD COLUMN progressed_at    timestamptz NOT NULL DEFAULT now();
CREATE INDEX uploads_unfinished ON uploads (progressed_at)
 WHERE status IN ('awaiting', 'received', 'validating', 'applying');

-- Users come by file, too.
ALTER TABLE users ADD COLUMN upload_id uuid;
