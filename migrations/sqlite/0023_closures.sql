-- Days on which the shop, or some of its resources, is closed, and what an event type is in words. A closure keeps its
-- resources busy by blocks, so that all that looks at blocks sees it: the statement that places holds, lists of slots, and the
-- version before. Triggers write these blocks, also for a resource that is made later, whichever version makes it.
-- migrations/postgres has the same file with the same names.
CREATE TABLE closures (
    -- AUTOINCREMENT, as in event_types.
    seq        INTEGER PRIMARY KEY AUTOINCREMENT,
    id         TEXT    NOT NULL CONSTRAINT closures_id UNIQUE,
    first_day  TEXT    NOT NULL,
    last_day   TEXT    NOT NULL,
    note       TEXT    NOT NULL,
    -- The ids of the resources that are closed, as a JSON array; null if all are.
    resources  TEXT    CONSTRAINT closures_resources CHECK (resources IS NULL OR json_valid(resources)),
    -- The zone of the days, and the time that they are in it.
    timezone   TEXT    NOT NULL,
    starts_at  INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT closures_days CHECK (first_day <= last_day),
    CONSTRAINT closures_window CHECK (starts_at < ends_at)
) STRICT;

-- The closure that a block is of. The id of such a block has a colon, which no operator's block has.
ALTER TABLE blocks ADD COLUMN closure_id TEXT CONSTRAINT blocks_closure REFERENCES closures (id) ON DELETE CASCADE;
CREATE INDEX blocks_of_closures ON blocks (closure_id) WHERE closure_id IS NOT NULL;

CREATE TRIGGER closures_block_insert AFTER INSERT ON closures FOR EACH ROW
BEGIN
    INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at, closure_id)
    SELECT r.id, 'closure:' || NEW.id, 0, NEW.starts_at, NEW.ends_at, NEW.note, NEW.created_at, NEW.id
    FROM resources r WHERE NEW.resources IS NULL OR r.id IN (SELECT value FROM json_each(NEW.resources));
END;
CREATE TRIGGER closures_block_update AFTER UPDATE ON closures FOR EACH ROW
BEGIN
    DELETE FROM blocks WHERE closure_id = NEW.id;
    INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at, closure_id)
    SELECT r.id, 'closure:' || NEW.id, 0, NEW.starts_at, NEW.ends_at, NEW.note, NEW.created_at, NEW.id
    FROM resources r WHERE NEW.resources IS NULL OR r.id IN (SELECT value FROM json_each(NEW.resources));
END;

CREATE TRIGGER resources_closed AFTER INSERT ON resources FOR EACH ROW
BEGIN
    INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at, closure_id)
    SELECT NEW.id, 'closure:' || c.id, 0, c.starts_at, c.ends_at, c.note, c.created_at, c.id
    FROM closures c WHERE c.resources IS NULL;
END;

ALTER TABLE event_types ADD COLUMN description TEXT;
