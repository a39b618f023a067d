-- How a calendar feed was read: its state, its faults, and until when its blocks are known. migrations/postgres has the same
-- file with the same names. The version before neither reads nor writes these columns.
ALTER TABLE calendar_feeds ADD COLUMN timezone TEXT;
ALTER TABLE calendar_feeds ADD COLUMN state TEXT
    CONSTRAINT calendar_feeds_state CHECK (state IN ('ok', 'partial', 'failed'));
ALTER TABLE calendar_feeds ADD COLUMN entries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN fault_count INTEGER NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN faults TEXT NOT NULL DEFAULT '[]';
-- No start after this is for sale. It is null only in a row that the version before inserted, until the feed is read.
ALTER TABLE calendar_feeds ADD COLUMN reaches_to INTEGER;
-- The version before expanded feeds for 366 days. A feed that was never read reaches as far as a new one.
UPDATE calendar_feeds SET reaches_to = coalesce(read_at + 31622400000, created_at + 94867200000);
CREATE INDEX calendar_feeds_faulty ON calendar_feeds (state) WHERE state IN ('partial', 'failed');
