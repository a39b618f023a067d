//! The list of holds as operators see it: its filters and its orders.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use serde::Serialize;
use utoipa::ToSchema;

use super::attention::AttentionView;
use super::pagination::{List, PageQuery, to_page_request};
use crate::domain::booking::{Booking, normalize_email};
use crate::domain::ids::{EventTypeId, HoldId, ResourceId, SessionId};
use crate::domain::listing::{HoldFilter, HoldKey, HoldSort, Page, PageRequest};
use crate::http::error::Problem;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::{Cursor, Day, Email, Limit, SearchText, Statuses, parse_email};
use crate::http::query_string::parse_query;
use crate::http::server::Server;
use crate::http::views::{AdminHoldView, HoldStatusView};
use crate::workflow::queries;

/// The order of a list of holds. Without it, the hold that was placed last comes first.
#[derive(Clone, Copy, Debug, Serialize, Deserr, ToSchema)]
#[serde(rename_all = "snake_case")]
#[deserr(error = FieldErrors)]
#[schema(as = HoldSort)]
pub(in crate::http) enum HoldSortView {
    /// The hold that starts first comes first.
    #[deserr(rename = "starts_at")]
    StartsAt,
    /// The hold that has gone longest without a change comes first.
    #[deserr(rename = "updated_at")]
    UpdatedAt,
}

impl From<HoldSortView> for HoldSort {
    fn from(sort: HoldSortView) -> Self {
        match sort {
            HoldSortView::StartsAt => Self::Start,
            HoldSortView::UpdatedAt => Self::Change,
        }
    }
}

#[derive(Debug, Deserr)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
struct HoldListQuery {
    #[deserr(default)]
    status: Option<Statuses>,
    #[deserr(default)]
    event_type: Option<EventTypeId>,
    #[deserr(default)]
    resource: Option<ResourceId>,
    #[deserr(default)]
    day: Option<Day>,
    #[deserr(default)]
    from: Option<DateTime<Utc>>,
    #[deserr(default)]
    to: Option<DateTime<Utc>>,
    #[deserr(default)]
    guest: Option<Email>,
    #[deserr(default)]
    q: Option<SearchText>,
    #[deserr(default)]
    attention: Option<AttentionView>,
    #[deserr(default)]
    sort: Option<HoldSortView>,
    #[deserr(default)]
    changed_since: Option<DateTime<Utc>>,
    #[deserr(default)]
    limit: Option<Limit>,
    #[deserr(default)]
    cursor: Option<Cursor>,
}

/// Lists holds, newest first if `sort` does not give another order.
#[utoipa::path(
    get, path = "/v1/admin/holds", operation_id = "listHoldsAsOperator", tag = "operators",
    params(
        (
            "status" = Option<Vec<HoldStatusView>>, Query, explode = false,
            description = "only holds with one of the given statuses, comma-separated"
        ),
        (
            "event_type" = Option<String>, Query,
            description = "only holds of this event type", pattern = "^[a-z0-9-]{1,64}$"
        ),
        (
            "resource" = Option<String>, Query,
            description = "only holds on this resource", pattern = "^[a-z0-9-]{1,64}$"
        ),
        (
            "day" = Option<chrono::NaiveDate>, Query,
            description = "only holds that start on this day, such as 2026-11-27, in the shop's time zone; not with `from` or `to`"
        ),
        ("from" = Option<DateTime<Utc>>, Query, description = "only holds that start at this time or later, RFC 3339"),
        ("to" = Option<DateTime<Utc>>, Query, description = "only holds that start before this time, RFC 3339"),
        (
            "guest" = Option<String>, Query,
            description = "only holds of the guest with this e-mail address; case does not matter"
        ),
        (
            "q" = Option<String>, Query, min_length = 1, max_length = 255,
            description = "only the hold with this id or this session, or else the holds of the guest with this e-mail address, \
                or else the hold with this `reference` and those whose guest's name or address contains this text; case does not matter. For such a text each page \
                looks at 20,000 holds at most, so a page may have few entries or none although `next_cursor` is given"
        ),
        ("attention" = Option<AttentionView>, Query, description = "only holds that an operator must look at"),
        (
            "sort" = Option<HoldSortView>, Query,
            description = "the order: `starts_at`, the earliest first, or `updated_at`, the change that is longest ago first; \
                without it, the newest hold comes first"
        ),
        (
            "changed_since" = Option<DateTime<Utc>>, Query,
            description = "only holds whose `updated_at` is this time or later, RFC 3339; only with `sort=updated_at`"
        ),
        PageQuery,
    ),
    security(("admin_key" = [])),
    responses(
        (status = 200, description = "The holds", body = List<AdminHoldView>),
        (status = 422, description = "`invalid`"),
    )
)]
pub(in crate::http) async fn list_holds(
    State(server): State<Arc<Server>>,
    RawQuery(query): RawQuery,
) -> Result<Json<List<AdminHoldView>>, Problem> {
    let (filter, page) = to_filter_and_page(&server, parse_query(query.as_deref())?)?;
    let found = queries::list_holds(&server.context, filter, &page).await?;
    Ok(List::from_page(&found, AdminHoldView::new))
}

/// Shows holds as one page that is the last one.
pub(in crate::http) fn to_whole_list(bookings: &[Booking]) -> List<AdminHoldView> {
    let page = Page {
        entries: bookings.to_vec(),
        next: None,
    };
    List::from_page(&page, AdminHoldView::new).0
}

fn to_filter_and_page(server: &Server, query: HoldListQuery) -> Result<(HoldFilter, PageRequest), Problem> {
    let mut filter = HoldFilter {
        statuses: query.status.map_or_else(Vec::new, |Statuses(statuses)| statuses),
        event_type: query.event_type,
        resource: query.resource,
        from: query.from,
        to: query.to,
        guest: query.guest.map(|Email(address)| address),
        attention: query.attention.map(Into::into),
        changed_since: query.changed_since,
        sort: query.sort.map(Into::into).unwrap_or_default(),
        ..HoldFilter::default()
    };
    if filter.changed_since.is_some() && filter.sort != HoldSort::Change {
        return Err(Problem::invalid_field("changed_since", "needs sort=updated_at"));
    }
    if let Some(Day(day)) = query.day {
        if filter.from.is_some() || filter.to.is_some() {
            return Err(Problem::invalid_field("day", "is not for use with from or to"));
        }
        let of_day = server.context.settings.find_day(day);
        let of_day = of_day.ok_or_else(|| Problem::invalid_field("day", "is beyond the range of dates"))?;
        (filter.from, filter.to) = (Some(of_day.start), Some(of_day.end));
    }
    if let Some(SearchText(text)) = query.q {
        (filter.key, filter.text) = split_search(text);
    }
    let page = to_page_request(query.limit, query.cursor);
    let is_own = |cursor: &String| queries::is_cursor_of_holds(&filter, cursor);
    if !page.cursor.as_ref().is_none_or(is_own) {
        let detail = "belongs to a list with another order or other filters";
        return Err(Problem::invalid_field("cursor", detail));
    }
    Ok((filter, page))
}

/// Tells what a text of a search means: an id, an address, or a part of a name or of an address.
pub(in crate::http) fn split_search(text: String) -> (Option<HoldKey>, Option<String>) {
    let key = if let Some(id) = HoldId::parse(&text) {
        Some(HoldKey::Id(id))
    } else if text.starts_with("cs_") {
        Some(HoldKey::Session(SessionId::new(text.clone())))
    } else {
        let address = parse_email(&text).ok();
        address.map(|address| HoldKey::Guest(normalize_email(&address)))
    };
    match key {
        Some(key) => (Some(key), None),
        None => (None, Some(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_finds_ids_and_addresses_by_their_form() {
        let id = "01990000-0000-7000-8000-0000000000AB";
        for (text, expected) in [
            (id, HoldKey::Id(HoldId::parse(id).unwrap())),
            (
                "cs_test_A1",
                HoldKey::Session(SessionId::new("cs_test_A1".to_owned())),
            ),
            ("Ada@Example.com", HoldKey::Guest("ada@example.com".to_owned())),
        ] {
            assert_eq!(split_search(text.to_owned()), (Some(expected), None), "{text}");
        }
        for text in ["Ada", "ada@exam", "%", "01990000", "O'Neill_"] {
            assert_eq!(split_search(text.to_owned()), (None, Some(text.to_owned())));
        }
    }
}
