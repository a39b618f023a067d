-- What an event type asks of Stripe's payment page; null asks for nothing. migrations/postgres has the same file with the same
-- names. The version before keeps the column as it is, and sells without the options.
ALTER TABLE event_types ADD COLUMN checkout TEXT;

-- Whether the session of a hold ended with nothing to pay: such a slot needs no money. The version before does not write it, and
-- counts such slots as slots without money.
ALTER TABLE holds ADD COLUMN owes_nothing INTEGER NOT NULL DEFAULT 0
    CONSTRAINT holds_owes_nothing CHECK (owes_nothing IN (0, 1));
CREATE INDEX holds_slot_without_payment ON holds (id) WHERE status = 'confirmed' AND funds = 'none' AND NOT owes_nothing;
