-- The secret of the installation, 32 bytes as hexadecimal digits: tokens, calendar keys and pseudonyms hang on it, and no
-- longer on Stripe's key. A new database gets a random one. NULL is a database that earlier versions used: the program fills
-- it with the key that these derived from Stripe's, so that what they gave out stays good.
ALTER TABLE installation ADD COLUMN token_secret TEXT
    CONSTRAINT installation_token_secret CHECK (length(token_secret) = 64 AND token_secret NOT GLOB '*[^0-9a-f]*');
UPDATE installation SET token_secret = lower(hex(randomblob(32)))
WHERE NOT EXISTS (SELECT 1 FROM resources) AND NOT EXISTS (SELECT 1 FROM holds);

-- The name of the secret that made the hold's token; NULL is the installation's own.
ALTER TABLE holds ADD COLUMN token_key TEXT;

-- Goes into the key of the resource's calendar export; a new salt ends the old key. NULL is the first key of a resource from
-- an earlier version.
ALTER TABLE resources ADD COLUMN calendar_salt TEXT;
