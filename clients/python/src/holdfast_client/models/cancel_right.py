from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime






T = TypeVar("T", bound="CancelRight")



@_attrs_define
class CancelRight:
    """ A guest's right to cancel a paid hold.

        Attributes:
            currency (str): The lower-case ISO code of the currency that was paid. Example: eur.
            refund (int): How much goes back, in the currency's minor unit. Send it with the cancellation, which is then
                refused if it would
                return another amount. Example: 5000.
            until (datetime.datetime): The last instant at which the guest may cancel.
     """

    currency: str
    refund: int
    until: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        currency = self.currency

        refund = self.refund

        until = self.until.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "currency": currency,
            "refund": refund,
            "until": until,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        currency = d.pop("currency")

        refund = d.pop("refund")

        until = datetime.datetime.fromisoformat(d.pop("until"))




        cancel_right = cls(
            currency=currency,
            refund=refund,
            until=until,
        )


        cancel_right.additional_properties = d
        return cancel_right

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
