-- The orders to refund a payment.
CREATE INDEX commands_refunds ON commands (intent_id) WHERE kind = 'refund';
