-- What can be booked: segments out of pools, units, buffers, schedules, blocks, calendar feeds, guests and their limits.
-- migrations/postgres has the same file with the same names.

-- Made anew, because a column that is asked for in every row cannot be added to a table that has rows.
CREATE TABLE resources_new (
    -- AUTOINCREMENT, as in event_types.
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL CONSTRAINT resources_id UNIQUE,
    name       TEXT    NOT NULL,
    capacity   INTEGER NOT NULL DEFAULT 1 CONSTRAINT resources_capacity CHECK (capacity BETWEEN 1 AND 1000),
    created_at INTEGER NOT NULL
) STRICT;
INSERT INTO resources_new (id, name, created_at) SELECT id, id, created_at FROM resources ORDER BY created_at, id;

CREATE TABLE event_types_new (
    seq                   INTEGER PRIMARY KEY AUTOINCREMENT,
    id                    TEXT    NOT NULL CONSTRAINT event_types_id UNIQUE,
    name                  TEXT    NOT NULL,
    -- All that the event type takes, as JSON: nothing but the program looks into it.
    needs                 TEXT    NOT NULL CONSTRAINT event_types_needs CHECK (json_valid(needs)),
    buffer_before_minutes INTEGER NOT NULL DEFAULT 0,
    buffer_after_minutes  INTEGER NOT NULL DEFAULT 0,
    schedule              TEXT    CONSTRAINT event_types_schedule CHECK (schedule IS NULL OR json_valid(schedule)),
    cancel_until_minutes  INTEGER,
    move_until_minutes    INTEGER,
    amount                INTEGER NOT NULL CONSTRAINT event_types_amount CHECK (amount BETWEEN 1 AND 99999999),
    currency              TEXT    NOT NULL CONSTRAINT event_types_currency CHECK (currency GLOB '[a-z][a-z][a-z]'),
    payment_methods       TEXT    NOT NULL DEFAULT '',
    created_at            INTEGER NOT NULL,
    updated_at            INTEGER NOT NULL
) STRICT;
INSERT INTO event_types_new
    (seq, id, name, needs, amount, currency, payment_methods, created_at, updated_at)
SELECT seq, id, name,
    json_array(json_object('offset_minutes', 0, 'duration_minutes', duration_minutes, 'any_of', json_array(resource_id))),
    amount, currency, payment_methods, created_at, updated_at
FROM event_types;
DROP TABLE event_types;
ALTER TABLE event_types_new RENAME TO event_types;
DROP TABLE resources;
ALTER TABLE resources_new RENAME TO resources;

-- One row a person: the address folded and trimmed, and how many holds of theirs are `held`. A checkout counts itself in
-- with the placing of its hold, a trigger counts it out. Gone when the last of their holds has forgotten them.
CREATE TABLE guests (
    email      TEXT    NOT NULL PRIMARY KEY,
    held       INTEGER NOT NULL CONSTRAINT guests_held CHECK (held >= 0),
    created_at INTEGER NOT NULL
) STRICT;

-- The same for the address that a checkout came from, hashed, and how many of its holds lapsed one after the other.
CREATE TABLE clients (
    id         TEXT    NOT NULL PRIMARY KEY,
    held       INTEGER NOT NULL CONSTRAINT clients_held CHECK (held >= 0),
    lapses     INTEGER NOT NULL DEFAULT 0,
    lapsed_at  INTEGER,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX clients_idle ON clients (updated_at) WHERE held = 0;

ALTER TABLE holds ADD COLUMN quantity INTEGER NOT NULL DEFAULT 1
    CONSTRAINT holds_quantity CHECK (quantity BETWEEN 1 AND 1000);
ALTER TABLE holds ADD COLUMN cancel_until_minutes INTEGER;
ALTER TABLE holds ADD COLUMN move_until_minutes INTEGER;
-- Null once the guest is forgotten.
ALTER TABLE holds ADD COLUMN guest_id TEXT;
ALTER TABLE holds ADD COLUMN client_id TEXT;
UPDATE holds SET guest_id = lower(trim(guest_email)) WHERE guest_email IS NOT NULL;
INSERT INTO guests (email, held, created_at)
SELECT guest_id, count(*) FILTER (WHERE status = 'held'), min(created_at) FROM holds
WHERE guest_id IS NOT NULL GROUP BY guest_id;
CREATE INDEX holds_guest ON holds (guest_id, created_at DESC, id DESC) WHERE guest_id IS NOT NULL;

-- Never below 0 and never refused: a wrong count must not keep a payment from its slot.
CREATE TRIGGER holds_counted_out AFTER UPDATE OF status ON holds
WHEN OLD.status = 'held' AND NEW.status <> 'held'
BEGIN
    UPDATE guests SET held = max(held - 1, 0) WHERE email = OLD.guest_id;
    UPDATE clients SET held = max(held - 1, 0),
        lapses = CASE WHEN NEW.status = 'released' AND NEW.reason = 'expired' THEN lapses + 1 ELSE 0 END,
        lapsed_at = NEW.updated_at, updated_at = NEW.updated_at
    WHERE id = OLD.client_id;
END;

-- I1 for resources with many units: a row is one unit of a resource, and no two live holds share one.
ALTER TABLE occupancy ADD COLUMN unit INTEGER NOT NULL DEFAULT 1 CONSTRAINT occupancy_unit CHECK (unit >= 1);
DROP INDEX occupancy_overlap;
CREATE INDEX occupancy_overlap ON occupancy (resource_id, ends_at, starts_at, unit);
-- Who was taken last, so that work goes round: ids of holds grow with time.
CREATE INDEX occupancy_latest ON occupancy (resource_id, hold_id);

DROP TRIGGER occupancy_one_buyer_insert;
CREATE TRIGGER occupancy_one_buyer_insert BEFORE INSERT ON occupancy
WHEN EXISTS (
    SELECT 1 FROM occupancy AS other
    WHERE other.resource_id = NEW.resource_id
      AND other.ends_at > NEW.starts_at
      AND other.starts_at < NEW.ends_at
      AND other.unit = NEW.unit)
BEGIN
    SELECT RAISE(ABORT, 'occupancy_one_buyer');
END;

DROP TRIGGER occupancy_one_buyer_update;
CREATE TRIGGER occupancy_one_buyer_update BEFORE UPDATE ON occupancy
WHEN EXISTS (
    SELECT 1 FROM occupancy AS other
    WHERE other.resource_id = NEW.resource_id
      AND other.ends_at > NEW.starts_at
      AND other.starts_at < NEW.ends_at
      AND other.unit = NEW.unit
      AND other.rowid <> OLD.rowid)
BEGIN
    SELECT RAISE(ABORT, 'occupancy_one_buyer');
END;

-- Money that the shop keeps for a hold it cancelled has a state of its own; a CHECK cannot be changed in place.
CREATE TABLE payments_new (
    intent_id    TEXT    NOT NULL PRIMARY KEY,
    hold_id      TEXT    REFERENCES holds (id),
    claimed_hold TEXT,
    amount       INTEGER NOT NULL CONSTRAINT payments_amount CHECK (amount >= 0),
    currency     TEXT    NOT NULL,
    refunded     INTEGER NOT NULL DEFAULT 0 CONSTRAINT payments_refunded CHECK (refunded >= 0),
    state        TEXT    NOT NULL
        CONSTRAINT payments_state CHECK (state IN ('paid', 'refund_due', 'refunded', 'refund_failed', 'disputed', 'kept')),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
INSERT INTO payments_new (intent_id, hold_id, claimed_hold, amount, currency, refunded, state, created_at, updated_at)
SELECT intent_id, hold_id, claimed_hold, amount, currency, refunded, state, created_at, updated_at FROM payments;
DROP TABLE payments;
ALTER TABLE payments_new RENAME TO payments;
CREATE INDEX payments_hold ON payments (hold_id);
CREATE INDEX payments_open ON payments (state) WHERE state IN ('refund_due', 'refund_failed');
CREATE TRIGGER payments_funds_insert AFTER INSERT ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN max(state = 'paid') THEN 'paid' WHEN max(state = 'disputed') THEN 'disputed'
                    WHEN max(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
END;
CREATE TRIGGER payments_funds_update AFTER UPDATE OF state, hold_id ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN max(state = 'paid') THEN 'paid' WHEN max(state = 'disputed') THEN 'disputed'
                    WHEN max(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
END;

-- A resource is busy for other reasons, with all its units. Holds that are there stay; no new one comes.
CREATE TABLE blocks (
    resource_id TEXT    NOT NULL REFERENCES resources (id),
    id          TEXT    NOT NULL,
    -- Whether the calendar feed brought it, which then may change and remove it.
    from_feed   INTEGER NOT NULL CONSTRAINT blocks_from_feed CHECK (from_feed IN (0, 1)),
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    note        TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (resource_id, from_feed, id),
    CONSTRAINT blocks_window CHECK (starts_at < ends_at)
) STRICT;
CREATE INDEX blocks_during ON blocks (resource_id, ends_at, starts_at);

-- One feed a resource: where it is, when to read it again, and what is wrong with it.
CREATE TABLE calendar_feeds (
    resource_id  TEXT    NOT NULL PRIMARY KEY REFERENCES resources (id),
    url          TEXT    NOT NULL,
    due_at       INTEGER NOT NULL,
    leased_until INTEGER,
    read_at      INTEGER,
    fault        TEXT,
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX calendar_feeds_due ON calendar_feeds (due_at);
