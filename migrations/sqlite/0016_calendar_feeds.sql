-- How a calendar feed was read: its state, its faults, and until when its blocks are known. migrations/postgres has the same
-- file with the same names. The version before neither reads nor writes these columns: a trigger keeps the reach
-- right when it reads feeds.
ALTER TABLE calendar_feeds ADD COLUMN timezone TEXT;
ALTER TABLE calendar_feeds ADD COLUMN state TEXT
    CONSTRAINT calendar_feeds_state CHECK (state IN ('ok', 'partial', 'failed'));
ALTER TABLE calendar_feeds ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN fault_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN faults TEXT NOT NULL DEFAULT '[]';
-- No start after this is for sale. It is null only in a row that the version before inserted, until either
-- version reads the feed; until then, what is later than the row blocks.
ALTER TABLE calendar_feeds ADD COLUMN reaches_to INTEGER;
-- The version before expanded feeds for 366 days. A feed that was never read reaches as far as a new one.
UPDATE calendar_feeds SET reaches_to = coalesce(read_at + 31622400000, created_at + 94867200000);
CREATE INDEX calendar_feeds_faulty ON calendar_feeds (state) WHERE state IN ('partial', 'failed');
-- The version before replaces all blocks of a feed by those of 366 days. It writes neither the reach nor the state, of which
-- this version changes at least one with each read.
CREATE TRIGGER calendar_feed_read_before AFTER UPDATE OF read_at ON calendar_feeds FOR EACH ROW
    WHEN NEW.read_at IS NOT OLD.read_at AND NEW.read_at IS NOT NULL
        AND NEW.reaches_to IS OLD.reaches_to AND NEW.state IS OLD.state
BEGIN
    UPDATE calendar_feeds
    SET reaches_to = min(coalesce(NEW.reaches_to, NEW.read_at + 31622400000), NEW.read_at + 31622400000)
    WHERE resource_id = NEW.resource_id;
END;
