from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.hold_status import HoldStatus
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="BlockConflict")



@_attrs_define
class BlockConflict:
    """ A live hold that overlaps a block.

        Attributes:
            ends_at (datetime.datetime): The first instant after that, buffers included.
            id (UUID): The id of the hold.
            starts_at (datetime.datetime): The first instant at which the hold keeps the resource busy, buffers included.
            status (HoldStatus): The status of a hold.
     """

    ends_at: datetime.datetime
    id: UUID
    starts_at: datetime.datetime
    status: HoldStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        ends_at = self.ends_at.isoformat()

        id = str(self.id)

        starts_at = self.starts_at.isoformat()

        status = self.status.value


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "ends_at": ends_at,
            "id": id,
            "starts_at": starts_at,
            "status": status,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        id = UUID(d.pop("id"))




        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        status = HoldStatus(d.pop("status"))




        block_conflict = cls(
            ends_at=ends_at,
            id=id,
            starts_at=starts_at,
            status=status,
        )


        block_conflict.additional_properties = d
        return block_conflict

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
