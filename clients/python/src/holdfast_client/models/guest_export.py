from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.event_copy import EventCopy
  from ..models.exported_hold import ExportedHold
  from ..models.open_checkout import OpenCheckout





T = TypeVar("T", bound="GuestExport")



@_attrs_define
class GuestExport:
    """ What is stored about a guest.

        Attributes:
            data (list[ExportedHold]): A page of the guest's holds, newest first.
            next_cursor (None | str): The cursor of the next page; null on the last page.
            open_checkouts (list[OpenCheckout]): The guest's checkouts that have not ended; only on the first page.
            orphan_events (list[EventCopy]): The events of payments without a hold that name the guest; only on the first
                page.
     """

    data: list[ExportedHold]
    next_cursor: None | str
    open_checkouts: list[OpenCheckout]
    orphan_events: list[EventCopy]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.event_copy import EventCopy # noqa: PLC0415
        from ..models.exported_hold import ExportedHold # noqa: PLC0415
        from ..models.open_checkout import OpenCheckout # noqa: PLC0415
        data = []
        for data_item_data in self.data:
            data_item = data_item_data.to_dict()
            data.append(data_item)



        next_cursor: None | str
        next_cursor = self.next_cursor

        open_checkouts = []
        for open_checkouts_item_data in self.open_checkouts:
            open_checkouts_item = open_checkouts_item_data.to_dict()
            open_checkouts.append(open_checkouts_item)



        orphan_events = []
        for orphan_events_item_data in self.orphan_events:
            orphan_events_item = orphan_events_item_data.to_dict()
            orphan_events.append(orphan_events_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "data": data,
            "next_cursor": next_cursor,
            "open_checkouts": open_checkouts,
            "orphan_events": orphan_events,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_copy import EventCopy # noqa: PLC0415
        from ..models.exported_hold import ExportedHold # noqa: PLC0415
        from ..models.open_checkout import OpenCheckout # noqa: PLC0415
        d = dict(src_dict)
        data = []
        _data = d.pop("data")
        for data_item_data in (_data):
            data_item = ExportedHold.from_dict(data_item_data)



            data.append(data_item)


        def _parse_next_cursor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        next_cursor = _parse_next_cursor(d.pop("next_cursor"))


        open_checkouts = []
        _open_checkouts = d.pop("open_checkouts")
        for open_checkouts_item_data in (_open_checkouts):
            open_checkouts_item = OpenCheckout.from_dict(open_checkouts_item_data)



            open_checkouts.append(open_checkouts_item)


        orphan_events = []
        _orphan_events = d.pop("orphan_events")
        for orphan_events_item_data in (_orphan_events):
            orphan_events_item = EventCopy.from_dict(orphan_events_item_data)



            orphan_events.append(orphan_events_item)


        guest_export = cls(
            data=data,
            next_cursor=next_cursor,
            open_checkouts=open_checkouts,
            orphan_events=orphan_events,
        )


        guest_export.additional_properties = d
        return guest_export

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
