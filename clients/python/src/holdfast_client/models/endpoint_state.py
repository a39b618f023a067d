from enum import StrEnum

class EndpointState(StrEnum):
    DISABLED = "disabled"
    FAILING = "failing"
    GONE = "gone"
    OK = "ok"

    def __str__(self) -> str:
        return str(self.value)
