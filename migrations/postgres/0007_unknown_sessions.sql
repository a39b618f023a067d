-- Whether Stripe moves real money in the mode in which a row was written. A session's id tells its mode; these two have
-- no session: an attempt that waits for one, and a payment that has no hold. Null if it is not known.
-- migrations/sqlite has the same file with the same names.
ALTER TABLE checkout_attempts ADD COLUMN livemode boolean;
ALTER TABLE payments ADD COLUMN livemode boolean;

-- Until now a store was of one mode, so the newest hold tells the mode of what is open.
UPDATE checkout_attempts SET livemode = (
    SELECT CASE substr(session_id, 1, 8) WHEN 'cs_live_' THEN true WHEN 'cs_test_' THEN false END
    FROM holds ORDER BY created_at DESC, id DESC LIMIT 1)
WHERE state IN ('running', 'unsettled');
UPDATE payments SET livemode = (
    SELECT CASE substr(session_id, 1, 8) WHEN 'cs_live_' THEN true WHEN 'cs_test_' THEN false END
    FROM holds ORDER BY created_at DESC, id DESC LIMIT 1)
WHERE hold_id IS NULL AND state IN ('refund_due', 'refund_failed');
