from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset






T = TypeVar("T", bound="EmbeddedPage")



@_attrs_define
class EmbeddedPage:
    """ What a page needs to show an embedded payment page: all members, or none.

        Attributes:
            client_secret (str | Unset): The client secret of the session, for Stripe.js; only while an embedded hold is
                `held`.
            publishable_key (str | Unset): The account's publishable key, for Stripe.js; only with `client_secret`. Example:
                pk_test_simulator.
            stripe_js (str | Unset): The URL of Stripe.js, which the page must load from there; only with `client_secret`.
                Example: https://js.stripe.com/endive/stripe.js.
     """

    client_secret: str | Unset = UNSET
    publishable_key: str | Unset = UNSET
    stripe_js: str | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        client_secret = self.client_secret

        publishable_key = self.publishable_key

        stripe_js = self.stripe_js


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
        })
        if client_secret is not UNSET:
            field_dict["client_secret"] = client_secret
        if publishable_key is not UNSET:
            field_dict["publishable_key"] = publishable_key
        if stripe_js is not UNSET:
            field_dict["stripe_js"] = stripe_js

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        client_secret = d.pop("client_secret", UNSET)

        publishable_key = d.pop("publishable_key", UNSET)

        stripe_js = d.pop("stripe_js", UNSET)

        embedded_page = cls(
            client_secret=client_secret,
            publishable_key=publishable_key,
            stripe_js=stripe_js,
        )


        embedded_page.additional_properties = d
        return embedded_page

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
