-- The second part, a moment's work: the index that was built takes the place of the key and of the other index.
-- migrations/sqlite has a file with the same name.
ALTER TABLE hold_history DROP CONSTRAINT hold_history_pkey,
    ADD CONSTRAINT hold_history_pkey PRIMARY KEY USING INDEX hold_history_by_hold;
DROP INDEX hold_history_hold;
