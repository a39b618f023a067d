from enum import StrEnum

class HoldStatus(StrEnum):
    CANCELLED = "cancelled"
    CONFIRMED = "confirmed"
    HELD = "held"
    PROCESSING = "processing"
    RELEASED = "released"

    def __str__(self) -> str:
        return str(self.value)
