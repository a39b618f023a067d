-- Nothing changes on SQLite, where the number of a line is that of its row. migrations/postgres has a file with the same name.
SELECT 1;
