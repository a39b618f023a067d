from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.block_source import BlockSource
from typing import cast
import datetime






T = TypeVar("T", bound="ListedBlock")



@_attrs_define
class ListedBlock:
    """ A block of a list, of any source.

        Attributes:
            ends_at (datetime.datetime): The first instant after the block.
            id (str): The block's id, among the blocks of its source.
            note (str): A note for operators.
            resource (str): The id of the resource.
            source (BlockSource): Who wrote a block.
            starts_at (datetime.datetime): The first busy instant.
     """

    ends_at: datetime.datetime
    id: str
    note: str
    resource: str
    source: BlockSource
    starts_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        ends_at = self.ends_at.isoformat()

        id = self.id

        note = self.note

        resource = self.resource

        source = self.source.value

        starts_at = self.starts_at.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "ends_at": ends_at,
            "id": id,
            "note": note,
            "resource": resource,
            "source": source,
            "starts_at": starts_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        id = d.pop("id")

        note = d.pop("note")

        resource = d.pop("resource")

        source = BlockSource(d.pop("source"))




        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        listed_block = cls(
            ends_at=ends_at,
            id=id,
            note=note,
            resource=resource,
            source=source,
            starts_at=starts_at,
        )


        listed_block.additional_properties = d
        return listed_block

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
