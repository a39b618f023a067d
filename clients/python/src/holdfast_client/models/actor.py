from enum import StrEnum

class Actor(StrEnum):
    CHECKOUT = "checkout"
    COMMAND = "command"
    EVENT = "event"
    GUEST = "guest"
    OPERATOR = "operator"
    SWEEP = "sweep"

    def __str__(self) -> str:
        return str(self.value)
