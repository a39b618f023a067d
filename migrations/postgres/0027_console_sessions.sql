-- Browsers that are signed in to the console. The token itself is only in the browser's cookie: its digest finds the row.
CREATE TABLE console_sessions (
    token_digest    bytea       PRIMARY KEY,
    -- A revoked key ends its sessions with it.
    key_id          uuid        CONSTRAINT console_sessions_key REFERENCES access_keys (id) ON DELETE CASCADE,
    -- A MAC of the environment's key under the token, for a session that began with that key.
    bootstrap_proof bytea,
    created_at      timestamptz NOT NULL,
    last_seen_at    timestamptz NOT NULL,
    CONSTRAINT console_sessions_one_key CHECK ((key_id IS NULL) <> (bootstrap_proof IS NULL))
);
CREATE INDEX console_sessions_key ON console_sessions (key_id);
CREATE INDEX console_sessions_last_seen ON console_sessions (last_seen_at);
