//! The blocks that operators set: times when a resource is busy for other reasons than holds.
//!
//! Blocks of a calendar feed or of a closure are not changed here. `block_list` lists all.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::super::put_status::to_put_status;
use crate::domain::catalogue::{Block, BlockConflict, MAX_ADVANCE};
use crate::domain::ids::ResourceId;
use crate::domain::listing::PutOutcome;
use crate::domain::time::Window;
use crate::http::audit_trail::AuditNote;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::Note;
use crate::http::json_body::{drop_members, parse_json, read_json};
use crate::http::path_id::parse_resource_id;
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;
use crate::http::views::HoldStatusView;
use crate::workflow::catalogue;

/// The source of the blocks that can be put.
const OPERATOR: &str = "operator";

/// When a resource is to be busy.
#[derive(Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NewBlock {
    /// The first busy instant: a whole second within ten years.
    #[schema(example = "2026-12-01T10:00:00Z")]
    starts_at: DateTime<Utc>,
    /// The first instant after the block: a whole second within ten years.
    #[schema(example = "2026-12-01T12:00:00Z")]
    ends_at: DateTime<Utc>,
    /// A note for operators: at most 500 characters.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Dentist", max_length = 500)]
    note: Option<Note>,
}

/// A time when a resource is busy for other reasons than holds.
#[derive(Serialize, ToSchema)]
#[schema(as = Block)]
pub(in crate::http) struct BlockView {
    /// The block's id, which the operator chose.
    id: String,
    /// The id of the resource.
    resource: String,
    /// The first busy instant.
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    /// The first instant after the block.
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
    /// A note for operators.
    note: String,
    /// The live holds that the block overlaps. They stay; an operator has to move or cancel them.
    conflicts: Vec<BlockConflictView>,
}

/// A live hold that overlaps a block.
#[derive(Serialize, ToSchema)]
#[schema(as = BlockConflict)]
pub(in crate::http) struct BlockConflictView {
    /// The id of the hold.
    id: Uuid,
    /// The status of the hold.
    status: HoldStatusView,
    /// The first instant at which the hold keeps the resource busy, buffers included.
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    /// The first instant after that, buffers included.
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
}

impl From<BlockConflict> for BlockConflictView {
    fn from(conflict: BlockConflict) -> Self {
        Self {
            id: conflict.hold.0,
            status: conflict.status.into(),
            starts_at: conflict.window.starts_at(),
            ends_at: conflict.window.ends_at(),
        }
    }
}

/// A block as the audit trail has it. Its note is left out, because it may name a guest.
#[derive(Serialize)]
struct BlockState {
    #[serde(serialize_with = "serialize_instant")]
    starts_at: DateTime<Utc>,
    #[serde(serialize_with = "serialize_instant")]
    ends_at: DateTime<Utc>,
}

impl From<&Block> for BlockState {
    fn from(block: &Block) -> Self {
        Self {
            starts_at: block.window.starts_at(),
            ends_at: block.window.ends_at(),
        }
    }
}

/// The resource and the block in a path. If the path does not decode to text, both are empty, which are nobody's ids.
type BlockPath = Result<Path<(String, String)>, PathRejection>;

fn split_path(path: BlockPath) -> (String, String) {
    path.map(|Path(ids)| ids).unwrap_or_default()
}

/// Keeps all units of a resource busy for a time, or changes that time. No new hold can overlap the block; live holds
/// that overlap it stay and are listed.
#[utoipa::path(
    put, path = "/v1/admin/resources/{id}/blocks/{block}", operation_id = "putBlock", tag = "operators",
    params(
        ("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("block" = String, Path, description = "1 to 64 of a-z, 0-9 and -", pattern = "^[a-z0-9-]{1,64}$"),
    ),
    request_body = NewBlock,
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The block is changed", body = BlockView),
        (status = 201, description = "The block is created", body = BlockView),
        (status = 400, description = "`malformed`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid`; also if there is no such resource"),
    )
)]
pub(in crate::http) async fn put_block(
    State(server): State<Arc<Server>>,
    path: BlockPath,
    Extension(note): Extension<AuditNote>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<BlockView>), Problem> {
    let (resource, block) = split_path(path);
    let parsed = parse_block(&block, read_json(&headers, body)?, server.context.now());
    let resource = ResourceId::parse(&resource).map_err(|_| refuse_unknown_resource())?;
    let block = parsed.map_err(FieldErrors::into_problem)?;
    let (outcome, conflicts) = store_block(&server, &note, &resource, &block).await?;
    let view = BlockView {
        id: block.id,
        resource: resource.to_string(),
        starts_at: block.window.starts_at(),
        ends_at: block.window.ends_at(),
        note: block.note,
        conflicts: conflicts.into_iter().map(Into::into).collect(),
    };
    Ok((to_put_status(outcome), Json(view)))
}

/// Writes a block, and notes the change. Returns the live holds that it overlaps.
///
/// # Errors
/// As `PUT /v1/admin/resources/{id}/blocks/{block}`.
pub(in crate::http) async fn store_block(
    server: &Server,
    note: &AuditNote,
    resource: &ResourceId,
    block: &Block,
) -> Result<(PutOutcome, Vec<BlockConflict>), Problem> {
    let before = catalogue::find_block(&server.context, resource, &block.id).await?;
    note.set_before(before.as_ref().map(BlockState::from));
    let stored = catalogue::put_block(&server.context, resource, block).await?;
    let stored = stored.ok_or_else(refuse_unknown_resource)?;
    note.set_after(BlockState::from(block));
    Ok(stored)
}

/// Refuses to write something of a resource that does not exist.
pub(in crate::http) fn refuse_unknown_resource() -> Problem {
    Problem::invalid_field("resource", "must be a resource that exists")
}

/// Parses the block that a body describes.
///
/// # Errors
/// [`FieldErrors`] with every error.
pub(in crate::http) fn parse_block(
    id: &str,
    mut body: Value,
    now: DateTime<Utc>,
) -> Result<Block, FieldErrors> {
    let mut errors = FieldErrors::default();
    if body.get("source").is_some_and(|source| source != OPERATOR) {
        errors.add(
            "source",
            "must be operator: change the calendar or the closure that the block is of",
        );
    }
    drop_members(&mut body, &["id", "resource", "conflicts", "source"]);
    if !is_block_id(id) {
        errors.add("block", "must be 1 to 64 characters of a-z, 0-9 and -");
    }
    if let Some(new) = parse_json::<NewBlock>(body, &mut errors) {
        errors.check("starts_at", check_instant(new.starts_at, now));
        errors.check("ends_at", check_instant(new.ends_at, now));
        let window = Window::new(new.starts_at, new.ends_at).ok_or("must be after starts_at");
        let window = errors.check("ends_at", window);
        if let Some(window) = window.filter(|_| errors.is_empty()) {
            return Ok(Block {
                id: id.to_owned(),
                window,
                note: new.note.map(|note| note.0).unwrap_or_default(),
            });
        }
    }
    Err(errors)
}

/// Returns whether the text can be a block's id. Blocks have the same kind of id as resources.
fn is_block_id(id: &str) -> bool {
    ResourceId::parse(id).is_ok()
}

/// Checks for a whole second, as slots have it, in years that both database engines support.
fn check_instant(at: DateTime<Utc>, now: DateTime<Utc>) -> Result<(), &'static str> {
    if at.timestamp_subsec_nanos() != 0 {
        return Err("must be a whole second");
    }
    if (at - now).abs() > MAX_ADVANCE {
        return Err("must be within ten years");
    }
    Ok(())
}

/// Deletes a block of a resource. The blocks from the calendar feed stay.
#[utoipa::path(
    delete, path = "/v1/admin/resources/{id}/blocks/{block}", operation_id = "deleteBlock", tag = "operators",
    params(
        ("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$"),
        ("block" = String, Path, description = "the block's id", pattern = "^[a-z0-9-]{1,64}$"),
    ),
    security(("admin_key" = [])),
    responses(
        (status = 204, description = "The block is deleted"),
        (status = 404, description = "`not_found`"),
    )
)]
pub(in crate::http) async fn delete_block(
    State(server): State<Arc<Server>>,
    path: BlockPath,
    Extension(note): Extension<AuditNote>,
) -> Result<StatusCode, Problem> {
    let (resource, block) = split_path(path);
    remove_block(&server, &note, &parse_resource_id(&resource)?, &block).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Deletes a block that an operator set, and notes what it was.
///
/// # Errors
/// `not_found` if there is no such block.
pub(in crate::http) async fn remove_block(
    server: &Server,
    note: &AuditNote,
    resource: &ResourceId,
    block: &str,
) -> Result<(), Problem> {
    if is_block_id(block) {
        let before = catalogue::find_block(&server.context, resource, block).await?;
        note.set_before(before.as_ref().map(BlockState::from));
        if catalogue::delete_block(&server.context, resource, block).await? {
            return Ok(());
        }
    }
    Err(Problem::not_found("block"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn is_accepted(body: Value) -> bool {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        parse_block("dentist", body, now).is_ok()
    }

    #[test]
    fn block_has_whole_seconds_within_ten_years() {
        let block = |from: &str, to: &str| json!({"starts_at": from, "ends_at": to});
        assert!(is_accepted(block("2026-12-01T10:00:00Z", "2026-12-01T10:00:01Z")));
        assert!(is_accepted(block(
            "2026-11-01T10:00:00+01:00",
            "2036-11-22T10:00:00Z"
        )));
        for (from, to) in [
            ("2026-12-01T10:00:00Z", "2026-12-01T10:00:00Z"),
            ("2026-12-01T10:00:00Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T10:00:00.5Z", "2026-12-01T11:00:00Z"),
            ("2026-12-01T10:00:00Z", "2026-12-01T11:00:00.000001Z"),
            ("2026-12-01T10:00:00Z", "2037-12-01T11:00:00Z"),
            ("0001-12-01T10:00:00Z", "2026-12-01T11:00:00Z"),
        ] {
            assert!(!is_accepted(block(from, to)), "{from} {to}");
        }
    }

    #[test]
    fn note_is_optional_and_at_most_500_characters() {
        let block = |note: Value| json!({"starts_at": "2026-12-01T10:00:00Z", "ends_at": "2026-12-01T11:00:00Z", "note": note});
        assert!(
            is_accepted(block(Value::Null))
                && is_accepted(block(json!("")))
                && is_accepted(block(json!("x".repeat(500))))
        );
        assert!(
            !is_accepted(block(json!("x".repeat(501))))
                && !is_accepted(block(json!("\0")))
                && !is_accepted(block(json!(5)))
        );
    }
}
