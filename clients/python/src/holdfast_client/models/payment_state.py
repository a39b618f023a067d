from enum import StrEnum

class PaymentState(StrEnum):
    DISPUTED = "disputed"
    KEPT = "kept"
    PAID = "paid"
    REFUNDED = "refunded"
    REFUND_DUE = "refund_due"
    REFUND_FAILED = "refund_failed"

    def __str__(self) -> str:
        return str(self.value)
