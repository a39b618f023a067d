-- When holds last changed by the database's clock, for lists in the order of changes; and the counts that stay when attempts
-- and holds are deleted, for the summary. migrations/sqlite has the same file with the same names.

-- The database sets it in the statement that changes the hold, so that no commit can come earlier in the order than the start
-- of its transaction. Null in rows of the version before, which `updated_at` dates.
ALTER TABLE holds ADD COLUMN changed_at timestamptz;
ALTER TABLE holds ALTER COLUMN changed_at SET DEFAULT clock_timestamp();
-- When the booking was cancelled. Null in rows that were cancelled under the version before.
ALTER TABLE holds ADD COLUMN cancelled_at timestamptz;

-- A lease and a deferred question are no change that anybody sees.
CREATE FUNCTION holds_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.changed_at := clock_timestamp();
    IF NEW.status = 'cancelled' AND OLD.status <> 'cancelled' THEN
        NEW.cancelled_at := NEW.updated_at;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER holds_changed BEFORE UPDATE ON holds FOR EACH ROW
    WHEN (NEW.version <> OLD.version OR NEW.funds <> OLD.funds OR NEW.guest_email IS DISTINCT FROM OLD.guest_email)
    EXECUTE FUNCTION holds_changed();

CREATE INDEX holds_by_change ON holds (coalesce(changed_at, updated_at), id);
CREATE INDEX holds_by_start ON holds (starts_at, id);

-- When holds stopped being unpaid, and when bookings were cancelled.
CREATE INDEX holds_settled ON holds (coalesce(unpaid_until, updated_at))
    WHERE status IN ('confirmed', 'released', 'cancelled');
CREATE INDEX holds_cancelled ON holds (coalesce(cancelled_at, updated_at)) WHERE status = 'cancelled';
CREATE INDEX refunds_succeeded ON refunds (created_at) WHERE status = 'succeeded' AND is_ours;
CREATE INDEX disputes_lost ON disputes (created_at) WHERE status = 'lost' AND is_ours;

-- The event type of an attempt that ended without a hold. A hold names its own.
ALTER TABLE checkout_attempts ADD COLUMN event_type_id text;
CREATE FUNCTION attempts_keep_event_type() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.event_type_id := OLD.terms ->> 'event_type';
    RETURN NEW;
END $$;
CREATE TRIGGER attempts_keep_event_type BEFORE UPDATE OF state ON checkout_attempts FOR EACH ROW
    WHEN (NEW.state IN ('lost', 'abandoned') AND OLD.terms IS NOT NULL)
    EXECUTE FUNCTION attempts_keep_event_type();

-- What was deleted, counted by the quarter of an hour in which it happened: the days of every time zone consist of whole
-- ones. Checkouts never write here.
CREATE TABLE summary_counts (
    -- The number of the quarter of an hour since 1970.
    quarter       bigint NOT NULL,
    -- Empty if it is not known.
    event_type_id text   NOT NULL,
    started       bigint NOT NULL DEFAULT 0,
    lost_races    bigint NOT NULL DEFAULT 0,
    placed        bigint NOT NULL DEFAULT 0,
    lapsed        bigint NOT NULL DEFAULT 0,
    given_back    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (quarter, event_type_id)
);

-- The transaction that deletes rows counts them, whichever version deletes them. Rows are taken in one order, so that two
-- instances do not wait for each other.
CREATE FUNCTION attempts_to_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO summary_counts AS s (quarter, event_type_id, started, lost_races)
    SELECT quarter, event_type, sum(started), sum(lost_races)
    FROM (SELECT g.*, coalesce(g.event_type_id, g.terms ->> 'event_type', h.event_type_id, '') AS event_type
          FROM gone g LEFT JOIN holds h ON h.id = g.hold_id) a
    CROSS JOIN LATERAL (VALUES
        (floor(extract(epoch FROM a.claimed_at) / 900)::bigint, 1, 0),
        (floor(extract(epoch FROM a.ended_at) / 900)::bigint, 0, CASE WHEN a.state = 'lost' THEN 1 ELSE 0 END))
        AS part (quarter, started, lost_races)
    WHERE started + lost_races > 0
    GROUP BY quarter, event_type ORDER BY quarter, event_type
    ON CONFLICT (quarter, event_type_id) DO UPDATE
    SET started = s.started + excluded.started, lost_races = s.lost_races + excluded.lost_races;
    RETURN NULL;
END $$;
CREATE TRIGGER attempts_to_summary AFTER DELETE ON checkout_attempts
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION attempts_to_summary();

CREATE FUNCTION holds_to_summary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO summary_counts AS s (quarter, event_type_id, placed, lapsed, given_back)
    SELECT quarter, event_type_id, sum(placed), sum(lapsed), sum(given_back)
    FROM (SELECT g.*, g.status = 'released' AND g.reason IN ('guest', 'operator') AS is_given_back FROM gone g) h
    CROSS JOIN LATERAL (VALUES
        (floor(extract(epoch FROM h.created_at) / 900)::bigint, 1, 0, 0),
        (floor(extract(epoch FROM coalesce(h.unpaid_until, h.updated_at)) / 900)::bigint, 0,
            CASE WHEN h.status = 'released' AND NOT h.is_given_back THEN 1 ELSE 0 END,
            CASE WHEN h.is_given_back THEN 1 ELSE 0 END))
        AS part (quarter, placed, lapsed, given_back)
    WHERE placed + lapsed + given_back > 0
    GROUP BY quarter, event_type_id ORDER BY quarter, event_type_id
    ON CONFLICT (quarter, event_type_id) DO UPDATE
    SET placed = s.placed + excluded.placed, lapsed = s.lapsed + excluded.lapsed,
        given_back = s.given_back + excluded.given_back;
    -- An attempt that outlives its hold must still tell what it was for.
    UPDATE checkout_attempts a SET event_type_id = g.event_type_id FROM gone g WHERE a.hold_id = g.id;
    RETURN NULL;
END $$;
CREATE TRIGGER holds_to_summary AFTER DELETE ON holds
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION holds_to_summary();
