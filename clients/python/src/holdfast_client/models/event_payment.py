from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID






T = TypeVar("T", bound="EventPayment")



@_attrs_define
class EventPayment:
    """ A payment without a hold.

        Attributes:
            amount (int): The amount, in the currency's minor unit. Example: 5000.
            claimed_hold (None | UUID): The hold that its metadata names.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            intent (str): The id of the PaymentIntent.
     """

    amount: int
    claimed_hold: None | UUID
    currency: str
    intent: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        amount = self.amount

        claimed_hold: None | str
        if isinstance(self.claimed_hold, UUID):
            claimed_hold = str(self.claimed_hold)
        else:
            claimed_hold = self.claimed_hold

        currency = self.currency

        intent = self.intent


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "claimed_hold": claimed_hold,
            "currency": currency,
            "intent": intent,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        amount = d.pop("amount")

        def _parse_claimed_hold(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                claimed_hold_type_0 = UUID(data)



                return claimed_hold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        claimed_hold = _parse_claimed_hold(d.pop("claimed_hold"))


        currency = d.pop("currency")

        intent = d.pop("intent")

        event_payment = cls(
            amount=amount,
            claimed_hold=claimed_hold,
            currency=currency,
            intent=intent,
        )


        event_payment.additional_properties = d
        return event_payment

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
