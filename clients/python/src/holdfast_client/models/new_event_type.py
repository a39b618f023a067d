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





T = TypeVar("T", bound="NewEventType")



@_attrs_define
class NewEventType:
    """ An event type to put on sale, with either `resource` and `duration_minutes`, or `segments`.

        Attributes:
            amount (int): The price in the currency's minor unit: at least Stripe's minimum charge, such as 50 in `eur`. In
                `isk`, `huf`, `twd`
                and `ugx` a multiple of 100; in currencies with three decimals, such as `kwd`, a multiple of 10. The price that
                the
                event type has already is accepted. Example: 5000.
            currency (str): The lower-case ISO code of a currency that Stripe supports. Example: eur.
            name (str): The name that the guest reads on the payment page: 1 to 200 characters. Example: Intro call.
            buffer_after_minutes (int | Unset): How long each resource stays busy after its segment, in minutes; the guest
                does not see it. 0 if
                absent.
            buffer_before_minutes (int | Unset): How long each resource stays busy before its segment, in minutes; the guest
                does not see it. 0 if
                absent.
            checkout (CheckoutOptions | None | Unset):
            description (None | str | Unset): What it is, in words for the guest: 1 to 1000 characters. Example: Half an
                hour to get to know each other.
            duration_minutes (int | None | Unset): The length in minutes, if the event type needs a single resource.
                Example: 30.
            guest_cancel_until_minutes (int | None | Unset): Until how many minutes before the start a guest who has paid
                may cancel for a full refund; never if absent.
            guest_move_until_minutes (int | None | Unset): Until how many minutes before the start a guest may move the
                hold; never if absent.
            images (list[str] | Unset): The https URLs of images that the payment page shows: at most 8. Example:
                ['https://shop.example/call.jpg'].
            payment_methods (list[str] | None | Unset): The payment methods that a guest may use, by Stripe's names; all
                that the Stripe account allows if absent. To
                exclude delayed methods, name only immediate ones, such as `card`. Example: ['card'].
            resource (None | str | Unset): The resource, if the event type needs a single one from start to end; it must
                exist. Example: ana.
            schedule (None | Schedule | Unset):
            segments (list[EventTypeSegment] | None | Unset): The segments, in place of `resource` and `duration_minutes`: a
                hold takes all of them, or none. The first
                begins at the start. Their resources must exist.
     """

    amount: int
    currency: str
    name: str
    buffer_after_minutes: int | Unset = UNSET
    buffer_before_minutes: int | Unset = UNSET
    checkout: CheckoutOptions | None | Unset = UNSET
    description: None | str | Unset = UNSET
    duration_minutes: int | None | Unset = UNSET
    guest_cancel_until_minutes: int | None | Unset = UNSET
    guest_move_until_minutes: int | None | Unset = UNSET
    images: list[str] | Unset = UNSET
    payment_methods: list[str] | None | Unset = UNSET
    resource: None | str | Unset = UNSET
    schedule: None | Schedule | Unset = UNSET
    segments: list[EventTypeSegment] | None | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        from ..models.checkout_options import CheckoutOptions # noqa: PLC0415
        from ..models.event_type_segment import EventTypeSegment # noqa: PLC0415
        from ..models.schedule import Schedule # noqa: PLC0415
        amount = self.amount

        currency = self.currency

        name = self.name

        buffer_after_minutes = self.buffer_after_minutes

        buffer_before_minutes = self.buffer_before_minutes

        checkout: dict[str, Any] | None | Unset
        if isinstance(self.checkout, Unset):
            checkout = UNSET
        elif isinstance(self.checkout, CheckoutOptions):
            checkout = self.checkout.to_dict()
        else:
            checkout = self.checkout

        description: None | str | Unset
        if isinstance(self.description, Unset):
            description = UNSET
        else:
            description = self.description

        duration_minutes: int | None | Unset
        if isinstance(self.duration_minutes, Unset):
            duration_minutes = UNSET
        else:
            duration_minutes = self.duration_minutes

        guest_cancel_until_minutes: int | None | Unset
        if isinstance(self.guest_cancel_until_minutes, Unset):
            guest_cancel_until_minutes = UNSET
        else:
            guest_cancel_until_minutes = self.guest_cancel_until_minutes

        guest_move_until_minutes: int | None | Unset
        if isinstance(self.guest_move_until_minutes, Unset):
            guest_move_until_minutes = UNSET
        else:
            guest_move_until_minutes = self.guest_move_until_minutes

        images: list[str] | Unset = UNSET
        if not isinstance(self.images, Unset):
            images = self.images



        payment_methods: list[str] | None | Unset
        if isinstance(self.payment_methods, Unset):
            payment_methods = UNSET
        elif isinstance(self.payment_methods, list):
            payment_methods = self.payment_methods


        else:
            payment_methods = self.payment_methods

        resource: None | str | Unset
        if isinstance(self.resource, Unset):
            resource = UNSET
        else:
            resource = self.resource

        schedule: dict[str, Any] | None | Unset
        if isinstance(self.schedule, Unset):
            schedule = UNSET
        elif isinstance(self.schedule, Schedule):
            schedule = self.schedule.to_dict()
        else:
            schedule = self.schedule

        segments: list[dict[str, Any]] | None | Unset
        if isinstance(self.segments, Unset):
            segments = UNSET
        elif isinstance(self.segments, list):
            segments = []
            for segments_type_0_item_data in self.segments:
                segments_type_0_item = segments_type_0_item_data.to_dict()
                segments.append(segments_type_0_item)


        else:
            segments = self.segments


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "amount": amount,
            "currency": currency,
            "name": name,
        })
        if buffer_after_minutes is not UNSET:
            field_dict["buffer_after_minutes"] = buffer_after_minutes
        if buffer_before_minutes is not UNSET:
            field_dict["buffer_before_minutes"] = buffer_before_minutes
        if checkout is not UNSET:
            field_dict["checkout"] = checkout
        if description is not UNSET:
            field_dict["description"] = description
        if duration_minutes is not UNSET:
            field_dict["duration_minutes"] = duration_minutes
        if guest_cancel_until_minutes is not UNSET:
            field_dict["guest_cancel_until_minutes"] = guest_cancel_until_minutes
        if guest_move_until_minutes is not UNSET:
            field_dict["guest_move_until_minutes"] = guest_move_until_minutes
        if images is not UNSET:
            field_dict["images"] = images
        if payment_methods is not UNSET:
            field_dict["payment_methods"] = payment_methods
        if resource is not UNSET:
            field_dict["resource"] = resource
        if schedule is not UNSET:
            field_dict["schedule"] = schedule
        if segments is not UNSET:
            field_dict["segments"] = segments

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.checkout_options import CheckoutOptions # noqa: PLC0415
        from ..models.event_type_segment import EventTypeSegment # noqa: PLC0415
        from ..models.schedule import Schedule # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        currency = d.pop("currency")

        name = d.pop("name")

        buffer_after_minutes = d.pop("buffer_after_minutes", UNSET)

        buffer_before_minutes = d.pop("buffer_before_minutes", UNSET)

        def _parse_checkout(data: object) -> CheckoutOptions | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                checkout_type_0 = CheckoutOptions.from_dict(data)



                return checkout_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CheckoutOptions | None | Unset, data)

        checkout = _parse_checkout(d.pop("checkout", UNSET))


        def _parse_description(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        description = _parse_description(d.pop("description", UNSET))


        def _parse_duration_minutes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        duration_minutes = _parse_duration_minutes(d.pop("duration_minutes", UNSET))


        def _parse_guest_cancel_until_minutes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        guest_cancel_until_minutes = _parse_guest_cancel_until_minutes(d.pop("guest_cancel_until_minutes", UNSET))


        def _parse_guest_move_until_minutes(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        guest_move_until_minutes = _parse_guest_move_until_minutes(d.pop("guest_move_until_minutes", UNSET))


        images = cast(list[str], d.pop("images", UNSET))


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


        def _parse_resource(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        resource = _parse_resource(d.pop("resource", UNSET))


        def _parse_schedule(data: object) -> None | Schedule | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                schedule_type_0 = Schedule.from_dict(data)



                return schedule_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Schedule | Unset, data)

        schedule = _parse_schedule(d.pop("schedule", UNSET))


        def _parse_segments(data: object) -> list[EventTypeSegment] | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, list):
                    raise TypeError()
                segments_type_0 = []
                _segments_type_0 = data
                for segments_type_0_item_data in (_segments_type_0):
                    segments_type_0_item = EventTypeSegment.from_dict(segments_type_0_item_data)



                    segments_type_0.append(segments_type_0_item)

                return segments_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(list[EventTypeSegment] | None | Unset, data)

        segments = _parse_segments(d.pop("segments", UNSET))


        new_event_type = cls(
            amount=amount,
            currency=currency,
            name=name,
            buffer_after_minutes=buffer_after_minutes,
            buffer_before_minutes=buffer_before_minutes,
            checkout=checkout,
            description=description,
            duration_minutes=duration_minutes,
            guest_cancel_until_minutes=guest_cancel_until_minutes,
            guest_move_until_minutes=guest_move_until_minutes,
            images=images,
            payment_methods=payment_methods,
            resource=resource,
            schedule=schedule,
            segments=segments,
        )

        return new_event_type

