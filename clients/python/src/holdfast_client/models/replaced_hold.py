from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from uuid import UUID






T = TypeVar("T", bound="ReplacedHold")



@_attrs_define
class ReplacedHold:
    """ A hold that a new one replaces, with the right to change it.

        Attributes:
            id (UUID): The id of the hold.
            token (str): The hold's token, `hft_…`.
     """

    id: UUID
    token: str





    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        token = self.token


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "id": id,
            "token": token,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))




        token = d.pop("token")

        replaced_hold = cls(
            id=id,
            token=token,
        )

        return replaced_hold

