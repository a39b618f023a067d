//! A Stripe simulator: the part of Stripe's API that a checkout needs, with webhooks and a payment page.
//!
//! It lets people try the service without a Stripe account, and tests run against it. It uses the same forms, ids, error
//! bodies, idempotency keys and signed webhooks as a test-mode account, so the service's Stripe client works unchanged.
//! In addition it has controls under `/sandbox` and injectable faults. It holds one account in memory, keeps it in a file if it is asked to, runs on loopback
//! and holds no secrets. It is independent of the other layers, and its clock is a parameter.
//!
//! | files | contents |
//! |---|---|
//! | `simulator`, `server`, `background_tasks` | shared state, HTTP server, tasks of automatic mode |
//! | `request_pipeline`, `authentication`, `endpoint`, `idempotency_keys`, `responses`, `api_error` | one API call from request to response |
//! | `form_params`, `session_params`, `refund_params`, `listing`, `api_operations` | parameters and effects of API calls |
//! | `account_state`, `account_file`, `objects`, `object_json`, `ids`, `currencies` | Stripe's objects, stored, kept in a file and rendered |
//! | `sessions`, `payment_links`, `payments`, `refunds`, `disputes` | changes of Stripe's objects |
//! | `event_log`, `webhook_endpoint`, `webhook_delivery`, `webhook_client`, `webhook_signature` | events and webhooks |
//! | `fault_injection`, `fault_plan` | injectable faults, and the calls and webhooks that they hit |
//! | `test_controls`, `control_routes`, `money_routes`, `control_error`, `object_views`, `payment_page` | control by tests and people |

mod account_file;
mod account_state;
mod api_error;
mod api_operations;
mod authentication;
mod background_tasks;
mod control_error;
mod control_routes;
mod currencies;
mod disputes;
mod endpoint;
mod event_log;
mod fault_injection;
mod fault_plan;
mod form_params;
mod idempotency_keys;
mod ids;
mod listing;
mod money_routes;
mod object_json;
mod object_views;
mod objects;
mod payment_links;
mod payment_page;
mod payments;
mod promotions;
mod refund_params;
mod refunds;
mod request_pipeline;
mod responses;
mod server;
mod session_params;
mod sessions;
mod simulator;
mod test_controls;
mod webhook_client;
mod webhook_delivery;
mod webhook_endpoint;
mod webhook_signature;

#[cfg(test)]
mod account_tests;

pub use control_error::ControlError;
pub use disputes::NewDispute;
pub use endpoint::{CallCounts, Endpoint};
pub use event_log::QueuedEvent;
pub use fault_injection::{ApiFault, FaultKind, FaultRate, Faults, WebhookFaults};
pub use object_json::API_VERSION;
pub use object_views::{DisputeView, IntentView, RefundView, SessionView};
pub use objects::{
    DisputeStatus, IntentStatus, Metadata, PaymentStatus, RefundOutcome, RefundStatus, SessionStatus,
};
pub use payment_links::PaymentLinkVisit;
pub use payments::PaymentOutcome;
pub use simulator::{Mode, Now, Simulator, SimulatorConfig};
pub use webhook_delivery::Delivery;
pub use webhook_endpoint::WebhookEndpointSettings;
pub use webhook_signature::signature_header;
