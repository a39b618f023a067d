-- What an event type asks of Stripe's payment page; null asks for nothing. migrations/postgres has the same file with the same
-- names. The version before keeps the column as it is, and sells without the options.
ALTER TABLE event_types ADD COLUMN checkout TEXT;
