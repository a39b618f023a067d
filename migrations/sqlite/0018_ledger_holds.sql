-- Holds with another amount than the price, which operators look for.
CREATE INDEX holds_price_mismatch ON holds (id) WHERE price_mismatch;
