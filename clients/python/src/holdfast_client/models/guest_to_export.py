from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="GuestToExport")



@_attrs_define
class GuestToExport:
    """ The guest whose data to export.

        Attributes:
            email (str): The guest's e-mail address; case and surrounding blanks do not matter. Example: ada@example.com.
            cursor (None | str | Unset): The `next_cursor` of the previous page.
     """

    email: str
    cursor: None | str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        email = self.email

        cursor: None | str | Unset
        if isinstance(self.cursor, Unset):
            cursor = UNSET
        else:
            cursor = self.cursor


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "email": email,
        })
        if cursor is not UNSET:
            field_dict["cursor"] = cursor

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        def _parse_cursor(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cursor = _parse_cursor(d.pop("cursor", UNSET))


        guest_to_export = cls(
            email=email,
            cursor=cursor,
        )

        return guest_to_export

