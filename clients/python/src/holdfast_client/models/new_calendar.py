from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="NewCalendar")



@_attrs_define
class NewCalendar:
    """ The calendar feed to read.

        Attributes:
            url (None | str): The https or webcal URL of an iCalendar feed, at most 2000 characters; null removes the feed
                and its blocks. Example: https://calendar.example/ana.ics.
            timezone (None | str | Unset): The zone of whole days and of times without a zone: an IANA name. Without it, the
                one that the feed names, else those
                of the schedules that offer the resource. Example: Europe/Berlin.
     """

    url: None | str
    timezone: None | str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        url: None | str
        url = self.url

        timezone: None | str | Unset
        if isinstance(self.timezone, Unset):
            timezone = UNSET
        else:
            timezone = self.timezone


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "url": url,
        })
        if timezone is not UNSET:
            field_dict["timezone"] = timezone

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        def _parse_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        url = _parse_url(d.pop("url"))


        def _parse_timezone(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        timezone = _parse_timezone(d.pop("timezone", UNSET))


        new_calendar = cls(
            url=url,
            timezone=timezone,
        )

        return new_calendar

