from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.day import Day
from typing import cast






T = TypeVar("T", bound="WeeklyHours")



@_attrs_define
class WeeklyHours:
    """ Open hours on some days of each week.

        Attributes:
            days (list[Day]): The days on which the hours begin, each named once. Example: ['mon', 'tue'].
            from_ (str): The first open minute. Example: 09:00.
            to (str): The first closed minute, up to 24:00. If it is not after `from`, it is on the next day. Example:
                17:00.
     """

    days: list[Day]
    from_: str
    to: str





    def to_dict(self) -> dict[str, Any]:
        days = []
        for days_item_data in self.days:
            days_item = days_item_data.value
            days.append(days_item)



        from_ = self.from_

        to = self.to


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "days": days,
            "from": from_,
            "to": to,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        days = []
        _days = d.pop("days")
        for days_item_data in (_days):
            days_item = Day(days_item_data)



            days.append(days_item)


        from_ = d.pop("from")

        to = d.pop("to")

        weekly_hours = cls(
            days=days,
            from_=from_,
            to=to,
        )

        return weekly_hours

