-- The limits on unpaid holds: numbered allowances in place of counters that all checkouts of one caller had to write, and
-- when a hold stopped being unpaid, from which the lapses of a client are read.
-- migrations/sqlite has the same file with the same names. The version before goes on serving: it counts its own holds in
-- `guests` and `clients`, which this version only cleans up.

-- One of the unpaid holds that a limit allows. The key makes a limit exact: two checkouts cannot take one number. A hold
-- that leaves `held` and `processing` gives its allowances back.
CREATE TABLE allowances (
    scope   text    NOT NULL CONSTRAINT allowances_scope CHECK (scope IN ('guest', 'email', 'client', 'network')),
    -- Whom the limit counts: an address, the pseudonym of a client or a network, or the client and the address.
    subject text    NOT NULL,
    number  integer NOT NULL CONSTRAINT allowances_number CHECK (number >= 1),
    hold_id uuid    NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
    PRIMARY KEY (scope, subject, number)
);
CREATE INDEX allowances_hold ON allowances (hold_id);

-- Whether the placing statement took the allowances. The version before does not know them.
ALTER TABLE holds ADD COLUMN allowances_taken boolean NOT NULL DEFAULT false;
-- When the hold stopped being `held` or `processing`, or was confirmed by a late payment.
ALTER TABLE holds ADD COLUMN unpaid_until timestamptz;
-- How the last holds of a client ended. Only the newest entries are read.
CREATE INDEX holds_ended_of_client ON holds (client_id, unpaid_until DESC)
    WHERE client_id IS NOT NULL AND unpaid_until IS NOT NULL;
UPDATE holds SET unpaid_until = updated_at
WHERE status IN ('confirmed', 'released', 'cancelled') AND client_id IS NOT NULL
  AND updated_at > now() - interval '24 hours';

-- A hold that is counted without a look at the limit gets a number above every limit, so that it is in nobody's way and
-- never refused.
INSERT INTO allowances (scope, subject, number, hold_id)
SELECT s.scope, s.subject, 1000000 + row_number() OVER (PARTITION BY s.scope, s.subject ORDER BY h.id), h.id
FROM holds h
CROSS JOIN LATERAL (VALUES
    ('guest', coalesce(h.client_id, '') || ' ' || h.guest_id),
    ('email', h.guest_id),
    ('client', h.client_id)) AS s (scope, subject)
WHERE h.status IN ('held', 'processing') AND s.subject IS NOT NULL;

CREATE FUNCTION holds_counted_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO allowances (scope, subject, number, hold_id)
    SELECT s.scope, s.subject, 1000001 + floor(random() * 1000000000)::integer, NEW.id
    FROM (VALUES
        ('guest', coalesce(NEW.client_id, '') || ' ' || NEW.guest_id),
        ('email', NEW.guest_id),
        ('client', NEW.client_id)) AS s (scope, subject)
    WHERE s.subject IS NOT NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER holds_counted_in AFTER INSERT ON holds
    FOR EACH ROW WHEN (NEW.status IN ('held', 'processing') AND NOT NEW.allowances_taken)
    EXECUTE FUNCTION holds_counted_in();

CREATE FUNCTION holds_no_longer_unpaid() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.unpaid_until = NEW.updated_at;
    DELETE FROM allowances WHERE hold_id = NEW.id;
    RETURN NEW;
END $$;
CREATE TRIGGER holds_no_longer_unpaid BEFORE UPDATE OF status ON holds
    FOR EACH ROW WHEN (
        NEW.status NOT IN ('held', 'processing')
        AND (OLD.status IN ('held', 'processing') OR NEW.status = 'confirmed' AND OLD.status <> 'confirmed'))
    EXECUTE FUNCTION holds_no_longer_unpaid();

-- The counters of the version before count only its own holds.
DROP TRIGGER holds_counted_out ON holds;
CREATE TRIGGER holds_counted_out AFTER UPDATE OF status ON holds
    FOR EACH ROW WHEN (OLD.status = 'held' AND NEW.status <> 'held' AND NOT OLD.allowances_taken)
    EXECUTE FUNCTION holds_counted_out();
