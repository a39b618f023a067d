from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.schedule_exception import ScheduleException
  from ..models.weekly_hours import WeeklyHours





T = TypeVar("T", bound="Schedule")



@_attrs_define
class Schedule:
    """ When an event type may start.

        Attributes:
            timezone (str): The time zone of all hours: a name of the IANA time zone database. Example: Europe/Berlin.
            exceptions (list[ScheduleException] | Unset): Dates whose hours replace the weekly ones. Several exceptions of
                one date add up.
            max_advance_days (int | Unset): The most days from now to a start; ten years if absent.
            min_notice_minutes (int | Unset): The fewest minutes from now to a start; 0 if absent.
            step_minutes (int | Unset): Minutes on the wall clock from one start to the next, counted from the beginning of
                the hours; 15 if
                absent.
            weekly (list[WeeklyHours] | Unset): The hours of each week. An event that lasts longer than the hours is not
                offered in them.
     """

    timezone: str
    exceptions: list[ScheduleException] | Unset = UNSET
    max_advance_days: int | Unset = UNSET
    min_notice_minutes: int | Unset = UNSET
    step_minutes: int | Unset = UNSET
    weekly: list[WeeklyHours] | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        from ..models.schedule_exception import ScheduleException # noqa: PLC0415
        from ..models.weekly_hours import WeeklyHours # noqa: PLC0415
        timezone = self.timezone

        exceptions: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.exceptions, Unset):
            exceptions = []
            for exceptions_item_data in self.exceptions:
                exceptions_item = exceptions_item_data.to_dict()
                exceptions.append(exceptions_item)



        max_advance_days = self.max_advance_days

        min_notice_minutes = self.min_notice_minutes

        step_minutes = self.step_minutes

        weekly: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.weekly, Unset):
            weekly = []
            for weekly_item_data in self.weekly:
                weekly_item = weekly_item_data.to_dict()
                weekly.append(weekly_item)




        field_dict: dict[str, Any] = {}

        field_dict.update({
            "timezone": timezone,
        })
        if exceptions is not UNSET:
            field_dict["exceptions"] = exceptions
        if max_advance_days is not UNSET:
            field_dict["max_advance_days"] = max_advance_days
        if min_notice_minutes is not UNSET:
            field_dict["min_notice_minutes"] = min_notice_minutes
        if step_minutes is not UNSET:
            field_dict["step_minutes"] = step_minutes
        if weekly is not UNSET:
            field_dict["weekly"] = weekly

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.schedule_exception import ScheduleException # noqa: PLC0415
        from ..models.weekly_hours import WeeklyHours # noqa: PLC0415
        d = dict(src_dict)
        timezone = d.pop("timezone")

        _exceptions = d.pop("exceptions", UNSET)
        exceptions: list[ScheduleException] | Unset = UNSET
        if _exceptions is not UNSET:
            exceptions = []
            for exceptions_item_data in _exceptions:
                exceptions_item = ScheduleException.from_dict(exceptions_item_data)



                exceptions.append(exceptions_item)


        max_advance_days = d.pop("max_advance_days", UNSET)

        min_notice_minutes = d.pop("min_notice_minutes", UNSET)

        step_minutes = d.pop("step_minutes", UNSET)

        _weekly = d.pop("weekly", UNSET)
        weekly: list[WeeklyHours] | Unset = UNSET
        if _weekly is not UNSET:
            weekly = []
            for weekly_item_data in _weekly:
                weekly_item = WeeklyHours.from_dict(weekly_item_data)



                weekly.append(weekly_item)


        schedule = cls(
            timezone=timezone,
            exceptions=exceptions,
            max_advance_days=max_advance_days,
            min_notice_minutes=min_notice_minutes,
            step_minutes=step_minutes,
            weekly=weekly,
        )

        return schedule

