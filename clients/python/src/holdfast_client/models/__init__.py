""" Contains all the data models used in inputs/outputs """

from .access_key import AccessKey
from .actor import Actor
from .admin_hold import AdminHold
from .admin_hold_detail import AdminHoldDetail
from .admin_hold_metadata import AdminHoldMetadata
from .attention import Attention
from .audit_entry import AuditEntry
from .audit_outcome import AuditOutcome
from .billing_address import BillingAddress
from .block import Block
from .block_conflict import BlockConflict
from .block_source import BlockSource
from .calendar import Calendar
from .cancel_right import CancelRight
from .cancellation import Cancellation
from .checked_hold import CheckedHold
from .checkout_options import CheckoutOptions
from .checkout_ui import CheckoutUi
from .closure import Closure
from .closure_details import ClosureDetails
from .code import Code
from .command import Command
from .command_kind import CommandKind
from .command_retry import CommandRetry
from .command_state import CommandState
from .created_access_key import CreatedAccessKey
from .day import Day
from .delivery import Delivery
from .delivery_state import DeliveryState
from .dispute import Dispute
from .embedded_page import EmbeddedPage
from .endpoint import Endpoint
from .endpoint_details import EndpointDetails
from .endpoint_state import EndpointState
from .endpoint_test import EndpointTest
from .erased_guest import ErasedGuest
from .event import Event
from .event_closed_time import EventClosedTime
from .event_copy import EventCopy
from .event_copy_body_type_0 import EventCopyBodyType0
from .event_data import EventData
from .event_money import EventMoney
from .event_outcome import EventOutcome
from .event_payment import EventPayment
from .event_replay import EventReplay
from .event_stream import EventStream
from .event_type import EventType
from .event_type_segment import EventTypeSegment
from .exported_hold import ExportedHold
from .extend_right import ExtendRight
from .field_error import FieldError
from .guest import Guest
from .guest_export import GuestExport
from .guest_hold import GuestHold
from .guest_rights import GuestRights
from .guest_to_erase import GuestToErase
from .guest_to_export import GuestToExport
from .health import Health
from .history_line import HistoryLine
from .hold import Hold
from .hold_reason import HoldReason
from .hold_sort import HoldSort
from .hold_status import HoldStatus
from .ledger import Ledger
from .list_access_key import ListAccessKey
from .list_admin_hold import ListAdminHold
from .list_audit_entry import ListAuditEntry
from .list_closure import ListClosure
from .list_command import ListCommand
from .list_delivery import ListDelivery
from .list_endpoint import ListEndpoint
from .list_event_type import ListEventType
from .list_listed_block import ListListedBlock
from .list_listed_payment import ListListedPayment
from .list_public_event_type import ListPublicEventType
from .list_resource import ListResource
from .list_slots_status import ListSlotsStatus
from .list_stored_event import ListStoredEvent
from .listed_block import ListedBlock
from .listed_payment import ListedPayment
from .money_flow import MoneyFlow
from .move import Move
from .move_right import MoveRight
from .moved_hold import MovedHold
from .new_access_key import NewAccessKey
from .new_block import NewBlock
from .new_calendar import NewCalendar
from .new_closure import NewClosure
from .new_endpoint import NewEndpoint
from .new_event_type import NewEventType
from .new_guest import NewGuest
from .new_hold import NewHold
from .new_hold_metadata import NewHoldMetadata
from .new_refund import NewRefund
from .new_resource import NewResource
from .open_checkout import OpenCheckout
from .payment import Payment
from .payment_state import PaymentState
from .payment_status import PaymentStatus
from .placed_hold import PlacedHold
from .problem_details import ProblemDetails
from .public_event_type import PublicEventType
from .public_resource import PublicResource
from .public_segment import PublicSegment
from .received import Received
from .refund import Refund
from .refund_amount_type_0 import RefundAmountType0
from .release import Release
from .replaced_hold import ReplacedHold
from .replayed_events import ReplayedEvents
from .resource import Resource
from .resource_details import ResourceDetails
from .rotated_secret import RotatedSecret
from .schedule import Schedule
from .schedule_exception import ScheduleException
from .scope import Scope
from .segment import Segment
from .set_endpoint import SetEndpoint
from .slot import Slot
from .slot_status import SlotStatus
from .slots import Slots
from .stored_event import StoredEvent
from .streamed_event import StreamedEvent
from .submit_type import SubmitType
from .summary import Summary
from .summary_by import SummaryBy
from .summary_part import SummaryPart
from .sweep_report import SweepReport
from .tax_behavior import TaxBehavior
from .weekly_hours import WeeklyHours

__all__ = (
    "AccessKey",
    "Actor",
    "AdminHold",
    "AdminHoldDetail",
    "AdminHoldMetadata",
    "Attention",
    "AuditEntry",
    "AuditOutcome",
    "BillingAddress",
    "Block",
    "BlockConflict",
    "BlockSource",
    "Calendar",
    "Cancellation",
    "CancelRight",
    "CheckedHold",
    "CheckoutOptions",
    "CheckoutUi",
    "Closure",
    "ClosureDetails",
    "Code",
    "Command",
    "CommandKind",
    "CommandRetry",
    "CommandState",
    "CreatedAccessKey",
    "Day",
    "Delivery",
    "DeliveryState",
    "Dispute",
    "EmbeddedPage",
    "Endpoint",
    "EndpointDetails",
    "EndpointState",
    "EndpointTest",
    "ErasedGuest",
    "Event",
    "EventClosedTime",
    "EventCopy",
    "EventCopyBodyType0",
    "EventData",
    "EventMoney",
    "EventOutcome",
    "EventPayment",
    "EventReplay",
    "EventStream",
    "EventType",
    "EventTypeSegment",
    "ExportedHold",
    "ExtendRight",
    "FieldError",
    "Guest",
    "GuestExport",
    "GuestHold",
    "GuestRights",
    "GuestToErase",
    "GuestToExport",
    "Health",
    "HistoryLine",
    "Hold",
    "HoldReason",
    "HoldSort",
    "HoldStatus",
    "Ledger",
    "ListAccessKey",
    "ListAdminHold",
    "ListAuditEntry",
    "ListClosure",
    "ListCommand",
    "ListDelivery",
    "ListedBlock",
    "ListedPayment",
    "ListEndpoint",
    "ListEventType",
    "ListListedBlock",
    "ListListedPayment",
    "ListPublicEventType",
    "ListResource",
    "ListSlotsStatus",
    "ListStoredEvent",
    "MoneyFlow",
    "Move",
    "MovedHold",
    "MoveRight",
    "NewAccessKey",
    "NewBlock",
    "NewCalendar",
    "NewClosure",
    "NewEndpoint",
    "NewEventType",
    "NewGuest",
    "NewHold",
    "NewHoldMetadata",
    "NewRefund",
    "NewResource",
    "OpenCheckout",
    "Payment",
    "PaymentState",
    "PaymentStatus",
    "PlacedHold",
    "ProblemDetails",
    "PublicEventType",
    "PublicResource",
    "PublicSegment",
    "Received",
    "Refund",
    "RefundAmountType0",
    "Release",
    "ReplacedHold",
    "ReplayedEvents",
    "Resource",
    "ResourceDetails",
    "RotatedSecret",
    "Schedule",
    "ScheduleException",
    "Scope",
    "Segment",
    "SetEndpoint",
    "Slot",
    "Slots",
    "SlotStatus",
    "StoredEvent",
    "StreamedEvent",
    "SubmitType",
    "Summary",
    "SummaryBy",
    "SummaryPart",
    "SweepReport",
    "TaxBehavior",
    "WeeklyHours",
)
