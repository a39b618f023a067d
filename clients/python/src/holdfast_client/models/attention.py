from enum import StrEnum

class Attention(StrEnum):
    DISPUTED = "disputed"
    DOES_NOT_ADD_UP = "does_not_add_up"
    MONEY_WITHOUT_SLOT = "money_without_slot"
    OVERDUE = "overdue"
    PRICE_MISMATCH = "price_mismatch"
    PROCESSING_LONG = "processing_long"
    REFUND_FAILED = "refund_failed"
    SLOT_WITHOUT_MONEY = "slot_without_money"

    def __str__(self) -> str:
        return str(self.value)
