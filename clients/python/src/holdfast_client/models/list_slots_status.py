from enum import StrEnum

class ListSlotsStatus(StrEnum):
    FREE = "free"

    def __str__(self) -> str:
        return str(self.value)
