from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="NewClosure")



@_attrs_define
class NewClosure:
    """ The days on which the shop, or some of its resources, is to be closed.

        Attributes:
            from_ (datetime.date): The first closed day, within ten years. Example: 2026-12-24.
            to (datetime.date): The last closed day, within ten years; the same day, or a later one. Example: 2026-12-26.
            note (None | str | Unset): A note for operators: at most 500 characters. Example: Christmas.
            resources (list[str] | None | Unset): The ids of the resources that are closed, each once; without it all, also
                those that are made later. Example: ['ana'].
     """

    from_: datetime.date
    to: datetime.date
    note: None | str | Unset = UNSET
    resources: list[str] | None | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        from_ = self.from_.isoformat()

        to = self.to.isoformat()

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note

        resources: list[str] | None | Unset
        if isinstance(self.resources, Unset):
            resources = UNSET
        elif isinstance(self.resources, list):
            resources = self.resources


        else:
            resources = self.resources


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "from": from_,
            "to": to,
        })
        if note is not UNSET:
            field_dict["note"] = note
        if resources is not UNSET:
            field_dict["resources"] = resources

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        from_ = datetime.date.fromisoformat(d.pop("from"))




        to = datetime.date.fromisoformat(d.pop("to"))




        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))


        def _parse_resources(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                resources_type_0 = cast(list[str], data)

                return resources_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        resources = _parse_resources(d.pop("resources", UNSET))


        new_closure = cls(
            from_=from_,
            to=to,
            note=note,
            resources=resources,
        )

        return new_closure

