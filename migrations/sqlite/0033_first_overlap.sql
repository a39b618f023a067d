-- The guard of I1 looks at one row in place of all that the unit has from then on. The rows of one unit never overlap, which this
-- guard itself keeps so: in the order of their ends they are in the order of their starts. So if the first one that ends after
-- the new start does not begin before the new end, none does. migrations/postgres has the same file.
DROP TRIGGER occupancy_one_buyer_insert;
CREATE TRIGGER occupancy_one_buyer_insert BEFORE INSERT ON occupancy
WHEN NEW.ends_at > (
    SELECT other.starts_at FROM occupancy AS other
    WHERE other.resource_id = NEW.resource_id
      AND other.unit = NEW.unit
      AND other.ends_at > NEW.starts_at
    ORDER BY other.ends_at LIMIT 1)
BEGIN
    SELECT RAISE(ABORT, 'occupancy_one_buyer');
END;

DROP TRIGGER occupancy_one_buyer_update;
CREATE TRIGGER occupancy_one_buyer_update BEFORE UPDATE ON occupancy
WHEN NEW.ends_at > (
    SELECT other.starts_at FROM occupancy AS other
    WHERE other.resource_id = NEW.resource_id
      AND other.unit = NEW.unit
      AND other.ends_at > NEW.starts_at
      AND other.rowid <> OLD.rowid
    ORDER BY other.ends_at LIMIT 1)
BEGIN
    SELECT RAISE(ABORT, 'occupancy_one_buyer');
END;
