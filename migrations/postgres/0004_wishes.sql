-- Whom the guest asked for by name, if anybody: a late payment gets the slot with others of the pool only where that is
-- the guest's wish too. migrations/sqlite has the same file with the same names.
ALTER TABLE holds ADD COLUMN wish text;
