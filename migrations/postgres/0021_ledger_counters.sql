-- Holds no lock that the program waits for.
ALTER TABLE payments
    VALIDATE CONSTRAINT payments_keep,
    VALIDATE CONSTRAINT payments_keep_reason,
    VALIDATE CONSTRAINT payments_settled_outside,
    VALIDATE CONSTRAINT payments_covered,
    VALIDATE CONSTRAINT payments_reordered;

-- The payments of versions before: each by one row of the counter.
UPDATE payments SET refunded = refunded WHERE refunded > 0 OR state IN ('disputed', 'refunded', 'refund_failed');
