-- The guard of I1 compares a number in place of the resource's name: most of the time of a checkout went into comparing names in
-- this index. Two resources whose numbers are equal could not be sold at the same time, which is less likely than one in 10^11
-- for 10,000 resources; no slot is sold twice. Queries that look for windows of a resource compare the number too, so that they find
-- this index. Those of the version before compare the name: they are right, and read all windows that the resource ever had.
-- While the index is built, the table is neither read nor written.
ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer;
ALTER TABLE occupancy ADD CONSTRAINT occupancy_one_buyer
    EXCLUDE USING gist (hashtextextended(resource_id, 0) WITH =, during WITH &&, unit WITH =);

-- All rows of a statement look for blocks together, after they are written: each resource is locked once, and one query finds the
-- blocks of all. The lock is still taken before the look and kept until the commit, which is what counts.
CREATE FUNCTION occupancy_rows_see_blocks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    blocked text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(14, r.key)
    FROM (SELECT DISTINCT hashtext(resource_id) AS key FROM new_rows ORDER BY 1) r;
    SELECT min(n.resource_id) INTO blocked
    FROM new_rows n CROSS JOIN LATERAL (
        SELECT 1 FROM blocks
        WHERE resource_id = n.resource_id AND tstzrange(starts_at, ends_at) && n.during OFFSET 0) b;
    IF blocked IS NOT NULL THEN
        RAISE EXCEPTION 'a block of resource % was written meanwhile', blocked USING ERRCODE = '40001';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER occupancy_rows_see_blocks AFTER INSERT ON occupancy
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION occupancy_rows_see_blocks();
DROP TRIGGER occupancy_sees_blocks ON occupancy;
DROP FUNCTION occupancy_sees_blocks();
