-- Several secrets of an endpoint may sign at a time: each one that was replaced signs for a day, however often it is replaced.
-- No released version has the columns that this takes the place of. An index finds the events that wait for an endpoint.
-- migrations/sqlite has the same file with the same names.

-- The secrets before, as a JSON array of {"secret", "until_ms"}; the latest first.
ALTER TABLE event_endpoints ADD COLUMN previous_secrets jsonb NOT NULL DEFAULT '[]';
UPDATE event_endpoints SET previous_secrets = jsonb_build_array(jsonb_build_object(
    'secret', previous_secret, 'until_ms', floor(extract(epoch FROM previous_until) * 1000)::bigint))
WHERE previous_secret IS NOT NULL AND previous_until IS NOT NULL;
ALTER TABLE event_endpoints DROP COLUMN previous_secret;
ALTER TABLE event_endpoints DROP COLUMN previous_until;

CREATE INDEX event_deliveries_unsent ON event_deliveries (endpoint_id, position) WHERE state = 'pending';
