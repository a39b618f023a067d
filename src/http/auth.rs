//! Keys and tokens: who calls, what a key may do, and who may change a hold.
//!
//! Operators and shops' servers send a key as `Authorization: Bearer hfk_…`; the key of the environment,
//! `HOLDFAST_ADMIN_KEY`, counts as the key named `bootstrap`. Guests send the token of their hold in the same header. In the
//! console an operator types the key once; see [`super::console`].

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

use super::client_address::ClientAddress;
use super::error::{Problem, ProblemCode};
use super::scopes::find_required_scope;
use super::server::Server;
use crate::domain::access_key::{AccessKey, BOOTSTRAP_NAME, Scope, is_key_like};
use crate::domain::booking::{Actor, CheckoutClient, ClientId};
use crate::domain::console_session::ConsoleKey;
use crate::domain::ids::{AccessKeyId, HoldId};
use crate::domain::token::is_hold_token_like;

/// How long a request waits until its key is looked up.
const MAX_LOOKUP_WAIT: Duration = Duration::from_secs(4);

/// The holder of the good key that a request carries. It is among the request's extensions.
#[derive(Clone, Debug)]
pub(super) struct KeyHolder {
    /// The key's id; `None` for the key of the environment, which is in no table.
    id: Option<AccessKeyId>,
    name: String,
    scope: Scope,
}

impl KeyHolder {
    fn bootstrap() -> Self {
        Self {
            id: None,
            name: BOOTSTRAP_NAME.to_owned(),
            scope: Scope::Admin,
        }
    }

    /// Returns the name of the key.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Returns what the key is for.
    pub(super) fn scope(&self) -> Scope {
        self.scope
    }

    /// Returns the holder as the operator who causes a change.
    pub(super) fn to_actor(&self) -> Actor {
        Actor::Operator(Some(self.name.clone()))
    }

    /// Returns the key as the client that starts a checkout. It is exempt from the limits on addresses.
    pub(super) fn to_checkout_client(&self) -> CheckoutClient {
        // No pseudonym of an address looks like an id or a name.
        let id = self.id.map_or_else(|| self.name.clone(), |id| id.to_string());
        CheckoutClient {
            id: ClientId(id),
            network: None,
        }
    }

    /// Checks that the key's scope is enough.
    ///
    /// # Errors
    /// `forbidden` if it is not.
    pub(super) fn require_scope(&self, needed: Scope) -> Result<(), Problem> {
        let is_enough = self.scope.is_enough_for(needed);
        is_enough.then_some(()).ok_or_else(|| {
            let (own, needed) = (self.scope.as_str(), needed.as_str());
            Problem::new(
                ProblemCode::Forbidden,
                format!("this needs a key with the scope {needed}; this key has {own}"),
            )
        })
    }
}

impl From<ConsoleKey> for KeyHolder {
    fn from(key: ConsoleKey) -> Self {
        match key {
            ConsoleKey::Access(key) => key.into(),
            ConsoleKey::Bootstrap => Self::bootstrap(),
        }
    }
}

impl From<AccessKey> for KeyHolder {
    fn from(key: AccessKey) -> Self {
        Self {
            id: Some(key.id),
            name: key.name,
            scope: key.scope,
        }
    }
}

/// What the bearer token of a request is.
enum BearerToken {
    /// A key that is good.
    Key(KeyHolder),
    /// A key that is wrong, revoked or expired.
    WrongKey,
    /// Something else, such as the token of a hold.
    Other,
    /// The request has no bearer token.
    None,
}

async fn identify(server: &Server, headers: &HeaderMap) -> Result<BearerToken, Problem> {
    let Some(token) = parse_bearer_token(headers) else {
        return Ok(BearerToken::None);
    };
    match find_holder(server, token).await? {
        Some(key) => Ok(BearerToken::Key(key.into())),
        None if is_key_like(token) => Ok(BearerToken::WrongKey),
        None => Ok(BearerToken::Other),
    }
}

/// Finds the good key with this text, and records its use.
///
/// # Errors
/// `too_busy` if too many keys are being looked up, or that of the database.
pub(super) async fn find_holder(server: &Server, text: &str) -> Result<Option<ConsoleKey>, Problem> {
    // Before the database is asked, so that this key works without it.
    if let Some(key) = &server.admin_key
        && is_same_secret(key.expose_secret(), text)
    {
        return Ok(Some(ConsoleKey::Bootstrap));
    }
    if !is_key_like(text) {
        return Ok(None);
    }
    let Some(key) = find_key(server, text).await? else {
        return Ok(None);
    };
    server.context.keys().record_use(&key).await;
    Ok(Some(ConsoleKey::Access(key)))
}

async fn find_key(server: &Server, token: &str) -> Result<Option<AccessKey>, Problem> {
    let _permit = wait_for_lookup(&server.key_lookups).await?;
    Ok(server.context.keys().find_good_key(token).await?)
}

/// Waits until a key or a session may be looked up: few lookups run at once, so that wrong ones do not take the database's
/// connections.
///
/// # Errors
/// `too_busy` if too many are waiting.
pub(super) async fn wait_for_lookup(lookups: &Semaphore) -> Result<SemaphorePermit<'_>, Problem> {
    let busy = || Problem::too_busy("too many access keys or sessions are being looked up");
    let permit = timeout(MAX_LOOKUP_WAIT, lookups.acquire()).await;
    permit.map_err(|_| busy())?.map_err(|_| busy())
}

/// Finds out who sends a request to a public route. A wrong key is refused: its sender is never taken for a guest.
pub(super) async fn identify_caller(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    mut request: Request,
    next: Next,
) -> Result<Response, Problem> {
    match identify(&server, request.headers()).await? {
        BearerToken::Key(holder) => {
            request.extensions_mut().insert(holder);
        }
        BearerToken::WrongKey => return Err(refuse_wrong_key(&server, client).await),
        BearerToken::Other | BearerToken::None => {}
    }
    Ok(next.run(request).await)
}

/// Lets only operators through whose key has the scope that the route needs.
pub(super) async fn require_operator(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    mut request: Request,
    next: Next,
) -> Response {
    match authorize_operator(&server, client, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

async fn authorize_operator(
    server: &Server,
    client: ClientAddress,
    request: &mut Request,
) -> Result<(), Problem> {
    let holder = match identify(server, request.headers()).await? {
        BearerToken::Key(holder) => holder,
        BearerToken::WrongKey | BearerToken::Other => return Err(refuse_wrong_key(server, client).await),
        BearerToken::None => {
            return Err(Problem::new(
                ProblemCode::Unauthorized,
                "send an operator's key as a bearer token",
            ));
        }
    };
    holder.require_scope(find_required_scope(request))?;
    request.extensions_mut().insert(holder);
    Ok(())
}

/// Counts and logs a wrong key, and returns the refusal. A good key is never refused for the wrong ones before it, so
/// nobody can lock an operator out.
pub(super) async fn refuse_wrong_key(server: &Server, client: ClientAddress) -> Problem {
    metrics::counter!("holdfast_auth_failures_total").increment(1);
    // Before the log line, so that a flood of wrong keys does not flood the log.
    if let Err(problem) = server.rate_limiter.count_wrong_key(client) {
        return problem;
    }
    // The pseudonym tells whether two lines are about one client; the proxy's log has the address.
    let keys = server.context.token_keys().await.ok();
    let client = keys.map(|keys| client.to_client_id(keys).0);
    tracing::warn!(client, "a wrong key was refused");
    Problem::new(ProblemCode::Unauthorized, "the key is wrong, revoked or expired")
}

/// Compares two secrets in constant time. The digests have equal lengths, so not even the key's length shows in the
/// time.
pub(super) fn is_same_secret(key: &str, given: &str) -> bool {
    Sha256::digest(key).ct_eq(&Sha256::digest(given)).into()
}

/// Reads the bearer token of a request.
///
/// # Errors
/// `unauthorized` if there is none.
pub(super) fn require_bearer_token(headers: &HeaderMap) -> Result<&str, Problem> {
    parse_bearer_token(headers).ok_or_else(hold_token_required)
}

/// Returns the hold token of a request that may have one.
pub(super) fn find_hold_token(headers: &HeaderMap) -> Option<&str> {
    parse_bearer_token(headers).filter(|token| is_hold_token_like(token))
}

/// Checks that `token` is the token of the hold.
///
/// # Errors
/// `unauthorized` if it is not.
pub(super) async fn require_token_of(server: &Server, hold: HoldId, token: &str) -> Result<(), Problem> {
    let is_valid = server.context.token_keys().await?.is_hold_token(hold, token);
    is_valid.then_some(()).ok_or_else(hold_token_required)
}

fn hold_token_required() -> Problem {
    Problem::new(
        ProblemCode::Unauthorized,
        "send the hold's token as a bearer token",
    )
}

fn parse_bearer_token(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
