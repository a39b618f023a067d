from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.audit_outcome import AuditOutcome
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="AuditEntry")



@_attrs_define
class AuditEntry:
    """ An act of an operator.

        Attributes:
            action (str): The `operationId` of what was called; `searchByGuest` for a search, `read` for other reads, once
                an hour. Example: putEventType.
            actor (str): The name of the key that was used; `command-line` on the machine itself. Example: ana.
            after (Any): The state after, without data of guests; null if there is none.
            at (datetime.datetime): When the act began.
            before (Any): The state before, without data of guests; null if there was none.
            id (int): The number of the entry; later entries have higher ones.
            outcome (AuditOutcome | None):
            request_id (None | UUID): The id of the request, as in its header `x-request-id` and in the log; null at the
                command line.
            target (None | str): What it was done to; null if it was not one thing. Example: event-types/intro-call.
     """

    action: str
    actor: str
    after: Any
    at: datetime.datetime
    before: Any
    id: int
    outcome: AuditOutcome | None
    request_id: None | UUID
    target: None | str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        action = self.action

        actor = self.actor

        after = self.after

        at = self.at.isoformat()

        before = self.before

        id = self.id

        outcome: None | str
        if isinstance(self.outcome, AuditOutcome):
            outcome = self.outcome.value
        else:
            outcome = self.outcome

        request_id: None | str
        if isinstance(self.request_id, UUID):
            request_id = str(self.request_id)
        else:
            request_id = self.request_id

        target: None | str
        target = self.target


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "action": action,
            "actor": actor,
            "after": after,
            "at": at,
            "before": before,
            "id": id,
            "outcome": outcome,
            "request_id": request_id,
            "target": target,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        action = d.pop("action")

        actor = d.pop("actor")

        after = d.pop("after")

        at = datetime.datetime.fromisoformat(d.pop("at"))




        before = d.pop("before")

        id = d.pop("id")

        def _parse_outcome(data: object) -> AuditOutcome | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                outcome_type_0 = AuditOutcome(data)



                return outcome_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(AuditOutcome | None, data)

        outcome = _parse_outcome(d.pop("outcome"))


        def _parse_request_id(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                request_id_type_0 = UUID(data)



                return request_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        request_id = _parse_request_id(d.pop("request_id"))


        def _parse_target(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        target = _parse_target(d.pop("target"))


        audit_entry = cls(
            action=action,
            actor=actor,
            after=after,
            at=at,
            before=before,
            id=id,
            outcome=outcome,
            request_id=request_id,
            target=target,
        )


        audit_entry.additional_properties = d
        return audit_entry

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
