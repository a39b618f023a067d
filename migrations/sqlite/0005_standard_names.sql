-- Columns get the standard words of docs/glossary.md. SQLite rewrites the indexes, triggers and checks that name a column.
-- The version before reads the old names, so it must be stopped first.

ALTER TABLE installation RENAME COLUMN alone TO singleton;
ALTER TABLE event_types RENAME COLUMN needs TO segments;
ALTER TABLE holds RENAME COLUMN wish TO requested_resource_id;
ALTER TABLE holds RENAME COLUMN asked_by TO requested_by;
ALTER TABLE commands RENAME COLUMN order_key TO deduplication_key;
ALTER TABLE payments RENAME COLUMN claimed_hold TO claimed_hold_id;

-- A history line tells its transition by a stable code for machines, and by a message for people. Old lines keep their
-- sentence as the message and get a code by exact match.
ALTER TABLE hold_history RENAME COLUMN why TO message;
ALTER TABLE hold_history ADD COLUMN transition TEXT NOT NULL DEFAULT 'other';
UPDATE hold_history SET transition = CASE message
    WHEN 'placed by a checkout' THEN 'placed'
    WHEN 'paid' THEN 'paid'
    WHEN 'a delayed payment is at work' THEN 'payment_processing'
    WHEN 'the delayed payment arrived' THEN 'delayed_payment_succeeded'
    WHEN 'the delayed payment failed' THEN 'delayed_payment_failed'
    WHEN 'completed without a payment' THEN 'nothing_to_pay'
    WHEN 'the payment session ended unpaid' THEN 'session_ended'
    WHEN 'paid after the release; the slot was still free' THEN 'late_payment_confirmed'
    WHEN 'paid after the release; the slot was gone, the money goes back' THEN 'late_payment_refunded'
    WHEN 'paid after the cancellation; the money goes back' THEN 'payment_after_cancellation'
    WHEN 'paid a second time; the second payment goes back' THEN 'second_payment'
    WHEN 'the payment intent became known' THEN 'intent_linked'
    WHEN 'the payment intent was cancelled' THEN 'intent_canceled'
    WHEN 'cancelled by the guest; the money goes back' THEN 'cancelled_by_guest'
    WHEN 'cancelled' THEN 'cancelled_by_operator'
    WHEN 'the whole payment was refunded' THEN 'refunded'
    WHEN 'a part of the payment was refunded' THEN 'partly_refunded'
    WHEN 'a refund failed at Stripe' THEN 'refund_failed'
    WHEN 'the payment is disputed' THEN 'dispute_opened'
    WHEN 'the dispute is closed' THEN 'dispute_closed'
    WHEN 'already so' THEN 'unchanged'
    WHEN 'no longer matters' THEN 'irrelevant'
    ELSE 'other' END;
