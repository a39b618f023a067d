-- A hold whose funds say already what its payments say is not written again. The statement that writes the hold and its
-- payment knows most funds, and each further version of the row costs as much as the first. migrations/postgres has the same
-- file with the same names.

DROP TRIGGER payments_funds_insert;
CREATE TRIGGER payments_funds_insert AFTER INSERT ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE holds SET funds = known.funds FROM (
        SELECT CASE WHEN max(state = 'paid') THEN 'paid' WHEN max(state = 'disputed') THEN 'disputed'
                    WHEN max(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' ELSE 'none' END AS funds
        FROM payments WHERE hold_id = NEW.hold_id) AS known
    WHERE holds.id = NEW.hold_id AND holds.funds <> known.funds;
END;
DROP TRIGGER payments_funds_update;
CREATE TRIGGER payments_funds_update AFTER UPDATE OF state, hold_id ON payments WHEN NEW.hold_id IS NOT NULL
BEGIN
    UPDATE holds SET funds = known.funds FROM (
        SELECT CASE WHEN max(state = 'paid') THEN 'paid' WHEN max(state = 'disputed') THEN 'disputed'
                    WHEN max(state IN ('refunded', 'refund_failed', 'kept')) THEN 'gone' ELSE 'none' END AS funds
        FROM payments WHERE hold_id = NEW.hold_id) AS known
    WHERE holds.id = NEW.hold_id AND holds.funds <> known.funds;
END;
