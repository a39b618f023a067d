//! The access keys: makes, lists and revokes them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::pagination::{List, PageQuery, to_page_request};
use crate::domain::access_key::{AccessKey, KeyText, Scope};
use crate::domain::ids::AccessKeyId;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::Name;
use crate::http::json_body::{parse_json, read_json};
use crate::http::path_id::PathId;
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::{format_instant, serialize_instant};
use crate::workflow::access_keys::NewKey;

/// What a key is for.
#[derive(Clone, Copy, Debug, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors, rename_all = lowercase)]
#[schema(as = Scope)]
enum ScopeView {
    /// For a shop's server: starts checkouts for many guests.
    Checkout,
    /// For an operator: reads everything but the keys.
    Read,
    /// For an operator: reads, and releases, cancels, moves, blocks, refreshes and retries.
    Operate,
    /// For an operator: may do everything.
    Admin,
}

impl From<ScopeView> for Scope {
    fn from(scope: ScopeView) -> Self {
        match scope {
            ScopeView::Checkout => Self::Checkout,
            ScopeView::Read => Self::Read,
            ScopeView::Operate => Self::Operate,
            ScopeView::Admin => Self::Admin,
        }
    }
}

impl From<Scope> for ScopeView {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Checkout => Self::Checkout,
            Scope::Read => Self::Read,
            Scope::Operate => Self::Operate,
            Scope::Admin => Self::Admin,
        }
    }
}

/// A key to make.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccessKey)]
pub(in crate::http) struct KeyToMake {
    /// The name of its holder, which the history and the audit trail show. No two keys have one name.
    #[schema(value_type = String, example = "shop-server", min_length = 1, max_length = 200)]
    name: Name,
    /// What the key is for.
    scope: ScopeView,
    /// When the key stops to be good; absent: it is good until it is revoked.
    #[deserr(default)]
    #[schema(example = "2030-12-01T10:00:00Z")]
    expires_at: Option<DateTime<Utc>>,
}

/// An access key, without its text.
#[derive(Serialize, ToSchema)]
#[schema(as = AccessKey)]
pub(crate) struct AccessKeyView {
    /// The id of the key, to revoke it.
    id: Uuid,
    /// The name of its holder.
    #[schema(example = "shop-server")]
    name: String,
    /// What the key is for.
    scope: ScopeView,
    /// When the key was made.
    #[serde(serialize_with = "serialize_instant")]
    created_at: DateTime<Utc>,
    /// When the key stops to be good; null if it is good until it is revoked.
    #[schema(format = DateTime, required = true)]
    expires_at: Option<String>,
    /// When the key was last used, to the minute; null if it never was.
    #[schema(format = DateTime, required = true)]
    last_used_at: Option<String>,
}

impl From<&AccessKey> for AccessKeyView {
    fn from(key: &AccessKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name.clone(),
            scope: key.scope.into(),
            created_at: key.created_at,
            expires_at: key.expires_at.map(format_instant),
            last_used_at: key.last_used_at.map(format_instant),
        }
    }
}

/// A new access key, with its text.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedAccessKey)]
pub(crate) struct CreatedKeyView {
    /// The key without its text.
    #[serde(flatten)]
    about: AccessKeyView,
    /// The key itself, `hfk_…`. It is shown here and never again.
    #[schema(example = "hfk_…")]
    key: String,
}

impl CreatedKeyView {
    /// Shows a new key.
    pub(crate) fn new(about: &AccessKey, key: &KeyText) -> Self {
        Self {
            about: about.into(),
            key: key.reveal().to_owned(),
        }
    }
}

/// Makes a key, and shows it this once.
#[utoipa::path(
    post, path = "/v1/admin/keys", operation_id = "createKey", tag = "operators",
    request_body = KeyToMake,
    security(("admin_key" = [])),
    responses(
        (status = 201, description = "The key is made", body = CreatedKeyView),
        (status = 400, description = "`malformed`"),
        (status = 409, description = "`conflict`: another key has the name"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn create_key(
    State(server): State<Arc<Server>>,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<CreatedKeyView>), Problem> {
    let (about, key) = make_key(&server, &note, read_json(&headers, body)?).await?;
    Ok((StatusCode::CREATED, Json(CreatedKeyView::new(&about, &key))))
}

/// Makes the key that a body describes, and notes it without its text.
///
/// # Errors
/// As `POST /v1/admin/keys`.
pub(in crate::http) async fn make_key(
    server: &Server,
    note: &AuditNote,
    body: Value,
) -> Result<(AccessKey, KeyText), Problem> {
    let mut errors = FieldErrors::default();
    let new: Option<KeyToMake> = parse_json(body, &mut errors);
    let Some(new) = new.filter(|_| errors.is_empty()) else {
        return Err(errors.into_problem());
    };
    let new = NewKey {
        name: new.name.0,
        scope: new.scope.into(),
        expires_at: new.expires_at,
    };
    let (about, key) = server.context.keys().create_key(new).await?;
    note.set_target(format!("keys/{}", about.id));
    note.set_after(AccessKeyView::from(&about));
    Ok((about, key))
}

/// Lists the keys, newest first. The key of the environment is not among them.
#[utoipa::path(
    get, path = "/v1/admin/keys", operation_id = "listKeys", tag = "operators",
    params(PageQuery),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The keys", body = List<AccessKeyView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_keys(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<AccessKeyView>>, Problem> {
    let query: PageQuery = parse_query(query.as_deref())?;
    let page = to_page_request(query.limit, query.cursor);
    let found = server.context.keys().list_keys(&page).await?;
    Ok(List::from_page(&found, AccessKeyView::from))
}

/// Revokes a key: no instance accepts it any more.
#[utoipa::path(
    delete, path = "/v1/admin/keys/{id}", operation_id = "revokeKey", tag = "operators",
    params(("id" = Uuid, Path, description = "the key's id")),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "The key is revoked"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn revoke_key(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    Extension(note): Extension<AuditNote>,
) -> Result<StatusCode, Problem> {
    remove_key(&server, &note, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Revokes the key with this id, and notes what it was. Returns it.
///
/// # Errors
/// `not_found` if there is no such key.
pub(in crate::http) async fn remove_key(
    server: &Server,
    note: &AuditNote,
    id: &str,
) -> Result<AccessKey, Problem> {
    let missing = || Problem::not_found("key");
    let id = Uuid::try_parse(id).map(AccessKeyId).map_err(|_| missing())?;
    let revoked = server.context.keys().revoke_key(id).await?;
    note.set_before(revoked.as_ref().map(AccessKeyView::from));
    revoked.ok_or_else(missing)
}
