from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.payment_state import PaymentState
from ..models.payment_status import PaymentStatus






T = TypeVar("T", bound="Payment")



@_attrs_define
class Payment:
    """ A payment that Stripe has collected.

        Attributes:
            amount (int): The amount paid, in the currency's minor unit. Example: 5000.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            intent (str): The id of the Stripe PaymentIntent. Example: pi_3QZ8mT2eZvKYlo2C1a2b3c4d.
            refunded (int): The amount refunded, in the currency's minor unit.
            state (PaymentState): What has become of a payment.
            status (PaymentStatus): The status of a PaymentIntent.
     """

    amount: int
    currency: str
    intent: str
    refunded: int
    state: PaymentState
    status: PaymentStatus
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        currency = self.currency

        intent = self.intent

        refunded = self.refunded

        state = self.state.value

        status = self.status.value


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "currency": currency,
            "intent": intent,
            "refunded": refunded,
            "state": state,
            "status": status,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        currency = d.pop("currency")

        intent = d.pop("intent")

        refunded = d.pop("refunded")

        state = PaymentState(d.pop("state"))




        status = PaymentStatus(d.pop("status"))




        payment = cls(
            amount=amount,
            currency=currency,
            intent=intent,
            refunded=refunded,
            state=state,
            status=status,
        )


        payment.additional_properties = d
        return payment

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
