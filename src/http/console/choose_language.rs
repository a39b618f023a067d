//! The link that chooses a language.

use axum::extract::Path;
use axum::http::header;
use axum::response::{AppendHeaders, IntoResponse, Redirect, Response};

use super::cookies;
use super::form_values::QueryValues;
use super::language::Language;
use super::return_path::find_safe_path;
use crate::http::error::Problem;

/// Remembers the language that an operator chose, and returns to the page.
pub(super) async fn set_language(Path(tag): Path<String>, query: QueryValues) -> Result<Response, Problem> {
    let language = Language::parse(&tag).ok_or_else(|| Problem::not_found("language"))?;
    let back = query.raw("back").unwrap_or_default();
    let cookie = cookies::keep_language(language.tag());
    Ok((
        AppendHeaders([(header::SET_COOKIE, cookie)]),
        Redirect::to(&find_safe_path(back)),
    )
        .into_response())
}
