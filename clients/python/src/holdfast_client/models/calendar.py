from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="Calendar")



@_attrs_define
class Calendar:
    """ The calendar feed of a resource, and how its last read went.

        Attributes:
            entries (int): How many entries the feed had when it was last read without an error.
            fault (None | str): What was wrong at the last read, in one sentence.
            fault_count (int): How many faults these entries had.
            faults (list[str]): The first ten faults, each with the position of its entry in the feed. They name no event.
            read_at (datetime.datetime | None): When the feed was last read without an error.
            state (None | str): How the last read went: `ok`, `partial` (some entries have faults; each fault says what
                blocks
                instead) or `failed` (the blocks of the read before stay). Null before the first read. Example: ok.
            timezone (None | str): The zone that was set with the feed.
            url (None | str): The URL of the feed; null if there is none.
     """

    entries: int
    fault: None | str
    fault_count: int
    faults: list[str]
    read_at: datetime.datetime | None
    state: None | str
    timezone: None | str
    url: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        entries = self.entries

        fault: None | str
        fault = self.fault

        fault_count = self.fault_count

        faults = self.faults



        read_at: None | str
        if isinstance(self.read_at, datetime.datetime):
            read_at = self.read_at.isoformat()
        else:
            read_at = self.read_at

        state: None | str
        state = self.state

        timezone: None | str
        timezone = self.timezone

        url: None | str
        url = self.url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "entries": entries,
            "fault": fault,
            "fault_count": fault_count,
            "faults": faults,
            "read_at": read_at,
            "state": state,
            "timezone": timezone,
            "url": url,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        entries = d.pop("entries")

        def _parse_fault(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        fault = _parse_fault(d.pop("fault"))


        fault_count = d.pop("fault_count")

        faults = cast(list[str], d.pop("faults"))


        def _parse_read_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                read_at_type_0 = datetime.datetime.fromisoformat(data)



                return read_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        read_at = _parse_read_at(d.pop("read_at"))


        def _parse_state(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        state = _parse_state(d.pop("state"))


        def _parse_timezone(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        timezone = _parse_timezone(d.pop("timezone"))


        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))


        calendar = cls(
            entries=entries,
            fault=fault,
            fault_count=fault_count,
            faults=faults,
            read_at=read_at,
            state=state,
            timezone=timezone,
            url=url,
        )


        calendar.additional_properties = d
        return calendar

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
