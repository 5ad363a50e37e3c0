-- Promotions: what a version says besides, and who let it pass ----------------------------------------------

-- Documents as they were given. Versions made before this have no limits, no funders and no windows.
ALTER TABLE promotion_versions
    ADD COLUMN limits    jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN funding   jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN windows   jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN on_return text  NOT NULL DEFAULT 'reprice' CHECK (on_return IN ('reprice', 'keep'));

-- Where a version stands between its author and those who approve; no row for one that was never submitted.
CREATE TABLE promotion_approvals (
    promotion_id uuid        NOT NULL,
    version      integer     NOT NULL,
    state        text        NOT NULL CHECK (state IN ('submitted', 'approved', 'rejected')),
    user_id      uuid        NOT NULL REFERENCES users,
    at           timestamptz NOT NULL,
    reason       text,
    PRIMARY KEY (promotion_id, version),
    FOREIGN KEY (promotion_id, version) REFERENCES promotion_versions (promotion_id, version),
    CONSTRAINT promotion_approvals_rejected_say_why CHECK ((state = 'rejected') = (reason IS NOT NULL))
);

-- Lanes: how the promotions of one share the units -----------------------------------------------------------

CREATE TABLE lanes (
    name       text        PRIMARY KEY CHECK (name IN ('line', 'order', 'tender')),
    mode       text        NOT NULL DEFAULT 'best' CHECK (mode IN ('best', 'priority')),
    updated_at timestamptz NOT NULL DEFAULT now()
);
INSERT INTO lanes (name) VALUES ('line'), ('order'), ('tender');

-- The lanes that were served in order of priority when the rule set was made.
ALTER TABLE rule_sets ADD COLUMN priority_lanes text[] NOT NULL DEFAULT '{}';

-- Groups that promotions stand on ----------------------------------------------------------------------------

-- Which groups a version names, at which places; written with the version. A group of a draft may be deleted,
-- so nothing refers to groups here: publishing asks anew.
CREATE TABLE promotion_version_groups (
    promotion_id uuid    NOT NULL,
    version      integer NOT NULL,
    group_id     uuid    NOT NULL,
    PRIMARY KEY (promotion_id, version, group_id),
    FOREIGN KEY (promotion_id, version) REFERENCES promotion_versions (promotion_id, version)
);
CREATE INDEX promotion_version_groups_of_group ON promotion_version_groups (group_id);

-- The members, SKUs or store ids, of each group that a published promotion stands on, as evaluations see them.
-- A basket asks by key. A foreign key would cost more than all the rest of an ingest's look at its groups; the
-- lock of the rule sets keeps a group from being deleted while it is pinned.
CREATE TABLE group_members (
    group_id uuid NOT NULL,
    key      text NOT NULL,
    PRIMARY KEY (key, group_id)
);

-- Who joined and who left, each time the members of such a group were found to be others.
CREATE TABLE group_changes (
    id            uuid        PRIMARY KEY DEFAULT uuidv7(),
    group_id      uuid        NOT NULL,
    at            timestamptz NOT NULL,
    upload_id     uuid,
    joined        integer     NOT NULL CHECK (joined >= 0),
    "left"        integer     NOT NULL CHECK ("left" >= 0),
    joined_sample text[]      NOT NULL,
    left_sample   text[]      NOT NULL,
    CONSTRAINT group_changes_change_something CHECK (joined + "left" > 0)
);
CREATE INDEX group_changes_of_group ON group_changes (group_id, id DESC);

-- Audit ------------------------------------------------------------------------------------------------------

-- One row for each change of state. An actor is a pseudonym: the row of the user may be gone one day.
CREATE TABLE audit_entries (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    at           timestamptz NOT NULL,
    actor        uuid,
    action       text        NOT NULL,
    subject_kind text        NOT NULL,
    subject_id   text        NOT NULL,
    before       jsonb,
    after        jsonb,
    request_id   text
);
CREATE INDEX audit_entries_of_subject ON audit_entries (subject_kind, subject_id, id);

CREATE TRIGGER promotion_version_groups_are_immutable BEFORE UPDATE OR DELETE ON promotion_version_groups
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER group_changes_are_immutable BEFORE UPDATE OR DELETE ON group_changes
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_are_immutable BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_are_never_emptied BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
