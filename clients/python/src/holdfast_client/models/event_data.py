from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.hold_status import HoldStatus
from ..types import UNSET, Unset
from typing import cast
from uuid import UUID

if TYPE_CHECKING:
  from ..models.admin_hold import AdminHold
  from ..models.event_closed_time import EventClosedTime
  from ..models.event_money import EventMoney
  from ..models.event_payment import EventPayment





T = TypeVar("T", bound="EventData")



@_attrs_define
class EventData:
    """ What an event happened to.

        Attributes:
            hold (AdminHold | None):
            hold_id (None | UUID): The id of the hold.
            previous_status (HoldStatus | None):
            sequence (int | None): The number of the event among those of the hold, from 1. No number is left out, but an
                endpoint that takes some types only does
                not get all. Example: 4.
            closed (EventClosedTime | Unset): A time that an operator closed.
            dispute (EventMoney | Unset): A refund or a dispute, as it was when the event happened.
            payment (EventPayment | Unset): A payment without a hold.
            refund (EventMoney | Unset): A refund or a dispute, as it was when the event happened.
            truncated (bool | Unset): Present, and true, if the hold's `metadata` is left out because the event would be too
                long.
     """

    hold: AdminHold | None
    hold_id: None | UUID
    previous_status: HoldStatus | None
    sequence: int | None
    closed: EventClosedTime | Unset = UNSET
    dispute: EventMoney | Unset = UNSET
    payment: EventPayment | Unset = UNSET
    refund: EventMoney | Unset = UNSET
    truncated: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.admin_hold import AdminHold # noqa: PLC0415
        from ..models.event_closed_time import EventClosedTime # noqa: PLC0415
        from ..models.event_money import EventMoney # noqa: PLC0415
        from ..models.event_payment import EventPayment # noqa: PLC0415
        hold: dict[str, Any] | None
        if isinstance(self.hold, AdminHold):
            hold = self.hold.to_dict()
        else:
            hold = self.hold

        hold_id: None | str
        if isinstance(self.hold_id, UUID):
            hold_id = str(self.hold_id)
        else:
            hold_id = self.hold_id

        previous_status: None | str
        if isinstance(self.previous_status, HoldStatus):
            previous_status = self.previous_status.value
        else:
            previous_status = self.previous_status

        sequence: int | None
        sequence = self.sequence

        closed: dict[str, Any] | Unset = UNSET
        if not isinstance(self.closed, Unset):
            closed = self.closed.to_dict()

        dispute: dict[str, Any] | Unset = UNSET
        if not isinstance(self.dispute, Unset):
            dispute = self.dispute.to_dict()

        payment: dict[str, Any] | Unset = UNSET
        if not isinstance(self.payment, Unset):
            payment = self.payment.to_dict()

        refund: dict[str, Any] | Unset = UNSET
        if not isinstance(self.refund, Unset):
            refund = self.refund.to_dict()

        truncated = self.truncated


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "hold": hold,
            "hold_id": hold_id,
            "previous_status": previous_status,
            "sequence": sequence,
        })
        if closed is not UNSET:
            field_dict["closed"] = closed
        if dispute is not UNSET:
            field_dict["dispute"] = dispute
        if payment is not UNSET:
            field_dict["payment"] = payment
        if refund is not UNSET:
            field_dict["refund"] = refund
        if truncated is not UNSET:
            field_dict["truncated"] = truncated

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.admin_hold import AdminHold # noqa: PLC0415
        from ..models.event_closed_time import EventClosedTime # noqa: PLC0415
        from ..models.event_money import EventMoney # noqa: PLC0415
        from ..models.event_payment import EventPayment # noqa: PLC0415
        d = dict(src_dict)
        def _parse_hold(data: object) -> AdminHold | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                hold_type_0 = AdminHold.from_dict(data)



                return hold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AdminHold | None, data)

        hold = _parse_hold(d.pop("hold"))


        def _parse_hold_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                hold_id_type_0 = UUID(data)



                return hold_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        hold_id = _parse_hold_id(d.pop("hold_id"))


        def _parse_previous_status(data: object) -> HoldStatus | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                previous_status_type_0 = HoldStatus(data)



                return previous_status_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(HoldStatus | None, data)

        previous_status = _parse_previous_status(d.pop("previous_status"))


        def _parse_sequence(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        sequence = _parse_sequence(d.pop("sequence"))


        _closed = d.pop("closed", UNSET)
        closed: EventClosedTime | Unset
        if isinstance(_closed,  Unset):
            closed = UNSET
        else:
            closed = EventClosedTime.from_dict(_closed)




        _dispute = d.pop("dispute", UNSET)
        dispute: EventMoney | Unset
        if isinstance(_dispute,  Unset):
            dispute = UNSET
        else:
            dispute = EventMoney.from_dict(_dispute)




        _payment = d.pop("payment", UNSET)
        payment: EventPayment | Unset
        if isinstance(_payment,  Unset):
            payment = UNSET
        else:
            payment = EventPayment.from_dict(_payment)




        _refund = d.pop("refund", UNSET)
        refund: EventMoney | Unset
        if isinstance(_refund,  Unset):
            refund = UNSET
        else:
            refund = EventMoney.from_dict(_refund)




        truncated = d.pop("truncated", UNSET)

        event_data = cls(
            hold=hold,
            hold_id=hold_id,
            previous_status=previous_status,
            sequence=sequence,
            closed=closed,
            dispute=dispute,
            payment=payment,
            refund=refund,
            truncated=truncated,
        )


        event_data.additional_properties = d
        return event_data

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
