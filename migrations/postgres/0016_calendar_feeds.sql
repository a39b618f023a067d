-- How a calendar feed was read: its state, its faults, and until when its blocks are known. migrations/sqlite has the same
-- file with the same names. The version before neither reads nor writes these columns.
ALTER TABLE calendar_feeds ADD COLUMN timezone text;
ALTER TABLE calendar_feeds ADD COLUMN state text
    CONSTRAINT calendar_feeds_state CHECK (state IN ('ok', 'partial', 'failed'));
ALTER TABLE calendar_feeds ADD COLUMN entries integer NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN fault_count integer NOT NULL DEFAULT 0;
ALTER TABLE calendar_feeds ADD COLUMN faults jsonb NOT NULL DEFAULT '[]';
-- No start after this is for sale. It is null only in a row that the version before inserted, until the feed is read.
ALTER TABLE calendar_feeds ADD COLUMN reaches_to timestamptz;
-- The version before expanded feeds for 366 days. A feed that was never read reaches as far as a new one.
UPDATE calendar_feeds SET reaches_to = coalesce(read_at + interval '366 days', created_at + interval '1098 days');
CREATE INDEX calendar_feeds_faulty ON calendar_feeds (state) WHERE state IN ('partial', 'failed');
