from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.checkout_options import CheckoutOptions
  from ..models.event_type_segment import EventTypeSegment
  from ..models.schedule import Schedule





T = TypeVar("T", bound="EventType")



@_attrs_define
class EventType:
    """ Something on sale: how long it takes, who serves, what it costs.

        Attributes:
            amount (int): The price in the currency's minor unit.
            buffer_after_minutes (int): How long each resource stays busy after its segment, in minutes.
            buffer_before_minutes (int): How long each resource stays busy before its segment, in minutes.
            checkout (CheckoutOptions): What Stripe's payment page asks of the guest, and what Stripe does with the payment.
            currency (str): The lower-case ISO code of the currency.
            id (str): The event type's id.
            images (list[str]): The URLs of the images that the payment page shows.
            name (str): The name that the guest reads on the payment page.
            segments (list[EventTypeSegment]): The segments of the event type. The short form has one segment.
            description (str | Unset): What it is, in words for the guest.
            duration_minutes (int | Unset): The length in minutes, if the event type needs a single resource.
            guest_cancel_until_minutes (int | Unset): Until how many minutes before the start a guest who has paid may
                cancel for a full refund.
            guest_move_until_minutes (int | Unset): Until how many minutes before the start a guest may move the hold.
            payment_methods (list[str] | None | Unset): The payment methods that a guest may use; null allows all that the
                Stripe account allows.
            resource (str | Unset): The resource, if the event type needs a single one from start to end.
            schedule (Schedule | Unset): When an event type may start.
     """

    amount: int
    buffer_after_minutes: int
    buffer_before_minutes: int
    checkout: CheckoutOptions
    currency: str
    id: str
    images: list[str]
    name: str
    segments: list[EventTypeSegment]
    description: str | Unset = UNSET
    duration_minutes: int | Unset = UNSET
    guest_cancel_until_minutes: int | Unset = UNSET
    guest_move_until_minutes: int | Unset = UNSET
    payment_methods: list[str] | None | Unset = UNSET
    resource: str | Unset = UNSET
    schedule: Schedule | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.checkout_options import CheckoutOptions # noqa: PLC0415
        from ..models.event_type_segment import EventTypeSegment # noqa: PLC0415
        from ..models.schedule import Schedule # noqa: PLC0415
        amount = self.amount

        buffer_after_minutes = self.buffer_after_minutes

        buffer_before_minutes = self.buffer_before_minutes

        checkout = self.checkout.to_dict()

        currency = self.currency

        id = self.id

        images = self.images



        name = self.name

        segments = []
        for segments_item_data in self.segments:
            segments_item = segments_item_data.to_dict()
            segments.append(segments_item)



        description = self.description

        duration_minutes = self.duration_minutes

        guest_cancel_until_minutes = self.guest_cancel_until_minutes

        guest_move_until_minutes = self.guest_move_until_minutes

        payment_methods: list[str] | None | Unset
        if isinstance(self.payment_methods, Unset):
            payment_methods = UNSET
        elif isinstance(self.payment_methods, list):
            payment_methods = self.payment_methods


        else:
            payment_methods = self.payment_methods

        resource = self.resource

        schedule: dict[str, Any] | Unset = UNSET
        if not isinstance(self.schedule, Unset):
            schedule = self.schedule.to_dict()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "buffer_after_minutes": buffer_after_minutes,
            "buffer_before_minutes": buffer_before_minutes,
            "checkout": checkout,
            "currency": currency,
            "id": id,
            "images": images,
            "name": name,
            "segments": segments,
        })
        if description is not UNSET:
            field_dict["description"] = description
        if duration_minutes is not UNSET:
            field_dict["duration_minutes"] = duration_minutes
        if guest_cancel_until_minutes is not UNSET:
            field_dict["guest_cancel_until_minutes"] = guest_cancel_until_minutes
        if guest_move_until_minutes is not UNSET:
            field_dict["guest_move_until_minutes"] = guest_move_until_minutes
        if payment_methods is not UNSET:
            field_dict["payment_methods"] = payment_methods
        if resource is not UNSET:
            field_dict["resource"] = resource
        if schedule is not UNSET:
            field_dict["schedule"] = schedule

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.checkout_options import CheckoutOptions # noqa: PLC0415
        from ..models.event_type_segment import EventTypeSegment # noqa: PLC0415
        from ..models.schedule import Schedule # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        buffer_after_minutes = d.pop("buffer_after_minutes")

        buffer_before_minutes = d.pop("buffer_before_minutes")

        checkout = CheckoutOptions.from_dict(d.pop("checkout"))




        currency = d.pop("currency")

        id = d.pop("id")

        images = cast(list[str], d.pop("images"))


        name = d.pop("name")

        segments = []
        _segments = d.pop("segments")
        for segments_item_data in (_segments):
            segments_item = EventTypeSegment.from_dict(segments_item_data)



            segments.append(segments_item)


        description = d.pop("description", UNSET)

        duration_minutes = d.pop("duration_minutes", UNSET)

        guest_cancel_until_minutes = d.pop("guest_cancel_until_minutes", UNSET)

        guest_move_until_minutes = d.pop("guest_move_until_minutes", UNSET)

        def _parse_payment_methods(data: object) -> list[str] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                payment_methods_type_0 = cast(list[str], data)

                return payment_methods_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[str] | None | Unset, data)

        payment_methods = _parse_payment_methods(d.pop("payment_methods", UNSET))


        resource = d.pop("resource", UNSET)

        _schedule = d.pop("schedule", UNSET)
        schedule: Schedule | Unset
        if isinstance(_schedule,  Unset):
            schedule = UNSET
        else:
            schedule = Schedule.from_dict(_schedule)




        event_type = cls(
            amount=amount,
            buffer_after_minutes=buffer_after_minutes,
            buffer_before_minutes=buffer_before_minutes,
            checkout=checkout,
            currency=currency,
            id=id,
            images=images,
            name=name,
            segments=segments,
            description=description,
            duration_minutes=duration_minutes,
            guest_cancel_until_minutes=guest_cancel_until_minutes,
            guest_move_until_minutes=guest_move_until_minutes,
            payment_methods=payment_methods,
            resource=resource,
            schedule=schedule,
        )


        event_type.additional_properties = d
        return event_type

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
