-- The ledger: Stripe's refunds and disputes as rows of their own, and what the shop decided about each payment. Orders to
-- refund are the commands of that kind. `payments.refunded` and `payments.state` sum up facts and decisions.
-- migrations/postgres has the same file with the same names.

-- What the shop means to keep. Null in rows of versions that did not write it: what was not ordered to go back.
ALTER TABLE payments ADD COLUMN keep INTEGER CONSTRAINT payments_keep CHECK (keep >= 0);
-- Why it keeps that. Null in rows of such versions: it follows from the state.
ALTER TABLE payments ADD COLUMN keep_reason TEXT
    CONSTRAINT payments_keep_reason CHECK (keep_reason IN ('booking', 'goodwill', 'operator'));
-- What was due back and was settled elsewhere, such as in cash.
ALTER TABLE payments ADD COLUMN settled_outside INTEGER NOT NULL DEFAULT 0
    CONSTRAINT payments_settled_outside CHECK (settled_outside >= 0);
-- How much of the orders replaces earlier ones that failed.
ALTER TABLE payments ADD COLUMN reordered INTEGER NOT NULL DEFAULT 0
    CONSTRAINT payments_reordered CHECK (reordered >= 0);
-- How much must still go back although its refund failed; as `refunded`, a summary.
ALTER TABLE payments ADD COLUMN due_back INTEGER NOT NULL DEFAULT 0;

-- The orders to refund a payment.
CREATE INDEX commands_refunds ON commands (intent_id) WHERE kind = 'refund';
-- The key of the next call to Stripe, where it is not the command's id: a refusal uses up the key before.
ALTER TABLE commands ADD COLUMN stripe_key TEXT;
-- When the call was first tried: Stripe forgets keys, so a late repeat looks for what the first try made.
ALTER TABLE commands ADD COLUMN first_tried_at INTEGER;

-- Who ordered it, in a word: the name of an operator's key, `guest` or `holdfast`. Null in rows of versions that did not
-- write it.
ALTER TABLE commands ADD COLUMN ordered_by TEXT;

-- The newest snapshot of each of Stripe's refunds. Also of intents that are not ours yet: events come in any order.
CREATE TABLE refunds (
    id             TEXT    NOT NULL PRIMARY KEY,
    intent_id      TEXT    NOT NULL,
    charge_id      TEXT,
    -- The command that ordered it; null if a person refunded at Stripe.
    command_id     TEXT,
    amount         INTEGER NOT NULL CONSTRAINT refunds_amount CHECK (amount >= 0),
    currency       TEXT    NOT NULL,
    -- Stripe's word, also one that we do not know.
    status         TEXT    NOT NULL,
    failure_reason TEXT,
    -- On Stripe's clock.
    created_at     INTEGER NOT NULL,
    -- When it was first seen, on the instance's clock.
    seen_at        INTEGER NOT NULL,
    -- Whether the hold or the payment has taken notice of this snapshot.
    is_noted       INTEGER NOT NULL DEFAULT 0 CONSTRAINT refunds_is_noted CHECK (is_noted IN (0, 1))
) STRICT;
CREATE INDEX refunds_intent ON refunds (intent_id);
CREATE INDEX refunds_unnoted ON refunds (seen_at) WHERE NOT is_noted;

-- The newest snapshot of each of Stripe's disputes.
CREATE TABLE disputes (
    id         TEXT    NOT NULL PRIMARY KEY,
    intent_id  TEXT    NOT NULL,
    charge_id  TEXT,
    amount     INTEGER NOT NULL CONSTRAINT disputes_amount CHECK (amount >= 0),
    currency   TEXT    NOT NULL,
    -- Stripe's word, also one that we do not know.
    status     TEXT    NOT NULL,
    reason     TEXT,
    -- Until when the shop may answer; on Stripe's clock, as `created_at`.
    due_by     INTEGER,
    created_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    is_noted   INTEGER NOT NULL DEFAULT 0 CONSTRAINT disputes_is_noted CHECK (is_noted IN (0, 1))
) STRICT;
CREATE INDEX disputes_intent ON disputes (intent_id);
CREATE INDEX disputes_unnoted ON disputes (seen_at) WHERE NOT is_noted;
CREATE INDEX disputes_open ON disputes (intent_id) WHERE status IN ('needs_response', 'under_review');

-- What operators look for: all money, newest first; money whose refund failed; and holds with another amount than the price.
CREATE INDEX payments_newest ON payments (created_at DESC, intent_id DESC);
CREATE INDEX payments_due_back ON payments (intent_id) WHERE due_back > 0;
CREATE INDEX holds_price_mismatch ON holds (id) WHERE price_mismatch;

-- The requests of operators to return money, by their idempotency key, so that a repeat orders nothing again.
CREATE TABLE refund_requests (
    idempotency_key TEXT    NOT NULL PRIMARY KEY,
    -- A digest of the hold and the body.
    fingerprint     TEXT    NOT NULL,
    requested_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX refund_requests_age ON refund_requests (requested_at);
