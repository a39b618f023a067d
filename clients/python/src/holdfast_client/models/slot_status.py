from enum import StrEnum

class SlotStatus(StrEnum):
    FREE = "free"
    HELD = "held"
    TAKEN = "taken"

    def __str__(self) -> str:
        return str(self.value)
