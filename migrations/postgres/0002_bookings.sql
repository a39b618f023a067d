-- What can be booked: segments out of pools, units, buffers, schedules, blocks, calendar feeds, guests and their limits.
-- migrations/sqlite has the same file with the same names.

ALTER TABLE resources ADD COLUMN seq bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT resources_seq UNIQUE;
ALTER TABLE resources ADD COLUMN name text;
ALTER TABLE resources ADD COLUMN capacity integer NOT NULL DEFAULT 1
    CONSTRAINT resources_capacity CHECK (capacity BETWEEN 1 AND 1000);
UPDATE resources SET name = id;
ALTER TABLE resources ALTER COLUMN name SET NOT NULL;

-- All that the event type takes, as JSON: nothing but the program looks into it.
ALTER TABLE event_types ADD COLUMN needs jsonb;
UPDATE event_types SET needs = jsonb_build_array(jsonb_build_object(
    'offset_minutes', 0, 'duration_minutes', duration_minutes, 'any_of', jsonb_build_array(resource_id)));
ALTER TABLE event_types ALTER COLUMN needs SET NOT NULL;
ALTER TABLE event_types DROP COLUMN resource_id;
ALTER TABLE event_types DROP COLUMN duration_minutes;
ALTER TABLE event_types ADD COLUMN buffer_before_minutes integer NOT NULL DEFAULT 0;
ALTER TABLE event_types ADD COLUMN buffer_after_minutes integer NOT NULL DEFAULT 0;
ALTER TABLE event_types ADD COLUMN schedule jsonb;
ALTER TABLE event_types ADD COLUMN cancel_until_minutes integer;
ALTER TABLE event_types ADD COLUMN move_until_minutes integer;

-- One row a person: the address folded and trimmed, and how many holds of theirs are `held`. A checkout counts itself in
-- with the placing of its hold, a trigger counts it out. Gone when the last of their holds has forgotten them.
CREATE TABLE guests (
    email      text        PRIMARY KEY,
    held       integer     NOT NULL CONSTRAINT guests_held CHECK (held >= 0),
    created_at timestamptz NOT NULL
);

-- The same for the address that a checkout came from, hashed, and how many of its holds lapsed one after the other.
CREATE TABLE clients (
    id         text        PRIMARY KEY,
    held       integer     NOT NULL CONSTRAINT clients_held CHECK (held >= 0),
    lapses     integer     NOT NULL DEFAULT 0,
    lapsed_at  timestamptz,
    updated_at timestamptz NOT NULL
);
CREATE INDEX clients_idle ON clients (updated_at) WHERE held = 0;

ALTER TABLE holds ADD COLUMN quantity integer NOT NULL DEFAULT 1
    CONSTRAINT holds_quantity CHECK (quantity BETWEEN 1 AND 1000);
ALTER TABLE holds ADD COLUMN cancel_until_minutes integer;
ALTER TABLE holds ADD COLUMN move_until_minutes integer;
-- Null once the guest is forgotten.
ALTER TABLE holds ADD COLUMN guest_id text;
ALTER TABLE holds ADD COLUMN client_id text;
UPDATE holds SET guest_id = lower(btrim(guest_email)) WHERE guest_email IS NOT NULL;
INSERT INTO guests (email, held, created_at)
SELECT guest_id, count(*) FILTER (WHERE status = 'held'), min(created_at) FROM holds
WHERE guest_id IS NOT NULL GROUP BY guest_id;
CREATE INDEX holds_guest ON holds (guest_id, created_at DESC, id DESC) WHERE guest_id IS NOT NULL;

-- Never below 0 and never refused: a wrong count must not keep a payment from its slot.
CREATE FUNCTION holds_counted_out() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE guests SET held = greatest(held - 1, 0) WHERE email = OLD.guest_id;
    UPDATE clients SET held = greatest(held - 1, 0),
        lapses = CASE WHEN NEW.status = 'released' AND NEW.reason = 'expired' THEN lapses + 1 ELSE 0 END,
        lapsed_at = NEW.updated_at, updated_at = NEW.updated_at
    WHERE id = OLD.client_id;
    RETURN NULL;
END $$;
CREATE TRIGGER holds_counted_out AFTER UPDATE OF status ON holds
    FOR EACH ROW WHEN (OLD.status = 'held' AND NEW.status <> 'held') EXECUTE FUNCTION holds_counted_out();

-- I1 for resources with many units: a row is one unit of a resource, and no two live holds share one.
ALTER TABLE occupancy ADD COLUMN unit integer NOT NULL DEFAULT 1 CONSTRAINT occupancy_unit CHECK (unit >= 1);
ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer;
ALTER TABLE occupancy ADD CONSTRAINT occupancy_one_buyer
    EXCLUDE USING gist (resource_id WITH =, during WITH &&, unit WITH =);
-- Who was taken last, so that work goes round: ids of holds grow with time.
CREATE INDEX occupancy_latest ON occupancy (resource_id, hold_id);

-- Money that the shop keeps for a hold it cancelled.
ALTER TABLE payments DROP CONSTRAINT payments_state;
ALTER TABLE payments ADD CONSTRAINT payments_state
    CHECK (state IN ('paid', 'refund_due', 'refunded', 'refund_failed', 'disputed', 'kept'));
CREATE OR REPLACE FUNCTION payments_funds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE holds SET funds = coalesce((
        SELECT CASE WHEN bool_or(state = 'paid') THEN 'paid' WHEN bool_or(state = 'disputed') THEN 'disputed'
                    WHEN bool_or(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' END
        FROM payments WHERE hold_id = NEW.hold_id), 'none')
    WHERE id = NEW.hold_id;
    RETURN NULL;
END $$;

-- A resource is busy for other reasons, with all its units. Holds that are there stay; no new one comes.
CREATE TABLE blocks (
    resource_id text        NOT NULL REFERENCES resources (id),
    id          text        NOT NULL,
    -- Whether the calendar feed brought it, which then may change and remove it.
    from_feed   boolean     NOT NULL,
    starts_at   timestamptz NOT NULL,
    ends_at     timestamptz NOT NULL,
    note        text        NOT NULL,
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (resource_id, from_feed, id),
    CONSTRAINT blocks_window CHECK (starts_at < ends_at)
);
CREATE INDEX blocks_during ON blocks USING gist (resource_id, tstzrange(starts_at, ends_at));

-- One feed a resource: where it is, when to read it again, and what is wrong with it.
CREATE TABLE calendar_feeds (
    resource_id  text        PRIMARY KEY REFERENCES resources (id),
    url          text        NOT NULL,
    due_at       timestamptz NOT NULL,
    leased_until timestamptz,
    read_at      timestamptz,
    fault        text,
    created_at   timestamptz NOT NULL
);
CREATE INDEX calendar_feeds_due ON calendar_feeds (due_at);
