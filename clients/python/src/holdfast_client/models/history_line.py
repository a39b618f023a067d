from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.actor import Actor
from ..models.hold_reason import HoldReason
from ..models.hold_status import HoldStatus
from typing import cast
import datetime






T = TypeVar("T", bound="HistoryLine")



@_attrs_define
class HistoryLine:
    """ One transition in the history of a hold.

        Attributes:
            actor (None | str): The name of the operator's key, if an operator caused it.
            at (datetime.datetime): When the transition happened.
            by (Actor): Who causes a transition.
            event (None | str): The id of the Stripe event that caused it, if one did.
            from_ (HoldStatus | None):
            message (str): What happened, in words for people.
            reason (HoldReason | None):
            to (HoldStatus): The status of a hold.
            transition (str): What happened, as a stable code for machines. `other` stands for lines that were written
                before there were codes.
     """

    actor: None | str
    at: datetime.datetime
    by: Actor
    event: None | str
    from_: HoldStatus | None
    message: str
    reason: HoldReason | None
    to: HoldStatus
    transition: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        actor: None | str
        actor = self.actor

        at = self.at.isoformat()

        by = self.by.value

        event: None | str
        event = self.event

        from_: None | str
        if isinstance(self.from_, HoldStatus):
            from_ = self.from_.value
        else:
            from_ = self.from_

        message = self.message

        reason: None | str
        if isinstance(self.reason, HoldReason):
            reason = self.reason.value
        else:
            reason = self.reason

        to = self.to.value

        transition = self.transition


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "actor": actor,
            "at": at,
            "by": by,
            "event": event,
            "from": from_,
            "message": message,
            "reason": reason,
            "to": to,
            "transition": transition,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        def _parse_actor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        actor = _parse_actor(d.pop("actor"))


        at = datetime.datetime.fromisoformat(d.pop("at"))




        by = Actor(d.pop("by"))




        def _parse_event(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        event = _parse_event(d.pop("event"))


        def _parse_from_(data: object) -> HoldStatus | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                from_type_0 = HoldStatus(data)



                return from_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(HoldStatus | None, data)

        from_ = _parse_from_(d.pop("from"))


        message = d.pop("message")

        def _parse_reason(data: object) -> HoldReason | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                reason_type_0 = HoldReason(data)



                return reason_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(HoldReason | None, data)

        reason = _parse_reason(d.pop("reason"))


        to = HoldStatus(d.pop("to"))




        transition = d.pop("transition")

        history_line = cls(
            actor=actor,
            at=at,
            by=by,
            event=event,
            from_=from_,
            message=message,
            reason=reason,
            to=to,
            transition=transition,
        )


        history_line.additional_properties = d
        return history_line

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
