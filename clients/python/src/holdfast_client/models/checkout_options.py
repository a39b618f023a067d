from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.billing_address import BillingAddress
from ..models.submit_type import SubmitType
from ..models.tax_behavior import TaxBehavior
from ..types import UNSET, Unset






T = TypeVar("T", bound="CheckoutOptions")



@_attrs_define
class CheckoutOptions:
    """ What Stripe's payment page asks of the guest, and what Stripe does with the payment.

        Attributes:
            automatic_tax (bool | Unset): Whether Stripe computes taxes; no if absent. Needs Stripe Tax in the account.
            billing_address (BillingAddress | Unset): Whether the guest must give an address.
            invoice (bool | Unset): Whether Stripe makes an invoice for the guest; no if absent.
            phone (bool | Unset): Whether the guest must give a phone number; no if absent.
            promotion_codes (bool | Unset): Whether the guest may enter promotion codes of the account; no if absent. A code
                for the whole price leaves
                nothing to pay, and confirms.
            statement_descriptor_suffix (str | Unset): What a bank statement shows after the account's own name: 1 to 22
                Latin characters, one of them a letter, none of
                them `<`, `>`, `\\`, `'`, `"` or `*`. Example: YOGA.
            submit_type (SubmitType | Unset): What the button of the payment page says.
            tax_behavior (TaxBehavior | Unset): Whether a price contains the tax.
            tax_code (str | Unset): Stripe's code for what is sold; the account's default if absent. Example: txcd_20030000.
            terms_consent (bool | Unset): Whether the guest must accept the terms whose address the account has; no if
                absent.
     """

    automatic_tax: bool | Unset = UNSET
    billing_address: BillingAddress | Unset = UNSET
    invoice: bool | Unset = UNSET
    phone: bool | Unset = UNSET
    promotion_codes: bool | Unset = UNSET
    statement_descriptor_suffix: str | Unset = UNSET
    submit_type: SubmitType | Unset = UNSET
    tax_behavior: TaxBehavior | Unset = UNSET
    tax_code: str | Unset = UNSET
    terms_consent: bool | Unset = UNSET





    def to_dict(self) -> dict[str, Any]:
        automatic_tax = self.automatic_tax

        billing_address: str | Unset = UNSET
        if not isinstance(self.billing_address, Unset):
            billing_address = self.billing_address.value


        invoice = self.invoice

        phone = self.phone

        promotion_codes = self.promotion_codes

        statement_descriptor_suffix = self.statement_descriptor_suffix

        submit_type: str | Unset = UNSET
        if not isinstance(self.submit_type, Unset):
            submit_type = self.submit_type.value


        tax_behavior: str | Unset = UNSET
        if not isinstance(self.tax_behavior, Unset):
            tax_behavior = self.tax_behavior.value


        tax_code = self.tax_code

        terms_consent = self.terms_consent


        field_dict: dict[str, Any] = {}

        field_dict.update({
        })
        if automatic_tax is not UNSET:
            field_dict["automatic_tax"] = automatic_tax
        if billing_address is not UNSET:
            field_dict["billing_address"] = billing_address
        if invoice is not UNSET:
            field_dict["invoice"] = invoice
        if phone is not UNSET:
            field_dict["phone"] = phone
        if promotion_codes is not UNSET:
            field_dict["promotion_codes"] = promotion_codes
        if statement_descriptor_suffix is not UNSET:
            field_dict["statement_descriptor_suffix"] = statement_descriptor_suffix
        if submit_type is not UNSET:
            field_dict["submit_type"] = submit_type
        if tax_behavior is not UNSET:
            field_dict["tax_behavior"] = tax_behavior
        if tax_code is not UNSET:
            field_dict["tax_code"] = tax_code
        if terms_consent is not UNSET:
            field_dict["terms_consent"] = terms_consent

        return field_dict



    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        automatic_tax = d.pop("automatic_tax", UNSET)

        _billing_address = d.pop("billing_address", UNSET)
        billing_address: BillingAddress | Unset
        if isinstance(_billing_address,  Unset):
            billing_address = UNSET
        else:
            billing_address = BillingAddress(_billing_address)




        invoice = d.pop("invoice", UNSET)

        phone = d.pop("phone", UNSET)

        promotion_codes = d.pop("promotion_codes", UNSET)

        statement_descriptor_suffix = d.pop("statement_descriptor_suffix", UNSET)

        _submit_type = d.pop("submit_type", UNSET)
        submit_type: SubmitType | Unset
        if isinstance(_submit_type,  Unset):
            submit_type = UNSET
        else:
            submit_type = SubmitType(_submit_type)




        _tax_behavior = d.pop("tax_behavior", UNSET)
        tax_behavior: TaxBehavior | Unset
        if isinstance(_tax_behavior,  Unset):
            tax_behavior = UNSET
        else:
            tax_behavior = TaxBehavior(_tax_behavior)




        tax_code = d.pop("tax_code", UNSET)

        terms_consent = d.pop("terms_consent", UNSET)

        checkout_options = cls(
            automatic_tax=automatic_tax,
            billing_address=billing_address,
            invoice=invoice,
            phone=phone,
            promotion_codes=promotion_codes,
            statement_descriptor_suffix=statement_descriptor_suffix,
            submit_type=submit_type,
            tax_behavior=tax_behavior,
            tax_code=tax_code,
            terms_consent=terms_consent,
        )

        return checkout_options

