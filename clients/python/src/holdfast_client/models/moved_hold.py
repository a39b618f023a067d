from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.hold_reason import HoldReason
from ..models.hold_status import HoldStatus
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
  from ..models.segment import Segment





T = TypeVar("T", bound="MovedHold")



@_attrs_define
class MovedHold:
    """ A hold after a move.

        Attributes:
            amount (int): The price of all units, in the currency's minor unit. Example: 5000.
            checkout_session (str): The id of the Stripe Checkout Session.
            checkout_url (None | str): The URL of Stripe's payment page; null unless the hold is `held` and the page is a
                hosted one.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            ends_at (datetime.datetime): The first instant after the slot.
            event_type (str): The id of the event type. Example: intro-call.
            expires_at (datetime.datetime): The end of the time to pay; not after the slot's start.
            id (UUID): The id of the hold. It cannot be guessed, and gives the right to read the hold.
            name (None | str): The name of the event type, as the catalogue has it now; null if it is not in the catalogue
                any more. Example: Intro call.
            quantity (int): The number of units of each segment. Example: 1.
            reference (str): What a guest says to name the hold, on the telephone. It gives no right. Operators find the
                hold by it. Example: 0bfa9018a9d6.
            resource (str): The resource of the first segment. Example: ana.
            resource_name (None | str): The name of that resource, as the catalogue has it now; null if it is not in the
                catalogue any more. Example: Ana.
            segments (list[Segment]): The resources and their times.
            starts_at (datetime.datetime): The first instant of the slot.
            status (HoldStatus): The status of a hold.
            timezone (None | str): The time zone of the event type's schedule; UTC if it has none, null if it is not in the
                catalogue any more. Example: Europe/Berlin.
            checkout_line_outdated (bool): Whether the guest can still pay on a page whose line says the time from before
                the move: Stripe cannot change the
                line of a session. A new checkout with `replaces` has a new line.
            client_secret (str | Unset): The client secret of the session, for Stripe.js; only while an embedded hold is
                `held`.
            publishable_key (str | Unset): The account's publishable key, for Stripe.js; only with `client_secret`. Example:
                pk_test_simulator.
            stripe_js (str | Unset): The URL of Stripe.js, which the page must load from there; only with `client_secret`.
                Example: https://js.stripe.com/endive/stripe.js.
            reason (HoldReason | Unset): Why a hold is `released` or `cancelled`.
     """

    amount: int
    checkout_session: str
    checkout_url: None | str
    currency: str
    ends_at: datetime.datetime
    event_type: str
    expires_at: datetime.datetime
    id: UUID
    name: None | str
    quantity: int
    reference: str
    resource: str
    resource_name: None | str
    segments: list[Segment]
    starts_at: datetime.datetime
    status: HoldStatus
    timezone: None | str
    checkout_line_outdated: bool
    client_secret: str | Unset = UNSET
    publishable_key: str | Unset = UNSET
    stripe_js: str | Unset = UNSET
    reason: HoldReason | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.segment import Segment # noqa: PLC0415
        amount = self.amount

        checkout_session = self.checkout_session

        checkout_url: None | str
        checkout_url = self.checkout_url

        currency = self.currency

        ends_at = self.ends_at.isoformat()

        event_type = self.event_type

        expires_at = self.expires_at.isoformat()

        id = str(self.id)

        name: None | str
        name = self.name

        quantity = self.quantity

        reference = self.reference

        resource = self.resource

        resource_name: None | str
        resource_name = self.resource_name

        segments = []
        for segments_item_data in self.segments:
            segments_item = segments_item_data.to_dict()
            segments.append(segments_item)



        starts_at = self.starts_at.isoformat()

        status = self.status.value

        timezone: None | str
        timezone = self.timezone

        checkout_line_outdated = self.checkout_line_outdated

        client_secret = self.client_secret

        publishable_key = self.publishable_key

        stripe_js = self.stripe_js

        reason: str | Unset = UNSET
        if not isinstance(self.reason, Unset):
            reason = self.reason.value



        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "checkout_session": checkout_session,
            "checkout_url": checkout_url,
            "currency": currency,
            "ends_at": ends_at,
            "event_type": event_type,
            "expires_at": expires_at,
            "id": id,
            "name": name,
            "quantity": quantity,
            "reference": reference,
            "resource": resource,
            "resource_name": resource_name,
            "segments": segments,
            "starts_at": starts_at,
            "status": status,
            "timezone": timezone,
            "checkout_line_outdated": checkout_line_outdated,
        })
        if client_secret is not UNSET:
            field_dict["client_secret"] = client_secret
        if publishable_key is not UNSET:
            field_dict["publishable_key"] = publishable_key
        if stripe_js is not UNSET:
            field_dict["stripe_js"] = stripe_js
        if reason is not UNSET:
            field_dict["reason"] = reason

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.segment import Segment # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        checkout_session = d.pop("checkout_session")

        def _parse_checkout_url(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        checkout_url = _parse_checkout_url(d.pop("checkout_url"))


        currency = d.pop("currency")

        ends_at = datetime.datetime.fromisoformat(d.pop("ends_at"))




        event_type = d.pop("event_type")

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))




        id = UUID(d.pop("id"))




        def _parse_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        name = _parse_name(d.pop("name"))


        quantity = d.pop("quantity")

        reference = d.pop("reference")

        resource = d.pop("resource")

        def _parse_resource_name(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        resource_name = _parse_resource_name(d.pop("resource_name"))


        segments = []
        _segments = d.pop("segments")
        for segments_item_data in (_segments):
            segments_item = Segment.from_dict(segments_item_data)



            segments.append(segments_item)


        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        status = HoldStatus(d.pop("status"))




        def _parse_timezone(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        timezone = _parse_timezone(d.pop("timezone"))


        checkout_line_outdated = d.pop("checkout_line_outdated")

        client_secret = d.pop("client_secret", UNSET)

        publishable_key = d.pop("publishable_key", UNSET)

        stripe_js = d.pop("stripe_js", UNSET)

        _reason = d.pop("reason", UNSET)
        reason: HoldReason | Unset
        if isinstance(_reason,  Unset):
            reason = UNSET
        else:
            reason = HoldReason(_reason)




        moved_hold = cls(
            amount=amount,
            checkout_session=checkout_session,
            checkout_url=checkout_url,
            currency=currency,
            ends_at=ends_at,
            event_type=event_type,
            expires_at=expires_at,
            id=id,
            name=name,
            quantity=quantity,
            reference=reference,
            resource=resource,
            resource_name=resource_name,
            segments=segments,
            starts_at=starts_at,
            status=status,
            timezone=timezone,
            checkout_line_outdated=checkout_line_outdated,
            client_secret=client_secret,
            publishable_key=publishable_key,
            stripe_js=stripe_js,
            reason=reason,
        )


        moved_hold.additional_properties = d
        return moved_hold

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
