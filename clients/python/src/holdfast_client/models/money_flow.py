from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="MoneyFlow")



@_attrs_define
class MoneyFlow:
    """ Money of one currency, in its minor unit.

        Attributes:
            currency (str): The lower-case code of the currency. Example: eur.
            in_ (int): What was received of guests.
            out (int): What went back by refunds and by lost disputes.
     """

    currency: str
    in_: int
    out: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        currency = self.currency

        in_ = self.in_

        out = self.out


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "currency": currency,
            "in": in_,
            "out": out,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        currency = d.pop("currency")

        in_ = d.pop("in")

        out = d.pop("out")

        money_flow = cls(
            currency=currency,
            in_=in_,
            out=out,
        )


        money_flow.additional_properties = d
        return money_flow

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
