//! The operator who is signed in, as a request of the console shows it.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use chrono::{DateTime, Utc};

use super::language::Language;
use super::notice;
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
    /// The code of what an act before did, if it was left for this page.
    pub(super) notice: Option<String>,
    /// The path and query of the page.
    pub(super) location: String,
    /// The session's token, from which the token of forms is computed.
    pub(super) token: ConsoleToken,
    rules: Option<ZoneRules>,
}

impl SignedIn {
    /// Reads what pages depend on out of a request. A request that a page's script sends by itself has no notice: only the page
    /// that an operator opens says it.
    pub(super) fn new(
        server: &Arc<Server>,
        token: ConsoleToken,
        found: SignedInKey,
        parts: &Parts,
        is_automatic: bool,
    ) -> Self {
        let settings = &server.context.settings;
        let location = parts.uri.path_and_query().map(ToString::to_string);
        let location = location.unwrap_or_default();
        let left = (!is_automatic).then(|| notice::find_left(&token, &parts.headers, &location));
        Self {
            holder: found.key.into(),
            language: Language::of(&parts.headers),
            now: found.now,
            zone: settings.timezone.clone(),
            livemode: settings.livemode,
            is_real_stripe: server.is_real_stripe,
            notice: left.flatten(),
            location,
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
