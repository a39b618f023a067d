-- A block is written while checkouts run. Each row of occupancy locks its resource against the writer of a block, and then
-- looks for blocks once more: the statement that inserts it sees those that were committed when it began, a function sees
-- the later ones too. So the writer of a block waits for the checkouts of its resource only, and all checkouts that begin
-- afterwards see the block. Until now it locked the whole table.
-- A row in a block is refused as a serialization failure: both versions repeat the statement, which then finds the slot
-- taken. Blocks are counted, because with EXISTS the planner reads the whole table. The first key of the lock says what it
-- is for. migrations/sqlite has the same file with the same names.
CREATE FUNCTION occupancy_sees_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(14, hashtext(NEW.resource_id));
    IF (SELECT count(*) FROM blocks
        WHERE resource_id = NEW.resource_id AND tstzrange(starts_at, ends_at) && NEW.during) > 0 THEN
        RAISE EXCEPTION 'a block of resource % was written meanwhile', NEW.resource_id USING ERRCODE = '40001';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER occupancy_sees_blocks BEFORE INSERT ON occupancy
    FOR EACH ROW EXECUTE FUNCTION occupancy_sees_blocks();
