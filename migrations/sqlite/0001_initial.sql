-- The books of Holdfast on SQLite. The rules of the program stand here again as constraints and triggers, so that
-- neither a bug nor a hand-written statement can break them. migrations/postgres has the same file with the same names.
--
-- Times are INTEGER milliseconds since the epoch, so that they compare as numbers. Uuids are TEXT in the hyphenated
-- lower-case form: an operator can read and type them in the sqlite3 shell, and they sort as their bytes do.
-- Booleans are 0 and 1; JSON is TEXT.

-- One row: which installation these books belong to. Its id goes into the metadata of every session, so that two
-- installations on one Stripe account leave each other's money alone.
CREATE TABLE installation (
    id    TEXT    NOT NULL PRIMARY KEY,
    alone INTEGER NOT NULL DEFAULT 1 CONSTRAINT installation_alone UNIQUE CHECK (alone = 1)
) STRICT;
INSERT INTO installation (id) VALUES (lower(hex(randomblob(16))));

CREATE TABLE resources (
    id          TEXT    NOT NULL PRIMARY KEY,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE event_types (
    -- AUTOINCREMENT, because a number that came back after a delete would shift a list that is being paged through.
    seq              INTEGER PRIMARY KEY AUTOINCREMENT,
    id               TEXT    NOT NULL CONSTRAINT event_types_id UNIQUE,
    name             TEXT    NOT NULL,
    resource_id      TEXT    NOT NULL REFERENCES resources (id),
    duration_minutes INTEGER NOT NULL CONSTRAINT event_types_duration CHECK (duration_minutes BETWEEN 1 AND 10080),
    amount           INTEGER NOT NULL CONSTRAINT event_types_amount CHECK (amount BETWEEN 1 AND 99999999),
    currency         TEXT    NOT NULL CONSTRAINT event_types_currency CHECK (currency GLOB '[a-z][a-z][a-z]'),
    -- Stripe's names of the methods that a guest may pay with, comma-separated; empty: all that the account allows.
    payment_methods  TEXT    NOT NULL DEFAULT '',
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL
) STRICT;

-- One row a checkout, written before Stripe is called: what a crash leaves behind is found here.
CREATE TABLE checkout_attempts (
    hold_id         TEXT    NOT NULL PRIMARY KEY,
    -- Unique while it names an attempt that runs or holds a slot; moved on to the next attempt after that.
    idempotency_key TEXT    CONSTRAINT checkout_attempts_key UNIQUE,
    fingerprint     TEXT    NOT NULL,
    state           TEXT    NOT NULL
        CONSTRAINT checkout_attempts_state CHECK (state IN ('running', 'placed', 'lost', 'abandoned', 'unsettled')),
    -- The session's exact parameters: a repeat with the same Stripe key must send the same ones. Dropped when the
    -- attempt is over, because they hold the guest's address.
    terms           TEXT    CONSTRAINT checkout_attempts_json CHECK (json_valid(terms)),
    tries           INTEGER NOT NULL DEFAULT 0,
    due_at          INTEGER,
    leased_until    INTEGER,
    claimed_at      INTEGER NOT NULL,
    ended_at        INTEGER,
    CONSTRAINT checkout_attempts_terms CHECK ((terms IS NOT NULL) = (state IN ('running', 'unsettled')))
) STRICT;
CREATE INDEX checkout_attempts_open ON checkout_attempts (claimed_at) WHERE state IN ('running', 'unsettled');
CREATE INDEX checkout_attempts_over ON checkout_attempts (ended_at) WHERE state IN ('placed', 'lost', 'abandoned');

CREATE TABLE holds (
    id                 TEXT    NOT NULL PRIMARY KEY,
    event_type_id      TEXT    NOT NULL,
    -- What the guest sees: the first segment. All of them are in `segments`, what is busy now in `occupancy`.
    resource_id        TEXT    NOT NULL,
    starts_at          INTEGER NOT NULL,
    ends_at            INTEGER NOT NULL,
    segments           TEXT    NOT NULL CONSTRAINT holds_segments CHECK (json_valid(segments)),
    status             TEXT    NOT NULL
        CONSTRAINT holds_status CHECK (status IN ('held', 'processing', 'confirmed', 'released', 'cancelled')),
    reason             TEXT,
    asked_by           TEXT    CONSTRAINT holds_asked_by CHECK (asked_by IN ('guest', 'operator')),
    amount             INTEGER NOT NULL CONSTRAINT holds_amount CHECK (amount > 0),
    currency           TEXT    NOT NULL,
    session_id         TEXT    NOT NULL CONSTRAINT holds_session UNIQUE,
    intent_id          TEXT,
    checkout_url       TEXT    NOT NULL,
    price_mismatch     INTEGER NOT NULL DEFAULT 0 CONSTRAINT holds_price_mismatch CHECK (price_mismatch IN (0, 1)),
    -- Whether money for it is here: kept in step with `payments` by triggers, so that what is wrong can be counted by
    -- small indexes, however many holds there ever were. `gone`: it was here and went back, by a refund or a lost
    -- dispute; a hold that stays confirmed then does so because the shop wants that.
    funds              TEXT    NOT NULL DEFAULT 'none'
        CONSTRAINT holds_funds CHECK (funds IN ('none', 'paid', 'disputed', 'gone')),
    -- Null once the guest is forgotten.
    guest_email        TEXT,
    guest_name         TEXT,
    metadata           TEXT    NOT NULL CONSTRAINT holds_metadata CHECK (json_valid(metadata)),
    expires_at         INTEGER NOT NULL,
    session_expires_at INTEGER NOT NULL,
    due_at             INTEGER,
    tries              INTEGER NOT NULL DEFAULT 0,
    leased_until       INTEGER,
    version            INTEGER NOT NULL DEFAULT 1,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    CONSTRAINT holds_window CHECK (starts_at < ends_at),
    -- coalesce: a CHECK that comes out as null passes.
    CONSTRAINT holds_reason CHECK (coalesce(
        CASE status
            WHEN 'released'  THEN reason IN ('expired', 'guest', 'payment_failed', 'operator', 'late_payment_refunded')
            WHEN 'cancelled' THEN reason IN ('guest', 'operator', 'refunded')
            ELSE reason IS NULL
        END, 0)),
    -- Only a hold that still waits for Stripe is ever due.
    CONSTRAINT holds_due CHECK ((due_at IS NOT NULL) = (status IN ('held', 'processing')))
) STRICT;
CREATE INDEX holds_due_at ON holds (due_at, status) WHERE status IN ('held', 'processing');
CREATE INDEX holds_overdue ON holds (expires_at) WHERE status = 'held';
CREATE INDEX holds_slot_without_money ON holds (id) WHERE status = 'confirmed' AND funds = 'none';
CREATE INDEX holds_money_without_slot ON holds (id) WHERE status IN ('released', 'cancelled') AND funds = 'paid';
-- What is still to be forgotten, by when: it shrinks as the sweep forgets.
CREATE INDEX holds_to_forget ON holds (updated_at) WHERE status IN ('released', 'cancelled') AND guest_email IS NOT NULL;
CREATE INDEX holds_intent ON holds (intent_id) WHERE intent_id IS NOT NULL;
CREATE INDEX holds_newest ON holds (created_at DESC, id DESC);

-- I1: which resource is busy when. A row exists only while its hold is live, so giving a slot back is a delete and
-- getting it back is the same insert again.
CREATE TABLE occupancy (
    -- Deferred: the windows are written first, and the hold only where all of them could be had.
    hold_id     TEXT    NOT NULL REFERENCES holds (id) DEFERRABLE INITIALLY DEFERRED,
    resource_id TEXT    NOT NULL,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    CONSTRAINT occupancy_window CHECK (starts_at < ends_at)
) STRICT;
CREATE INDEX occupancy_hold ON occupancy (hold_id);
-- By end first: a new window lies in the future, so the search skips every past one; whole, so that it is answered
-- from the index alone.
CREATE INDEX occupancy_overlap ON occupancy (resource_id, ends_at, starts_at);

CREATE TRIGGER occupancy_one_buyer_insert BEFORE INSERT ON occupancy
WHEN EXISTS (
    SELECT 1 FROM occupancy AS other
    WHERE other.resource_id = NEW.resource_id
      AND other.ends_at > NEW.starts_at
      AND other.starts_at < NEW.ends_at)
BEGIN
    SELECT RAISE(ABORT, 'occupancy_one_buyer');
END;

CREATE TRIGGER occupancy_one_buyer_update BEFORE UPDATE ON occupancy
WHEN EXISTS (
    SELECT 1 FROM occupancy AS other
    WHERE other.resource_id = NEW.resource_id
      AND other.ends_at > NEW.starts_at
      AND other.starts_at < NEW.ends_at
      AND other.rowid <> OLD.rowid)
BEGIN
    SELECT RAISE(ABORT, 'occupancy_one_buyer');
END;

CREATE TABLE hold_history (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    hold_id     TEXT    NOT NULL REFERENCES holds (id),
    at          INTEGER NOT NULL,
    from_status TEXT,
    from_reason TEXT,
    to_status   TEXT    NOT NULL,
    to_reason   TEXT,
    why         TEXT    NOT NULL,
    actor       TEXT    NOT NULL
        CONSTRAINT hold_history_actor CHECK (actor IN ('checkout', 'event', 'sweep', 'guest', 'operator', 'command')),
    event_id    TEXT
) STRICT;
CREATE INDEX hold_history_hold ON hold_history (hold_id, seq);

-- Money that came in. One without a hold belongs to nobody we know, and goes back.
CREATE TABLE payments (
    intent_id    TEXT    NOT NULL PRIMARY KEY,
    hold_id      TEXT    REFERENCES holds (id),
    -- The hold that the payment's metadata named, where there is no such hold.
    claimed_hold TEXT,
    amount       INTEGER NOT NULL CONSTRAINT payments_amount CHECK (amount >= 0),
    currency     TEXT    NOT NULL,
    refunded     INTEGER NOT NULL DEFAULT 0 CONSTRAINT payments_refunded CHECK (refunded >= 0),
    state        TEXT    NOT NULL
        CONSTRAINT payments_state CHECK (state IN ('paid', 'refund_due', 'refunded', 'refund_failed', 'disputed')),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX payments_hold ON payments (hold_id);
CREATE INDEX payments_open ON payments (state) WHERE state IN ('refund_due', 'refund_failed');

CREATE TRIGGER payments_funds_insert AFTER INSERT ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN max(state = 'paid') THEN 'paid' WHEN max(state = 'disputed') THEN 'disputed'
                    WHEN max(state IN ('refunded', 'refund_failed')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
END;
CREATE TRIGGER payments_funds_update AFTER UPDATE OF state, hold_id ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN max(state = 'paid') THEN 'paid' WHEN max(state = 'disputed') THEN 'disputed'
                    WHEN max(state IN ('refunded', 'refund_failed')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
END;

-- Webhook events that were applied: each once.
CREATE TABLE stripe_events (
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL CONSTRAINT stripe_events_id UNIQUE,
    kind       TEXT    NOT NULL,
    hold_id    TEXT,
    -- Null once it is forgotten: the id stays for a while, so that a repeat is known as one.
    payload    TEXT,
    applied_at INTEGER NOT NULL
) STRICT;
CREATE INDEX stripe_events_hold ON stripe_events (hold_id, seq) WHERE hold_id IS NOT NULL;
-- What is still to be forgotten, by when: first the bodies, then the ids.
CREATE INDEX stripe_events_kept ON stripe_events (applied_at) WHERE payload IS NOT NULL;
CREATE INDEX stripe_events_emptied ON stripe_events (applied_at) WHERE payload IS NULL;

-- The outbox: what Stripe must be told is a row before it is a call.
CREATE TABLE commands (
    id           TEXT    NOT NULL PRIMARY KEY,
    -- Two orders with the same key are the same order.
    order_key    TEXT    NOT NULL CONSTRAINT commands_order_key UNIQUE,
    kind         TEXT    NOT NULL CONSTRAINT commands_kind CHECK (kind IN ('expire_session', 'refund')),
    hold_id      TEXT,
    session_id   TEXT,
    intent_id    TEXT,
    amount       INTEGER,
    currency     TEXT,
    tries        INTEGER NOT NULL DEFAULT 0,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER,
    last_error   TEXT,
    created_at   INTEGER NOT NULL,
    done_at      INTEGER,
    -- coalesce: a CHECK that comes out as null passes.
    CONSTRAINT commands_target CHECK (coalesce(
        CASE kind
            WHEN 'expire_session' THEN session_id IS NOT NULL
            ELSE intent_id IS NOT NULL AND amount > 0 AND currency IS NOT NULL
        END, 0))
) STRICT;
CREATE INDEX commands_due ON commands (due_at) WHERE done_at IS NULL;
CREATE INDEX commands_newest ON commands (created_at DESC, id DESC);
