-- The payments of versions before: each by one row of the counter.
UPDATE payments SET refunded = refunded WHERE refunded > 0 OR state IN ('disputed', 'refunded', 'refund_failed');
