from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.calendar import Calendar





T = TypeVar("T", bound="ResourceDetails")



@_attrs_define
class ResourceDetails:
    """ A resource with its calendars.

        Attributes:
            capacity (int): How many holds may overlap.
            id (str): The id of the resource. Example: ana.
            name (str): The name that people see. Example: Ana.
            calendar (Calendar | None):
            calendar_url (str): The path on this service where calendar programs read the resource's confirmed holds. It
                contains the key, so
                keep it secret. Example: /v1/resources/ana/calendar.ics?key=….
            needs_attention (bool): Whether an operator must look at the calendar feed: its state is `partial` or `failed`.
     """

    capacity: int
    id: str
    name: str
    calendar: Calendar | None
    calendar_url: str
    needs_attention: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.calendar import Calendar # noqa: PLC0415
        capacity = self.capacity

        id = self.id

        name = self.name

        calendar: dict[str, Any] | None
        if isinstance(self.calendar, Calendar):
            calendar = self.calendar.to_dict()
        else:
            calendar = self.calendar

        calendar_url = self.calendar_url

        needs_attention = self.needs_attention


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "capacity": capacity,
            "id": id,
            "name": name,
            "calendar": calendar,
            "calendar_url": calendar_url,
            "needs_attention": needs_attention,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.calendar import Calendar # noqa: PLC0415
        d = dict(src_dict)
        capacity = d.pop("capacity")

        id = d.pop("id")

        name = d.pop("name")

        def _parse_calendar(data: object) -> Calendar | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                calendar_type_0 = Calendar.from_dict(data)



                return calendar_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(Calendar | None, data)

        calendar = _parse_calendar(d.pop("calendar"))


        calendar_url = d.pop("calendar_url")

        needs_attention = d.pop("needs_attention")

        resource_details = cls(
            capacity=capacity,
            id=id,
            name=name,
            calendar=calendar,
            calendar_url=calendar_url,
            needs_attention=needs_attention,
        )


        resource_details.additional_properties = d
        return resource_details

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
