from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset







T = TypeVar("T", bound="SweepReport")



@_attrs_define
class SweepReport:
    """ The result of a sweep.

        Attributes:
            confirmed (int): How many of them were confirmed.
            examined (int): The number of holds about which the sweep asked Stripe.
            failed (int): How many of them got no response; the next sweep asks again.
            oldest_overdue_ms (int): How long the oldest overdue hold had been overdue when the sweep began, in
                milliseconds.
            released (int): How many of them were released.
     """

    confirmed: int
    examined: int
    failed: int
    oldest_overdue_ms: int
    released: int
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        confirmed = self.confirmed

        examined = self.examined

        failed = self.failed

        oldest_overdue_ms = self.oldest_overdue_ms

        released = self.released


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "confirmed": confirmed,
            "examined": examined,
            "failed": failed,
            "oldest_overdue_ms": oldest_overdue_ms,
            "released": released,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        confirmed = d.pop("confirmed")

        examined = d.pop("examined")

        failed = d.pop("failed")

        oldest_overdue_ms = d.pop("oldest_overdue_ms")

        released = d.pop("released")

        sweep_report = cls(
            confirmed=confirmed,
            examined=examined,
            failed=failed,
            oldest_overdue_ms=oldest_overdue_ms,
            released=released,
        )


        sweep_report.additional_properties = d
        return sweep_report

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
