from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="CommandRetry")



@_attrs_define
class CommandRetry:
    """ How to retry a command.

        Attributes:
            carried_out (bool | Unset): For an order to refund that a version before 0.3.0 wrote: whether one of the refunds
                that `last_error` names carried it
                out. If not, it is sent now.
     """

    carried_out: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        carried_out = self.carried_out


        field_dict: dict[str, Any] = {}

        field_dict.update({
        })
        if carried_out is not UNSET:
            field_dict["carried_out"] = carried_out

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        carried_out = d.pop("carried_out", UNSET)

        command_retry = cls(
            carried_out=carried_out,
        )

        return command_retry

