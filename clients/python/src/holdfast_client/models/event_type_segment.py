from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="EventTypeSegment")



@_attrs_define
class EventTypeSegment:
    """ A part of an event, served by one of several resources.

        Attributes:
            any_of (list[str]): The ids of the resources, each named once. Any one of them serves the segment. Example:
                ['ana', 'ben'].
            duration_minutes (int): The length of the segment in minutes. Example: 60.
            offset_minutes (int | Unset): Minutes from the start of the event to the start of the segment; 0 if absent.
     """

    any_of: list[str]
    duration_minutes: int
    offset_minutes: int | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        any_of = self.any_of



        duration_minutes = self.duration_minutes

        offset_minutes = self.offset_minutes


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "any_of": any_of,
            "duration_minutes": duration_minutes,
        })
        if offset_minutes is not UNSET:
            field_dict["offset_minutes"] = offset_minutes

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        any_of = cast(list[str], d.pop("any_of"))


        duration_minutes = d.pop("duration_minutes")

        offset_minutes = d.pop("offset_minutes", UNSET)

        event_type_segment = cls(
            any_of=any_of,
            duration_minutes=duration_minutes,
            offset_minutes=offset_minutes,
        )

        return event_type_segment

