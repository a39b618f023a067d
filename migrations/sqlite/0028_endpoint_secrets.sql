-- Several secrets of an endpoint may sign at a time: each one that was replaced signs for a day, however often it is replaced.
-- No released version has the columns that this takes the place of. An index finds the events that wait for an endpoint.
-- migrations/postgres has the same file with the same names.

-- The secrets before, as a JSON array of {"secret", "until_ms"}; the latest first.
ALTER TABLE event_endpoints ADD COLUMN previous_secrets TEXT NOT NULL DEFAULT '[]';
UPDATE event_endpoints SET previous_secrets = json_array(json_object('secret', previous_secret, 'until_ms', previous_until))
WHERE previous_secret IS NOT NULL AND previous_until IS NOT NULL;
ALTER TABLE event_endpoints DROP COLUMN previous_secret;
ALTER TABLE event_endpoints DROP COLUMN previous_until;

CREATE INDEX event_deliveries_unsent ON event_deliveries (endpoint_id, position) WHERE state = 'pending';
