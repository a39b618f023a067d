-- Events out: what happens to holds and their money, for the shop's own systems, in the transaction in which it happens; the
-- endpoints that get them, and what became of each delivery. Triggers write the events, so that an instance of the version
-- before writes them too. migrations/sqlite has the same file with the same names.

-- In the order in which the program locks them.
LOCK TABLE holds, hold_history, commands, refunds, disputes IN ACCESS EXCLUSIVE MODE;

-- The greatest sequence among the hold's events that were deleted, so that the numbers of a hold go on.
ALTER TABLE holds ADD COLUMN last_sequence bigint NOT NULL DEFAULT 0;

-- One row for each event. It has no data of the guest: that is added when the event is sent.
CREATE TABLE events_out (
    seq             bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The place in the stream. Null until `number_events_out` has seen the row, which it does only after the commit. So a
    -- reader who has seen a place has seen all places before it, which `seq` alone does not promise.
    position        bigint,
    -- The number among the events of the hold, from 1, set with the position.
    sequence        bigint,
    kind            text        NOT NULL,
    hold_id         uuid,
    previous_status text,
    -- Status, reason and segments of the hold as the event left them.
    status          text,
    reason          text,
    segments        jsonb,
    -- What the event is about besides the hold: a refund, a dispute, a payment, or a time that was closed.
    subject         jsonb,
    created_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- The only index besides the key that a checkout writes.
CREATE INDEX events_out_unnumbered ON events_out (seq) WHERE position IS NULL;
CREATE UNIQUE INDEX events_out_position ON events_out (position) WHERE position IS NOT NULL;
CREATE INDEX events_out_hold ON events_out (hold_id, sequence) WHERE position IS NOT NULL;
CREATE INDEX events_out_created ON events_out (created_at, position) WHERE position IS NOT NULL;

-- One row: the last position that was given. Its lock lets one instance number events at a time.
CREATE TABLE events_out_numbering (
    alone    boolean NOT NULL DEFAULT true CONSTRAINT events_out_numbering_alone UNIQUE CHECK (alone),
    position bigint  NOT NULL
);
INSERT INTO events_out_numbering (position) VALUES (0);

-- Where events are sent.
CREATE TABLE event_endpoints (
    id              text        PRIMARY KEY,
    url             text        NOT NULL,
    -- The types that it gets, as a JSON array; `*` is all.
    kinds           jsonb       NOT NULL,
    is_enabled      boolean     NOT NULL,
    -- `whsec_…`: signs each attempt. The one before signs too until `previous_until`.
    secret          text        NOT NULL,
    previous_secret text,
    previous_until  timestamptz,
    -- The last event that was queued for it.
    position        bigint      NOT NULL,
    -- It asked to be left alone until then.
    paused_until    timestamptz,
    -- Since when no attempt has succeeded; null while the last one did.
    failing_since   timestamptz,
    last_status     int,
    last_fault      text,
    -- Whether it answered that it is gone, which disabled it.
    is_gone         boolean     NOT NULL DEFAULT false,
    created_at      timestamptz NOT NULL
);

-- What became of an event at an endpoint.
CREATE TABLE event_deliveries (
    endpoint_id     text        NOT NULL REFERENCES event_endpoints (id) ON DELETE CASCADE,
    position        bigint      NOT NULL,
    hold_id         uuid,
    state           text        NOT NULL DEFAULT 'pending'
        CONSTRAINT event_deliveries_state CHECK (state IN ('pending', 'done', 'failed')),
    attempts        int         NOT NULL DEFAULT 0,
    -- How many attempts failed, those not counted that the endpoint asked to make later.
    failures        int         NOT NULL DEFAULT 0,
    -- When the next attempt is due. Null while an earlier event of the hold is not over.
    due_at          timestamptz,
    leased_until    timestamptz,
    last_attempt_at timestamptz,
    last_status     int,
    last_fault      text,
    PRIMARY KEY (endpoint_id, position)
);
-- At most one event of a hold is under way at an endpoint. So they arrive in order.
CREATE UNIQUE INDEX event_deliveries_next ON event_deliveries (endpoint_id, hold_id)
    WHERE state = 'pending' AND due_at IS NOT NULL;
CREATE INDEX event_deliveries_due ON event_deliveries (endpoint_id, due_at)
    WHERE state = 'pending' AND due_at IS NOT NULL;
CREATE INDEX event_deliveries_waiting ON event_deliveries (endpoint_id, hold_id, position)
    WHERE state = 'pending' AND due_at IS NULL;
CREATE INDEX event_deliveries_position ON event_deliveries (position);
CREATE INDEX event_deliveries_pending ON event_deliveries (position) WHERE state = 'pending';
CREATE INDEX event_deliveries_failed ON event_deliveries (endpoint_id, position) WHERE state = 'failed';

-- Numbers at most `most` events that are committed and have no position, and returns how many. Each statement of the
-- function sees what is committed when it begins, so the second one sees all that the instance before has numbered.
CREATE FUNCTION number_events_out(most bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    last_given bigint;
    numbered bigint;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM events_out WHERE position IS NULL) THEN
        RETURN 0;
    END IF;
    SELECT n.position INTO last_given FROM events_out_numbering n FOR UPDATE;
    WITH fresh AS MATERIALIZED (
        SELECT e.seq, e.hold_id FROM events_out e WHERE e.position IS NULL ORDER BY e.seq LIMIT most
    ), placed AS MATERIALIZED (
        SELECT f.seq, last_given + row_number() OVER (ORDER BY f.seq) AS position,
            CASE WHEN f.hold_id IS NOT NULL THEN greatest(
                (SELECT h.last_sequence FROM holds h WHERE h.id = f.hold_id),
                (SELECT max(p.sequence) FROM events_out p WHERE p.hold_id = f.hold_id AND p.position IS NOT NULL), 0)
                + row_number() OVER (PARTITION BY f.hold_id ORDER BY f.seq) END AS sequence
        FROM fresh f)
    UPDATE events_out e SET position = n.position, sequence = n.sequence FROM placed n WHERE e.seq = n.seq;
    GET DIAGNOSTICS numbered = ROW_COUNT;
    UPDATE events_out_numbering n SET position = n.position + numbered;
    RETURN numbered;
END $$;

-- Writes an event about something besides the hold, which may be null, with the hold as it is.
CREATE FUNCTION write_event_out(kind text, hold uuid, subject jsonb) RETURNS void LANGUAGE sql AS $$
    INSERT INTO events_out (kind, hold_id, status, reason, segments, subject)
    SELECT $1, h.id, h.status, h.reason, h.segments, $3
    FROM (SELECT 1) AS one LEFT JOIN holds h ON h.id = $2
$$;

-- The events that are transitions: for all history lines of a statement together.
CREATE FUNCTION events_out_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO events_out (kind, hold_id, previous_status, status, reason, segments)
    SELECT line.kind, line.hold_id, line.from_status, line.to_status, line.to_reason, h.segments
    FROM (SELECT a.*, CASE
              WHEN a.from_status IS NULL THEN 'hold.placed'
              WHEN a.transition = 'moved' THEN 'hold.moved'
              WHEN a.to_status <> a.from_status THEN 'hold.' || a.to_status
              WHEN a.transition IN ('late_payment_refunded', 'late_payment_after_start', 'payment_after_cancellation')
                  THEN 'payment.late' END AS kind
          FROM added a) AS line
    JOIN holds h ON h.id = line.hold_id
    WHERE line.kind IS NOT NULL ORDER BY line.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER hold_history_events_out AFTER INSERT ON hold_history REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION events_out_of_history();

-- Money without a hold goes back: its first refund is ordered.
CREATE FUNCTION events_out_of_orphans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM commands c WHERE c.intent_id = NEW.intent_id AND c.kind = 'refund' AND c.id <> NEW.id) THEN
        RETURN NULL;
    END IF;
    PERFORM write_event_out('payment.orphaned', NULL, jsonb_build_object('payment', jsonb_build_object(
        'intent', p.intent_id, 'amount', p.amount, 'currency', p.currency, 'claimed_hold', p.claimed_hold_id)))
    FROM payments p WHERE p.intent_id = NEW.intent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER commands_events_out AFTER INSERT ON commands
    FOR EACH ROW WHEN (NEW.kind = 'refund' AND NEW.hold_id IS NULL) EXECUTE FUNCTION events_out_of_orphans();

-- A refund of ours has ended, or is found to be ours after that.
CREATE FUNCTION events_out_of_refunds() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.is_ours AND OLD.status = NEW.status THEN
        RETURN NULL;
    END IF;
    PERFORM write_event_out(
        CASE NEW.status WHEN 'succeeded' THEN 'refund.succeeded' ELSE 'refund.failed' END, p.hold_id,
        jsonb_build_object('refund', jsonb_build_object(
            'id', NEW.id, 'intent', NEW.intent_id, 'amount', NEW.amount, 'currency', NEW.currency, 'status', NEW.status,
            'reason', NEW.failure_reason)))
    FROM payments p WHERE p.intent_id = NEW.intent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_events_out AFTER INSERT OR UPDATE OF status, is_ours ON refunds FOR EACH ROW
    WHEN (NEW.is_ours AND NEW.status IN ('succeeded', 'failed', 'canceled') AND NEW.id <> 'unverified_' || NEW.intent_id)
    EXECUTE FUNCTION events_out_of_refunds();

-- A dispute of ours is new, or it is closed.
CREATE FUNCTION events_out_of_disputes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed text[] := ARRAY['warning_closed', 'prevented', 'won', 'lost'];
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.is_ours AND (OLD.status = ANY (closed)) = (NEW.status = ANY (closed)) THEN
        RETURN NULL;
    END IF;
    PERFORM write_event_out(
        CASE WHEN NEW.status = ANY (closed) THEN 'dispute.closed' ELSE 'dispute.opened' END, p.hold_id,
        jsonb_build_object('dispute', jsonb_build_object(
            'id', NEW.id, 'intent', NEW.intent_id, 'amount', NEW.amount, 'currency', NEW.currency, 'status', NEW.status,
            'reason', NEW.reason)))
    FROM payments p WHERE p.intent_id = NEW.intent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER disputes_events_out AFTER INSERT OR UPDATE OF status, is_ours ON disputes FOR EACH ROW
    WHEN (NEW.is_ours AND NEW.id <> 'unverified_' || NEW.intent_id) EXECUTE FUNCTION events_out_of_disputes();
