from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.summary_by import SummaryBy
from typing import cast
import datetime

if TYPE_CHECKING:
  from ..models.summary_part import SummaryPart





T = TypeVar("T", bound="Summary")



@_attrs_define
class Summary:
    """ What happened in a range of time.

        Attributes:
            by (SummaryBy): How the figures of a summary are divided.
            data (list[SummaryPart]): The figures of each day in order, also of those on which nothing happened; or those of
                each event type with any.
            from_ (datetime.datetime): Where the range starts.
            timezone (str): The zone of the days. Example: Europe/Berlin.
            to (datetime.datetime): Where the range ends.
     """

    by: SummaryBy
    data: list[SummaryPart]
    from_: datetime.datetime
    timezone: str
    to: datetime.datetime
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.summary_part import SummaryPart # noqa: PLC0415
        by = self.by.value

        data = []
        for data_item_data in self.data:
            data_item = data_item_data.to_dict()
            data.append(data_item)



        from_ = self.from_.isoformat()

        timezone = self.timezone

        to = self.to.isoformat()


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "by": by,
            "data": data,
            "from": from_,
            "timezone": timezone,
            "to": to,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.summary_part import SummaryPart # noqa: PLC0415
        d = dict(src_dict)
        by = SummaryBy(d.pop("by"))




        data = []
        _data = d.pop("data")
        for data_item_data in (_data):
            data_item = SummaryPart.from_dict(data_item_data)



            data.append(data_item)


        from_ = datetime.datetime.fromisoformat(d.pop("from"))




        timezone = d.pop("timezone")

        to = datetime.datetime.fromisoformat(d.pop("to"))




        summary = cls(
            by=by,
            data=data,
            from_=from_,
            timezone=timezone,
            to=to,
        )


        summary.additional_properties = d
        return summary

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
