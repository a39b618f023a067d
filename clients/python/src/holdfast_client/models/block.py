from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.block_conflict import BlockConflict





T = TypeVar("T", bound="Block")



@_attrs_define
class Block:
    """ A time when a resource is busy for other reasons than holds.

        Attributes:
            conflicts (list[BlockConflict]): The live holds that the block overlaps. They stay; an operator has to move or
                cancel them.
            ends_at (datetime.datetime): The first instant after the block.
            id (str): The block's id, which the operator chose.
            note (str): A note for operators.
            resource (str): The id of the resource.
            starts_at (datetime.datetime): The first busy instant.
     """

    conflicts: list[BlockConflict]
    ends_at: datetime.datetime
    id: str
    note: str
    resource: str
    starts_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.block_conflict import BlockConflict # noqa: PLC0415
        conflicts = []
        for conflicts_item_data in self.conflicts:
            conflicts_item = conflicts_item_data.to_dict()
            conflicts.append(conflicts_item)



        ends_at = self.ends_at.isoformat()

        id = self.id

        note = self.note

        resource = self.resource

        starts_at = self.starts_at.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "conflicts": conflicts,
            "ends_at": ends_at,
            "id": id,
            "note": note,
            "resource": resource,
            "starts_at": starts_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.block_conflict import BlockConflict # noqa: PLC0415
        d = dict(src_dict)
        conflicts = []
        _conflicts = d.pop("conflicts")
        for conflicts_item_data in (_conflicts):
            conflicts_item = BlockConflict.from_dict(conflicts_item_data)



            conflicts.append(conflicts_item)


        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        id = d.pop("id")

        note = d.pop("note")

        resource = d.pop("resource")

        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        block = cls(
            conflicts=conflicts,
            ends_at=ends_at,
            id=id,
            note=note,
            resource=resource,
            starts_at=starts_at,
        )


        block.additional_properties = d
        return block

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
