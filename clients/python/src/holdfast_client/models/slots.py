from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.slot import Slot





T = TypeVar("T", bound="Slots")



@_attrs_define
class Slots:
    """ The slots of an event type in a period.

        Attributes:
            event_type (str): The event type's id. Example: intro-call.
            slots (list[Slot]): The slots, ordered by start.
            timezone (str): The time zone of the event type's schedule; UTC if it has no schedule. Example: Europe/Berlin.
     """

    event_type: str
    slots: list[Slot]
    timezone: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.slot import Slot # noqa: PLC0415
        event_type = self.event_type

        slots = []
        for slots_item_data in self.slots:
            slots_item = slots_item_data.to_dict()
            slots.append(slots_item)



        timezone = self.timezone


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "event_type": event_type,
            "slots": slots,
            "timezone": timezone,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.slot import Slot # noqa: PLC0415
        d = dict(src_dict)
        event_type = d.pop("event_type")

        slots = []
        _slots = d.pop("slots")
        for slots_item_data in (_slots):
            slots_item = Slot.from_dict(slots_item_data)



            slots.append(slots_item)


        timezone = d.pop("timezone")

        slots = cls(
            event_type=event_type,
            slots=slots,
            timezone=timezone,
        )


        slots.additional_properties = d
        return slots

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
