from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
  from ..models.event_copy_body_type_0 import EventCopyBodyType0





T = TypeVar("T", bound="EventCopy")



@_attrs_define
class EventCopy:
    """ An event from Stripe with its body.

        Attributes:
            applied_at (datetime.datetime): When the event was applied.
            has_payload (bool): Whether the event's body is still stored, so that it can be replayed.
            hold (None | UUID): The hold that the event is about. For a payment without a hold, it is the hold that the
                metadata names.
            id (str): The event's id at Stripe. Example: evt_1.
            type_ (str): The type of the event. Example: checkout.session.completed.
            body (EventCopyBodyType0 | None): The body as Stripe sent it; null once it is deleted.
     """

    applied_at: datetime.datetime
    has_payload: bool
    hold: None | UUID
    id: str
    type_: str
    body: EventCopyBodyType0 | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.event_copy_body_type_0 import EventCopyBodyType0 # noqa: PLC0415
        applied_at = self.applied_at.isoformat()

        has_payload = self.has_payload

        hold: None | str
        if isinstance(self.hold, UUID):
            hold = str(self.hold)
        else:
            hold = self.hold

        id = self.id

        type_ = self.type_

        body: dict[str, Any] | None
        if isinstance(self.body, EventCopyBodyType0):
            body = self.body.to_dict()
        else:
            body = self.body


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "applied_at": applied_at,
            "has_payload": has_payload,
            "hold": hold,
            "id": id,
            "type": type_,
            "body": body,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_copy_body_type_0 import EventCopyBodyType0 # noqa: PLC0415
        d = dict(src_dict)
        applied_at = datetime.datetime.fromisoformat(d.pop("applied_at"))




        has_payload = d.pop("has_payload")

        def _parse_hold(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                hold_type_0 = UUID(data)



                return hold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        hold = _parse_hold(d.pop("hold"))


        id = d.pop("id")

        type_ = d.pop("type")

        def _parse_body(data: object) -> EventCopyBodyType0 | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                body_type_0 = EventCopyBodyType0.from_dict(data)



                return body_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EventCopyBodyType0 | None, data)

        body = _parse_body(d.pop("body"))


        event_copy = cls(
            applied_at=applied_at,
            has_payload=has_payload,
            hold=hold,
            id=id,
            type_=type_,
            body=body,
        )


        event_copy.additional_properties = d
        return event_copy

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
