from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
import datetime






T = TypeVar("T", bound="Move")



@_attrs_define
class Move:
    """ The new start of a hold.

        Attributes:
            starts_at (datetime.datetime): The new start: a whole second, at least a minute ahead, RFC 3339 with any offset.
                Example: 2030-12-01T11:00:00Z.
            resource (None | str | Unset): The resource that the guest asks for: one of the event type's. Example: ana.
     """

    starts_at: datetime.datetime
    resource: None | str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        starts_at = self.starts_at.isoformat()

        resource: None | str | Unset
        if isinstance(self.resource, Unset):
            resource = UNSET
        else:
            resource = self.resource


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "starts_at": starts_at,
        })
        if resource is not UNSET:
            field_dict["resource"] = resource

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        def _parse_resource(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        resource = _parse_resource(d.pop("resource", UNSET))


        move = cls(
            starts_at=starts_at,
            resource=resource,
        )

        return move

