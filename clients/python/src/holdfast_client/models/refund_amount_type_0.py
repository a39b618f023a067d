from enum import StrEnum

class RefundAmountType0(StrEnum):
    FULL = "full"
    NONE = "none"

    def __str__(self) -> str:
        return str(self.value)
