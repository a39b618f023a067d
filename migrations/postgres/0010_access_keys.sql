-- Keys of operators and of shops' servers. A key itself is shown once and not stored: its digest finds it.
CREATE TABLE access_keys (
    id           uuid        PRIMARY KEY,
    name         text        NOT NULL CONSTRAINT access_keys_name UNIQUE,
    scope        text        NOT NULL
        CONSTRAINT access_keys_scope CHECK (scope IN ('checkout', 'read', 'operate', 'admin')),
    -- SHA-256 of the key's text.
    digest       bytea       NOT NULL CONSTRAINT access_keys_digest UNIQUE,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz
);

-- The name of the key with which an operator caused a line. The version before writes none.
ALTER TABLE hold_history ADD COLUMN actor_name text;

-- Who did what to what. An entry is written before the act, and gets its outcome afterwards: an act leaves an entry even
-- if the process ends in between. The two states are JSON as text, because nothing searches in them.
CREATE TABLE audit_entries (
    seq          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL,
    actor        text        NOT NULL,
    action       text        NOT NULL,
    target       text,
    outcome      text
        CONSTRAINT audit_entries_outcome CHECK (outcome IN ('done', 'refused', 'failed')),
    state_before text,
    state_after  text,
    request_id   uuid
);
CREATE INDEX audit_entries_at ON audit_entries (at);
