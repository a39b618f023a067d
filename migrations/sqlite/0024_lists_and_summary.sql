-- When holds last changed by the database's clock, for lists in the order of changes; and the counts that stay when attempts
-- and holds are deleted, for the summary. migrations/postgres has the same file with the same names.

-- The writer sets it, later than that of every other hold, so that the order of changes is the order of commits, also if the
-- machine's clock is set back.
ALTER TABLE holds ADD COLUMN changed_at INTEGER;
UPDATE holds SET changed_at = updated_at;
-- When the booking was cancelled. Null in rows that were cancelled under the version before.
ALTER TABLE holds ADD COLUMN cancelled_at INTEGER;

CREATE INDEX holds_by_change ON holds (changed_at, id);
CREATE INDEX holds_by_start ON holds (starts_at, id);

CREATE TRIGGER holds_placed AFTER INSERT ON holds
BEGIN
    UPDATE holds SET changed_at = max(
        CAST(unixepoch('subsec') * 1000 AS INTEGER), 1 + coalesce((SELECT max(changed_at) FROM holds), 0))
    WHERE id = NEW.id;
END;

-- A lease and a deferred question are no change that anybody sees.
CREATE TRIGGER holds_changed AFTER UPDATE ON holds
WHEN NEW.version <> OLD.version OR NEW.funds <> OLD.funds OR NEW.guest_email IS NOT OLD.guest_email
BEGIN
    UPDATE holds SET
        changed_at = max(
            CAST(unixepoch('subsec') * 1000 AS INTEGER), 1 + coalesce((SELECT max(changed_at) FROM holds), 0)),
        cancelled_at = CASE WHEN NEW.status = 'cancelled' AND OLD.status <> 'cancelled' THEN NEW.updated_at
            ELSE cancelled_at END
    WHERE id = NEW.id;
END;

-- When holds stopped being unpaid, and when bookings were cancelled.
CREATE INDEX holds_settled ON holds (coalesce(unpaid_until, updated_at))
    WHERE status IN ('confirmed', 'released', 'cancelled');
CREATE INDEX holds_cancelled ON holds (coalesce(cancelled_at, updated_at)) WHERE status = 'cancelled';
CREATE INDEX refunds_succeeded ON refunds (created_at) WHERE status = 'succeeded' AND is_ours;
CREATE INDEX disputes_lost ON disputes (created_at) WHERE status = 'lost' AND is_ours;

-- The event type of an attempt that ended without a hold. A hold names its own.
ALTER TABLE checkout_attempts ADD COLUMN event_type_id TEXT;
CREATE TRIGGER attempts_keep_event_type AFTER UPDATE OF state ON checkout_attempts
WHEN NEW.state IN ('lost', 'abandoned') AND OLD.terms IS NOT NULL
BEGIN
    UPDATE checkout_attempts SET event_type_id = OLD.terms ->> 'event_type' WHERE hold_id = NEW.hold_id;
END;

-- What was deleted, counted by the quarter of an hour in which it happened: the days of every time zone consist of whole
-- ones. Checkouts never write here.
CREATE TABLE summary_counts (
    -- The number of the quarter of an hour since 1970.
    quarter       INTEGER NOT NULL,
    -- Empty if it is not known.
    event_type_id TEXT    NOT NULL,
    started       INTEGER NOT NULL DEFAULT 0,
    lost_races    INTEGER NOT NULL DEFAULT 0,
    placed        INTEGER NOT NULL DEFAULT 0,
    lapsed        INTEGER NOT NULL DEFAULT 0,
    given_back    INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (quarter, event_type_id)
) STRICT, WITHOUT ROWID;

-- The transaction that deletes rows counts them.
CREATE TRIGGER attempts_to_summary AFTER DELETE ON checkout_attempts
BEGIN
    INSERT INTO summary_counts (quarter, event_type_id, started, lost_races)
    SELECT quarter, coalesce(OLD.event_type_id, OLD.terms ->> 'event_type',
        (SELECT event_type_id FROM holds WHERE id = OLD.hold_id), ''), started, lost_races
    FROM (
        SELECT OLD.claimed_at / 900000 AS quarter, 1 AS started, 0 AS lost_races
        UNION ALL SELECT OLD.ended_at / 900000, 0, OLD.state = 'lost')
    WHERE started + lost_races > 0
    ON CONFLICT (quarter, event_type_id) DO UPDATE
    SET started = started + excluded.started, lost_races = lost_races + excluded.lost_races;
END;

CREATE TRIGGER holds_to_summary AFTER DELETE ON holds
BEGIN
    INSERT INTO summary_counts (quarter, event_type_id, placed, lapsed, given_back)
    SELECT quarter, OLD.event_type_id, placed, lapsed, given_back
    FROM (
        SELECT OLD.created_at / 900000 AS quarter, 1 AS placed, 0 AS lapsed, 0 AS given_back
        UNION ALL
        SELECT coalesce(OLD.unpaid_until, OLD.updated_at) / 900000, 0,
            OLD.status = 'released' AND OLD.reason NOT IN ('guest', 'operator'),
            OLD.status = 'released' AND OLD.reason IN ('guest', 'operator'))
    WHERE placed + lapsed + given_back > 0
    ON CONFLICT (quarter, event_type_id) DO UPDATE
    SET placed = placed + excluded.placed, lapsed = lapsed + excluded.lapsed, given_back = given_back + excluded.given_back;
    -- An attempt that outlives its hold must still tell what it was for.
    UPDATE checkout_attempts SET event_type_id = OLD.event_type_id WHERE hold_id = OLD.id;
END;
