from enum import StrEnum

class SubmitType(StrEnum):
    AUTO = "auto"
    BOOK = "book"
    DONATE = "donate"
    PAY = "pay"

    def __str__(self) -> str:
        return str(self.value)
