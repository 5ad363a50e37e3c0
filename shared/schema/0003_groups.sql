-- Groups --------------------------------------------------------------------------------------------------

-- What a filter selects is found by reading the catalogue: all of it is read in a tenth of a second at full
-- size, so no index of the catalogue would earn what it costs each ingest (docs/architecture.md).
CREATE TABLE groups (
    id          uuid        PRIMARY KEY DEFAULT uuidv7(),
    subject     text        NOT NULL CHECK (subject IN ('product', 'store')),
    name        text        NOT NULL,
    description text        NOT NULL,
    filter      jsonb       NOT NULL,
    revision    integer     NOT NULL DEFAULT 1,
    created_by  uuid        NOT NULL REFERENCES users,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL
);
CREATE UNIQUE INDEX groups_name_key ON groups (subject, lower(name));

-- The LIKE patterns of the words of a search text, in lower case; none for NULL.
CREATE FUNCTION search_patterns(search text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT coalesce(array_agg('%' || regexp_replace(lower(word), '([\\%_])', '\\\1', 'g') || '%'), '{}')
  FROM regexp_split_to_table(search, '\s+') AS word
 WHERE word <> ''
$$;
