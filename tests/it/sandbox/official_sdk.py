"""Test the simulator with Stripe's official SDK.

    official_sdk.py client BASE      runs checkouts at BASE and asserts what the SDK returns
    official_sdk.py webhook SECRET   verifies the webhooks on standard input and prints their types
    official_sdk.py sign SECRET TIME prints the signature of the body on standard input
"""

import json
import sys
import urllib.request

import stripe


def session_params(**changes):
    return {
        "mode": "payment",
        "success_url": "http://shop.test/done?s={CHECKOUT_SESSION_ID}",
        "client_reference_id": "hold-1",
        "customer_email": "ada@example.com",
        "metadata": {"hold": "hold-1"},
        "payment_intent_data": {"metadata": {"hold": "hold-1"}},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {"currency": "eur", "unit_amount": 5000, "product_data": {"name": "Intro call"}},
            }
        ],
        **changes,
    }


def control(base, method, path, body):
    request = urllib.request.Request(
        f"{base}{path}",
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    return json.loads(urllib.request.urlopen(request).read())


def pay(base, session, outcome):
    control(base, "POST", f"/sandbox/sessions/{session}/pay", {"outcome": outcome})


def expect_error(kind, call):
    try:
        call()
    except stripe.StripeError as error:
        assert type(error) is kind, f"{type(error).__name__} instead of {kind.__name__}: {error}"
        assert error.request_id.startswith("req_"), error.request_id
        return error
    raise AssertionError(f"no {kind.__name__}")


def connect(base, key="sk_test_simulated"):
    return stripe.StripeClient(key, base_addresses={"api": base}, max_network_retries=0)


def check_session_lifecycle(base, api):
    session = api.checkout.sessions.create(params=session_params(expand=["line_items"]))
    assert isinstance(session, stripe.checkout.Session)
    assert (session.status, session.payment_status, session.amount_total) == ("open", "unpaid", 5000)
    assert session.line_items.data[0].description == "Intro call"
    assert session.customer_details.email == "ada@example.com"
    assert session.payment_intent is None and session.metadata["hold"] == "hold-1"
    retrieved = api.checkout.sessions.retrieve(session.id)
    assert (retrieved.id, retrieved.url) == (session.id, f"{base}/c/pay/{session.id}")
    assert [listed.id for listed in api.checkout.sessions.list({"limit": 1}).data] == [session.id]
    assert api.checkout.sessions.expire(session.id).status == "expired"
    again = expect_error(stripe.InvalidRequestError, lambda: api.checkout.sessions.expire(session.id))
    assert "has a status of `expired`." in again.user_message, again.user_message


def check_payment_and_refunds(base, api):
    session = api.checkout.sessions.create(params=session_params())
    pay(base, session.id, "declined")
    pay(base, session.id, "paid")
    params = {"expand": ["payment_intent.latest_charge"]}
    session = api.checkout.sessions.retrieve(session.id, params=params)
    assert (session.status, session.payment_status, session.url) == ("complete", "paid", None)
    intent = session.payment_intent
    assert isinstance(intent, stripe.PaymentIntent) and isinstance(intent.latest_charge, stripe.Charge)
    assert (intent.status, intent.amount_received, intent.metadata["hold"]) == ("succeeded", 5000, "hold-1")
    error = expect_error(stripe.InvalidRequestError, lambda: api.checkout.sessions.expire(session.id))
    assert error.user_message == (
        'Only Checkout Sessions with a status in ["open"] can be expired. '
        "This Checkout Session has a status of `complete`."
    )
    assert (error.http_status, error.code, error.error.type) == (400, None, "invalid_request_error")
    refund = api.refunds.create(params={"payment_intent": intent.id, "amount": 2000})
    assert isinstance(refund, stripe.Refund) and (refund.status, refund.amount) == ("succeeded", 2000)
    assert api.refunds.retrieve(refund.id).charge == intent.latest_charge.id
    assert api.refunds.create(params={"charge": intent.latest_charge.id}).amount == 3000
    error = expect_error(
        stripe.InvalidRequestError, lambda: api.refunds.create(params={"payment_intent": intent.id})
    )
    assert error.code == "charge_already_refunded"


def check_refunds_and_disputes_are_read(base, api):
    session = api.checkout.sessions.create(params=session_params())
    control(base, "POST", f"/sandbox/sessions/{session.id}/pay", {"outcome": "paid"})
    intent = api.checkout.sessions.retrieve(session.id).payment_intent
    for status in ("requires_action", "pending", "failed"):
        control(base, "PUT", "/sandbox/refunds", {"status": status})
        params = {"payment_intent": intent, "amount": 100, "metadata": {"holdfast_command": "c-1"}}
        refund = api.refunds.create(params=params)
        assert (refund.status, refund.metadata["holdfast_command"]) == (status, "c-1"), refund
    assert refund.failure_reason == "unknown"
    control(base, "PUT", "/sandbox/refunds", {"status": "succeeded"})
    made = api.refunds.list({"payment_intent": intent, "limit": 1})
    assert [read.id for read in made.data] == [refund.id] and made.has_more is True
    assert len(list(made.auto_paging_iter())) == 3
    recent = api.refunds.list({"created": {"gte": refund.created, "lte": refund.created}})
    assert refund.id in [read.id for read in recent.data]
    opened = control(base, "POST", f"/sandbox/intents/{intent}/dispute", {"status": "warning_needs_response"})
    dispute = api.disputes.retrieve(opened["id"])
    assert isinstance(dispute, stripe.Dispute) and dispute.status == "warning_needs_response"
    assert dispute.is_charge_refundable is True and dispute.evidence_details.due_by > dispute.created
    control(base, "POST", f"/sandbox/disputes/{dispute.id}", {"status": "needs_response"})
    error = expect_error(
        stripe.InvalidRequestError, lambda: api.refunds.create(params={"payment_intent": intent})
    )
    assert error.code == "charge_disputed"
    control(base, "POST", f"/sandbox/disputes/{dispute.id}", {"status": "won"})
    listed = api.disputes.list({"payment_intent": intent})
    assert [(read.id, read.status) for read in listed.data] == [(dispute.id, "won")]


def check_error_classes(base, api):
    error = expect_error(stripe.InvalidRequestError, lambda: api.checkout.sessions.retrieve("cs_test_none"))
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "session")
    error = expect_error(stripe.InvalidRequestError, lambda: api.payment_intents.retrieve("pi_none"))
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "intent")
    sent = session_params(payment_method_types=["card"])
    error = expect_error(stripe.InvalidRequestError, lambda: api.checkout.sessions.create(params=sent))
    assert error.code == "parameter_unknown"
    expect_error(stripe.AuthenticationError, lambda: connect(base, "sk_live_x").v1.balance.retrieve())
    expect_error(stripe.AuthenticationError, lambda: connect(base, "nonsense").v1.balance.retrieve())


def check_idempotency_keys(base, api):
    options = {"idempotency_key": "one"}
    first = api.checkout.sessions.create(params=session_params(), options=options)
    second = api.checkout.sessions.create(params=session_params(), options=options)
    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    other = session_params(client_reference_id="hold-2")
    expect_error(stripe.IdempotencyError, lambda: api.checkout.sessions.create(params=other, options=options))


def check_test_account(base, api):
    assert api.balance.retrieve().livemode is False
    assert isinstance(api.accounts.retrieve_current(), stripe.Account)


def client(base):
    api = connect(base).v1
    for check in (
        check_test_account,
        check_session_lifecycle,
        check_payment_and_refunds,
        check_refunds_and_disputes_are_read,
        check_error_classes,
        check_idempotency_keys,
    ):
        check(base, api)


def webhook(secret):
    for received in json.load(sys.stdin):
        body, signature = received["body"], received["signature"]
        # The simulator signs by its own clock, so the age of the signature means nothing here.
        event = stripe.Webhook.construct_event(body, signature, secret, tolerance=None)
        assert isinstance(event, stripe.Event)
        # A changed body must fail. Only then is the event's type printed.
        try:
            stripe.Webhook.construct_event(body + " ", signature, secret, tolerance=None)
        except stripe.SignatureVerificationError:
            print(event.type)


def sign(secret, time):
    print(stripe.WebhookSignature.generate_signature_header(sys.stdin.read(), secret, int(time)))


if __name__ == "__main__":
    {"client": client, "webhook": webhook, "sign": sign}[sys.argv[1]](*sys.argv[2:])
