-- Nothing changes here: the guard of I1 on SQLite looks at one row in place of many. Both engines have the same files.
SELECT 1;
