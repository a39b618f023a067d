-- Whom the guest asked for by name, if anybody: a late payment gets the slot with others of the pool only where that is
-- the guest's wish too. migrations/postgres has the same file with the same names.
ALTER TABLE holds ADD COLUMN wish TEXT;

-- Whether one unit is free is asked for each that is taken, by the guard of I1 too: without this index that reads all
-- that is sold of the resource in the time to come.
CREATE INDEX occupancy_unit ON occupancy (resource_id, unit, ends_at, starts_at);
