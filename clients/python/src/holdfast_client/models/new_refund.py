from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="NewRefund")



@_attrs_define
class NewRefund:
    """ What an operator returns.

        Attributes:
            amount (int): The amount, in the currency's minor unit. Example: 2000.
            note (str): Why, for the history. Example: the heating failed.
            outside (bool | Unset): Records that the amount, which was due back, was settled elsewhere, such as in cash:
                nothing is ordered at Stripe.
                False if absent.
     """

    amount: int
    note: str
    outside: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        note = self.note

        outside = self.outside


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "amount": amount,
            "note": note,
        })
        if outside is not UNSET:
            field_dict["outside"] = outside

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        note = d.pop("note")

        outside = d.pop("outside", UNSET)

        new_refund = cls(
            amount=amount,
            note=note,
            outside=outside,
        )

        return new_refund

