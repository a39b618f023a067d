from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.refund_amount_type_0 import RefundAmountType0
from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="Cancellation")



@_attrs_define
class Cancellation:
    """ How to cancel a hold.

        Attributes:
            refund (int | RefundAmountType0): What a guest gets back.
            note (None | str | Unset): A note for the history.
     """

    refund: int | RefundAmountType0
    note: None | str | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        refund: int | str
        if isinstance(self.refund, RefundAmountType0):
            refund = self.refund.value
        else:
            refund = self.refund

        note: None | str | Unset
        if isinstance(self.note, Unset):
            note = UNSET
        else:
            note = self.note


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "refund": refund,
        })
        if note is not UNSET:
            field_dict["note"] = note

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        def _parse_refund(data: object) -> int | RefundAmountType0:
            try:
                if not isinstance(data, str):
                    raise TypeError()
                componentsschemas_refund_amount_type_0 = RefundAmountType0(data)



                return componentsschemas_refund_amount_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(int | RefundAmountType0, data)

        refund = _parse_refund(d.pop("refund"))


        def _parse_note(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        note = _parse_note(d.pop("note", UNSET))


        cancellation = cls(
            refund=refund,
            note=note,
        )

        return cancellation

