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





T = TypeVar("T", bound="ClosureDetails")



@_attrs_define
class ClosureDetails:
    """ A closure with the live holds that it overlaps.

        Attributes:
            from_ (datetime.date): The first closed day.
            id (str): The closure's id, which the operator chose.
            note (str): A note for operators.
            resources (list[str] | None): The ids of the resources that are closed; null if all are.
            timezone (str): The zone of the days: the one that all schedules share, else `HOLDFAST_TIMEZONE`. Example:
                Europe/Berlin.
            to (datetime.date): The last closed day.
            conflicts (list[BlockConflict]): The live holds that the closure overlaps. They stay; an operator has to move or
                cancel them.
     """

    from_: datetime.date
    id: str
    note: str
    resources: list[str] | None
    timezone: str
    to: datetime.date
    conflicts: list[BlockConflict]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.block_conflict import BlockConflict # noqa: PLC0415
        from_ = self.from_.isoformat()

        id = self.id

        note = self.note

        resources: list[str] | None
        if isinstance(self.resources, list):
            resources = self.resources


        else:
            resources = self.resources

        timezone = self.timezone

        to = self.to.isoformat()

        conflicts = []
        for conflicts_item_data in self.conflicts:
            conflicts_item = conflicts_item_data.to_dict()
            conflicts.append(conflicts_item)




        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "from": from_,
            "id": id,
            "note": note,
            "resources": resources,
            "timezone": timezone,
            "to": to,
            "conflicts": conflicts,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.block_conflict import BlockConflict # noqa: PLC0415
        d = dict(src_dict)
        from_ = datetime.date.fromisoformat(d.pop("from"))




        id = d.pop("id")

        note = d.pop("note")

        def _parse_resources(data: object) -> list[str] | None:
            if data is None:
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                resources_type_0 = cast(list[str], data)

                return resources_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None, data)

        resources = _parse_resources(d.pop("resources"))


        timezone = d.pop("timezone")

        to = datetime.date.fromisoformat(d.pop("to"))




        conflicts = []
        _conflicts = d.pop("conflicts")
        for conflicts_item_data in (_conflicts):
            conflicts_item = BlockConflict.from_dict(conflicts_item_data)



            conflicts.append(conflicts_item)


        closure_details = cls(
            from_=from_,
            id=id,
            note=note,
            resources=resources,
            timezone=timezone,
            to=to,
            conflicts=conflicts,
        )


        closure_details.additional_properties = d
        return closure_details

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
