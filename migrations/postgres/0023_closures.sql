-- Days on which the shop, or some of its resources, is closed, and what an event type is in words. A closure keeps its
-- resources busy by blocks, so that all that looks at blocks sees it: the statement that places holds, lists of slots, and the
-- version before. Triggers write these blocks, also for a resource that is made later, whichever version makes it.
-- migrations/sqlite has the same file with the same names.
CREATE TABLE closures (
    seq        bigint      GENERATED ALWAYS AS IDENTITY CONSTRAINT closures_seq UNIQUE,
    id         text        NOT NULL PRIMARY KEY,
    first_day  date        NOT NULL,
    last_day   date        NOT NULL,
    note       text        NOT NULL,
    -- The ids of the resources that are closed, as a JSON array; null if all are.
    resources  jsonb,
    -- The zone of the days, and the time that they are in it.
    timezone   text        NOT NULL,
    starts_at  timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    CONSTRAINT closures_days CHECK (first_day <= last_day),
    CONSTRAINT closures_window CHECK (starts_at < ends_at)
);

-- The closure that a block is of. The id of such a block has a colon, which no operator's block has.
ALTER TABLE blocks ADD COLUMN closure_id text CONSTRAINT blocks_closure REFERENCES closures (id) ON DELETE CASCADE;
CREATE INDEX blocks_of_closures ON blocks (closure_id) WHERE closure_id IS NOT NULL;

-- A closure and a resource that are written at the same time would not see each other: the lock makes one wait.
CREATE FUNCTION closures_block() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(23, 0);
    DELETE FROM blocks WHERE closure_id = NEW.id;
    INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at, closure_id)
    SELECT r.id, 'closure:' || NEW.id, false, NEW.starts_at, NEW.ends_at, NEW.note, NEW.created_at, NEW.id
    FROM resources r WHERE NEW.resources IS NULL OR NEW.resources @> to_jsonb(r.id) ORDER BY r.id;
    RETURN NULL;
END $$;
CREATE TRIGGER closures_block AFTER INSERT OR UPDATE ON closures FOR EACH ROW EXECUTE FUNCTION closures_block();

CREATE FUNCTION resources_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(23, 0);
    INSERT INTO blocks (resource_id, id, from_feed, starts_at, ends_at, note, created_at, closure_id)
    SELECT NEW.id, 'closure:' || c.id, false, c.starts_at, c.ends_at, c.note, c.created_at, c.id
    FROM closures c WHERE c.resources IS NULL ORDER BY c.id;
    RETURN NULL;
END $$;
CREATE TRIGGER resources_closed AFTER INSERT ON resources FOR EACH ROW EXECUTE FUNCTION resources_closed();

ALTER TABLE event_types ADD COLUMN description text;
