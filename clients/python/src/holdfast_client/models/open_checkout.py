from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="OpenCheckout")



@_attrs_define
class OpenCheckout:
    """ A checkout that has not ended.

        Attributes:
            cancel_url (str): Where Stripe sends a guest who turned back.
            email (str): The guest's e-mail address.
            expires_at (datetime.datetime): When its session expires at Stripe.
            hold (UUID): The id of the hold that the checkout places.
            name (str): The name of what is booked.
            success_url (str): Where Stripe sends a guest who paid.
     """

    cancel_url: str
    email: str
    expires_at: datetime.datetime
    hold: UUID
    name: str
    success_url: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        cancel_url = self.cancel_url

        email = self.email

        expires_at = self.expires_at.isoformat()

        hold = str(self.hold)

        name = self.name

        success_url = self.success_url


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "cancel_url": cancel_url,
            "email": email,
            "expires_at": expires_at,
            "hold": hold,
            "name": name,
            "success_url": success_url,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        cancel_url = d.pop("cancel_url")

        email = d.pop("email")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))




        hold = UUID(d.pop("hold"))




        name = d.pop("name")

        success_url = d.pop("success_url")

        open_checkout = cls(
            cancel_url=cancel_url,
            email=email,
            expires_at=expires_at,
            hold=hold,
            name=name,
            success_url=success_url,
        )


        open_checkout.additional_properties = d
        return open_checkout

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
