//! The simulator's HTTP server: its routes, its background tasks and its shutdown.

use std::time::Duration;

use axum::Router;
use axum::routing::{delete, get, post, put};
use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::simulator::{Mode, Simulator};
use super::{background_tasks, control_routes, money_routes, payment_page, request_pipeline};

/// The time that open responses have after the shutdown signal.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(2);

impl Simulator {
    /// Returns the routes that a guest who pays needs: the payment page, the control that it uses, and Stripe.js.
    pub fn payment_routes(&self) -> Router {
        Router::new()
            .route("/c/pay/{id}", get(payment_page::show_payment_page))
            .route(
                "/c/embedded/{client_secret}",
                get(payment_page::show_embedded_page),
            )
            .route("/sandbox/stripe.js", get(payment_page::serve_stripe_js))
            .route("/sandbox/sessions/{id}/pay", post(control_routes::pay_session))
            .route(
                "/sandbox/sessions/{id}/promotion-code",
                post(control_routes::apply_promotion_code),
            )
            .with_state(self.clone())
    }

    /// Returns all routes: the controls, the payment page, and the API for every other path.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/sandbox/sessions", get(control_routes::list_sessions))
            .route("/sandbox/payment-links", post(control_routes::visit_payment_link))
            .route(
                "/sandbox/sessions/{id}/expire",
                post(control_routes::expire_session),
            )
            .route("/sandbox/intents/{id}/refund", post(money_routes::refund_intent))
            .route(
                "/sandbox/intents/{id}/dispute",
                post(money_routes::dispute_intent),
            )
            .route(
                "/sandbox/refunds",
                get(money_routes::list_refunds).put(money_routes::set_refund_outcome),
            )
            .route("/sandbox/refunds/{id}", post(money_routes::change_refund))
            .route("/sandbox/disputes", get(money_routes::list_disputes))
            .route("/sandbox/disputes/{id}", post(money_routes::change_dispute))
            .route(
                "/sandbox/webhook-endpoint",
                get(control_routes::get_webhook_endpoint).put(control_routes::set_webhook_endpoint),
            )
            .route(
                "/sandbox/idempotency-keys",
                delete(control_routes::prune_idempotency_keys),
            )
            .route("/sandbox/events", get(control_routes::list_events))
            .route(
                "/sandbox/events/{id}/deliver",
                post(control_routes::deliver_event),
            )
            .route(
                "/sandbox/faults",
                put(control_routes::set_faults).get(control_routes::get_faults),
            )
            .route("/sandbox/calls", get(control_routes::get_call_counts))
            .fallback(request_pipeline::handle_api_request)
            .with_state(self.clone())
            .merge(self.payment_routes())
    }

    /// Serves requests until `shutdown`; in automatic mode also delivers webhooks and expires sessions.
    ///
    /// # Errors
    /// Returns an error if the listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: CancellationToken) -> std::io::Result<()> {
        let background = shutdown.child_token();
        // The background tasks stop with this function, however it ends.
        let _background_guard = background.clone().drop_guard();
        if self.shared.config.mode == Mode::Automatic {
            tokio::spawn(background_tasks::deliver_webhooks(
                self.clone(),
                background.clone(),
            ));
            tokio::spawn(background_tasks::expire_sessions(self.clone(), background));
        }
        let listener = listener.tap_io(|stream| {
            // Otherwise small responses wait for the peer's acknowledgement. Fails only on a dead connection.
            let _ = stream.set_nodelay(true);
        });
        let serving =
            axum::serve(listener, self.router()).with_graceful_shutdown(shutdown.clone().cancelled_owned());
        // A response that an injected fault holds back must not keep the process alive.
        let timeout = async {
            shutdown.cancelled().await;
            tokio::time::sleep(SHUTDOWN_TIMEOUT).await;
        };
        tokio::select! {
            served = serving => served,
            () = timeout => Ok(()),
        }
    }
}
