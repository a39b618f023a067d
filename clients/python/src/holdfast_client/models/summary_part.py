from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.money_flow import MoneyFlow





T = TypeVar("T", bound="SummaryPart")



@_attrs_define
class SummaryPart:
    """ The figures of one day or of one event type. Each thing counts when it happened.

        Attributes:
            cancelled (int): Bookings that were cancelled.
            day (datetime.date | None): The day in the shop's zone; null if the figures are divided by event types.
            event_type (None | str): The event type; null if the figures are divided by days, or if it is not known.
            given_back (int): Holds that their guests or operators released before they were paid.
            lapsed (int): Holds that ended without a payment, by themselves.
            lost_races (int): Checkouts whose payment page was made, and whose slot another guest had taken meanwhile.
            median_seconds_to_pay (int | None): The seconds within which half of the guests who paid had paid, exactly; null
                if nobody paid.
            money (list[MoneyFlow]): The money of each currency.
            paid (int): Holds that were confirmed.
            placed (int): Holds that were placed.
            refunded (int): Refunds that Stripe carried out.
            started (int): Checkouts that began: a payment page was asked for.
     """

    cancelled: int
    day: datetime.date | None
    event_type: None | str
    given_back: int
    lapsed: int
    lost_races: int
    median_seconds_to_pay: int | None
    money: list[MoneyFlow]
    paid: int
    placed: int
    refunded: int
    started: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.money_flow import MoneyFlow # noqa: PLC0415
        cancelled = self.cancelled

        day: None | str
        if isinstance(self.day, datetime.date):
            day = self.day.isoformat()
        else:
            day = self.day

        event_type: None | str
        event_type = self.event_type

        given_back = self.given_back

        lapsed = self.lapsed

        lost_races = self.lost_races

        median_seconds_to_pay: int | None
        median_seconds_to_pay = self.median_seconds_to_pay

        money = []
        for money_item_data in self.money:
            money_item = money_item_data.to_dict()
            money.append(money_item)



        paid = self.paid

        placed = self.placed

        refunded = self.refunded

        started = self.started


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "cancelled": cancelled,
            "day": day,
            "event_type": event_type,
            "given_back": given_back,
            "lapsed": lapsed,
            "lost_races": lost_races,
            "median_seconds_to_pay": median_seconds_to_pay,
            "money": money,
            "paid": paid,
            "placed": placed,
            "refunded": refunded,
            "started": started,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.money_flow import MoneyFlow # noqa: PLC0415
        d = dict(src_dict)
        cancelled = d.pop("cancelled")

        def _parse_day(data: object) -> datetime.date | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                day_type_0 = datetime.date.fromisoformat(data)



                return day_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.date | None, data)

        day = _parse_day(d.pop("day"))


        def _parse_event_type(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        event_type = _parse_event_type(d.pop("event_type"))


        given_back = d.pop("given_back")

        lapsed = d.pop("lapsed")

        lost_races = d.pop("lost_races")

        def _parse_median_seconds_to_pay(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        median_seconds_to_pay = _parse_median_seconds_to_pay(d.pop("median_seconds_to_pay"))


        money = []
        _money = d.pop("money")
        for money_item_data in (_money):
            money_item = MoneyFlow.from_dict(money_item_data)



            money.append(money_item)


        paid = d.pop("paid")

        placed = d.pop("placed")

        refunded = d.pop("refunded")

        started = d.pop("started")

        summary_part = cls(
            cancelled=cancelled,
            day=day,
            event_type=event_type,
            given_back=given_back,
            lapsed=lapsed,
            lost_races=lost_races,
            median_seconds_to_pay=median_seconds_to_pay,
            money=money,
            paid=paid,
            placed=placed,
            refunded=refunded,
            started=started,
        )


        summary_part.additional_properties = d
        return summary_part

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
