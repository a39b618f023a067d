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





T = TypeVar("T", bound="CheckedHold")



@_attrs_define
class CheckedHold:
    """ A hold, and what Stripe said about its session.

        Attributes:
            amount (int): The price of all units, in the currency's minor unit. Example: 5000.
            checkout_session (str): The id of the Stripe Checkout Session.
            checkout_url (None | str): The URL of Stripe's payment page; null unless the hold is `held`.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            ends_at (datetime.datetime): The first instant after the slot.
            event_type (str): The id of the event type. Example: intro-call.
            expires_at (datetime.datetime): The end of the time to pay; not after the slot's start.
            id (UUID): The id of the hold. It cannot be guessed, and gives the right to read the hold.
            quantity (int): The number of units of each segment. Example: 1.
            resource (str): The resource of the first segment. Example: ana.
            segments (list[Segment]): The resources and their times.
            starts_at (datetime.datetime): The first instant of the slot.
            status (HoldStatus): The status of a hold.
            checkout_open (bool | None): Whether Stripe says that the guest can still pay. Null if Stripe was not asked,
                because too many holds are checked.
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
    quantity: int
    resource: str
    segments: list[Segment]
    starts_at: datetime.datetime
    status: HoldStatus
    checkout_open: bool | None
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

        quantity = self.quantity

        resource = self.resource

        segments = []
        for segments_item_data in self.segments:
            segments_item = segments_item_data.to_dict()
            segments.append(segments_item)



        starts_at = self.starts_at.isoformat()

        status = self.status.value

        checkout_open: bool | None
        checkout_open = self.checkout_open

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
            "quantity": quantity,
            "resource": resource,
            "segments": segments,
            "starts_at": starts_at,
            "status": status,
            "checkout_open": checkout_open,
        })
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




        quantity = d.pop("quantity")

        resource = d.pop("resource")

        segments = []
        _segments = d.pop("segments")
        for segments_item_data in (_segments):
            segments_item = Segment.from_dict(segments_item_data)



            segments.append(segments_item)


        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        status = HoldStatus(d.pop("status"))




        def _parse_checkout_open(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        checkout_open = _parse_checkout_open(d.pop("checkout_open"))


        _reason = d.pop("reason", UNSET)
        reason: HoldReason | Unset
        if isinstance(_reason,  Unset):
            reason = UNSET
        else:
            reason = HoldReason(_reason)




        checked_hold = cls(
            amount=amount,
            checkout_session=checkout_session,
            checkout_url=checkout_url,
            currency=currency,
            ends_at=ends_at,
            event_type=event_type,
            expires_at=expires_at,
            id=id,
            quantity=quantity,
            resource=resource,
            segments=segments,
            starts_at=starts_at,
            status=status,
            checkout_open=checkout_open,
            reason=reason,
        )


        checked_hold.additional_properties = d
        return checked_hold

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
