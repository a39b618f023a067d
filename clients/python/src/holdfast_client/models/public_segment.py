from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.public_resource import PublicResource





T = TypeVar("T", bound="PublicSegment")



@_attrs_define
class PublicSegment:
    """ A part of an event type, as guests may see it.

        Attributes:
            duration_minutes (int): The length of the segment in minutes. Example: 30.
            offset_minutes (int): How many minutes after the start the segment begins. Example: 0.
            resources (list[PublicResource]): The resources of which one serves the segment.
     """

    duration_minutes: int
    offset_minutes: int
    resources: list[PublicResource]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.public_resource import PublicResource # noqa: PLC0415
        duration_minutes = self.duration_minutes

        offset_minutes = self.offset_minutes

        resources = []
        for resources_item_data in self.resources:
            resources_item = resources_item_data.to_dict()
            resources.append(resources_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "duration_minutes": duration_minutes,
            "offset_minutes": offset_minutes,
            "resources": resources,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.public_resource import PublicResource # noqa: PLC0415
        d = dict(src_dict)
        duration_minutes = d.pop("duration_minutes")

        offset_minutes = d.pop("offset_minutes")

        resources = []
        _resources = d.pop("resources")
        for resources_item_data in (_resources):
            resources_item = PublicResource.from_dict(resources_item_data)



            resources.append(resources_item)


        public_segment = cls(
            duration_minutes=duration_minutes,
            offset_minutes=offset_minutes,
            resources=resources,
        )


        public_segment.additional_properties = d
        return public_segment

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
