-- What the sweep deletes, by when. Each index has only the rows that are still to be deleted or cleared, so it shrinks as
-- the sweep works. migrations/sqlite has the same file with the same names.
CREATE INDEX holds_to_delete ON holds (updated_at)
    WHERE status = 'released' AND funds = 'none' AND guest_email IS NULL;
-- The version before erased the guest of an ended hold, but not its metadata.
CREATE INDEX holds_metadata_to_forget ON holds (updated_at)
    WHERE status IN ('released', 'cancelled') AND guest_email IS NULL AND metadata <> '{}';
-- Refunds stay with their payment.
CREATE INDEX commands_to_delete ON commands (done_at) WHERE done_at IS NOT NULL AND kind = 'expire_session';
