from enum import StrEnum

class CommandState(StrEnum):
    DONE = "done"
    PENDING = "pending"
    STUCK = "stuck"

    def __str__(self) -> str:
        return str(self.value)
