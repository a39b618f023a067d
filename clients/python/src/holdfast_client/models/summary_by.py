from enum import StrEnum

class SummaryBy(StrEnum):
    DAY = "day"
    EVENT_TYPE = "event_type"

    def __str__(self) -> str:
        return str(self.value)
