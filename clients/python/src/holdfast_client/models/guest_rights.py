from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
  from ..models.cancel_right import CancelRight
  from ..models.extend_right import ExtendRight
  from ..models.move_right import MoveRight





T = TypeVar("T", bound="GuestRights")



@_attrs_define
class GuestRights:
    """ What a guest may do to a hold now. A right may end before it is used: then the act is refused with `409`.

        Attributes:
            cancel (CancelRight | None):
            extend (ExtendRight | None):
            move (MoveRight | None):
     """

    cancel: CancelRight | None
    extend: ExtendRight | None
    move: MoveRight | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.cancel_right import CancelRight # noqa: PLC0415
        from ..models.extend_right import ExtendRight # noqa: PLC0415
        from ..models.move_right import MoveRight # noqa: PLC0415
        cancel: dict[str, Any] | None
        if isinstance(self.cancel, CancelRight):
            cancel = self.cancel.to_dict()
        else:
            cancel = self.cancel

        extend: dict[str, Any] | None
        if isinstance(self.extend, ExtendRight):
            extend = self.extend.to_dict()
        else:
            extend = self.extend

        move: dict[str, Any] | None
        if isinstance(self.move, MoveRight):
            move = self.move.to_dict()
        else:
            move = self.move


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "cancel": cancel,
            "extend": extend,
            "move": move,
        })

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.cancel_right import CancelRight # noqa: PLC0415
        from ..models.extend_right import ExtendRight # noqa: PLC0415
        from ..models.move_right import MoveRight # noqa: PLC0415
        d = dict(src_dict)
        def _parse_cancel(data: object) -> CancelRight | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                cancel_type_0 = CancelRight.from_dict(data)



                return cancel_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CancelRight | None, data)

        cancel = _parse_cancel(d.pop("cancel"))


        def _parse_extend(data: object) -> ExtendRight | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                extend_type_0 = ExtendRight.from_dict(data)



                return extend_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ExtendRight | None, data)

        extend = _parse_extend(d.pop("extend"))


        def _parse_move(data: object) -> MoveRight | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                move_type_0 = MoveRight.from_dict(data)



                return move_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(MoveRight | None, data)

        move = _parse_move(d.pop("move"))


        guest_rights = cls(
            cancel=cancel,
            extend=extend,
            move=move,
        )


        guest_rights.additional_properties = d
        return guest_rights

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
