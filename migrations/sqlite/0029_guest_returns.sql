-- When a guest came back from the payment page: then Stripe is asked without waiting for the end of the time to pay.
-- migrations/postgres has the same file with the same names. The version before does not know the columns and asks as before.

-- When the guest was first seen on the return page.
ALTER TABLE holds ADD COLUMN returned_at INTEGER;
-- When the sweep reads the session because of that, and leaves it open. Null once Stripe has answered.
ALTER TABLE holds ADD COLUMN read_due_at INTEGER;
CREATE INDEX holds_read_due ON holds (read_due_at) WHERE status = 'held' AND read_due_at IS NOT NULL;
