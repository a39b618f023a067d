from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.command_kind import CommandKind
from ..models.command_state import CommandState
from typing import cast
from uuid import UUID
import datetime






T = TypeVar("T", bound="Command")



@_attrs_define
class Command:
    """ A durable order to call Stripe.

        Attributes:
            amount (int | None): The amount to refund, in the currency's minor unit.
            checkout_session (None | str): The Checkout Session to expire.
            created_at (datetime.datetime): When the command was created.
            currency (None | str): The lower-case ISO code of the currency.
            done_at (datetime.datetime | None): When Stripe carried it out.
            due_at (datetime.datetime): When the command is tried next.
            hold (None | UUID): The hold that the command is for.
            id (UUID): The command's id; also Stripe's idempotency key.
            kind (CommandKind): What a command does.
            last_error (None | str): The error of the last failed try.
            payment_intent (None | str): The PaymentIntent to refund.
            state (CommandState): The state of a command.
            tries (int): The number of failed tries.
     """

    amount: int | None
    checkout_session: None | str
    created_at: datetime.datetime
    currency: None | str
    done_at: datetime.datetime | None
    due_at: datetime.datetime
    hold: None | UUID
    id: UUID
    kind: CommandKind
    last_error: None | str
    payment_intent: None | str
    state: CommandState
    tries: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        amount: int | None
        amount = self.amount

        checkout_session: None | str
        checkout_session = self.checkout_session

        created_at = self.created_at.isoformat()

        currency: None | str
        currency = self.currency

        done_at: None | str
        if isinstance(self.done_at, datetime.datetime):
            done_at = self.done_at.isoformat()
        else:
            done_at = self.done_at

        due_at = self.due_at.isoformat()

        hold: None | str
        if isinstance(self.hold, UUID):
            hold = str(self.hold)
        else:
            hold = self.hold

        id = str(self.id)

        kind = self.kind.value

        last_error: None | str
        last_error = self.last_error

        payment_intent: None | str
        payment_intent = self.payment_intent

        state = self.state.value

        tries = self.tries


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "checkout_session": checkout_session,
            "created_at": created_at,
            "currency": currency,
            "done_at": done_at,
            "due_at": due_at,
            "hold": hold,
            "id": id,
            "kind": kind,
            "last_error": last_error,
            "payment_intent": payment_intent,
            "state": state,
            "tries": tries,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        def _parse_amount(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        amount = _parse_amount(d.pop("amount"))


        def _parse_checkout_session(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        checkout_session = _parse_checkout_session(d.pop("checkout_session"))


        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        def _parse_currency(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        currency = _parse_currency(d.pop("currency"))


        def _parse_done_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                done_at_type_0 = datetime.datetime.fromisoformat(data)



                return done_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        done_at = _parse_done_at(d.pop("done_at"))


        due_at = datetime.datetime.fromisoformat(d.pop("due_at"))




        def _parse_hold(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                hold_type_0 = UUID(data)



                return hold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        hold = _parse_hold(d.pop("hold"))


        id = UUID(d.pop("id"))




        kind = CommandKind(d.pop("kind"))




        def _parse_last_error(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        last_error = _parse_last_error(d.pop("last_error"))


        def _parse_payment_intent(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        payment_intent = _parse_payment_intent(d.pop("payment_intent"))


        state = CommandState(d.pop("state"))




        tries = d.pop("tries")

        command = cls(
            amount=amount,
            checkout_session=checkout_session,
            created_at=created_at,
            currency=currency,
            done_at=done_at,
            due_at=due_at,
            hold=hold,
            id=id,
            kind=kind,
            last_error=last_error,
            payment_intent=payment_intent,
            state=state,
            tries=tries,
        )


        command.additional_properties = d
        return command

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
