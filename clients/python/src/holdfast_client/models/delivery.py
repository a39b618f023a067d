from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.delivery_state import DeliveryState
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="Delivery")



@_attrs_define
class Delivery:
    """ An event at an endpoint.

        Attributes:
            attempts (int): How many attempts were made.
            event (None | str): The id of the event: its `webhook-id`. Example: evt_0193a2b3c4d5_000000000042_1a1ee565e00.
            hold (None | UUID): The hold that it happened to.
            last_at (datetime.datetime | None): When the last attempt was made.
            last_fault (None | str): Why the last attempt failed.
            last_status (int | None): The HTTP status of the last answer.
            next_at (datetime.datetime | None): When the next attempt is due. Null if none is, or while an earlier event of
                the hold is not over.
            state (DeliveryState): What has become of an event at an endpoint.
            type_ (None | str): The type of the event. Example: hold.confirmed.
     """

    attempts: int
    event: None | str
    hold: None | UUID
    last_at: datetime.datetime | None
    last_fault: None | str
    last_status: int | None
    next_at: datetime.datetime | None
    state: DeliveryState
    type_: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        attempts = self.attempts

        event: None | str
        event = self.event

        hold: None | str
        if isinstance(self.hold, UUID):
            hold = str(self.hold)
        else:
            hold = self.hold

        last_at: None | str
        if isinstance(self.last_at, datetime.datetime):
            last_at = self.last_at.isoformat()
        else:
            last_at = self.last_at

        last_fault: None | str
        last_fault = self.last_fault

        last_status: int | None
        last_status = self.last_status

        next_at: None | str
        if isinstance(self.next_at, datetime.datetime):
            next_at = self.next_at.isoformat()
        else:
            next_at = self.next_at

        state = self.state.value

        type_: None | str
        type_ = self.type_


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "attempts": attempts,
            "event": event,
            "hold": hold,
            "last_at": last_at,
            "last_fault": last_fault,
            "last_status": last_status,
            "next_at": next_at,
            "state": state,
            "type": type_,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        attempts = d.pop("attempts")

        def _parse_event(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        event = _parse_event(d.pop("event"))


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


        def _parse_last_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_at_type_0 = datetime.datetime.fromisoformat(data)



                return last_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_at = _parse_last_at(d.pop("last_at"))


        def _parse_last_fault(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_fault = _parse_last_fault(d.pop("last_fault"))


        def _parse_last_status(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        last_status = _parse_last_status(d.pop("last_status"))


        def _parse_next_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_at_type_0 = datetime.datetime.fromisoformat(data)



                return next_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_at = _parse_next_at(d.pop("next_at"))


        state = DeliveryState(d.pop("state"))




        def _parse_type_(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        type_ = _parse_type_(d.pop("type"))


        delivery = cls(
            attempts=attempts,
            event=event,
            hold=hold,
            last_at=last_at,
            last_fault=last_fault,
            last_status=last_status,
            next_at=next_at,
            state=state,
            type_=type_,
        )


        delivery.additional_properties = d
        return delivery

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
