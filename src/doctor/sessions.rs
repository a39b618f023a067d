//! Checks that the key fits what is in the database: its mode, and whether Stripe knows the newest session.
//!
//! If the database does not respond, the checks of the database say so, and this file says nothing.

use std::sync::Arc;

use super::check::{Check, Verdict, flag, pass};
use crate::app::{self, StartupError};
use crate::config::{Config, StripeSettings};
use crate::domain::time::Clock;
use crate::workflow::queries::{self, NewestSession};
use crate::workflow::{Context, WorkflowError, format_error_chain};

pub(super) async fn check_sessions(
    config: &Config,
    stripe: &StripeSettings,
    clock: Arc<dyn Clock>,
) -> Vec<Check> {
    let Ok(store) = app::open_existing_store(&config.database).await else {
        return Vec::new();
    };
    let Ok(context) = app::build_context(store, config, stripe, clock) else {
        return Vec::new();
    };
    if !matches!(queries::is_ready(&context).await, Ok(true)) {
        return Vec::new();
    }
    let (mode, newest) = tokio::join!(check_mode(&context), check_newest_session(&context));
    mode.into_iter().chain(newest).collect()
}

async fn check_mode(context: &Context) -> Option<Check> {
    match app::check_mode(context).await {
        Ok(()) => Some(pass("key mode", "the database has no work of the other mode")),
        Err(error @ StartupError::WrongMode(_)) => Some(flag(
            "key mode",
            Verdict::Fault,
            error.to_string(),
            "`serve` and `sweep` refuse this key: see \"Change the key's mode\" in docs/operations.md",
        )),
        Err(_) => None,
    }
}

async fn check_newest_session(context: &Context) -> Option<Check> {
    match queries::check_newest_session(context).await {
        Ok(NewestSession::Missing) => Some(pass("sessions", "none in the database yet")),
        Ok(NewestSession::Known) => Some(pass("sessions", "Stripe knows the newest session")),
        Ok(NewestSession::Unknown) => Some(flag(
            "sessions",
            Verdict::Fault,
            "Stripe does not know the newest session of this database: slots are kept and commands wait",
            "check that STRIPE_SECRET_KEY is of the account that made it: see \"Stripe does not know our sessions\" in \
             docs/operations.md",
        )),
        Err(WorkflowError::Store(_)) => None,
        Err(error) => Some(flag(
            "sessions",
            Verdict::Warning,
            format!("not asked: {}", format_error_chain(&error)),
            "see the check of Stripe below",
        )),
    }
}
