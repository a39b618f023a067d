from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="ScheduleException")



@_attrs_define
class ScheduleException:
    """ A date whose hours replace the weekly ones: `closed`, or open from `from` to `to`.

        Attributes:
            date (datetime.date): The date that the exception is for. Example: 2026-12-24.
            closed (bool | Unset): Whether no hours begin on the date.
            from_ (str | Unset): The first open minute. Example: 10:00.
            to (str | Unset): The first closed minute, up to 24:00. If it is not after `from`, it is on the next day.
                Example: 14:00.
     """

    date: datetime.date
    closed: bool | Unset = UNSET
    from_: str | Unset = UNSET
    to: str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        date = self.date.isoformat()

        closed = self.closed

        from_ = self.from_

        to = self.to


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "date": date,
        })
        if closed is not UNSET:
            field_dict["closed"] = closed
        if from_ is not UNSET:
            field_dict["from"] = from_
        if to is not UNSET:
            field_dict["to"] = to

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        date = datetime.date.fromisoformat(d.pop("date"))




        closed = d.pop("closed", UNSET)

        from_ = d.pop("from", UNSET)

        to = d.pop("to", UNSET)

        schedule_exception = cls(
            date=date,
            closed=closed,
            from_=from_,
            to=to,
        )

        return schedule_exception

