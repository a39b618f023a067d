//! The operator who is signed in, as a request of the console shows it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use super::form_values::QueryValues;
use super::language::Language;
use crate::domain::access_key::Scope;
use crate::domain::console_session::ConsoleToken;
use crate::domain::zone::{ZoneName, ZoneRules};
use crate::http::auth::KeyHolder;
use crate::http::error::{Problem, ProblemCode};
use crate::http::server::Server;
use crate::workflow::console_sessions::SignedInKey;

/// The operator who is signed in, and what their pages depend on.
#[derive(Clone)]
pub(super) struct SignedIn {
    /// Holds the key that the session began with.
    pub(super) holder: KeyHolder,
    /// The language of the pages.
    pub(super) language: Language,
    /// The present time, by the database's clock.
    pub(super) now: DateTime<Utc>,
    /// The zone of the shop's days.
    pub(super) zone: ZoneName,
    /// Whether Stripe moves real money.
    pub(super) livemode: bool,
    /// Whether Stripe itself answers, and no simulator.
    pub(super) is_real_stripe: bool,
    /// The code of what an act before did, if this page says so.
    pub(super) notice: Option<String>,
    /// The path and query of the page.
    pub(super) location: String,
    /// The session's token, from which the token of forms is computed.
    pub(super) token: ConsoleToken,
    rules: Option<ZoneRules>,
}

impl SignedIn {
    /// Reads what pages depend on out of a request.
    pub(super) fn new(server: &Arc<Server>, token: ConsoleToken, found: SignedInKey, parts: &Parts) -> Self {
        let settings = &server.context.settings;
        let query = parts.uri.query().unwrap_or_default();
        let location = parts.uri.path_and_query();
        Self {
            holder: found.key.into(),
            language: Language::of(&parts.headers),
            now: found.now,
            zone: settings.timezone.clone(),
            livemode: settings.livemode,
            is_real_stripe: server.is_real_stripe,
            notice: QueryValues::parse(query).text("notice").map(str::to_owned),
            location: location.map(ToString::to_string).unwrap_or_default(),
            token,
            rules: settings.zones.find(&settings.timezone).cloned(),
        }
    }

    /// Tells whether the key's scope is enough for what needs the other: what a page offers depends on it.
    pub(super) fn may(&self, needed: Scope) -> bool {
        self.holder.scope().is_enough_for(needed)
    }

    /// Returns the rules of the shop's zone; `None` if the zone data does not have it.
    pub(super) fn rules(&self) -> Option<&ZoneRules> {
        self.rules.as_ref()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let signed_in = parts.extensions.get::<Self>().cloned();
        // Only routes of `ConsoleRoutes` have handlers that ask for it.
        signed_in.ok_or_else(|| Problem::new(ProblemCode::Internal, "the log has the details"))
    }
}
