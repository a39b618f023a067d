from enum import StrEnum

class HoldReason(StrEnum):
    EXPIRED = "expired"
    GUEST = "guest"
    LATE_PAYMENT_REFUNDED = "late_payment_refunded"
    OPERATOR = "operator"
    PAYMENT_FAILED = "payment_failed"
    REFUNDED = "refunded"

    def __str__(self) -> str:
        return str(self.value)
