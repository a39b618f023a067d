-- Refunds and disputes that name only an intent, kept until the intent turns out to be a hold's; and holds that another
-- session paid. migrations/postgres has the same file with the same names.

-- Whether another session took the payment of the hold, so that its own session must not take a second one.
ALTER TABLE holds ADD COLUMN paid_elsewhere INTEGER NOT NULL DEFAULT 0
    CONSTRAINT holds_paid_elsewhere CHECK (paid_elsewhere IN (0, 1));

CREATE TABLE unowned_facts (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT    NOT NULL CONSTRAINT unowned_facts_event UNIQUE,
    kind        TEXT    NOT NULL,
    intent_id   TEXT    NOT NULL,
    -- What the event says, without the body: it may name the guest of another product.
    fact        TEXT    NOT NULL CONSTRAINT unowned_facts_fact CHECK (json_valid(fact)),
    -- Whether the intent is a hold's now, so that the fact must be applied.
    tied        INTEGER NOT NULL DEFAULT 0 CONSTRAINT unowned_facts_is_tied CHECK (tied IN (0, 1)),
    reported_at INTEGER NOT NULL
) STRICT;
CREATE INDEX unowned_facts_intent ON unowned_facts (intent_id, seq);
CREATE INDEX unowned_facts_tied ON unowned_facts (seq) WHERE tied;
CREATE INDEX unowned_facts_age ON unowned_facts (reported_at);

-- Mark the facts of an intent in the transaction that ties it to a hold.
CREATE TRIGGER payments_tie_facts_insert AFTER INSERT ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE unowned_facts SET tied = 1 WHERE intent_id = NEW.intent_id;
END;
CREATE TRIGGER payments_tie_facts_update AFTER UPDATE OF hold_id ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE unowned_facts SET tied = 1 WHERE intent_id = NEW.intent_id;
END;
CREATE TRIGGER holds_tie_facts AFTER UPDATE OF intent_id ON holds
    WHEN NEW.intent_id IS NOT NULL AND NEW.intent_id IS NOT OLD.intent_id
BEGIN
    UPDATE unowned_facts SET tied = 1 WHERE intent_id = NEW.intent_id;
END;
