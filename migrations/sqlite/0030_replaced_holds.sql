-- Which hold its guest chose in place of this one. Such an end is no lapse. Without a foreign key: the other hold may be deleted
-- first. migrations/postgres has the same file with the same names. The version before counts such an end as given back.
ALTER TABLE holds ADD COLUMN replaced_by TEXT;

-- A hold gives its allowances to the one in its place. If a delayed payment for it turns up all the same, it counts again: with
-- numbers above every limit, because it cannot be refused.
CREATE TRIGGER holds_counted_again AFTER UPDATE OF status ON holds
WHEN OLD.status = 'held' AND NEW.status = 'processing' AND NEW.replaced_by IS NOT NULL
BEGIN
    INSERT OR IGNORE INTO allowances (scope, subject, number, hold_id)
    SELECT s.scope, s.subject, 1000001 + abs(random() % 1000000000), NEW.id
    FROM (
        SELECT 'guest' AS scope, coalesce(NEW.client_id, '') || ' ' || NEW.guest_id AS subject
        UNION ALL SELECT 'email', NEW.guest_id
        UNION ALL SELECT 'client', NEW.client_id
        UNION ALL SELECT a.scope, a.subject FROM allowances a
                  WHERE a.hold_id = NEW.replaced_by AND a.scope = 'network') s
    WHERE s.subject IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM allowances a WHERE a.hold_id = NEW.id AND a.scope = s.scope);
END;
