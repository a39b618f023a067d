-- Refunds and disputes that name only an intent, kept until the intent turns out to be a hold's; and holds that another
-- session paid. migrations/sqlite has the same file with the same names.

-- Whether another session took the payment of the hold, so that its own session must not take a second one.
ALTER TABLE holds ADD COLUMN paid_elsewhere boolean NOT NULL DEFAULT false;

CREATE TABLE unowned_facts (
    event_id    text        PRIMARY KEY,
    seq         bigint      GENERATED ALWAYS AS IDENTITY,
    kind        text        NOT NULL,
    intent_id   text        NOT NULL,
    -- What the event says, without the body: it may name the guest of another product.
    fact        jsonb       NOT NULL,
    -- Whether the intent is a hold's now, so that the fact must be applied.
    tied        boolean     NOT NULL DEFAULT false,
    reported_at timestamptz NOT NULL
);
CREATE INDEX unowned_facts_intent ON unowned_facts (intent_id, seq);
CREATE INDEX unowned_facts_tied ON unowned_facts (seq) WHERE tied;
CREATE INDEX unowned_facts_age ON unowned_facts (reported_at);

-- Marks the facts of an intent in the transaction that ties it to a hold. The lock orders that transaction and one that
-- keeps a fact of the same intent: whichever is second sees the row of the first. There are 1,024 such locks, because a
-- transaction that loads many payments must not take one lock each.
CREATE FUNCTION unowned_facts_tie() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.intent_id, 0) & 1023);
    UPDATE unowned_facts SET tied = true WHERE intent_id = NEW.intent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_tie_facts AFTER INSERT OR UPDATE OF hold_id ON payments
    FOR EACH ROW WHEN (NEW.hold_id IS NOT NULL) EXECUTE FUNCTION unowned_facts_tie();
CREATE TRIGGER holds_tie_facts AFTER UPDATE OF intent_id ON holds
    FOR EACH ROW WHEN (NEW.intent_id IS NOT NULL AND NEW.intent_id IS DISTINCT FROM OLD.intent_id)
    EXECUTE FUNCTION unowned_facts_tie();
