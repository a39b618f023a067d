-- Browsers that are signed in to the console. The token itself is only in the browser's cookie: its digest finds the row.
-- migrations/postgres has the same file with the same names.
CREATE TABLE console_sessions (
    token_digest    BLOB    NOT NULL PRIMARY KEY,
    -- A revoked key ends its sessions with it.
    key_id          TEXT    CONSTRAINT console_sessions_key REFERENCES access_keys (id) ON DELETE CASCADE,
    -- A MAC of the environment's key under the token, for a session that began with that key.
    bootstrap_proof BLOB,
    created_at      INTEGER NOT NULL,
    last_seen_at    INTEGER NOT NULL,
    CONSTRAINT console_sessions_one_key CHECK ((key_id IS NULL) <> (bootstrap_proof IS NULL))
) STRICT;
CREATE INDEX console_sessions_key ON console_sessions (key_id);
CREATE INDEX console_sessions_last_seen ON console_sessions (last_seen_at);
