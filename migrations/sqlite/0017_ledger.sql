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
-- What was to go back and needed no order: refunds by hand or the bank had taken it already.
ALTER TABLE payments ADD COLUMN covered INTEGER NOT NULL DEFAULT 0
    CONSTRAINT payments_covered CHECK (covered >= 0);
-- How much of the orders replaces earlier ones that failed.
ALTER TABLE payments ADD COLUMN reordered INTEGER NOT NULL DEFAULT 0
    CONSTRAINT payments_reordered CHECK (reordered >= 0);

-- Whether each cent of it was in one place when it was last noted.
ALTER TABLE payments ADD COLUMN adds_up INTEGER NOT NULL DEFAULT 1
    CONSTRAINT payments_adds_up CHECK (adds_up IN (0, 1));

-- What must still go back, as it was last noted: its refund failed.
ALTER TABLE payments ADD COLUMN due_back INTEGER NOT NULL DEFAULT 0;

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
    is_noted       INTEGER NOT NULL DEFAULT 0 CONSTRAINT refunds_is_noted CHECK (is_noted IN (0, 1)),
    -- Whether a payment has the intent: others sell in the same account, and nobody takes notice of theirs.
    is_ours        INTEGER NOT NULL DEFAULT 0 CONSTRAINT refunds_is_ours CHECK (is_ours IN (0, 1))
) STRICT;
CREATE INDEX refunds_intent ON refunds (intent_id);
CREATE INDEX refunds_unnoted ON refunds (seen_at) WHERE is_ours AND NOT is_noted;
CREATE INDEX refunds_foreign ON refunds (seen_at) WHERE NOT is_ours;

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
    is_noted   INTEGER NOT NULL DEFAULT 0 CONSTRAINT disputes_is_noted CHECK (is_noted IN (0, 1)),
    is_ours    INTEGER NOT NULL DEFAULT 0 CONSTRAINT disputes_is_ours CHECK (is_ours IN (0, 1))
) STRICT;
CREATE INDEX disputes_intent ON disputes (intent_id);
CREATE INDEX disputes_unnoted ON disputes (seen_at) WHERE is_ours AND NOT is_noted;
CREATE INDEX disputes_foreign ON disputes (seen_at) WHERE NOT is_ours;
CREATE INDEX disputes_open ON disputes (intent_id) WHERE status IN ('needs_response', 'under_review');

-- Marks what is known of an intent in the transaction that writes its payment.
CREATE TRIGGER payments_own_money AFTER INSERT ON payments
BEGIN
    UPDATE refunds SET is_ours = 1 WHERE intent_id = NEW.intent_id;
    UPDATE disputes SET is_ours = 1 WHERE intent_id = NEW.intent_id;
END;

-- Whether money for the attempt's hold came before the hold was placed. It waits in `payments` until the attempt ends.
ALTER TABLE checkout_attempts ADD COLUMN is_paid INTEGER NOT NULL DEFAULT 0
    CONSTRAINT checkout_attempts_is_paid CHECK (is_paid IN (0, 1));
-- The session that took a payment without a hold, where a report named it.
ALTER TABLE payments ADD COLUMN session_id TEXT;

-- The requests of operators to return money, by their idempotency key, so that a repeat orders nothing again.
CREATE TABLE refund_requests (
    idempotency_key TEXT    NOT NULL PRIMARY KEY,
    -- A digest of the hold and the body.
    fingerprint     TEXT    NOT NULL,
    requested_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX refund_requests_age ON refund_requests (requested_at);

-- One row: when refunds and disputes of the last days are compared with Stripe next, and which instance does it.
CREATE TABLE reconciliation (
    alone        INTEGER NOT NULL DEFAULT 1 CONSTRAINT reconciliation_alone UNIQUE CHECK (alone),
    due_at       INTEGER NOT NULL,
    leased_until INTEGER
) STRICT;
INSERT INTO reconciliation (due_at) VALUES (CAST(strftime('%s', 'now') AS INTEGER) * 1000 + 86400000);

-- Where the money of each payment is, as `domain::ledger::sums` derives it; a test holds both equal. What was taken without
-- an order is subtracted from what is due back, then from what is kept, then from orders that Stripe has not carried out.
CREATE VIEW payment_ledger AS
WITH carried_out AS NOT MATERIALIZED (
    SELECT c.id, c.intent_id, c.amount, c.done_at IS NOT NULL AS is_done,
        (SELECT r.id FROM refunds r WHERE r.intent_id = c.intent_id AND r.command_id = c.id
         ORDER BY r.created_at, r.id LIMIT 1) AS refund_id
    FROM commands c WHERE c.kind = 'refund'
), parts AS (
    SELECT p.intent_id, p.hold_id, p.amount AS paid, p.currency, p.settled_outside, p.covered, p.reordered,
        coalesce(p.keep, max(0, p.amount + p.reordered - p.covered - (
            SELECT coalesce(sum(c.amount), 0) FROM carried_out c WHERE c.intent_id = p.intent_id))) AS keep,
        (SELECT coalesce(sum(c.amount), 0) FROM carried_out c
         WHERE c.intent_id = p.intent_id AND c.refund_id IS NULL AND NOT c.is_done) AS unsent,
        (SELECT coalesce(sum(c.amount), 0) FROM carried_out c LEFT JOIN refunds r ON r.id = c.refund_id
         WHERE c.intent_id = p.intent_id
           AND (r.id IS NULL AND c.is_done OR r.status IN ('canceled', 'failed'))) AS failed_orders,
        (SELECT coalesce(sum(r.amount), 0) FROM refunds r
         WHERE r.intent_id = p.intent_id AND r.status IN ('requires_action', 'pending', 'succeeded')
           AND NOT EXISTS (SELECT 1 FROM carried_out c WHERE c.intent_id = r.intent_id AND c.refund_id = r.id)) AS by_hand,
        (SELECT coalesce(sum(r.amount), 0) FROM refunds r
         WHERE r.intent_id = p.intent_id AND r.status = 'succeeded') AS refunded,
        (SELECT coalesce(sum(r.amount), 0) FROM refunds r
         WHERE r.intent_id = p.intent_id AND r.status IN ('requires_action', 'pending')) AS on_its_way,
        (SELECT coalesce(sum(d.amount), 0) FROM disputes d
         WHERE d.intent_id = p.intent_id AND d.status IN ('needs_response', 'under_review')) AS disputed,
        (SELECT coalesce(sum(d.amount), 0) FROM disputes d
         WHERE d.intent_id = p.intent_id AND d.status = 'lost') AS lost
    FROM payments p
), anew AS (
    SELECT parts.*, max(failed_orders + covered - reordered, 0) AS uncarried,
        by_hand + disputed + lost + max(reordered - covered - failed_orders, 0) AS taken
    FROM parts
), taken AS (
    SELECT anew.*, min(settled_outside, uncarried) AS settled, max(uncarried - settled_outside, 0) AS due
    FROM anew
), beyond AS (
    SELECT taken.*, max(taken - due, 0) AS beyond_due,
        min(max(max(taken - due, 0) - keep, 0), unsent) AS of_unsent
    FROM taken
), held AS (
    -- The bank may take money that has gone back before, or more than was paid. That is no money of this payment.
    SELECT beyond.*, keep - (beyond_due - of_unsent) + settled AS left_over,
        min(max(beyond_due - of_unsent - keep - settled, 0), disputed + lost) AS of_others
    FROM beyond
)
SELECT intent_id, hold_id, currency, paid, refunded, on_its_way + unsent - of_unsent AS refund_pending,
    disputed - min(of_others, disputed) AS disputed, lost - max(of_others - disputed, 0) AS lost,
    left_over + of_others AS kept,
    max(due - taken, 0) AS due_back
FROM held;

-- A version before this one goes on serving beside it, and does not write what it means to keep: after its order to refund, or
-- its decision to keep what is left, that follows from its rows again.
CREATE TRIGGER commands_of_version_before AFTER INSERT ON commands WHEN NEW.kind = 'refund' AND NEW.ordered_by IS NULL
BEGIN
    UPDATE payments SET keep = NULL, keep_reason = NULL WHERE intent_id = NEW.intent_id;
END;
CREATE TRIGGER payments_of_version_before AFTER UPDATE OF state ON payments
WHEN NEW.state = 'kept' AND NEW.keep_reason <> 'operator'
BEGIN
    UPDATE payments SET keep = NULL, keep_reason = NULL WHERE intent_id = NEW.intent_id;
END;

-- What only an earlier version's counter or state says of a payment, and no row of Stripe's objects: the counter as a refund,
-- an open or lost dispute as a dispute. Their rows have ids of their own, and the first list that is read from Stripe takes
-- their place. A payment without such an amount is listed too where its rows and its state differ: it must be read. Only this
-- version writes what is due back: its order may end without a refund.
CREATE VIEW unverified_money AS
WITH known AS (
    SELECT p.intent_id, p.amount, p.currency, p.refunded, p.state, p.due_back, p.created_at, 'unverified_' || p.intent_id AS id,
        (SELECT coalesce(sum(r.amount), 0) FROM refunds r
         WHERE r.intent_id = p.intent_id AND r.status = 'succeeded' AND r.id <> 'unverified_' || p.intent_id) AS back,
        (SELECT count(*) FROM refunds r WHERE r.intent_id = p.intent_id AND r.status IN ('canceled', 'failed')
           AND r.id <> 'unverified_' || p.intent_id) AS failed,
        (SELECT count(*) FROM disputes d
         WHERE d.intent_id = p.intent_id AND d.id <> 'unverified_' || p.intent_id) AS disputes,
        (SELECT coalesce(sum(d.amount), 0) FROM disputes d
         WHERE d.intent_id = p.intent_id AND d.status IN ('needs_response', 'under_review')
           AND d.id <> 'unverified_' || p.intent_id) AS disputed,
        (SELECT coalesce(sum(d.amount), 0) FROM disputes d
         WHERE d.intent_id = p.intent_id AND d.status = 'lost' AND d.id <> 'unverified_' || p.intent_id) AS lost
    FROM payments p
), counted AS (
    SELECT known.*, max(refunded - back, 0) AS more, amount - max(refunded, back) - lost - disputed AS rest
    FROM known
)
SELECT id, intent_id, currency, created_at, more AS refunded,
    CASE WHEN state = 'refund_failed' THEN 'failed' ELSE 'succeeded' END AS refund_status,
    CASE WHEN rest <= 0 THEN NULL WHEN state = 'disputed' AND disputed = 0 THEN 'under_review'
         WHEN state = 'refunded' AND disputes = 0 THEN 'lost' END AS dispute_status,
    rest AS disputed
FROM counted
WHERE more > 0
    OR state = 'disputed' AND disputed = 0
    OR state = 'refunded' AND rest + disputed > 0
    OR state = 'refund_failed' AND failed = 0 AND due_back = 0
    OR state = 'paid' AND disputed > 0 AND rest <= 0
    OR EXISTS (SELECT 1 FROM refunds r WHERE r.id = counted.id AND r.status <> 'canceled');
-- A row that was replaced is canceled until its payment has taken notice.
CREATE INDEX refunds_unverified ON refunds (seen_at) WHERE id = 'unverified_' || intent_id AND status <> 'canceled';

-- A version before this one may go on serving beside it: what it writes into the counter and the state is kept likewise.
CREATE TRIGGER payments_unverified_insert AFTER INSERT ON payments WHEN NEW.refunded > 0 OR NEW.state <> 'paid'
BEGIN
    DELETE FROM disputes WHERE id = 'unverified_' || NEW.intent_id;
    INSERT INTO refunds (id, intent_id, amount, currency, status, created_at, seen_at, is_noted, is_ours)
    SELECT id, intent_id, refunded, currency, refund_status, created_at, 0, 1, 1
    FROM unverified_money WHERE intent_id = NEW.intent_id
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, status = excluded.status;
    INSERT INTO disputes (id, intent_id, amount, currency, status, created_at, seen_at, is_noted, is_ours)
    SELECT id, intent_id, disputed, currency, dispute_status, created_at, 0, 1, 1
    FROM unverified_money WHERE intent_id = NEW.intent_id AND dispute_status IS NOT NULL;
END;
CREATE TRIGGER payments_unverified_update AFTER UPDATE OF refunded, state ON payments
BEGIN
    DELETE FROM disputes WHERE id = 'unverified_' || NEW.intent_id;
    INSERT INTO refunds (id, intent_id, amount, currency, status, created_at, seen_at, is_noted, is_ours)
    SELECT id, intent_id, refunded, currency, refund_status, created_at, 0, 1, 1
    FROM unverified_money WHERE intent_id = NEW.intent_id
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, status = excluded.status;
    INSERT INTO disputes (id, intent_id, amount, currency, status, created_at, seen_at, is_noted, is_ours)
    SELECT id, intent_id, disputed, currency, dispute_status, created_at, 0, 1, 1
    FROM unverified_money WHERE intent_id = NEW.intent_id AND dispute_status IS NOT NULL;
END;
