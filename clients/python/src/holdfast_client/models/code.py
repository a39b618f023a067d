from enum import StrEnum

class Code(StrEnum):
    ALREADY_PAID = "already_paid"
    BAD_SIGNATURE = "bad_signature"
    CONFLICT = "conflict"
    FORBIDDEN = "forbidden"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    INTERNAL = "internal"
    INVALID = "invalid"
    MALFORMED = "malformed"
    NOT_CANCELLABLE = "not_cancellable"
    NOT_FOUND = "not_found"
    NOT_MOVABLE = "not_movable"
    RATE_LIMITED = "rate_limited"
    SLOT_TAKEN = "slot_taken"
    STORE_UNAVAILABLE = "store_unavailable"
    STRIPE_REFUSED = "stripe_refused"
    STRIPE_UNAVAILABLE = "stripe_unavailable"
    TOO_BUSY = "too_busy"
    TOO_MANY_HOLDS = "too_many_holds"
    UNAUTHORIZED = "unauthorized"

    def __str__(self) -> str:
        return str(self.value)
