-- The first part of a narrower history: one index in place of two, because its lines are read by their hold alone. In a file of its
-- own, so that nothing but writing the history waits while the index is built. migrations/sqlite has a file with the same name.
CREATE UNIQUE INDEX hold_history_by_hold ON hold_history (hold_id, seq);
