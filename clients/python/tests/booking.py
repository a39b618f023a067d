"""Books through the package, against a sandbox.

booking.py BASE ADMIN_KEY SIMULATOR
"""

import sys
import uuid
from datetime import datetime, timedelta, timezone

import httpx
from holdfast_client import AuthenticatedClient, Client
from holdfast_client.api.holds import cancel_hold, check_hold, get_hold, list_offers, list_slots, start_checkout
from holdfast_client.api.operators import cancel_hold_as_operator, get_hold_as_operator, list_holds_as_operator
from holdfast_client.models import (
    Actor,
    Cancellation,
    Code,
    HoldReason,
    HoldStatus,
    ListAdminHold,
    NewGuest,
    NewHold,
    PlacedHold,
    ProblemDetails,
    SlotStatus,
)

base, admin_key, simulator = sys.argv[1:]
guests = Client(base_url=base)
operators = AuthenticatedClient(base_url=base, token=admin_key)

offers = list_offers.sync(client=guests, limit=200)
offer = next(offer for offer in offers.data if offer.id == "intro-call")

now = datetime.now(timezone.utc)
slots = list_slots.sync(offer.id, client=guests, from_=now + timedelta(days=7), to=now + timedelta(days=14))
slot = next(slot for slot in slots.slots if slot.status is SlotStatus.FREE)

# `quantity` is left out: the service fills it in.
new = NewHold(event_type=offer.id, starts_at=slot.starts_at, guest=NewGuest(email="ada@example.com"))
placed = start_checkout.sync(client=guests, body=new, idempotency_key=str(uuid.uuid4()))
assert isinstance(placed, PlacedHold), placed
assert (placed.quantity, placed.amount, placed.starts_at) == (1, offer.amount, slot.starts_at), placed

other = NewHold(event_type=offer.id, starts_at=slot.starts_at, guest=NewGuest(email="bob@example.com"))
taken = start_checkout.sync(client=guests, body=other)
assert isinstance(taken, ProblemDetails) and taken.code is Code.SLOT_TAKEN, taken
assert len(taken.alternatives) == 5, taken

assert get_hold.sync(placed.id, client=guests).status is HoldStatus.HELD

page = list_holds_as_operator.sync(client=operators, status=[HoldStatus.HELD])
assert isinstance(page, ListAdminHold), page
assert next(hold for hold in page.data if hold.id == placed.id).guest.email == "ada@example.com"

with_token = AuthenticatedClient(base_url=base, token=placed.token)
cancelled = cancel_hold.sync(placed.id, client=with_token)
assert (cancelled.status, cancelled.reason) == (HoldStatus.RELEASED, HoldReason.GUEST), cancelled

detail = get_hold_as_operator.sync(placed.id, client=operators)
assert [line.by for line in detail.history] == [Actor.CHECKOUT, Actor.GUEST], detail.history

for refund in ("full", 2500):
    cancellation = Cancellation.from_dict({"refund": refund})
    assert cancellation.to_dict() == {"refund": refund}
    refused = cancel_hold_as_operator.sync(placed.id, client=operators, body=cancellation)
    assert refused.code is Code.NOT_CANCELLABLE, refused
again = start_checkout.sync(client=guests, body=other)
assert isinstance(again, PlacedHold), again
payment = httpx.post(f"{simulator}/sandbox/sessions/{again.checkout_session}/pay", json={"outcome": "paid"})
payment.raise_for_status()
assert check_hold.sync(again.id, client=guests).status is HoldStatus.CONFIRMED
print("done")
