//! Property test of the account: every sequence of actions keeps sessions, payments and refunds consistent.

use proptest::prelude::*;

use super::account_state::AccountState;
use super::disputes::NewDispute;
use super::event_log::ChangeContext;
use super::form_params::FormParams;
use super::objects::{
    DisputeStatus, IntentStatus, PaymentStatus, RefundOutcome, RefundParams, RefundStatus, SessionStatus,
};
use super::payments::{self, PaymentOutcome};
use super::session_params;

#[derive(Debug, Clone)]
enum Action {
    Pay(PaymentOutcome),
    Expire,
    Refund(Option<i64>, RefundStatus),
    ChangeRefund(RefundStatus),
    Dispute(DisputeStatus),
    ChangeDispute(DisputeStatus),
}

fn any_refund_status() -> impl Strategy<Value = RefundStatus> {
    use RefundStatus::*;
    prop::sample::select(vec![RequiresAction, Pending, Succeeded, Canceled, Failed])
}

fn any_dispute_status() -> impl Strategy<Value = DisputeStatus> {
    use DisputeStatus::*;
    prop::sample::select(vec![
        WarningNeedsResponse,
        WarningUnderReview,
        WarningClosed,
        NeedsResponse,
        UnderReview,
        Prevented,
        Won,
        Lost,
    ])
}

fn any_action() -> impl Strategy<Value = Action> {
    use PaymentOutcome::*;
    prop_oneof![
        prop::sample::select(vec![
            Paid,
            Declined,
            Processing,
            ProcessingSucceeded,
            ProcessingFailed
        ])
        .prop_map(Action::Pay),
        Just(Action::Expire),
        (prop::option::of(1..6000_i64), any_refund_status())
            .prop_map(|(amount, status)| Action::Refund(amount, status)),
        any_refund_status().prop_map(Action::ChangeRefund),
        any_dispute_status().prop_map(Action::Dispute),
        any_dispute_status().prop_map(Action::ChangeDispute),
    ]
}

fn create_state_with_session() -> (AccountState, String) {
    let form = b"mode=payment&success_url=http://shop.test/&line_items[0][quantity]=1\
        &line_items[0][price_data][currency]=eur&line_items[0][price_data][unit_amount]=5000\
        &line_items[0][price_data][product_data][name]=Call";
    let params = session_params::parse_session_params(&FormParams::parse(form), 0).unwrap();
    let mut state = AccountState::default();
    let id = state
        .create_session(params, "sandbox", &ChangeContext::without_request(0))
        .id
        .clone();
    (state, id)
}

/// Performs the action and returns whether the simulator accepted it.
fn perform_action(state: &mut AccountState, session: &str, action: &Action) -> bool {
    let context = ChangeContext::without_request(1);
    let intent = state.sessions[session].payment_intent.clone().unwrap_or_default();
    match action {
        Action::Pay(outcome) => payments::pay_session(state, session, *outcome, &context).is_ok(),
        Action::Expire => state.expire_session(session, &context).is_ok(),
        Action::Refund(amount, status) => {
            state.refund_outcome = RefundOutcome::new(*status);
            let params = RefundParams {
                intent: Some(intent),
                amount: *amount,
                ..RefundParams::default()
            };
            state.create_refund(params, &context).is_ok()
        }
        Action::ChangeRefund(status) => {
            let last = state.refunds.last().map(|(id, _)| id.clone()).unwrap_or_default();
            let outcome = RefundOutcome::new(*status);
            state.change_refund(&last, &outcome, &context).is_ok()
        }
        Action::Dispute(status) => {
            let new = NewDispute {
                status: *status,
                ..NewDispute::default()
            };
            state.open_dispute(&intent, new, &context).is_ok()
        }
        Action::ChangeDispute(status) => {
            let last = state
                .disputes
                .last()
                .map(|(id, _)| id.clone())
                .unwrap_or_default();
            state.change_dispute(&last, *status, &context).is_ok()
        }
    }
}

fn assert_consistent(state: &AccountState, session: &str) {
    let session = &state.sessions[session];
    assert_eq!(
        state.open_sessions_by_expiry.is_empty(),
        session.status != SessionStatus::Open
    );
    assert!(state.intents.len() <= 1 && state.charges.len() <= 1);
    let paid = state
        .intents
        .values()
        .any(|intent| intent.status == IntentStatus::Succeeded);
    assert_eq!(paid, session.payment_status == PaymentStatus::Paid);
    assert_eq!(paid, state.charges.len() == 1);
    assert!(!paid || session.status == SessionStatus::Complete);
    let returned = state
        .refunds
        .values()
        .filter(|refund| refund.status.returns_money());
    let refunded: i64 = returned.map(|refund| refund.amount).sum();
    assert_eq!(
        refunded,
        state
            .charges
            .values()
            .map(|charge| charge.amount_refunded)
            .sum::<i64>()
    );
    assert!(
        state
            .charges
            .values()
            .all(|charge| charge.amount_refunded <= charge.amount)
    );
    // A bank never has money that is still on its way to the guest.
    let is_pending = |status| matches!(status, RefundStatus::Pending | RefundStatus::RequiresAction);
    assert!(
        state
            .refunds
            .values()
            .all(|refund| { !is_pending(refund.status) || !state.is_money_withdrawn(&refund.charge) })
    );
}

proptest! {
    #[test]
    fn any_sequence_of_actions_keeps_account_consistent(actions in prop::collection::vec(any_action(), 0..12)) {
        let (mut state, id) = create_state_with_session();
        for action in &actions {
            let (status, events) = (state.sessions[&id].status, state.events.all().count());
            let accepted = perform_action(&mut state, &id, action);
            assert_consistent(&state, &id);
            // An accepted action leaves an event; a refused one leaves no trace.
            prop_assert_eq!(accepted, state.events.all().count() > events, "{:?}", action);
            prop_assert!(status == SessionStatus::Open || status == state.sessions[&id].status);
        }
    }
}
