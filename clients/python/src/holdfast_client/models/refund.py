from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast






T = TypeVar("T", bound="Refund")



@_attrs_define
class Refund:
    """ A refund at Stripe.

        Attributes:
            amount (int): What the guest gets back, in the currency's minor unit. Example: 2000.
            id (str): The id of the Stripe Refund. Example: re_3QZ8mT2eZvKYlo2C1a2b3c4d.
            intent (str): The id of the PaymentIntent that is refunded.
            ordered_by (None | str): Who ordered it: the name of an operator's key, `guest`, or `holdfast` if it follows
                from the rules. Null if it was made
                at Stripe, or ordered before this was recorded.
            reason (None | str): Stripe's reason of a failure.
            status (str): Stripe's status: `pending`, `requires_action`, `succeeded`, `failed` or `canceled`. Example:
                succeeded.
     """

    amount: int
    id: str
    intent: str
    ordered_by: None | str
    reason: None | str
    status: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        id = self.id

        intent = self.intent

        ordered_by: None | str
        ordered_by = self.ordered_by

        reason: None | str
        reason = self.reason

        status = self.status


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "id": id,
            "intent": intent,
            "ordered_by": ordered_by,
            "reason": reason,
            "status": status,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        id = d.pop("id")

        intent = d.pop("intent")

        def _parse_ordered_by(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        ordered_by = _parse_ordered_by(d.pop("ordered_by"))


        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))


        status = d.pop("status")

        refund = cls(
            amount=amount,
            id=id,
            intent=intent,
            ordered_by=ordered_by,
            reason=reason,
            status=status,
        )


        refund.additional_properties = d
        return refund

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
