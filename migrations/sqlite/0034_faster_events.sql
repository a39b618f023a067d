-- What events and their deliveries cost. migrations/postgres has a file with the same name.

-- Deliveries that are due are found in the order in which they are leased, so that not all that were queued together are read and
-- sorted for each lease. The other index is needed no more: the oldest one that is pending is found by its endpoint.
DROP INDEX event_deliveries_due;
CREATE INDEX event_deliveries_due ON event_deliveries (endpoint_id, due_at, position)
    WHERE state = 'pending' AND due_at IS NOT NULL;
DROP INDEX event_deliveries_pending;

-- Gives an event its place in the stream and among the events of its hold. `hold.placed` is always the first event
-- of a hold.
DROP TRIGGER events_out_number;
CREATE TRIGGER events_out_number AFTER INSERT ON events_out
BEGIN
    UPDATE events_out SET position = NEW.seq,
        sequence = CASE
            WHEN NEW.hold_id IS NULL THEN NULL
            WHEN NEW.kind = 'hold.placed' THEN 1
            ELSE 1 + max(
                coalesce((SELECT last_sequence FROM holds WHERE id = NEW.hold_id), 0),
                coalesce((SELECT max(p.sequence) FROM events_out p
                          WHERE p.hold_id = NEW.hold_id AND p.position IS NOT NULL), 0)) END
    WHERE seq = NEW.seq;
END;
