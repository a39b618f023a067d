from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.code import Code
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
  from ..models.field_error import FieldError
  from ..models.slot import Slot





T = TypeVar("T", bound="ProblemDetails")



@_attrs_define
class ProblemDetails:
    """ The body of every error.

        Attributes:
            code (Code): A stable word that says what went wrong.
            detail (str): What happened in this case.
            request_id (str): The request's id, as in the header `x-request-id` and in the log.
            status (int): The HTTP status of the response. Example: 409.
            title (str): The kind of problem in words.
            type_ (str): A URI that names the kind of problem. Example: urn:holdfast:problem:slot_taken.
            alternatives (list[Slot] | Unset): The nearest free slots; only with `slot_taken`.
            errors (list[FieldError] | Unset): The errors of the request's members; only with `invalid`.
            own_hold (bool | Unset): True if an unpaid hold with the same e-mail address from the same client keeps the
                slot: send it in `replaces`, or go on
                with it. Only with `slot_taken`.
     """

    code: Code
    detail: str
    request_id: str
    status: int
    title: str
    type_: str
    alternatives: list[Slot] | Unset = UNSET
    errors: list[FieldError] | Unset = UNSET
    own_hold: bool | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)





    def to_dict(self) -> dict[str, Any]:
        from ..models.field_error import FieldError # noqa: PLC0415
        from ..models.slot import Slot # noqa: PLC0415
        code = self.code.value

        detail = self.detail

        request_id = self.request_id

        status = self.status

        title = self.title

        type_ = self.type_

        alternatives: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.alternatives, Unset):
            alternatives = []
            for alternatives_item_data in self.alternatives:
                alternatives_item = alternatives_item_data.to_dict()
                alternatives.append(alternatives_item)



        errors: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.errors, Unset):
            errors = []
            for errors_item_data in self.errors:
                errors_item = errors_item_data.to_dict()
                errors.append(errors_item)



        own_hold = self.own_hold


        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({
            "code": code,
            "detail": detail,
            "request_id": request_id,
            "status": status,
            "title": title,
            "type": type_,
        })
        if alternatives is not UNSET:
            field_dict["alternatives"] = alternatives
        if errors is not UNSET:
            field_dict["errors"] = errors
        if own_hold is not UNSET:
            field_dict["own_hold"] = own_hold

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.field_error import FieldError # noqa: PLC0415
        from ..models.slot import Slot # noqa: PLC0415
        d = dict(src_dict)
        code = Code(d.pop("code"))




        detail = d.pop("detail")

        request_id = d.pop("request_id")

        status = d.pop("status")

        title = d.pop("title")

        type_ = d.pop("type")

        _alternatives = d.pop("alternatives", UNSET)
        alternatives: list[Slot] | Unset = UNSET
        if _alternatives is not UNSET:
            alternatives = []
            for alternatives_item_data in _alternatives:
                alternatives_item = Slot.from_dict(alternatives_item_data)



                alternatives.append(alternatives_item)


        _errors = d.pop("errors", UNSET)
        errors: list[FieldError] | Unset = UNSET
        if _errors is not UNSET:
            errors = []
            for errors_item_data in _errors:
                errors_item = FieldError.from_dict(errors_item_data)



                errors.append(errors_item)


        own_hold = d.pop("own_hold", UNSET)

        problem_details = cls(
            code=code,
            detail=detail,
            request_id=request_id,
            status=status,
            title=title,
            type_=type_,
            alternatives=alternatives,
            errors=errors,
            own_hold=own_hold,
        )


        problem_details.additional_properties = d
        return problem_details

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
