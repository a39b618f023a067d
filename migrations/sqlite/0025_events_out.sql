-- Events out: what happens to holds and their money, for the shop's own systems, in the transaction in which it happens; the
-- endpoints that get them, and what became of each delivery. Triggers write the events, so that an instance of the version
-- before writes them too. migrations/postgres has the same file with the same names.

-- The greatest sequence among the hold's events that were deleted, so that the numbers of a hold go on.
ALTER TABLE holds ADD COLUMN last_sequence INTEGER NOT NULL DEFAULT 0;

-- One row for each event. It has no data of the guest: that is added when the event is sent.
CREATE TABLE events_out (
    seq             INTEGER PRIMARY KEY AUTOINCREMENT,
    -- The place in the stream. There is one writer, so that it is `seq`.
    position        INTEGER,
    -- The number among the events of the hold, from 1.
    sequence        INTEGER,
    kind            TEXT    NOT NULL,
    hold_id         TEXT,
    previous_status TEXT,
    -- Status, reason and segments of the hold as the event left them.
    status          TEXT,
    reason          TEXT,
    segments        TEXT,
    -- What the event is about besides the hold: a refund, a dispute, a payment, or a time that was closed.
    subject         TEXT,
    created_at      INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER))
) STRICT;
CREATE UNIQUE INDEX events_out_position ON events_out (position) WHERE position IS NOT NULL;
CREATE INDEX events_out_hold ON events_out (hold_id, sequence) WHERE position IS NOT NULL;
CREATE INDEX events_out_created ON events_out (created_at, position) WHERE position IS NOT NULL;

-- Where events are sent.
CREATE TABLE event_endpoints (
    id              TEXT    NOT NULL PRIMARY KEY,
    url             TEXT    NOT NULL,
    -- The types that it gets, as a JSON array; `*` is all.
    kinds           TEXT    NOT NULL,
    is_enabled      INTEGER NOT NULL CONSTRAINT event_endpoints_is_enabled CHECK (is_enabled IN (0, 1)),
    -- `whsec_…`: signs each attempt. The one before signs too until `previous_until`.
    secret          TEXT    NOT NULL,
    previous_secret TEXT,
    previous_until  INTEGER,
    -- The last event that was queued for it.
    position        INTEGER NOT NULL,
    -- It asked to be left alone until then.
    paused_until    INTEGER,
    -- Since when no attempt has succeeded; null while the last one did.
    failing_since   INTEGER,
    last_status     INTEGER,
    last_fault      TEXT,
    -- Whether it answered that it is gone, which disabled it.
    is_gone         INTEGER NOT NULL DEFAULT 0 CONSTRAINT event_endpoints_is_gone CHECK (is_gone IN (0, 1)),
    created_at      INTEGER NOT NULL
) STRICT;

-- What became of an event at an endpoint.
CREATE TABLE event_deliveries (
    endpoint_id     TEXT    NOT NULL REFERENCES event_endpoints (id) ON DELETE CASCADE,
    position        INTEGER NOT NULL,
    hold_id         TEXT,
    state           TEXT    NOT NULL DEFAULT 'pending'
        CONSTRAINT event_deliveries_state CHECK (state IN ('pending', 'done', 'failed')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    -- How many attempts failed, those not counted that the endpoint asked to make later.
    failures        INTEGER NOT NULL DEFAULT 0,
    -- When the next attempt is due. Null while an earlier event of the hold is not over.
    due_at          INTEGER,
    leased_until    INTEGER,
    last_attempt_at INTEGER,
    last_status     INTEGER,
    last_fault      TEXT,
    PRIMARY KEY (endpoint_id, position)
) STRICT;
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

-- Gives an event its place in the stream and among the events of its hold.
CREATE TRIGGER events_out_number AFTER INSERT ON events_out
BEGIN
    UPDATE events_out SET position = NEW.seq,
        sequence = CASE WHEN NEW.hold_id IS NOT NULL THEN 1 + max(
            coalesce((SELECT last_sequence FROM holds WHERE id = NEW.hold_id), 0),
            coalesce((SELECT max(p.sequence) FROM events_out p
                      WHERE p.hold_id = NEW.hold_id AND p.position IS NOT NULL), 0)) END
    WHERE seq = NEW.seq;
END;

-- The events that are transitions.
CREATE TRIGGER hold_history_events_out AFTER INSERT ON hold_history
WHEN NEW.from_status IS NULL OR NEW.to_status <> NEW.from_status
    OR NEW.transition IN ('moved', 'late_payment_refunded', 'late_payment_after_start', 'payment_after_cancellation')
BEGIN
    INSERT INTO events_out (kind, hold_id, previous_status, status, reason, segments)
    SELECT CASE
            WHEN NEW.from_status IS NULL THEN 'hold.placed'
            WHEN NEW.transition = 'moved' THEN 'hold.moved'
            WHEN NEW.to_status <> NEW.from_status THEN 'hold.' || NEW.to_status
            ELSE 'payment.late' END,
        NEW.hold_id, NEW.from_status, NEW.to_status, NEW.to_reason, h.segments
    FROM holds h WHERE h.id = NEW.hold_id;
END;

-- Money without a hold goes back: its first refund is ordered.
CREATE TRIGGER commands_events_out AFTER INSERT ON commands
WHEN NEW.kind = 'refund' AND NEW.hold_id IS NULL AND NOT EXISTS (
    SELECT 1 FROM commands c WHERE c.intent_id = NEW.intent_id AND c.kind = 'refund' AND c.id <> NEW.id)
BEGIN
    INSERT INTO events_out (kind, subject)
    SELECT 'payment.orphaned', json_object('payment', json_object(
        'intent', p.intent_id, 'amount', p.amount, 'currency', p.currency, 'claimed_hold', p.claimed_hold_id))
    FROM payments p WHERE p.intent_id = NEW.intent_id;
END;

-- A refund of ours has ended, or is found to be ours after that. An update of a row that changes neither writes nothing.
CREATE TRIGGER refunds_events_out_insert AFTER INSERT ON refunds
WHEN NEW.is_ours AND NEW.status IN ('succeeded', 'failed', 'canceled') AND NEW.id <> 'unverified_' || NEW.intent_id
BEGIN
    INSERT INTO events_out (kind, hold_id, status, reason, segments, subject)
    SELECT CASE NEW.status WHEN 'succeeded' THEN 'refund.succeeded' ELSE 'refund.failed' END, h.id, h.status, h.reason,
        h.segments, json_object('refund', json_object(
            'id', NEW.id, 'intent', NEW.intent_id, 'amount', NEW.amount, 'currency', NEW.currency, 'status', NEW.status,
            'reason', NEW.failure_reason))
    FROM payments p LEFT JOIN holds h ON h.id = p.hold_id WHERE p.intent_id = NEW.intent_id;
END;
CREATE TRIGGER refunds_events_out_update AFTER UPDATE OF status, is_ours ON refunds
WHEN NEW.is_ours AND NEW.status IN ('succeeded', 'failed', 'canceled') AND NEW.id <> 'unverified_' || NEW.intent_id
    AND NOT (OLD.is_ours AND OLD.status = NEW.status)
BEGIN
    INSERT INTO events_out (kind, hold_id, status, reason, segments, subject)
    SELECT CASE NEW.status WHEN 'succeeded' THEN 'refund.succeeded' ELSE 'refund.failed' END, h.id, h.status, h.reason,
        h.segments, json_object('refund', json_object(
            'id', NEW.id, 'intent', NEW.intent_id, 'amount', NEW.amount, 'currency', NEW.currency, 'status', NEW.status,
            'reason', NEW.failure_reason))
    FROM payments p LEFT JOIN holds h ON h.id = p.hold_id WHERE p.intent_id = NEW.intent_id;
END;

-- A dispute of ours is new, or it is closed.
CREATE TRIGGER disputes_events_out_insert AFTER INSERT ON disputes
WHEN NEW.is_ours AND NEW.id <> 'unverified_' || NEW.intent_id
BEGIN
    INSERT INTO events_out (kind, hold_id, status, reason, segments, subject)
    SELECT CASE WHEN NEW.status IN ('warning_closed', 'prevented', 'won', 'lost') THEN 'dispute.closed'
                ELSE 'dispute.opened' END, h.id, h.status, h.reason, h.segments, json_object('dispute', json_object(
            'id', NEW.id, 'intent', NEW.intent_id, 'amount', NEW.amount, 'currency', NEW.currency, 'status', NEW.status,
            'reason', NEW.reason))
    FROM payments p LEFT JOIN holds h ON h.id = p.hold_id WHERE p.intent_id = NEW.intent_id;
END;
CREATE TRIGGER disputes_events_out_update AFTER UPDATE OF status, is_ours ON disputes
WHEN NEW.is_ours AND NEW.id <> 'unverified_' || NEW.intent_id
    AND NOT (OLD.is_ours AND (OLD.status IN ('warning_closed', 'prevented', 'won', 'lost'))
        = (NEW.status IN ('warning_closed', 'prevented', 'won', 'lost')))
BEGIN
    INSERT INTO events_out (kind, hold_id, status, reason, segments, subject)
    SELECT CASE WHEN NEW.status IN ('warning_closed', 'prevented', 'won', 'lost') THEN 'dispute.closed'
                ELSE 'dispute.opened' END, h.id, h.status, h.reason, h.segments, json_object('dispute', json_object(
            'id', NEW.id, 'intent', NEW.intent_id, 'amount', NEW.amount, 'currency', NEW.currency, 'status', NEW.status,
            'reason', NEW.reason))
    FROM payments p LEFT JOIN holds h ON h.id = p.hold_id WHERE p.intent_id = NEW.intent_id;
END;
