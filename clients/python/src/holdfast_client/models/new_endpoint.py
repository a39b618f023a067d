from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="NewEndpoint")



@_attrs_define
class NewEndpoint:
    """ An endpoint to set.

        Attributes:
            url (str): The https URL that events are sent to, at most 2000 characters. Example:
                https://shop.example/hooks/holdfast.
            enabled (bool | Unset): Whether events are sent to it. What happens while it is not enabled is sent later, for
                30 days. True if absent.
            events (list[str] | Unset): The types of events that it gets; `*` is all, also those of later versions. Example:
                ['hold.confirmed', 'hold.cancelled'].
     """

    url: str
    enabled: bool | Unset = UNSET
    events: list[str] | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        url = self.url

        enabled = self.enabled

        events: list[str] | Unset = UNSET
        if not isinstance(self.events, Unset):
            events = self.events




        field_dict: dict[str, Any] = {}

        field_dict.update({
            "url": url,
        })
        if enabled is not UNSET:
            field_dict["enabled"] = enabled
        if events is not UNSET:
            field_dict["events"] = events

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        url = d.pop("url")

        enabled = d.pop("enabled", UNSET)

        events = cast(list[str], d.pop("events", UNSET))


        new_endpoint = cls(
            url=url,
            enabled=enabled,
            events=events,
        )

        return new_endpoint

