-- All money, newest first, which operators look for.
CREATE INDEX payments_newest ON payments (created_at DESC, intent_id DESC);
-- Payments that do not add up, or whose refund failed.
CREATE INDEX payments_unbalanced ON payments (intent_id) WHERE NOT adds_up;
CREATE INDEX payments_due_back ON payments (intent_id) WHERE due_back > 0;
-- The payments that wait for their hold to be placed. There is one process, so that no other version orders their refund.
-- The reason comes first: otherwise SQLite reads all payments without a hold.
CREATE INDEX payments_waiting ON payments (keep_reason, claimed_hold_id, created_at)
    WHERE hold_id IS NULL AND keep_reason = 'booking';
