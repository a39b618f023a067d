from enum import StrEnum

class Scope(StrEnum):
    ADMIN = "admin"
    CHECKOUT = "checkout"
    OPERATE = "operate"
    READ = "read"

    def __str__(self) -> str:
        return str(self.value)
