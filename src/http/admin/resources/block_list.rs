//! The list of a resource's blocks: those of operators, of the calendar feed, and of closures.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::super::pagination::{List, to_page_request};
use crate::domain::catalogue::{BlockSource, ListedBlock};
use crate::domain::ids::ResourceId;
use crate::domain::listing::BlockFilter;
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit};
use crate::http::path_id::{PathId, parse_resource_id};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::timestamps::serialize_instant;
use crate::workflow::catalogue;

/// Who wrote a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BlockSource)]
enum BlockSourceView {
    /// An operator set it.
    Operator,
    /// The calendar feed of the resource brought it.
    Calendar,
    /// It is of a closure.
    Closure,
}

/// A block of a list, of any source.
#[derive(Serialize, ToSchema)]
#[schema(as = ListedBlock)]
pub(in crate::http) struct ListedBlockView {
    /// The block's id, among the blocks of its source.
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
    /// Says who wrote the block. Blocks of an operator can be put and deleted.
    source: BlockSourceView,
}

impl ListedBlockView {
    fn new(resource: &ResourceId, listed: &ListedBlock) -> Self {
        Self {
            id: listed.block.id.clone(),
            resource: resource.to_string(),
            starts_at: listed.block.window.starts_at(),
            ends_at: listed.block.window.ends_at(),
            note: listed.block.note.clone(),
            source: match listed.source {
                BlockSource::Operator => BlockSourceView::Operator,
                BlockSource::Feed => BlockSourceView::Calendar,
                BlockSource::Closure => BlockSourceView::Closure,
            },
        }
    }
}

#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct BlocksQuery {
    /// Only blocks that end after this time, RFC 3339.
    #[deserr(default)]
    from: Option<DateTime<Utc>>,
    /// Only blocks that start before this time, RFC 3339.
    #[deserr(default)]
    to: Option<DateTime<Utc>>,
    /// The number of entries, 50 by default.
    #[deserr(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    limit: Option<Limit>,
    /// The `next_cursor` of the previous page.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// Lists the blocks of a resource from all sources, the latest start first.
#[utoipa::path(
    get, path = "/v1/admin/resources/{id}/blocks", operation_id = "listBlocks", tag = "operators",
    params(
        ("id" = String, Path, description = "the resource's id", pattern = "^[a-z0-9-]{1,64}$"),
        BlocksQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The blocks", body = List<ListedBlockView>),
        (status = 404, description = "`not_found`"),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_blocks(
    State(server): State<Arc<Server>>,
    PathId(id): PathId,
    RawQuery(query): RawQuery,
) -> Result<Json<List<ListedBlockView>>, Problem> {
    let resource = parse_resource_id(&id)?;
    let query: BlocksQuery = parse_query(query.as_deref())?;
    let filter = BlockFilter {
        from: query.from,
        to: query.to,
        only_operators: false,
    };
    let page = to_page_request(query.limit, query.cursor);
    let found = catalogue::list_blocks(&server.context, &resource, &filter, &page).await?;
    let found = found.ok_or_else(|| Problem::not_found("resource"))?;
    Ok(List::from_page(&found, |listed| {
        ListedBlockView::new(&resource, listed)
    }))
}
