-- The limits on unpaid holds: numbered allowances in place of counters that all checkouts of one caller had to write, and
-- when a hold stopped being unpaid, from which the lapses of a client are read.
-- migrations/postgres has the same file with the same names. The version before goes on serving: it counts its own holds in
-- `guests` and `clients`, which this version only cleans up.

-- One of the unpaid holds that a limit allows. The key makes a limit exact: two checkouts cannot take one number. A hold
-- that leaves `held` and `processing` gives its allowances back.
CREATE TABLE allowances (
    scope   TEXT    NOT NULL CONSTRAINT allowances_scope CHECK (scope IN ('guest', 'email', 'client', 'network')),
    -- Whom the limit counts: an address, the pseudonym of a client or a network, or the client and the address.
    subject TEXT    NOT NULL,
    number  INTEGER NOT NULL CONSTRAINT allowances_number CHECK (number >= 1),
    -- Deferred, as in occupancy: the allowances are written before the hold.
    hold_id TEXT    NOT NULL REFERENCES holds (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    PRIMARY KEY (scope, subject, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX allowances_hold ON allowances (hold_id);

-- Whether the placing statement took the allowances. The version before does not know them.
ALTER TABLE holds ADD COLUMN allowances_taken INTEGER NOT NULL DEFAULT 0
    CONSTRAINT holds_allowances_taken CHECK (allowances_taken IN (0, 1));
-- When the hold stopped being `held` or `processing`, or was confirmed by a late payment.
ALTER TABLE holds ADD COLUMN unpaid_until INTEGER;
-- How the last holds of a client ended. Only the newest entries are read.
CREATE INDEX holds_ended_of_client ON holds (client_id, unpaid_until DESC)
    WHERE client_id IS NOT NULL AND unpaid_until IS NOT NULL;
UPDATE holds SET unpaid_until = updated_at
WHERE status IN ('confirmed', 'released', 'cancelled') AND client_id IS NOT NULL
  AND updated_at > (unixepoch() - 24 * 3600) * 1000;

-- A hold that is counted without a look at the limit gets a number above every limit, so that it is in nobody's way and
-- never refused.
INSERT INTO allowances (scope, subject, number, hold_id)
SELECT scope, subject, 1000000 + row_number() OVER (PARTITION BY scope, subject ORDER BY id), id
FROM (
    SELECT 'guest' AS scope, coalesce(client_id, '') || ' ' || guest_id AS subject, id FROM holds
    WHERE status IN ('held', 'processing')
    UNION ALL SELECT 'email', guest_id, id FROM holds WHERE status IN ('held', 'processing')
    UNION ALL SELECT 'client', client_id, id FROM holds WHERE status IN ('held', 'processing'))
WHERE subject IS NOT NULL;

CREATE TRIGGER holds_counted_in AFTER INSERT ON holds
WHEN NEW.status IN ('held', 'processing') AND NOT NEW.allowances_taken
BEGIN
    INSERT OR IGNORE INTO allowances (scope, subject, number, hold_id)
    SELECT scope, subject, 1000001 + abs(random() % 1000000000), NEW.id
    FROM (
        SELECT 'guest' AS scope, coalesce(NEW.client_id, '') || ' ' || NEW.guest_id AS subject
        UNION ALL SELECT 'email', NEW.guest_id
        UNION ALL SELECT 'client', NEW.client_id)
    WHERE subject IS NOT NULL;
END;

CREATE TRIGGER holds_no_longer_unpaid AFTER UPDATE OF status ON holds
WHEN NEW.status NOT IN ('held', 'processing')
    AND (OLD.status IN ('held', 'processing') OR NEW.status = 'confirmed' AND OLD.status <> 'confirmed')
BEGIN
    UPDATE holds SET unpaid_until = NEW.updated_at WHERE id = NEW.id;
    DELETE FROM allowances WHERE hold_id = NEW.id;
END;

-- The counters of the version before count only its own holds.
DROP TRIGGER holds_counted_out;
CREATE TRIGGER holds_counted_out AFTER UPDATE OF status ON holds
WHEN OLD.status = 'held' AND NEW.status <> 'held' AND NOT OLD.allowances_taken
BEGIN
    UPDATE guests SET held = max(held - 1, 0) WHERE email = OLD.guest_id;
    UPDATE clients SET held = max(held - 1, 0),
        lapses = CASE WHEN NEW.status = 'released' AND NEW.reason = 'expired' THEN lapses + 1 ELSE 0 END,
        lapsed_at = NEW.updated_at, updated_at = NEW.updated_at
    WHERE id = OLD.client_id;
END;
