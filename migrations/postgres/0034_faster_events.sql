-- What events and their deliveries cost. migrations/sqlite has a file with the same name.

-- Deliveries that are due are found in the order in which they are leased, so that not all that were queued together are read and
-- sorted for each lease. The other index is needed no more: the oldest one that is pending is found by its endpoint.
DROP INDEX event_deliveries_due;
CREATE INDEX event_deliveries_due ON event_deliveries (endpoint_id, due_at, position)
    WHERE state = 'pending' AND due_at IS NOT NULL;
DROP INDEX event_deliveries_pending;
-- A lease changes no column that an index has. With space on its page, the row gets no new entries in its five indexes.
ALTER TABLE event_deliveries SET (fillfactor = 60);

-- Numbers at most `most` events that are committed and have no position, and returns how many. Each statement of the
-- function sees what is committed when it begins, so the second one sees all that the instance before has numbered.
-- `hold.placed` is always the first event of a hold.
CREATE OR REPLACE FUNCTION number_events_out(most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_given bigint;
    numbered bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM events_out WHERE position IS NULL) THEN
        RETURN 0;
    END IF;
    SELECT n.position INTO last_given FROM events_out_numbering n FOR UPDATE;
    WITH fresh AS MATERIALIZED (
        SELECT e.seq, e.hold_id, e.kind FROM events_out e WHERE e.position IS NULL ORDER BY e.seq LIMIT most
    ), placed AS MATERIALIZED (
        SELECT f.seq, last_given + row_number() OVER (ORDER BY f.seq) AS position,
            CASE WHEN f.hold_id IS NOT NULL THEN row_number() OVER (PARTITION BY f.hold_id ORDER BY f.seq)
                + CASE WHEN f.kind = 'hold.placed' THEN 0 ELSE greatest(
                    (SELECT h.last_sequence FROM holds h WHERE h.id = f.hold_id),
                    (SELECT max(p.sequence) FROM events_out p WHERE p.hold_id = f.hold_id AND p.position IS NOT NULL), 0)
                END END AS sequence
        FROM fresh f)
    UPDATE events_out e SET position = n.position, sequence = n.sequence FROM placed n WHERE e.seq = n.seq;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    UPDATE events_out_numbering n SET position = n.position + numbered;
    RETURN numbered;
END $$;
