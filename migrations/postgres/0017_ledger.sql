-- The ledger: Stripe's refunds and disputes as rows of their own, and what the shop decided about each payment. Orders to
-- refund are the commands of that kind. `payments.refunded` and `payments.state` sum up facts and decisions.
-- migrations/sqlite has the same file with the same names.

-- All tables that are changed, before any work and in the order in which the program locks them. What reads whole tables is
-- in the files that follow, one for each table: this one takes milliseconds, however large they are.
LOCK TABLE checkout_attempts, payments, commands IN ACCESS EXCLUSIVE MODE;

ALTER TABLE payments
    -- What the shop means to keep. Null in rows of versions that did not write it: what was not ordered to go back.
    ADD COLUMN keep bigint,
    -- Why it keeps that. Null in rows of such versions: it follows from the state.
    ADD COLUMN keep_reason text,
    -- What was due back and was settled elsewhere, such as in cash.
    ADD COLUMN settled_outside bigint NOT NULL DEFAULT 0,
    -- What was to go back and needed no order: refunds by hand or the bank had taken it already.
    ADD COLUMN covered bigint NOT NULL DEFAULT 0,
    -- How much of the orders replaces earlier ones that failed.
    ADD COLUMN reordered bigint NOT NULL DEFAULT 0,
    -- Whether each cent of it was in one place when it was last noted.
    ADD COLUMN adds_up boolean NOT NULL DEFAULT true,
    -- What must still go back, as it was last noted: its refund failed.
    ADD COLUMN due_back bigint NOT NULL DEFAULT 0,
    -- The session that took a payment without a hold, where a report named it.
    ADD COLUMN session_id text,
    ADD CONSTRAINT payments_keep CHECK (keep >= 0) NOT VALID,
    ADD CONSTRAINT payments_keep_reason CHECK (keep_reason IN ('booking', 'goodwill', 'operator')) NOT VALID,
    ADD CONSTRAINT payments_settled_outside CHECK (settled_outside >= 0) NOT VALID,
    ADD CONSTRAINT payments_covered CHECK (covered >= 0) NOT VALID,
    ADD CONSTRAINT payments_reordered CHECK (reordered >= 0) NOT VALID;

ALTER TABLE commands
    -- The key of the next call to Stripe, where it is not the command's id: a refusal uses up the key before.
    ADD COLUMN stripe_key text,
    -- When the call was first tried: Stripe forgets keys, so a late repeat looks for what the first try made.
    ADD COLUMN first_tried_at timestamptz,
    -- Who ordered it, in a word: the name of an operator's key, `guest` or `holdfast`. Null in rows of versions that did not
    -- write it.
    ADD COLUMN ordered_by text;

-- Whether money for the attempt's hold came before the hold was placed. It waits in `payments` until the attempt ends.
ALTER TABLE checkout_attempts ADD COLUMN is_paid boolean NOT NULL DEFAULT false;

-- The newest snapshot of each of Stripe's refunds. Also of intents that are not ours yet: events come in any order.
CREATE TABLE refunds (
    id             text        PRIMARY KEY,
    intent_id      text        NOT NULL,
    charge_id      text,
    -- The command that ordered it; null if a person refunded at Stripe.
    command_id     uuid,
    amount         bigint      NOT NULL CONSTRAINT refunds_amount CHECK (amount >= 0),
    currency       text        NOT NULL,
    -- Stripe's word, also one that we do not know.
    status         text        NOT NULL,
    failure_reason text,
    -- On Stripe's clock.
    created_at     timestamptz NOT NULL,
    -- When it was first seen, on the instance's clock.
    seen_at        timestamptz NOT NULL,
    -- Whether the hold or the payment has taken notice of this snapshot.
    is_noted       boolean     NOT NULL DEFAULT false,
    -- Whether a payment has the intent: others sell in the same account, and nobody takes notice of theirs.
    is_ours        boolean     NOT NULL DEFAULT false
);
CREATE INDEX refunds_intent ON refunds (intent_id);
CREATE INDEX refunds_unnoted ON refunds (seen_at) WHERE is_ours AND NOT is_noted;
CREATE INDEX refunds_foreign ON refunds (seen_at) WHERE NOT is_ours;

-- The newest snapshot of each of Stripe's disputes.
CREATE TABLE disputes (
    id         text        PRIMARY KEY,
    intent_id  text        NOT NULL,
    charge_id  text,
    amount     bigint      NOT NULL CONSTRAINT disputes_amount CHECK (amount >= 0),
    currency   text        NOT NULL,
    -- Stripe's word, also one that we do not know.
    status     text        NOT NULL,
    reason     text,
    -- Until when the shop may answer; on Stripe's clock, as `created_at`.
    due_by     timestamptz,
    created_at timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    is_noted   boolean     NOT NULL DEFAULT false,
    is_ours    boolean     NOT NULL DEFAULT false
);
CREATE INDEX disputes_intent ON disputes (intent_id);
CREATE INDEX disputes_unnoted ON disputes (seen_at) WHERE is_ours AND NOT is_noted;
CREATE INDEX disputes_foreign ON disputes (seen_at) WHERE NOT is_ours;
CREATE INDEX disputes_open ON disputes (intent_id) WHERE status IN ('needs_response', 'under_review');

-- Marks what is known of an intent in the transaction that writes its payment. The lock orders that transaction and one that
-- merges a report of the same intent, as with `unowned_facts_tie`.
CREATE FUNCTION payments_own_money() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.intent_id, 0) & 1023);
    UPDATE refunds SET is_ours = true WHERE intent_id = NEW.intent_id;
    UPDATE disputes SET is_ours = true WHERE intent_id = NEW.intent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_own_money AFTER INSERT ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_own_money();

-- A payment without a hold is not ordered to go back while its attempt may place the hold, or after it has. The version
-- before orders the refund without a look at the attempt. Here that fails, and Stripe sends the event again.
CREATE FUNCTION commands_after_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    claimed uuid;
    attempt text;
BEGIN
    SELECT claimed_hold_id INTO claimed FROM payments WHERE intent_id = NEW.intent_id AND hold_id IS NULL;
    SELECT state INTO attempt FROM checkout_attempts WHERE hold_id = claimed FOR SHARE;
    IF attempt IN ('running', 'unsettled') OR EXISTS (SELECT 1 FROM holds WHERE id = claimed) THEN
        RAISE EXCEPTION 'the hold of payment % may be placed', NEW.intent_id USING ERRCODE = 'lock_not_available';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER commands_after_attempt BEFORE INSERT ON commands
    FOR EACH ROW WHEN (NEW.kind = 'refund' AND NEW.hold_id IS NULL) EXECUTE FUNCTION commands_after_attempt();

-- The requests of operators to return money, by their idempotency key, so that a repeat orders nothing again.
CREATE TABLE refund_requests (
    idempotency_key text        PRIMARY KEY,
    -- A digest of the hold and the body.
    fingerprint     text        NOT NULL,
    requested_at    timestamptz NOT NULL
);
CREATE INDEX refund_requests_age ON refund_requests (requested_at);

-- One row: when refunds and disputes of the last days are compared with Stripe next, and which instance does it.
CREATE TABLE reconciliation (
    alone        boolean     NOT NULL DEFAULT true CONSTRAINT reconciliation_alone UNIQUE CHECK (alone),
    due_at       timestamptz NOT NULL,
    leased_until timestamptz
);
INSERT INTO reconciliation (due_at) VALUES (now() + interval '1 day');

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
        coalesce(p.keep, greatest(0, p.amount + p.reordered - p.covered - (
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
    SELECT parts.*, greatest(failed_orders + covered - reordered, 0) AS uncarried,
        by_hand + disputed + lost + greatest(reordered - covered - failed_orders, 0) AS taken
    FROM parts
), taken AS (
    SELECT anew.*, least(settled_outside, uncarried) AS settled, greatest(uncarried - settled_outside, 0) AS due
    FROM anew
), beyond AS (
    SELECT taken.*, greatest(taken - due, 0) AS beyond_due,
        least(greatest(greatest(taken - due, 0) - keep, 0), unsent) AS of_unsent
    FROM taken
), held AS (
    -- The bank may take money that has gone back before, or more than was paid. That is no money of this payment.
    SELECT beyond.*, keep - (beyond_due - of_unsent) + settled AS left_over,
        least(greatest(beyond_due - of_unsent - keep - settled, 0), disputed + lost) AS of_others
    FROM beyond
)
SELECT intent_id, hold_id, currency, paid, refunded, on_its_way + unsent - of_unsent AS refund_pending,
    disputed - least(of_others, disputed) AS disputed, lost - greatest(of_others - disputed, 0) AS lost,
    left_over + of_others AS kept,
    greatest(due - taken, 0) AS due_back
FROM held;

-- A version before this one goes on serving beside it, and does not write what it means to keep: after its order to refund, or
-- its decision to keep what is left, that follows from its rows again.
CREATE FUNCTION forget_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE payments SET keep = NULL, keep_reason = NULL WHERE intent_id = NEW.intent_id;
    RETURN NULL;
END $$;
CREATE TRIGGER commands_of_version_before AFTER INSERT ON commands FOR EACH ROW
    WHEN (NEW.kind = 'refund' AND NEW.ordered_by IS NULL) EXECUTE FUNCTION forget_keep();
CREATE TRIGGER payments_of_version_before AFTER UPDATE OF state ON payments FOR EACH ROW
    WHEN (NEW.state = 'kept' AND NEW.keep_reason <> 'operator') EXECUTE FUNCTION forget_keep();

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
    SELECT known.*, greatest(refunded - back, 0) AS more, amount - greatest(refunded, back) - lost - disputed AS rest
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
CREATE FUNCTION payments_unverified() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.refunded = 0 AND NEW.state = 'paid' THEN
        RETURN NULL;
    END IF;
    DELETE FROM disputes WHERE id = 'unverified_' || NEW.intent_id;
    INSERT INTO refunds (id, intent_id, amount, currency, status, created_at, seen_at, is_noted, is_ours)
    SELECT id, intent_id, refunded, currency, refund_status, created_at, 'epoch', true, true
    FROM unverified_money WHERE intent_id = NEW.intent_id
    ON CONFLICT (id) DO UPDATE SET amount = excluded.amount, status = excluded.status;
    INSERT INTO disputes (id, intent_id, amount, currency, status, created_at, seen_at, is_noted, is_ours)
    SELECT id, intent_id, disputed, currency, dispute_status, created_at, 'epoch', true, true
    FROM unverified_money WHERE intent_id = NEW.intent_id AND dispute_status IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER payments_unverified AFTER INSERT OR UPDATE OF refunded, state ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_unverified();
