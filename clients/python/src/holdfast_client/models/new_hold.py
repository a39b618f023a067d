from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.checkout_ui import CheckoutUi
from ..types import UNSET, Unset
from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.new_guest import NewGuest
  from ..models.new_hold_metadata import NewHoldMetadata
  from ..models.replaced_hold import ReplacedHold





T = TypeVar("T", bound="NewHold")



@_attrs_define
class NewHold:
    """ What to book, and for whom. Price, duration and resource come from the event type.

        Attributes:
            event_type (str): The id of the event type to book. Example: intro-call.
            guest (NewGuest): The guest who books.
            starts_at (datetime.datetime): The start of the slot: a whole second, at least a minute ahead, RFC 3339 with any
                offset. Example: 2030-12-01T10:00:00Z.
            cancel_url (None | str | Unset): Where Stripe sends a guest who turned back from a hosted page. Example:
                https://shop.example/cancelled?hold={HOLD_ID}.
            client_address (None | str | Unset): The address of the guest, which the limits count: only for callers with a
                key of the scope `checkout`. Example: 198.51.100.7.
            locale (None | str | Unset): The language of the payment page, by Stripe's name for it, and of its line; if
                absent or `auto`, Stripe follows the
                guest's browser, and the line is English. Example: de.
            metadata (NewHoldMetadata | Unset): Pairs of the caller's own: at most 20, keys of 1 to 40 characters, values of
                at most 500. Example: {'order': '17'}.
            quantity (int | Unset): How many units of each segment to hold: all of them, or none. 1 if absent.
            replaces (None | ReplacedHold | Unset):
            resource (None | str | Unset): The resource that the guest asks for: one of the event type's. Example: ana.
            success_url (None | str | Unset): Where Stripe sends a guest who paid; `{HOLD_ID}` and `{CHECKOUT_SESSION_ID}`
                are filled in. Example: https://shop.example/done?hold={HOLD_ID}.
            ui (CheckoutUi | None | Unset):
     """

    event_type: str
    guest: NewGuest
    starts_at: datetime.datetime
    cancel_url: None | str | Unset = UNSET
    client_address: None | str | Unset = UNSET
    locale: None | str | Unset = UNSET
    metadata: NewHoldMetadata | Unset = UNSET
    quantity: int | Unset = UNSET
    replaces: None | ReplacedHold | Unset = UNSET
    resource: None | str | Unset = UNSET
    success_url: None | str | Unset = UNSET
    ui: CheckoutUi | None | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        from ..models.new_guest import NewGuest # noqa: PLC0415
        from ..models.new_hold_metadata import NewHoldMetadata # noqa: PLC0415
        from ..models.replaced_hold import ReplacedHold # noqa: PLC0415
        event_type = self.event_type

        guest = self.guest.to_dict()

        starts_at = self.starts_at.isoformat()

        cancel_url: None | str | Unset
        if isinstance(self.cancel_url, Unset):
            cancel_url = UNSET
        else:
            cancel_url = self.cancel_url

        client_address: None | str | Unset
        if isinstance(self.client_address, Unset):
            client_address = UNSET
        else:
            client_address = self.client_address

        locale: None | str | Unset
        if isinstance(self.locale, Unset):
            locale = UNSET
        else:
            locale = self.locale

        metadata: dict[str, Any] | Unset = UNSET
        if not isinstance(self.metadata, Unset):
            metadata = self.metadata.to_dict()

        quantity = self.quantity

        replaces: dict[str, Any] | None | Unset
        if isinstance(self.replaces, Unset):
            replaces = UNSET
        elif isinstance(self.replaces, ReplacedHold):
            replaces = self.replaces.to_dict()
        else:
            replaces = self.replaces

        resource: None | str | Unset
        if isinstance(self.resource, Unset):
            resource = UNSET
        else:
            resource = self.resource

        success_url: None | str | Unset
        if isinstance(self.success_url, Unset):
            success_url = UNSET
        else:
            success_url = self.success_url

        ui: None | str | Unset
        if isinstance(self.ui, Unset):
            ui = UNSET
        elif isinstance(self.ui, CheckoutUi):
            ui = self.ui.value
        else:
            ui = self.ui


        field_dict: dict[str, Any] = {}

        field_dict.update({
            "event_type": event_type,
            "guest": guest,
            "starts_at": starts_at,
        })
        if cancel_url is not UNSET:
            field_dict["cancel_url"] = cancel_url
        if client_address is not UNSET:
            field_dict["client_address"] = client_address
        if locale is not UNSET:
            field_dict["locale"] = locale
        if metadata is not UNSET:
            field_dict["metadata"] = metadata
        if quantity is not UNSET:
            field_dict["quantity"] = quantity
        if replaces is not UNSET:
            field_dict["replaces"] = replaces
        if resource is not UNSET:
            field_dict["resource"] = resource
        if success_url is not UNSET:
            field_dict["success_url"] = success_url
        if ui is not UNSET:
            field_dict["ui"] = ui

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.new_guest import NewGuest # noqa: PLC0415
        from ..models.new_hold_metadata import NewHoldMetadata # noqa: PLC0415
        from ..models.replaced_hold import ReplacedHold # noqa: PLC0415
        d = dict(src_dict)
        event_type = d.pop("event_type")

        guest = NewGuest.from_dict(d.pop("guest"))




        starts_at = datetime.datetime.fromisoformat(d.pop("starts_at"))




        def _parse_cancel_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        cancel_url = _parse_cancel_url(d.pop("cancel_url", UNSET))


        def _parse_client_address(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        client_address = _parse_client_address(d.pop("client_address", UNSET))


        def _parse_locale(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        locale = _parse_locale(d.pop("locale", UNSET))


        _metadata = d.pop("metadata", UNSET)
        metadata: NewHoldMetadata | Unset
        if isinstance(_metadata,  Unset):
            metadata = UNSET
        else:
            metadata = NewHoldMetadata.from_dict(_metadata)




        quantity = d.pop("quantity", UNSET)

        def _parse_replaces(data: object) -> None | ReplacedHold | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                replaces_type_0 = ReplacedHold.from_dict(data)



                return replaces_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | ReplacedHold | Unset, data)

        replaces = _parse_replaces(d.pop("replaces", UNSET))


        def _parse_resource(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        resource = _parse_resource(d.pop("resource", UNSET))


        def _parse_success_url(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        success_url = _parse_success_url(d.pop("success_url", UNSET))


        def _parse_ui(data: object) -> CheckoutUi | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                ui_type_0 = CheckoutUi(data)



                return ui_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CheckoutUi | None | Unset, data)

        ui = _parse_ui(d.pop("ui", UNSET))


        new_hold = cls(
            event_type=event_type,
            guest=guest,
            starts_at=starts_at,
            cancel_url=cancel_url,
            client_address=client_address,
            locale=locale,
            metadata=metadata,
            quantity=quantity,
            replaces=replaces,
            resource=resource,
            success_url=success_url,
            ui=ui,
        )

        return new_hold

