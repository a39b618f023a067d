-- One index less to write for each hold: unpaid holds are few, and `holds_due_at` has all of them, so overdue ones are found among
-- these. migrations/sqlite has a file with the same name.
DROP INDEX holds_overdue;
