//! Pages of lists: how a request asks for one, and how a response shows it.

use axum::Json;
use deserr::Deserr;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use crate::domain::listing::{Page, PageRequest};
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Limit};

const DEFAULT_LIMIT: u32 = 50;

/// One page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct List<T> {
    /// The entries of this page.
    data: Vec<T>,
    /// The cursor of the next page; null on the last page.
    #[schema(required = true)]
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// Shows a page, with each entry converted by `to_view`.
    pub(in crate::http) fn from_page<'a, E>(page: &'a Page<E>, to_view: impl Fn(&'a E) -> T) -> Json<Self> {
        Json(Self {
            data: page.entries.iter().map(to_view).collect(),
            next_cursor: page.next.clone(),
        })
    }
}

/// The query of a list without filters. Lists with filters have the same two members in their own query type.
#[derive(Debug, Deserr, IntoParams)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct PageQuery {
    /// The number of entries, 50 by default.
    #[deserr(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 200)]
    pub(in crate::http) limit: Option<Limit>,
    /// The `next_cursor` of the previous page.
    #[deserr(default)]
    #[param(value_type = Option<String>)]
    pub(in crate::http) cursor: Option<Cursor>,
}

/// Converts the two members of a query into a request for a page.
pub(in crate::http) fn to_page_request(limit: Option<Limit>, cursor: Option<Cursor>) -> PageRequest {
    PageRequest {
        limit: limit.map_or(DEFAULT_LIMIT, |Limit(limit)| limit),
        cursor: cursor.map(|Cursor(cursor)| cursor),
    }
}
