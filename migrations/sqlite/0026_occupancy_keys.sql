-- Nothing changes here: migrations/postgres has another key for the guard of I1. Both engines have the same files.
SELECT 1;
