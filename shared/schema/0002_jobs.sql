-- Jobs ----------------------------------------------------------------------------------------------------

-- Whoever works on a job holds it by a lease on this server's clock. `claim` counts the holders: saving a
-- step names the claim it was made under, so that a holder who lost its lease can save nothing any more.
-- A job of slices does no work of its own: it ends when its slices have.
CREATE TABLE jobs (
    id               uuid        PRIMARY KEY DEFAULT uuidv7(),
    parent_id        uuid        REFERENCES jobs ON DELETE CASCADE,
    slice_count      integer     NOT NULL DEFAULT 0,
    kind             text        NOT NULL,
    arguments        jsonb       NOT NULL,
    status           text        NOT NULL DEFAULT 'queued'
                                 CHECK (status IN ('queued', 'running', 'completed', 'failed', 'cancelled')),
    cursor           jsonb,
    step             integer     NOT NULL DEFAULT 0,
    done             bigint      NOT NULL DEFAULT 0,
    total            bigint,
    claim            integer     NOT NULL DEFAULT 0,
    attempt          smallint    NOT NULL DEFAULT 0,
    lease_until      timestamptz,
    cancel_requested boolean     NOT NULL DEFAULT false,
    reason           text,
    created_by       uuid        REFERENCES users,
    created_at       timestamptz NOT NULL,
    dropped_at       timestamptz NOT NULL DEFAULT now(),
    started_at       timestamptz,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    finished_at      timestamptz,
    CONSTRAINT jobs_slices_have_no_slices CHECK (parent_id IS NULL OR slice_count = 0),
    CONSTRAINT jobs_end_once CHECK ((finished_at IS NOT NULL) = (status IN ('completed', 'failed', 'cancelled'))),
    CONSTRAINT jobs_ended_are_held_by_nobody CHECK (finished_at IS NULL OR lease_until IS NULL),
    CONSTRAINT jobs_failed_say_why CHECK (status <> 'failed' OR reason IS NOT NULL)
);
CREATE INDEX jobs_of_parent ON jobs (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX jobs_unfinished ON jobs (id) WHERE finished_at IS NULL;
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE parent_id IS NULL;

-- As others see them: the progress of a job of slices is that of its slices.
CREATE VIEW job_states AS
SELECT jobs.id, jobs.parent_id, jobs.kind, jobs.arguments, jobs.status,
       coalesce(slices.done, jobs.done) AS done,
       CASE WHEN jobs.slice_count = 0 THEN jobs.total ELSE slices.total END AS total,
       coalesce(slices.step, jobs.step) AS step,
       coalesce(slices.attempt, jobs.attempt) AS attempt,
       jobs.cancel_requested, jobs.reason, jobs.created_by, jobs.created_at, jobs.started_at,
       greatest(jobs.updated_at, slices.updated_at) AS updated_at,
       jobs.finished_at
  FROM jobs
  LEFT JOIN LATERAL (
         SELECT sum(slice.done)::bigint AS done,
                CASE WHEN count(slice.total) = count(*) THEN sum(slice.total)::bigint END AS total,
                sum(slice.step)::integer AS step,
                max(slice.attempt) AS attempt,
                max(slice.updated_at) AS updated_at
           FROM jobs AS slice
          WHERE slice.parent_id = jobs.id
       ) AS slices
    ON jobs.slice_count > 0;

CREATE TABLE schedules (
    name      text        PRIMARY KEY,
    kind      text        NOT NULL,
    arguments jsonb       NOT NULL DEFAULT '{}',
    every     interval    NOT NULL CHECK (every > interval '0'),
    next_at   timestamptz NOT NULL
);

INSERT INTO schedules (name, kind, every, next_at)
VALUES ('purge', 'purge', '1 day', date_trunc('day', now(), 'UTC') + interval '1 day 2 hours');

-- What the purge looks for.
CREATE INDEX otp_challenges_oldest ON otp_challenges (created_at);
CREATE INDEX outbox_ended ON outbox (coalesce(sent_at, failed_at)) WHERE coalesce(sent_at, failed_at) IS NOT NULL;

-- Outbox --------------------------------------------------------------------------------------------------

ALTER TABLE outbox
    ADD CONSTRAINT outbox_ends_once CHECK (sent_at IS NULL OR failed_at IS NULL),
    ADD CONSTRAINT outbox_ended_is_forgotten CHECK (
        (message IS NULL) = (coalesce(sent_at, failed_at) IS NOT NULL)
    ),
    ADD CONSTRAINT outbox_ended_is_held_by_nobody CHECK (
        coalesce(sent_at, failed_at) IS NULL OR lease_until IS NULL
    );
