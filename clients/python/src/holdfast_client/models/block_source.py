from enum import StrEnum

class BlockSource(StrEnum):
    CALENDAR = "calendar"
    CLOSURE = "closure"
    OPERATOR = "operator"

    def __str__(self) -> str:
        return str(self.value)
