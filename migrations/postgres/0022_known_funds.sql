-- A hold whose funds say already what its payments say is not written again. The statement that writes the hold and its
-- payment knows most funds, and each further version of the row costs as much as the first. migrations/sqlite has the same
-- file with the same names.

CREATE OR REPLACE FUNCTION payments_funds() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    known text;
BEGIN
    SELECT CASE WHEN bool_or(state = 'paid') THEN 'paid' WHEN bool_or(state = 'disputed') THEN 'disputed'
                WHEN bool_or(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' ELSE 'none' END
    INTO known FROM payments WHERE hold_id = NEW.hold_id;
    UPDATE holds SET funds = known WHERE id = NEW.hold_id AND funds <> known;
    RETURN NULL;
END $$;
