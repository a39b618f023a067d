-- Keys of operators and of shops' servers. A key itself is shown once and not stored: its digest finds it.
-- migrations/postgres has the same file with the same names.
CREATE TABLE access_keys (
    id           TEXT    NOT NULL PRIMARY KEY,
    name         TEXT    NOT NULL CONSTRAINT access_keys_name UNIQUE,
    scope        TEXT    NOT NULL
        CONSTRAINT access_keys_scope CHECK (scope IN ('checkout', 'read', 'operate', 'admin')),
    -- SHA-256 of the key's text.
    digest       BLOB    NOT NULL CONSTRAINT access_keys_digest UNIQUE,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER
) STRICT;

-- The name of the key with which an operator caused a line. The version before writes none.
ALTER TABLE hold_history ADD COLUMN actor_name TEXT;

-- Who did what to what. An entry is written before the act, and gets its outcome afterwards: an act leaves an entry even
-- if the process ends in between. The two states are JSON as text, because nothing searches in them.
CREATE TABLE audit_entries (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL,
    target       TEXT,
    outcome      TEXT
        CONSTRAINT audit_entries_outcome CHECK (outcome IN ('done', 'refused', 'failed')),
    state_before TEXT,
    state_after  TEXT,
    request_id   TEXT
) STRICT;
CREATE INDEX audit_entries_at ON audit_entries (at);
