from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast






T = TypeVar("T", bound="Release")



@_attrs_define
class Release:
    """ How to release a hold.

        Attributes:
            version (int | None | Unset): The `version` of the hold that the caller has seen: only that one is released. Any
                if absent.
            without_stripe (bool | Unset): Frees the slot even if Stripe does not know the hold's session. If Stripe knows
                it, Stripe decides. False if absent.
     """

    version: int | None | Unset = UNSET
    without_stripe: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        version: int | None | Unset
        if isinstance(self.version, Unset):
            version = UNSET
        else:
            version = self.version

        without_stripe = self.without_stripe


        field_dict: dict[str, Any] = {}

        field_dict.update({
        })
        if version is not UNSET:
            field_dict["version"] = version
        if without_stripe is not UNSET:
            field_dict["without_stripe"] = without_stripe

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        def _parse_version(data: object) -> int | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(int | None | Unset, data)

        version = _parse_version(d.pop("version", UNSET))


        without_stripe = d.pop("without_stripe", UNSET)

        release = cls(
            version=version,
            without_stripe=without_stripe,
        )

        return release

