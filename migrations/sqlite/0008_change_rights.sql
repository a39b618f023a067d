-- A guest's right to cancel that has passed for one start does not come back when the guest moves the booking to a later
-- one. migrations/postgres has the same file with the same names.
ALTER TABLE holds ADD COLUMN cancel_right_passed INTEGER NOT NULL DEFAULT 0
    CONSTRAINT holds_cancel_right_passed CHECK (cancel_right_passed IN (0, 1));
