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
  from ..models.admin_hold_metadata import AdminHoldMetadata
  from ..models.dispute import Dispute
  from ..models.event_copy import EventCopy
  from ..models.guest import Guest
  from ..models.history_line import HistoryLine
  from ..models.ledger import Ledger
  from ..models.payment import Payment
  from ..models.refund import Refund
  from ..models.segment import Segment





T = TypeVar("T", bound="ExportedHold")



@_attrs_define
class ExportedHold:
    """ A hold of the guest with everything that is stored about it.

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
            created_at (datetime.datetime): When the hold was placed.
            guest (Guest): The guest who booked.
            log_id (str): The hold's name in the log, which does not show the id. Example: 0bfa9018a9d6.
            metadata (AdminHoldMetadata): The caller's own pairs.
            next_check_at (datetime.datetime | None): When the sweep next asks Stripe; null if it does not.
            payment_intent (None | str): The id of the Stripe PaymentIntent; null until it is known.
            payments (list[Payment]): All payments for the hold.
            price_mismatch (bool): Whether the session sold at another price, or took another amount than discounts and
                taxes explain. An operator
                has to check the payment.
            replaced_by (None | UUID): The hold that the guest chose in place of this one; null if there is none.
            session_expires_at (datetime.datetime): When the session expires at Stripe by itself.
            tries (int): How often in a row Stripe gave no clear response.
            updated_at (datetime.datetime): When the hold last changed, by the database's clock. A puller that passes the
                last one it has read as `changed_since`
                misses no change.
            disputes (list[Dispute]): The disputes of its payments at Stripe, oldest first for each payment.
            history (list[HistoryLine]): Every transition, oldest first.
            ledger (Ledger): Where money is, in the currency's minor unit. What was paid is the sum of all the others.
            refunds (list[Refund]): The refunds of its payments at Stripe, oldest first for each payment.
            version (int): Rises with each change of the hold. A release that names it meets no other state of the hold.
            events (list[EventCopy]): The events from Stripe that were applied to the hold.
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
    created_at: datetime.datetime
    guest: Guest
    log_id: str
    metadata: AdminHoldMetadata
    next_check_at: datetime.datetime | None
    payment_intent: None | str
    payments: list[Payment]
    price_mismatch: bool
    replaced_by: None | UUID
    session_expires_at: datetime.datetime
    tries: int
    updated_at: datetime.datetime
    disputes: list[Dispute]
    history: list[HistoryLine]
    ledger: Ledger
    refunds: list[Refund]
    version: int
    events: list[EventCopy]
    client_secret: str | Unset = UNSET
    publishable_key: str | Unset = UNSET
    stripe_js: str | Unset = UNSET
    reason: HoldReason | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.admin_hold_metadata import AdminHoldMetadata # noqa: PLC0415
        from ..models.dispute import Dispute # noqa: PLC0415
        from ..models.event_copy import EventCopy # noqa: PLC0415
        from ..models.guest import Guest # noqa: PLC0415
        from ..models.history_line import HistoryLine # noqa: PLC0415
        from ..models.ledger import Ledger # noqa: PLC0415
        from ..models.payment import Payment # noqa: PLC0415
        from ..models.refund import Refund # noqa: PLC0415
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

        created_at = self.created_at.isoformat()

        guest = self.guest.to_dict()

        log_id = self.log_id

        metadata = self.metadata.to_dict()

        next_check_at: None | str
        if isinstance(self.next_check_at, datetime.datetime):
            next_check_at = self.next_check_at.isoformat()
        else:
            next_check_at = self.next_check_at

        payment_intent: None | str
        payment_intent = self.payment_intent

        payments = []
        for payments_item_data in self.payments:
            payments_item = payments_item_data.to_dict()
            payments.append(payments_item)



        price_mismatch = self.price_mismatch

        replaced_by: None | str
        if isinstance(self.replaced_by, UUID):
            replaced_by = str(self.replaced_by)
        else:
            replaced_by = self.replaced_by

        session_expires_at = self.session_expires_at.isoformat()

        tries = self.tries

        updated_at = self.updated_at.isoformat()

        disputes = []
        for disputes_item_data in self.disputes:
            disputes_item = disputes_item_data.to_dict()
            disputes.append(disputes_item)



        history = []
        for history_item_data in self.history:
            history_item = history_item_data.to_dict()
            history.append(history_item)



        ledger = self.ledger.to_dict()

        refunds = []
        for refunds_item_data in self.refunds:
            refunds_item = refunds_item_data.to_dict()
            refunds.append(refunds_item)



        version = self.version

        events = []
        for events_item_data in self.events:
            events_item = events_item_data.to_dict()
            events.append(events_item)



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
            "created_at": created_at,
            "guest": guest,
            "log_id": log_id,
            "metadata": metadata,
            "next_check_at": next_check_at,
            "payment_intent": payment_intent,
            "payments": payments,
            "price_mismatch": price_mismatch,
            "replaced_by": replaced_by,
            "session_expires_at": session_expires_at,
            "tries": tries,
            "updated_at": updated_at,
            "disputes": disputes,
            "history": history,
            "ledger": ledger,
            "refunds": refunds,
            "version": version,
            "events": events,
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
        from ..models.admin_hold_metadata import AdminHoldMetadata # noqa: PLC0415
        from ..models.dispute import Dispute # noqa: PLC0415
        from ..models.event_copy import EventCopy # noqa: PLC0415
        from ..models.guest import Guest # noqa: PLC0415
        from ..models.history_line import HistoryLine # noqa: PLC0415
        from ..models.ledger import Ledger # noqa: PLC0415
        from ..models.payment import Payment # noqa: PLC0415
        from ..models.refund import Refund # noqa: PLC0415
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


        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        guest = Guest.from_dict(d.pop("guest"))




        log_id = d.pop("log_id")

        metadata = AdminHoldMetadata.from_dict(d.pop("metadata"))




        def _parse_next_check_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                next_check_at_type_0 = datetime.datetime.fromisoformat(data)



                return next_check_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        next_check_at = _parse_next_check_at(d.pop("next_check_at"))


        def _parse_payment_intent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        payment_intent = _parse_payment_intent(d.pop("payment_intent"))


        payments = []
        _payments = d.pop("payments")
        for payments_item_data in (_payments):
            payments_item = Payment.from_dict(payments_item_data)



            payments.append(payments_item)


        price_mismatch = d.pop("price_mismatch")

        def _parse_replaced_by(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                replaced_by_type_0 = UUID(data)



                return replaced_by_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        replaced_by = _parse_replaced_by(d.pop("replaced_by"))


        session_expires_at = datetime.datetime.fromisoformat(d.pop("session_expires_at"))




        tries = d.pop("tries")

        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))




        disputes = []
        _disputes = d.pop("disputes")
        for disputes_item_data in (_disputes):
            disputes_item = Dispute.from_dict(disputes_item_data)



            disputes.append(disputes_item)


        history = []
        _history = d.pop("history")
        for history_item_data in (_history):
            history_item = HistoryLine.from_dict(history_item_data)



            history.append(history_item)


        ledger = Ledger.from_dict(d.pop("ledger"))




        refunds = []
        _refunds = d.pop("refunds")
        for refunds_item_data in (_refunds):
            refunds_item = Refund.from_dict(refunds_item_data)



            refunds.append(refunds_item)


        version = d.pop("version")

        events = []
        _events = d.pop("events")
        for events_item_data in (_events):
            events_item = EventCopy.from_dict(events_item_data)



            events.append(events_item)


        client_secret = d.pop("client_secret", UNSET)

        publishable_key = d.pop("publishable_key", UNSET)

        stripe_js = d.pop("stripe_js", UNSET)

        _reason = d.pop("reason", UNSET)
        reason: HoldReason | Unset
        if isinstance(_reason,  Unset):
            reason = UNSET
        else:
            reason = HoldReason(_reason)




        exported_hold = cls(
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
            created_at=created_at,
            guest=guest,
            log_id=log_id,
            metadata=metadata,
            next_check_at=next_check_at,
            payment_intent=payment_intent,
            payments=payments,
            price_mismatch=price_mismatch,
            replaced_by=replaced_by,
            session_expires_at=session_expires_at,
            tries=tries,
            updated_at=updated_at,
            disputes=disputes,
            history=history,
            ledger=ledger,
            refunds=refunds,
            version=version,
            events=events,
            client_secret=client_secret,
            publishable_key=publishable_key,
            stripe_js=stripe_js,
            reason=reason,
        )


        exported_hold.additional_properties = d
        return exported_hold

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
