-- How a calendar feed was read: its state, its faults, and until when its blocks are known. migrations/sqlite has the same
-- file with the same names. The version before neither reads nor writes these columns: a trigger keeps the reach
-- right while it reads feeds.
ALTER TABLE calendar_feeds ADD COLUMN timezone text;
ALTER TABLE calendar_feeds ADD COLUMN state text
    CONSTRAINT calendar_feeds_state CHECK (state IN ('ok', 'partial', 'failed'));
ALTER TABLE calendar_feeds ADD COLUMN entries integer NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN fault_count integer NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN faults jsonb NOT NULL DEFAULT '[]';
-- No start after this is for sale. It is null only in a row that the version before inserted, until either
-- version reads the feed; until then, what is later than the row blocks.
ALTER TABLE calendar_feeds ADD COLUMN reaches_to timestamptz;
-- The version before expanded feeds for 366 days. A feed that was never read reaches as far as a new one.
UPDATE calendar_feeds SET reaches_to = coalesce(read_at + interval '366 days', created_at + interval '1098 days');
CREATE INDEX calendar_feeds_faulty ON calendar_feeds (state) WHERE state IN ('partial', 'failed');
-- The version before replaces all blocks of a feed by those of 366 days. It writes neither the reach nor the state, of which
-- this version changes at least one with each read.
CREATE FUNCTION calendar_feed_read_before() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.reaches_to := least(NEW.reaches_to, NEW.read_at + interval '366 days');
    RETURN NEW;
END $$;
CREATE TRIGGER calendar_feed_read_before BEFORE UPDATE ON calendar_feeds FOR EACH ROW
    WHEN (NEW.read_at IS DISTINCT FROM OLD.read_at AND NEW.read_at IS NOT NULL
        AND NEW.reaches_to IS NOT DISTINCT FROM OLD.reaches_to AND NEW.state IS NOT DISTINCT FROM OLD.state)
    EXECUTE FUNCTION calendar_feed_read_before();
