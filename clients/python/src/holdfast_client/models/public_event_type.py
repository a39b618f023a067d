from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.public_resource import PublicResource
  from ..models.public_segment import PublicSegment





T = TypeVar("T", bound="PublicEventType")



@_attrs_define
class PublicEventType:
    """ An event type on sale, as guests may see it.

        Attributes:
            amount (int): The price of one unit, in the currency's minor unit. Example: 5000.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            description (None | str): What it is, in words; null if the shop does not say so.
            guest_cancel_until_minutes (int | None): Until how many minutes before the start a guest who has paid may cancel
                for a full refund; null if never.
            guest_move_until_minutes (int | None): Until how many minutes before the start a guest may move the hold; null
                if never.
            id (str): The event type's id. Example: intro-call.
            max_quantity (int): The most units of one booking; all units of a segment are on one resource. Example: 20.
            name (str): The name of the event type. Example: Intro call.
            resources (list[PublicResource]): The resources of the first segment. A guest may request one of them.
            segments (list[PublicSegment]): The segments of the event type. The first one begins at the start.
            timezone (str): The time zone of the schedule; UTC if there is none. Example: Europe/Berlin.
     """

    amount: int
    currency: str
    description: None | str
    guest_cancel_until_minutes: int | None
    guest_move_until_minutes: int | None
    id: str
    max_quantity: int
    name: str
    resources: list[PublicResource]
    segments: list[PublicSegment]
    timezone: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.public_resource import PublicResource # noqa: PLC0415
        from ..models.public_segment import PublicSegment # noqa: PLC0415
        amount = self.amount

        currency = self.currency

        description: None | str
        description = self.description

        guest_cancel_until_minutes: int | None
        guest_cancel_until_minutes = self.guest_cancel_until_minutes

        guest_move_until_minutes: int | None
        guest_move_until_minutes = self.guest_move_until_minutes

        id = self.id

        max_quantity = self.max_quantity

        name = self.name

        resources = []
        for resources_item_data in self.resources:
            resources_item = resources_item_data.to_dict()
            resources.append(resources_item)



        segments = []
        for segments_item_data in self.segments:
            segments_item = segments_item_data.to_dict()
            segments.append(segments_item)



        timezone = self.timezone


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "currency": currency,
            "description": description,
            "guest_cancel_until_minutes": guest_cancel_until_minutes,
            "guest_move_until_minutes": guest_move_until_minutes,
            "id": id,
            "max_quantity": max_quantity,
            "name": name,
            "resources": resources,
            "segments": segments,
            "timezone": timezone,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.public_resource import PublicResource # noqa: PLC0415
        from ..models.public_segment import PublicSegment # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        currency = d.pop("currency")

        def _parse_description(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        description = _parse_description(d.pop("description"))


        def _parse_guest_cancel_until_minutes(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        guest_cancel_until_minutes = _parse_guest_cancel_until_minutes(d.pop("guest_cancel_until_minutes"))


        def _parse_guest_move_until_minutes(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        guest_move_until_minutes = _parse_guest_move_until_minutes(d.pop("guest_move_until_minutes"))


        id = d.pop("id")

        max_quantity = d.pop("max_quantity")

        name = d.pop("name")

        resources = []
        _resources = d.pop("resources")
        for resources_item_data in (_resources):
            resources_item = PublicResource.from_dict(resources_item_data)



            resources.append(resources_item)


        segments = []
        _segments = d.pop("segments")
        for segments_item_data in (_segments):
            segments_item = PublicSegment.from_dict(segments_item_data)



            segments.append(segments_item)


        timezone = d.pop("timezone")

        public_event_type = cls(
            amount=amount,
            currency=currency,
            description=description,
            guest_cancel_until_minutes=guest_cancel_until_minutes,
            guest_move_until_minutes=guest_move_until_minutes,
            id=id,
            max_quantity=max_quantity,
            name=name,
            resources=resources,
            segments=segments,
            timezone=timezone,
        )


        public_event_type.additional_properties = d
        return public_event_type

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
