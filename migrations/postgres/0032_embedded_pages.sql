-- The client secret with which Stripe.js shows the payment page of a hold in the shop's own page. Such a hold has no checkout_url: the
-- column is empty then. A hosted page has none. migrations/sqlite has the same file with the same names. The version before shows
-- neither, so that the guest waits for an instance of this one.
ALTER TABLE holds ADD COLUMN client_secret text;
