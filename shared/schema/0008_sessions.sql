-- Stores below a store ---------------------------------------------------------------------------------------

-- The store and all below it. UNION, not UNION ALL: a ring of parents ends too.
CREATE FUNCTION stores_below(root text) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE below (id) AS (
           SELECT id FROM stores WHERE id = root
            UNION
           SELECT stores.id FROM stores JOIN below ON stores.parent_id = below.id
         )
    SELECT id FROM below
$$;

-- The store and all above it; few, however large the group of stores.
CREATE FUNCTION stores_above(leaf text) RETURNS SETOF text LANGUAGE sql STABLE PARALLEL SAFE AS $$
    WITH RECURSIVE above (id) AS (
           SELECT leaf
            UNION
           SELECT stores.parent_id FROM stores JOIN above ON stores.id = above.id
            WHERE stores.parent_id IS NOT NULL
         )
    SELECT id FROM above
$$;

-- Whether rows of the store are for somebody who sees all stores (no root), the root, or the root and below.
CREATE FUNCTION store_in_reach(store text, root text, below boolean) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT root IS NULL OR store = root OR (below AND root IN (SELECT stores_above(store)))
$$;

-- Whether the user may work in the store: it is one of theirs or, for who looks after several, below one.
CREATE FUNCTION user_reaches_store(who uuid, store text) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT EXISTS (SELECT FROM stores WHERE id = store AND active)
       AND EXISTS (
             SELECT
               FROM users JOIN user_stores ON user_stores.user_id = users.id
              WHERE users.id = who
                AND (store_id = store
                     OR (role = 'parent_store_user' AND store_id IN (SELECT stores_above(store))))
           )
$$;

-- Sessions ---------------------------------------------------------------------------------------------------

-- One sign-in, and every token that came of it. No key refers to users: a session outlives its user, so that
-- access tokens of somebody who is deleted are known to be void.
CREATE TABLE sessions (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    store_id   text,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    ended_for  text        CHECK (ended_for IN ('logout', 'reuse', 'user')),
    CONSTRAINT sessions_end_for_a_reason CHECK ((ended_at IS NULL) = (ended_for IS NULL))
);
CREATE INDEX sessions_of_user ON sessions (user_id) WHERE ended_at IS NULL;
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX sessions_oldest ON sessions (expires_at);

-- Sessions of active users as they stand: a chosen store that the user may not work in any more gives way to
-- their first.
CREATE VIEW sessions_of_active AS
SELECT sessions.id,
       CASE WHEN user_reaches_store(users.id, sessions.store_id) THEN sessions.store_id
            ELSE mapped.store_ids[1]
        END AS store_id,
       jsonb_build_object(
         'id', users.id, 'name', name, 'role', role, 'phone', phone, 'email', email,
         'store_ids', mapped.store_ids
       ) AS "user"
  FROM sessions
       JOIN users ON users.id = sessions.user_id AND users.active
       CROSS JOIN LATERAL (
         SELECT array(SELECT user_stores.store_id
                        FROM user_stores
                       WHERE user_stores.user_id = users.id
                       ORDER BY 1) AS store_ids
       ) AS mapped
 WHERE sessions.ended_at IS NULL;

-- A session's refresh tokens, each replaced by the next. `sealed` is the next one, legible only to whoever
-- presents this one: a repeated request is answered with the very same token.
CREATE TABLE refresh_tokens (
    digest     bytea       PRIMARY KEY,
    session_id uuid        NOT NULL REFERENCES sessions ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    rotated_at timestamptz,
    sealed     bytea,
    CONSTRAINT refresh_tokens_rotated_have_a_next CHECK ((rotated_at IS NULL) = (sealed IS NULL))
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);
CREATE INDEX refresh_tokens_oldest ON refresh_tokens (expires_at);

-- Whoever disables a user, gives them another role or deletes them ends their sessions, by whatever way.
-- The time is the clock's: a long transaction would otherwise end sessions long before it commits.
CREATE FUNCTION end_sessions_of_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions
       SET ended_at = clock_timestamp(),
           ended_for = 'user'
     WHERE user_id = OLD.id
       AND ended_at IS NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_changed_end_their_sessions AFTER UPDATE OF active, role ON users
    FOR EACH ROW WHEN ((OLD.active AND NOT NEW.active) OR OLD.role <> NEW.role)
    EXECUTE FUNCTION end_sessions_of_user();
CREATE TRIGGER users_deleted_end_their_sessions AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION end_sessions_of_user();

-- API keys ---------------------------------------------------------------------------------------------------

-- A key of a machine: it acts for a user, with some of what that user may do.
CREATE TABLE api_keys (
    id           uuid        PRIMARY KEY DEFAULT uuidv7(),
    name         text        NOT NULL,
    digest       bytea       NOT NULL CONSTRAINT api_keys_digest_key UNIQUE,
    ending       text        NOT NULL,
    user_id      uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    store_id     text        REFERENCES stores,
    permissions  text[]      NOT NULL CHECK (cardinality(permissions) > 0),
    created_by   uuid        NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    revoked_at   timestamptz,
    last_used_at timestamptz
);
CREATE INDEX api_keys_of_user ON api_keys (user_id);
