//! Who may do what in the console: each route says it, and is checked before its handler runs.
//!
//! Every route needs a session and a scope. A form must also carry the token of the session and come from a page of ours, and
//! what it changes is in the audit trail. There is no other way to add a route for signed-in operators, so none can forget it.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use secrecy::ExposeSecret;

use super::cookies;
use super::form_values::{FORM_TOKEN, FormValues, read_form, require_form_token};
use super::language::Language;
use super::notice;
use super::origin::require_own_origin;
use super::problem_page;
use super::return_path;
use super::signed_in::SignedIn;
use crate::domain::access_key::Scope;
use crate::domain::audit::AuditedAct;
use crate::http::audit_trail;
use crate::http::auth;
use crate::http::client_address::ClientAddress;
use crate::http::error::{Problem, ProblemCode};
use crate::http::request_id::RequestId;
use crate::http::scopes::scope_of;
use crate::http::server::Server;
use crate::workflow::console_sessions;

/// The header of a request that a page's script sends by itself.
const AUTOMATIC: &str = "x-console-automatic";

/// What a form changes: the operators' route that does the same, or a name of its own.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// The scope and the name are those of an operators' route.
    OfRoute(Method, &'static str),
    /// No operators' route does this.
    Own(&'static str, Scope),
}

impl Act {
    /// Makes the act of an operators' route, such as `POST /v1/admin/holds/{id}/release`.
    pub(super) fn of(method: &'static str, path: &'static str) -> Self {
        // A word that is no method would be an extension of HTTP: such a route needs the scope `admin`.
        Self::OfRoute(method.parse().unwrap_or(Method::PATCH), path)
    }

    /// Makes an act that no operators' route does, with its name in the audit trail.
    pub(super) fn new(name: &'static str, needed: Scope) -> Self {
        Self::Own(name, needed)
    }

    /// Returns the scope that the act needs, so that a page can leave out what its reader may not do.
    pub(super) fn scope(&self) -> Scope {
        match self {
            Self::OfRoute(method, path) => scope_of(method.as_str(), path),
            Self::Own(_, needed) => *needed,
        }
    }

    fn name(&self, server: &Server) -> String {
        match self {
            Self::OfRoute(method, path) => server.operations.find(method, path),
            Self::Own(name, _) => (*name).to_owned(),
        }
    }
}

/// What a route is for, which says how it is checked.
#[derive(Clone, Debug)]
enum Access {
    /// Shows a page that is read.
    Page(Scope),
    /// Sends a stream to a page.
    Stream(Scope),
    /// Shows what a form would do.
    Preview(Scope),
    /// Does what a form says.
    Act(Act),
}

impl Access {
    fn scope(&self) -> Scope {
        match self {
            Self::Page(needed) | Self::Stream(needed) | Self::Preview(needed) => *needed,
            Self::Act(act) => act.scope(),
        }
    }

    fn is_form(&self) -> bool {
        matches!(self, Self::Preview(_) | Self::Act(_))
    }
}

/// Collects the routes for signed-in operators.
pub(super) struct ConsoleRoutes {
    server: Arc<Server>,
    router: Router<Arc<Server>>,
}

impl ConsoleRoutes {
    /// Begins without a route.
    pub(super) fn new(server: Arc<Server>) -> Self {
        Self {
            server,
            router: Router::new(),
        }
    }

    /// Adds a page that is read.
    pub(super) fn page(self, path: &str, needed: Scope, handler: MethodRouter<Arc<Server>>) -> Self {
        self.add(path, Access::Page(needed), handler)
    }

    /// Adds a stream that a page's script reads.
    pub(super) fn stream(self, path: &str, needed: Scope, handler: MethodRouter<Arc<Server>>) -> Self {
        self.add(path, Access::Stream(needed), handler)
    }

    /// Adds a form that is posted and changes nothing.
    pub(super) fn preview(self, path: &str, needed: Scope, handler: MethodRouter<Arc<Server>>) -> Self {
        self.add(path, Access::Preview(needed), handler)
    }

    /// Adds a form that changes something.
    pub(super) fn act(self, path: &str, act: Act, handler: MethodRouter<Arc<Server>>) -> Self {
        self.add(path, Access::Act(act), handler)
    }

    fn add(self, path: &str, access: Access, handler: MethodRouter<Arc<Server>>) -> Self {
        let route = CheckedRoute {
            server: self.server.clone(),
            access,
        };
        let handler = handler.route_layer(from_fn_with_state(route, enter));
        Self {
            router: self.router.route(path, handler),
            ..self
        }
    }

    /// Returns the router of all routes.
    pub(super) fn into_router(self) -> Router<Arc<Server>> {
        self.router
    }
}

/// A route with what it is checked for.
#[derive(Clone)]
struct CheckedRoute {
    server: Arc<Server>,
    access: Access,
}

/// Checks a request, runs its handler, and shows a problem as a page.
async fn enter(State(route): State<CheckedRoute>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let signed_in = match find_signed_in(&route, &parts).await {
        Ok(Some(signed_in)) => signed_in,
        Ok(None) => return ask_to_sign_in(&route, &mut parts).await,
        Err(problem) => return problem_page::show_signed_out(Language::of(&parts.headers), &problem),
    };
    let mut response = match admit(&route.access, &signed_in, &parts, body).await {
        Ok(form) => run(&route, &signed_in, form, parts, next).await,
        Err(problem) => problem.into_response(),
    };
    notice::leave(&signed_in.token, &mut response);
    let mut response = match route.access {
        Access::Stream(_) => response,
        _ => problem_page::show_instead(&signed_in, response),
    };
    if signed_in.notice.is_some() && matches!(route.access, Access::Page(_)) {
        notice::remove_shown(&mut response);
    }
    response
}

/// Finds the session of a request, and its key.
async fn find_signed_in(route: &CheckedRoute, parts: &Parts) -> Result<Option<SignedIn>, Problem> {
    let server = &route.server;
    let Some(token) = cookies::find_token(&parts.headers)? else {
        return Ok(None);
    };
    let _permit = auth::wait_for_lookup(&server.session_lookups).await?;
    let bootstrap = server.admin_key.as_ref().map(ExposeSecret::expose_secret);
    // A page that only stays open must not keep its session alive.
    let is_automatic = matches!(route.access, Access::Stream(_)) || parts.headers.contains_key(AUTOMATIC);
    let found = match is_automatic {
        true => console_sessions::find_session_key(&server.context, &token, bootstrap).await?,
        false => console_sessions::use_session(&server.context, &token, bootstrap).await?,
    };
    Ok(found.map(|found| SignedIn::new(server, token, found, parts, is_automatic)))
}

async fn ask_to_sign_in(route: &CheckedRoute, parts: &mut Parts) -> Response {
    if let Err(problem) = count_stranger(&route.server, parts).await {
        return problem_page::show_signed_out(Language::of(&parts.headers), &problem);
    }
    match route.access {
        Access::Stream(_) => Problem::new(ProblemCode::Unauthorized, "sign in first").into_response(),
        Access::Page(_) => return_path::redirect_from(&parts.uri),
        Access::Preview(_) | Access::Act(_) => return_path::redirect_from_form(),
    }
}

/// Counts a request without a session among the reads of its address.
async fn count_stranger(server: &Arc<Server>, parts: &mut Parts) -> Result<(), Problem> {
    use axum::extract::FromRequestParts;
    let client = ClientAddress::from_request_parts(parts, server).await?;
    server.rate_limiter.count_read(client)
}

/// Checks scope, origin and token. Returns the values of the form, if it is one.
async fn admit(
    access: &Access,
    signed_in: &SignedIn,
    parts: &Parts,
    body: Body,
) -> Result<FormValues, Problem> {
    signed_in.holder.require_scope(access.scope())?;
    if !access.is_form() {
        return Ok(FormValues::default());
    }
    require_own_origin(&parts.headers)?;
    let form = read_form(parts, body).await?;
    require_form_token(&signed_in.token, form.raw(FORM_TOKEN))?;
    Ok(form)
}

/// Runs the handler, with an entry in the audit trail.
async fn run(
    route: &CheckedRoute,
    signed_in: &SignedIn,
    form: FormValues,
    mut parts: Parts,
    next: Next,
) -> Response {
    let act = describe_act(route, signed_in, &parts);
    parts.extensions.insert(signed_in.clone());
    parts.extensions.insert(signed_in.holder.clone());
    parts.extensions.insert(form);
    let request = Request::from_parts(parts, Body::empty());
    audit_trail::record_this_act(route.server.clone(), act, request, next).await
}

fn describe_act(route: &CheckedRoute, signed_in: &SignedIn, parts: &Parts) -> AuditedAct {
    let pattern = parts.extensions.get::<MatchedPath>();
    let pattern = pattern.map_or("", MatchedPath::as_str);
    let (action, target) = match &route.access {
        Access::Act(act) => (
            act.name(&route.server),
            audit_trail::find_target(pattern, parts.uri.path()),
        ),
        _ => (audit_trail::name_read(parts.uri.query()).to_owned(), None),
    };
    AuditedAct {
        actor: signed_in.holder.name().to_owned(),
        action,
        target,
        request_id: parts.extensions.get::<RequestId>().map(RequestId::to_uuid),
    }
}
