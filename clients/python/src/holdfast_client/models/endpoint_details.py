from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.endpoint_state import EndpointState
from typing import cast
import datetime






T = TypeVar("T", bound="EndpointDetails")



@_attrs_define
class EndpointDetails:
    """ An endpoint with what waits for it.

        Attributes:
            created_at (datetime.datetime): When it was made.
            enabled (bool): Whether events are sent to it.
            events (list[str]): The types of events that it gets.
            failing_since (datetime.datetime | None): Since when no attempt has succeeded.
            id (str): The endpoint's id, which the operator chose. Example: shop.
            last_fault (None | str): Why the last attempt failed.
            last_status (int | None): The HTTP status of its last answer.
            paused_until (datetime.datetime | None): Until when it asked to be left alone.
            state (EndpointState): How an endpoint is.
            url (str): Where events are sent.
            oldest_waiting_at (datetime.datetime | None): When the oldest of them happened.
            waiting (int): How many events wait to be sent to it, for the first time or again; 10000 may be more.
     """

    created_at: datetime.datetime
    enabled: bool
    events: list[str]
    failing_since: datetime.datetime | None
    id: str
    last_fault: None | str
    last_status: int | None
    paused_until: datetime.datetime | None
    state: EndpointState
    url: str
    oldest_waiting_at: datetime.datetime | None
    waiting: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        created_at = self.created_at.isoformat()

        enabled = self.enabled

        events = self.events



        failing_since: None | str
        if isinstance(self.failing_since, datetime.datetime):
            failing_since = self.failing_since.isoformat()
        else:
            failing_since = self.failing_since

        id = self.id

        last_fault: None | str
        last_fault = self.last_fault

        last_status: int | None
        last_status = self.last_status

        paused_until: None | str
        if isinstance(self.paused_until, datetime.datetime):
            paused_until = self.paused_until.isoformat()
        else:
            paused_until = self.paused_until

        state = self.state.value

        url = self.url

        oldest_waiting_at: None | str
        if isinstance(self.oldest_waiting_at, datetime.datetime):
            oldest_waiting_at = self.oldest_waiting_at.isoformat()
        else:
            oldest_waiting_at = self.oldest_waiting_at

        waiting = self.waiting


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "created_at": created_at,
            "enabled": enabled,
            "events": events,
            "failing_since": failing_since,
            "id": id,
            "last_fault": last_fault,
            "last_status": last_status,
            "paused_until": paused_until,
            "state": state,
            "url": url,
            "oldest_waiting_at": oldest_waiting_at,
            "waiting": waiting,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        enabled = d.pop("enabled")

        events = cast(list[str], d.pop("events"))


        def _parse_failing_since(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                failing_since_type_0 = datetime.datetime.fromisoformat(data)



                return failing_since_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        failing_since = _parse_failing_since(d.pop("failing_since"))


        id = d.pop("id")

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


        def _parse_paused_until(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                paused_until_type_0 = datetime.datetime.fromisoformat(data)



                return paused_until_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        paused_until = _parse_paused_until(d.pop("paused_until"))


        state = EndpointState(d.pop("state"))




        url = d.pop("url")

        def _parse_oldest_waiting_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                oldest_waiting_at_type_0 = datetime.datetime.fromisoformat(data)



                return oldest_waiting_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        oldest_waiting_at = _parse_oldest_waiting_at(d.pop("oldest_waiting_at"))


        waiting = d.pop("waiting")

        endpoint_details = cls(
            created_at=created_at,
            enabled=enabled,
            events=events,
            failing_since=failing_since,
            id=id,
            last_fault=last_fault,
            last_status=last_status,
            paused_until=paused_until,
            state=state,
            url=url,
            oldest_waiting_at=oldest_waiting_at,
            waiting=waiting,
        )


        endpoint_details.additional_properties = d
        return endpoint_details

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
