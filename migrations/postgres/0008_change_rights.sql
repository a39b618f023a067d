-- A guest's right to cancel that has passed for one start does not come back when the guest moves the booking to a later
-- one. migrations/sqlite has the same file with the same names.
ALTER TABLE holds ADD COLUMN cancel_right_passed boolean NOT NULL DEFAULT false;
