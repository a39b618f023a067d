//! Lists objects in pages, newest first (docs.stripe.com/api/pagination).

use indexmap::IndexMap;
use serde_json::Value;

use super::api_error::ApiError;
use super::form_params::FormParams;
use super::object_json;

/// The page and the filters of a list.
#[derive(Debug)]
pub(super) struct Listing {
    limit: usize,
    starting_after: Option<String>,
    /// The names of filters, with the value that an object must have.
    filters: Vec<(&'static str, String)>,
    created_from: i64,
    created_to: i64,
}

/// How objects of one kind are listed.
pub(super) struct Listed<T> {
    /// The name of one object in Stripe's errors.
    pub(super) noun: &'static str,
    pub(super) url: &'static str,
    pub(super) created: fn(&T) -> i64,
    /// Returns the value of the field that a filter names.
    pub(super) field: for<'a> fn(&'a T, &str) -> Option<&'a str>,
    pub(super) render: fn(&T) -> Value,
}

impl Listing {
    /// Parses the parameters of a list that has these filters besides the time of creation.
    pub(super) fn parse(params: &FormParams, filters: &[&'static str]) -> Result<Listing, ApiError> {
        const COMMON: [&str; 8] = [
            "limit",
            "starting_after",
            "created",
            "created[gt]",
            "created[gte]",
            "created[lt]",
            "created[lte]",
            "expand[*]",
        ];
        params.refuse_unknown(&[&COMMON[..], filters].concat())?;
        let limit = params.parse_integer("limit")?.unwrap_or(10);
        let limit = usize::try_from(limit)
            .ok()
            .filter(|limit| (1..=100).contains(limit))
            .ok_or_else(|| {
                ApiError::invalid_param("limit", "Invalid integer: This value must be between 1 and 100.")
                    .with_code("parameter_invalid_integer")
            })?;
        let (created_from, created_to) = parse_created(params)?;
        let text = |name: &'static str| params.get(name).map(|value| (name, value.to_owned()));
        Ok(Listing {
            limit,
            starting_after: params.get("starting_after").map(str::to_owned),
            filters: filters.iter().filter_map(|name| text(name)).collect(),
            created_from,
            created_to,
        })
    }

    /// Renders a page of objects that are in order of creation.
    pub(super) fn render_page<T>(
        &self,
        objects: &IndexMap<String, T>,
        listed: &Listed<T>,
    ) -> Result<Value, ApiError> {
        let end = match &self.starting_after {
            None => objects.len(),
            Some(id) => objects
                .get_index_of(id)
                .ok_or_else(|| ApiError::no_such_object(listed.noun, "starting_after", id))?,
        };
        let is_listed = |object: &&T| {
            let mut filters = self.filters.iter();
            (self.created_from..=self.created_to).contains(&(listed.created)(object))
                && filters.all(|(name, value)| (listed.field)(object, name) == Some(value))
        };
        let mut older = objects.values().take(end).rev().filter(is_listed);
        let page = older.by_ref().take(self.limit).map(listed.render).collect();
        Ok(object_json::list_json(page, older.next().is_some(), listed.url))
    }
}

/// Returns the first and the last second of creation that are listed.
fn parse_created(params: &FormParams) -> Result<(i64, i64), ApiError> {
    let bound = |name: &str| params.parse_integer(name);
    let exact = bound("created")?;
    let lower = [
        exact,
        bound("created[gte]")?,
        bound("created[gt]")?.map(|at| at.saturating_add(1)),
    ];
    let upper = [
        exact,
        bound("created[lte]")?,
        bound("created[lt]")?.map(|at| at.saturating_sub(1)),
    ];
    Ok((
        lower.into_iter().flatten().max().unwrap_or(i64::MIN),
        upper.into_iter().flatten().min().unwrap_or(i64::MAX),
    ))
}
