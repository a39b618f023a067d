//! Which scope a key needs for which operators' route.
//!
//! A route that is not listed here needs `read` if it only reads, and else `admin`: a new route is closed until somebody
//! decides who may use it.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;

use crate::domain::access_key::Scope;

/// The operators' routes that an exception is made for: method, path, scope.
const EXCEPTIONS: &[(&str, &str, Scope)] = &[
    ("GET", "/v1/admin/keys", Scope::Admin),
    ("GET", "/v1/admin/webhook-endpoints", Scope::Admin),
    ("GET", "/v1/admin/webhook-endpoints/{id}", Scope::Admin),
    ("POST", "/v1/admin/holds/{id}/release", Scope::Operate),
    ("POST", "/v1/admin/holds/{id}/cancel", Scope::Operate),
    ("POST", "/v1/admin/holds/{id}/refresh", Scope::Operate),
    ("POST", "/v1/admin/holds/{id}/refund", Scope::Operate),
    ("POST", "/v1/admin/events/{id}/replay", Scope::Operate),
    ("POST", "/v1/admin/commands/{id}/retry", Scope::Operate),
    ("POST", "/v1/admin/sweep", Scope::Operate),
    ("PUT", "/v1/admin/resources/{id}/blocks/{block}", Scope::Operate),
    (
        "DELETE",
        "/v1/admin/resources/{id}/blocks/{block}",
        Scope::Operate,
    ),
    ("PUT", "/v1/admin/closures/{id}", Scope::Operate),
    ("DELETE", "/v1/admin/closures/{id}", Scope::Operate),
];

/// Finds the scope that a request to an operators' route needs.
pub(super) fn find_required_scope(request: &Request) -> Scope {
    let path = request.extensions().get::<MatchedPath>();
    scope_of(request.method().as_str(), path.map_or("", MatchedPath::as_str))
}

/// Returns the scope that an operators' route needs; `path` is its pattern.
pub(super) fn scope_of(method: &str, path: &str) -> Scope {
    // A HEAD request gets what a GET request gets, without the body.
    let method = if method == "HEAD" { "GET" } else { method };
    let exception = EXCEPTIONS
        .iter()
        .find(|(its_method, its_path, _)| (*its_method, *its_path) == (method, path));
    match exception {
        Some((_, _, scope)) => *scope,
        None if method == Method::GET.as_str() => Scope::Read,
        None => Scope::Admin,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Lists the operators' routes of the description with this scope, as `METHOD path`.
    fn list_routes() -> BTreeMap<&'static str, Vec<String>> {
        let api = serde_json::to_value(crate::http::describe_api()).unwrap();
        let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (path, item) in api["paths"].as_object().unwrap() {
            for method in item.as_object().unwrap().keys().map(|name| name.to_uppercase()) {
                if let Some(short) = path.strip_prefix("/v1/admin/") {
                    let scope = scope_of(&method, path).as_str();
                    found.entry(scope).or_default().push(format!("{method} {short}"));
                }
            }
        }
        found.values_mut().for_each(|routes| routes.sort());
        found
    }

    /// A new route fails this test until somebody decides which scope it needs.
    #[test]
    fn every_operators_route_has_its_scope() {
        let found = list_routes();
        let expected: [(&str, &[&str]); 3] = [
            (
                "admin",
                &[
                    "DELETE event-types/{id}",
                    "DELETE keys/{id}",
                    "DELETE resources/{id}",
                    "DELETE webhook-endpoints/{id}",
                    "GET keys",
                    "GET webhook-endpoints",
                    "GET webhook-endpoints/{id}",
                    "POST guests/erase",
                    "POST guests/export",
                    "POST keys",
                    "POST resources/{id}/calendar-key",
                    "POST webhook-endpoints/{id}/replay",
                    "POST webhook-endpoints/{id}/rotate",
                    "POST webhook-endpoints/{id}/test",
                    "PUT event-types/{id}",
                    "PUT resources/{id}",
                    "PUT resources/{id}/calendar",
                    "PUT webhook-endpoints/{id}",
                ],
            ),
            (
                "operate",
                &[
                    "DELETE closures/{id}",
                    "DELETE resources/{id}/blocks/{block}",
                    "POST commands/{id}/retry",
                    "POST events/{id}/replay",
                    "POST holds/{id}/cancel",
                    "POST holds/{id}/refresh",
                    "POST holds/{id}/refund",
                    "POST holds/{id}/release",
                    "POST sweep",
                    "PUT closures/{id}",
                    "PUT resources/{id}/blocks/{block}",
                ],
            ),
            (
                "read",
                &[
                    "GET audit",
                    "GET closures",
                    "GET closures/{id}",
                    "GET commands",
                    "GET event-types",
                    "GET event-types/{id}",
                    "GET events",
                    "GET events-out",
                    "GET holds",
                    "GET holds/{id}",
                    "GET payments",
                    "GET resources",
                    "GET resources/{id}",
                    "GET resources/{id}/blocks",
                    "GET summary",
                    "GET webhook-endpoints/{id}/deliveries",
                ],
            ),
        ];
        for (scope, routes) in expected {
            assert_eq!(found[scope], routes, "{scope}");
        }
        assert_eq!(found.len(), expected.len());
    }

    #[test]
    fn unlisted_route_is_closed() {
        assert_eq!(scope_of("POST", "/v1/admin/new"), Scope::Admin);
        assert_eq!(scope_of("PATCH", "/v1/admin/holds"), Scope::Admin);
        assert_eq!(scope_of("HEAD", "/v1/admin/keys"), Scope::Admin);
        assert_eq!(scope_of("HEAD", "/v1/admin/holds"), Scope::Read);
    }
}
