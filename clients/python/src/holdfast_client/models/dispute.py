from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="Dispute")



@_attrs_define
class Dispute:
    """ A dispute at Stripe.

        Attributes:
            amount (int): What the bank disputes, in the currency's minor unit. Example: 5000.
            id (str): The id of the Stripe Dispute. Example: du_1QZ8mT2eZvKYlo2Ca1b2c3d4.
            intent (str): The id of the PaymentIntent that is disputed.
            status (str): Stripe's status, such as `needs_response`, `under_review`, `won` or `lost`; `warning_…` moves no
                money. Example: needs_response.
     """

    amount: int
    id: str
    intent: str
    status: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        id = self.id

        intent = self.intent

        status = self.status


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "id": id,
            "intent": intent,
            "status": status,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        id = d.pop("id")

        intent = d.pop("intent")

        status = d.pop("status")

        dispute = cls(
            amount=amount,
            id=id,
            intent=intent,
            status=status,
        )


        dispute.additional_properties = d
        return dispute

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
