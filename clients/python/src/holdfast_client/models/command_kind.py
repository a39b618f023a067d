from enum import StrEnum

class CommandKind(StrEnum):
    EXPIRE_SESSION = "expire_session"
    REFUND = "refund"

    def __str__(self) -> str:
        return str(self.value)
