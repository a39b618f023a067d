from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="Ledger")



@_attrs_define
class Ledger:
    """ Where money is, in the currency's minor unit. What was paid is the sum of all the others.

        Attributes:
            currency (str): The lower-case ISO code of the currency. Payments in another one are not counted; they are in
                `payments`. Example: eur.
            disputed (int): What the guest's bank has withdrawn while it decides about a dispute.
            due_back (int): What the shop has and must give back, because its refund failed.
            kept (int): What the shop has and means to have. Example: 5000.
            lost (int): What the guest's bank took for good.
            paid (int): What the guest paid. Example: 5000.
            refund_pending (int): What is on its way back, or ordered.
            refunded (int): What is back with the guest.
     """

    currency: str
    disputed: int
    due_back: int
    kept: int
    lost: int
    paid: int
    refund_pending: int
    refunded: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        currency = self.currency

        disputed = self.disputed

        due_back = self.due_back

        kept = self.kept

        lost = self.lost

        paid = self.paid

        refund_pending = self.refund_pending

        refunded = self.refunded


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "currency": currency,
            "disputed": disputed,
            "due_back": due_back,
            "kept": kept,
            "lost": lost,
            "paid": paid,
            "refund_pending": refund_pending,
            "refunded": refunded,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        currency = d.pop("currency")

        disputed = d.pop("disputed")

        due_back = d.pop("due_back")

        kept = d.pop("kept")

        lost = d.pop("lost")

        paid = d.pop("paid")

        refund_pending = d.pop("refund_pending")

        refunded = d.pop("refunded")

        ledger = cls(
            currency=currency,
            disputed=disputed,
            due_back=due_back,
            kept=kept,
            lost=lost,
            paid=paid,
            refund_pending=refund_pending,
            refunded=refunded,
        )


        ledger.additional_properties = d
        return ledger

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
