-- What an event type asks of Stripe's payment page; null asks for nothing. migrations/sqlite has the same file with the same
-- names. The version before keeps the column as it is, and sells without the options.
ALTER TABLE event_types ADD COLUMN checkout jsonb;

-- Whether the session of a hold ended with nothing to pay: such a slot needs no money. The version before does not write it, and
-- counts such slots as slots without money.
ALTER TABLE holds ADD COLUMN owes_nothing boolean NOT NULL DEFAULT false;
CREATE INDEX holds_slot_without_payment ON holds (id) WHERE status = 'confirmed' AND funds = 'none' AND NOT owes_nothing;
