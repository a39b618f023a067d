from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast






T = TypeVar("T", bound="EventMoney")



@_attrs_define
class EventMoney:
    """ A refund or a dispute, as it was when the event happened.

        Attributes:
            amount (int): The amount, in the currency's minor unit. Example: 2000.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            id (str): Stripe's id of the object. Example: re_3QZ8mT2eZvKYlo2C1a2b3c4d.
            intent (str): The id of the PaymentIntent.
            reason (None | str): The reason, in Stripe's word.
            status (str): The status, in Stripe's word. Example: succeeded.
     """

    amount: int
    currency: str
    id: str
    intent: str
    reason: None | str
    status: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        currency = self.currency

        id = self.id

        intent = self.intent

        reason: None | str
        reason = self.reason

        status = self.status


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "currency": currency,
            "id": id,
            "intent": intent,
            "reason": reason,
            "status": status,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        currency = d.pop("currency")

        id = d.pop("id")

        intent = d.pop("intent")

        def _parse_reason(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        reason = _parse_reason(d.pop("reason"))


        status = d.pop("status")

        event_money = cls(
            amount=amount,
            currency=currency,
            id=id,
            intent=intent,
            reason=reason,
            status=status,
        )


        event_money.additional_properties = d
        return event_money

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
