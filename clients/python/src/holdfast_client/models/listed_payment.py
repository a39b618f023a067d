from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.payment_state import PaymentState
from ..models.payment_status import PaymentStatus
from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
  from ..models.dispute import Dispute
  from ..models.ledger import Ledger
  from ..models.refund import Refund





T = TypeVar("T", bound="ListedPayment")



@_attrs_define
class ListedPayment:
    """ A payment with its refunds and disputes.

        Attributes:
            amount (int): The amount paid, in the currency's minor unit. Example: 5000.
            currency (str): The lower-case ISO code of the currency. Example: eur.
            intent (str): The id of the Stripe PaymentIntent. Example: pi_3QZ8mT2eZvKYlo2C1a2b3c4d.
            refunded (int): The amount refunded, in the currency's minor unit.
            state (PaymentState): What has become of a payment.
            status (PaymentStatus): The status of a PaymentIntent.
            claimed_hold (None | UUID): The hold that the metadata of a payment without a hold names; null otherwise.
            created_at (datetime.datetime): When it was recorded.
            disputes (list[Dispute]): Its disputes at Stripe, oldest first.
            hold (None | UUID): The hold that it belongs to; null if it never had one.
            ledger (Ledger): Where money is, in the currency's minor unit. What was paid is the sum of all the others.
            refunds (list[Refund]): Its refunds at Stripe, oldest first.
            updated_at (datetime.datetime): When it last changed.
     """

    amount: int
    currency: str
    intent: str
    refunded: int
    state: PaymentState
    status: PaymentStatus
    claimed_hold: None | UUID
    created_at: datetime.datetime
    disputes: list[Dispute]
    hold: None | UUID
    ledger: Ledger
    refunds: list[Refund]
    updated_at: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.dispute import Dispute # noqa: PLC0415
        from ..models.ledger import Ledger # noqa: PLC0415
        from ..models.refund import Refund # noqa: PLC0415
        amount = self.amount

        currency = self.currency

        intent = self.intent

        refunded = self.refunded

        state = self.state.value

        status = self.status.value

        claimed_hold: None | str
        if isinstance(self.claimed_hold, UUID):
            claimed_hold = str(self.claimed_hold)
        else:
            claimed_hold = self.claimed_hold

        created_at = self.created_at.isoformat()

        disputes = []
        for disputes_item_data in self.disputes:
            disputes_item = disputes_item_data.to_dict()
            disputes.append(disputes_item)



        hold: None | str
        if isinstance(self.hold, UUID):
            hold = str(self.hold)
        else:
            hold = self.hold

        ledger = self.ledger.to_dict()

        refunds = []
        for refunds_item_data in self.refunds:
            refunds_item = refunds_item_data.to_dict()
            refunds.append(refunds_item)



        updated_at = self.updated_at.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "amount": amount,
            "currency": currency,
            "intent": intent,
            "refunded": refunded,
            "state": state,
            "status": status,
            "claimed_hold": claimed_hold,
            "created_at": created_at,
            "disputes": disputes,
            "hold": hold,
            "ledger": ledger,
            "refunds": refunds,
            "updated_at": updated_at,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.dispute import Dispute # noqa: PLC0415
        from ..models.ledger import Ledger # noqa: PLC0415
        from ..models.refund import Refund # noqa: PLC0415
        d = dict(src_dict)
        amount = d.pop("amount")

        currency = d.pop("currency")

        intent = d.pop("intent")

        refunded = d.pop("refunded")

        state = PaymentState(d.pop("state"))




        status = PaymentStatus(d.pop("status"))




        def _parse_claimed_hold(data: object) -> None | UUID:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                claimed_hold_type_0 = UUID(data)



                return claimed_hold_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | UUID, data)

        claimed_hold = _parse_claimed_hold(d.pop("claimed_hold"))


        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))




        disputes = []
        _disputes = d.pop("disputes")
        for disputes_item_data in (_disputes):
            disputes_item = Dispute.from_dict(disputes_item_data)



            disputes.append(disputes_item)


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


        ledger = Ledger.from_dict(d.pop("ledger"))




        refunds = []
        _refunds = d.pop("refunds")
        for refunds_item_data in (_refunds):
            refunds_item = Refund.from_dict(refunds_item_data)



            refunds.append(refunds_item)


        updated_at = datetime.datetime.fromisoformat(d.pop("updated_at"))




        listed_payment = cls(
            amount=amount,
            currency=currency,
            intent=intent,
            refunded=refunded,
            state=state,
            status=status,
            claimed_hold=claimed_hold,
            created_at=created_at,
            disputes=disputes,
            hold=hold,
            ledger=ledger,
            refunds=refunds,
            updated_at=updated_at,
        )


        listed_payment.additional_properties = d
        return listed_payment

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
