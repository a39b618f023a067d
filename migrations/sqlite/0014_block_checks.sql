-- SQLite has one writer: a block and a checkout are never written at the same time. migrations/postgres has a trigger in
-- the file of this name.
SELECT 1;
