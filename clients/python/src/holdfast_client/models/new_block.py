from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="NewBlock")



@_attrs_define
class NewBlock:
    """ When a resource is to be busy.

        Attributes:
            ends_at (datetime.datetime): The first instant after the block: a whole second within ten years. Example:
                2026-12-01T12:00:00Z.
            starts_at (datetime.datetime): The first busy instant: a whole second within ten years. Example:
                2026-12-01T10:00:00Z.
            note (None | str | Unset): A note for operators: at most 500 characters. Example: Dentist.
     """

    ends_at: datetime.datetime
    starts_at: datetime.datetime
    note: None | str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        ends_at = self.ends_at.isoformat()

        starts_at = self.starts_at.isoformat()

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "ends_at": ends_at,
            "starts_at": starts_at,
        })
        if note is not UNSET:
            field_dict["note"] = note

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))


        new_block = cls(
            ends_at=ends_at,
            starts_at=starts_at,
            note=note,
        )

        return new_block

