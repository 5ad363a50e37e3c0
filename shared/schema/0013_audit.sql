-- Audit entries by month --------------------------------------------------------------------------------------

ALTER TABLE audit_entries RENAME TO audit_entries_before;
ALTER INDEX audit_entries_pkey RENAME TO audit_entries_before_pkey;
DROP INDEX audit_entries_of_subject;

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
) PARTITION BY RANGE (id);

CREATE TABLE audit_entries_default PARTITION OF audit_entries DEFAULT;

CREATE INDEX audit_entries_of_subject ON audit_entries (subject_kind, subject_id, id);
CREATE INDEX audit_entries_of_actor ON audit_entries (actor, id);
-- Most entries are sales, which the newest are among in any case.
CREATE INDEX audit_entries_by_action ON audit_entries (action, id) WHERE action <> 'transaction.recorded';
CREATE INDEX audit_entries_by_kind ON audit_entries (subject_kind, id) WHERE subject_kind <> 'transaction';

CREATE TRIGGER audit_entries_are_immutable BEFORE UPDATE OR DELETE ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_are_never_emptied BEFORE TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_are_never_emptied BEFORE TRUNCATE ON audit_entries_default
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Row triggers come to a new partition by themselves, one that keeps a table from being emptied does not.
ALTER FUNCTION make_partition(text, date) RENAME TO attach_month;
CREATE FUNCTION make_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    trigger_name text;
BEGIN
    IF NOT attach_month(parent, month) THEN
        RETURN false;
    END IF;
    FOR trigger_name IN
        SELECT tgname
          FROM pg_trigger
         WHERE tgrelid = parent::regclass
           AND NOT tgisinternal
           AND tgfoid = 'refuse_change'::regproc
           AND tgtype & 32 <> 0 -- of TRUNCATE
    LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()',
                       trigger_name, parent || to_char(month, '_YYYYMM'));
    END LOOP;
    RETURN true;
END
$$;

-- The chain ---------------------------------------------------------------------------------------------------

-- Entries that no link was made for yet. Whoever adds an entry waits for nobody: a row of one's own is added
-- here, and the sealer takes what is committed. An entry that commits late is here then, and nowhere before.
CREATE TABLE audit_unsealed (
    entry_id uuid NOT NULL
);

CREATE FUNCTION queue_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO audit_unsealed (entry_id) VALUES (NEW.id);
    RETURN NULL;
END
$$;
CREATE TRIGGER audit_entries_are_sealed_later AFTER INSERT ON audit_entries
    FOR EACH ROW EXECUTE FUNCTION queue_audit_entry();

-- One for each sealed entry: SHA-256 over what `audit_line` says of it and the link before. The first of a day
-- follows the last of the day before; the first of all follows 32 zero bytes. The day is that of sealing.
CREATE TABLE audit_links (
    day      date    NOT NULL,
    position integer NOT NULL CHECK (position >= 1),
    entry_id uuid    NOT NULL CONSTRAINT audit_links_of_entry UNIQUE,
    link     bytea   NOT NULL CHECK (length(link) = 32),
    PRIMARY KEY (day, position)
);
CREATE TRIGGER audit_links_are_immutable BEFORE UPDATE OR DELETE ON audit_links
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_links_are_never_emptied BEFORE TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- An entry at its place, as the text that is hashed: jsonb in its normal form, instants in UTC with microseconds.
-- Not in SQL, which would form the row anew for each of its columns.
CREATE FUNCTION audit_line(day date, "position" integer, entry audit_entries) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN jsonb_build_object(
         'day', to_char(day, 'YYYY-MM-DD'),
         'position', "position",
         'entry', jsonb_build_object(
                    'id', entry.id,
                    'at', to_char(entry.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
                    'actor', entry.actor,
                    'action', entry.action,
                    'subject_kind', entry.subject_kind,
                    'subject_id', entry.subject_id,
                    'before', entry.before,
                    'after', entry.after,
                    'request_id', entry.request_id
                  )
       )::text;
END
$$;

-- How far each blob of the export is: `position` is that of the last entry in it, `length` counts bytes.
CREATE TABLE audit_exports (
    day      date    NOT NULL,
    part     integer NOT NULL CHECK (part >= 1),
    position integer NOT NULL,
    length   bigint  NOT NULL DEFAULT 0,
    blocks   integer NOT NULL DEFAULT 0,
    PRIMARY KEY (day, part)
);

-- Sales -------------------------------------------------------------------------------------------------------

-- What the entry of a transaction tells of it; `row_sha256` is over all that never changes and is not told.
CREATE FUNCTION transaction_facts(recorded transactions) RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  RETURN jsonb_build_object(
         'kind', recorded.kind,
         'store_id', recorded.store_id,
         'currency', recorded.currency,
         'gross_minor', recorded.gross_minor,
         'discount_minor', recorded.discount_minor,
         'net_minor', recorded.net_minor,
         'tax_minor', recorded.tax_minor,
         'quote_sha256', encode(sha256(convert_to(recorded.quote, 'UTF8')), 'hex'),
         'seen_sha256', encode(sha256(convert_to(recorded.seen, 'UTF8')), 'hex'),
         'row_sha256', encode(
                         sha256(
                           convert_to(
                             jsonb_build_array(
                               recorded.original_id, recorded.reason, recorded.retailer_id,
                               recorded.receipt_number, recorded.channel, recorded.user_id,
                               recorded.customer_id, recorded.rule_set_version, recorded.engine_semantics,
                               (extract(epoch FROM recorded.created_at) * 1000000)::bigint,
                               recorded.allocations
                             )::text,
                             'UTF8'
                           )
                         ),
                         'hex'
                       )
       );
END
$$;

-- What is there already --------------------------------------------------------------------------------------

SELECT make_partition('audit_entries', month::date)
  FROM (SELECT least(
                 (SELECT uuid_extract_timestamp(id) FROM transactions ORDER BY id LIMIT 1),
                 (SELECT uuid_extract_timestamp(id) FROM audit_entries_before ORDER BY id LIMIT 1),
                 now()
               )) AS oldest (moment),
       generate_series(
         date_trunc('month', moment AT TIME ZONE 'UTC'),
         date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month',
         '1 month'
       ) AS month;

INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id, before, after, request_id)
SELECT id, at, actor, action, subject_kind, subject_id, before, after, request_id
  FROM audit_entries_before;
DROP TABLE audit_entries_before;

-- The entry of a transaction has its id. Those recorded before now get theirs here.
INSERT INTO audit_entries (id, at, actor, action, subject_kind, subject_id, after)
SELECT id, created_at, user_id, 'transaction.recorded', 'transaction', id::text, transaction_facts(transactions)
  FROM transactions;
