from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="EventClosedTime")



@_attrs_define
class EventClosedTime:
    """ A time that an operator closed.

        Attributes:
            ends_at (datetime.datetime): The first instant after that.
            id (str): The id of the block.
            resource (None | str): The resource that is not for sale then; null if all are.
            starts_at (datetime.datetime): The first instant that is closed.
     """

    ends_at: datetime.datetime
    id: str
    resource: None | str
    starts_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        ends_at = self.ends_at.isoformat()

        id = self.id

        resource: None | str
        resource = self.resource

        starts_at = self.starts_at.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "ends_at": ends_at,
            "id": id,
            "resource": resource,
            "starts_at": starts_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        id = d.pop("id")

        def _parse_resource(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        resource = _parse_resource(d.pop("resource"))


        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        event_closed_time = cls(
            ends_at=ends_at,
            id=id,
            resource=resource,
            starts_at=starts_at,
        )


        event_closed_time.additional_properties = d
        return event_closed_time

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
