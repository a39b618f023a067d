from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.slot_status import SlotStatus
from typing import cast
import datetime






T = TypeVar("T", bound="Slot")



@_attrs_define
class Slot:
    """ A start that an event type offers for sale.

        Attributes:
            available (int): How many bookings of the requested quantity still fit. Example: 2.
            ends_at (datetime.datetime): The first instant after the slot.
            starts_at (datetime.datetime): The first instant of the slot.
            status (SlotStatus): Whether a slot can be booked.
     """

    available: int
    ends_at: datetime.datetime
    starts_at: datetime.datetime
    status: SlotStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        available = self.available

        ends_at = self.ends_at.isoformat()

        starts_at = self.starts_at.isoformat()

        status = self.status.value


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "available": available,
            "ends_at": ends_at,
            "starts_at": starts_at,
            "status": status,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        available = d.pop("available")

        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        status = SlotStatus(d.pop("status"))




        slot = cls(
            available=available,
            ends_at=ends_at,
            starts_at=starts_at,
            status=status,
        )


        slot.additional_properties = d
        return slot

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
