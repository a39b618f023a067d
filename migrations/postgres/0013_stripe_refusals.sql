-- Why Stripe refused the session of an attempt, for `doctor`, which runs in a process of its own. Null if Stripe did not
-- refuse it. It is deleted with its attempt. migrations/sqlite has the same file with the same names.
ALTER TABLE checkout_attempts ADD COLUMN refusal text;
