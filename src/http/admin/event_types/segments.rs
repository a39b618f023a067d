//! The segments of an event type. Requests and responses have the same form.

use deserr::Deserr;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

use crate::domain::catalogue::{MAX_CHOICE, MAX_DURATION_MINUTES, MAX_SEGMENTS, SegmentTemplate};
use crate::domain::ids::ResourceId;
use crate::http::field_errors::FieldErrors;
use crate::http::field_values::check_between;

/// A part of an event, served by one of several resources.
#[derive(Debug, Deserr, Serialize, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = EventTypeSegment)]
pub(in crate::http) struct SegmentMembers {
    /// Minutes from the start of the event to the start of the segment; 0 if absent.
    #[deserr(default, try_from(i64) = check_between::<0, MAX_DURATION_MINUTES> -> String)]
    #[schema(required = false, minimum = 0, maximum = 10080)]
    offset_minutes: i64,
    /// The length of the segment in minutes.
    #[deserr(try_from(i64) = check_between::<1, MAX_DURATION_MINUTES> -> String)]
    #[schema(example = 60, minimum = 1, maximum = 10080)]
    duration_minutes: i64,
    /// The ids of the resources, each named once. Any one of them serves the segment.
    #[deserr(try_from(Vec<ResourceId>) = check_resources -> String)]
    #[serde(serialize_with = "serialize_resources")]
    #[schema(value_type = Vec<String>, example = json!(["ana", "ben"]), min_items = 1, max_items = 100)]
    any_of: Vec<ResourceId>,
}

fn check_resources(resources: Vec<ResourceId>) -> Result<Vec<ResourceId>, String> {
    let is_unique = resources
        .iter()
        .enumerate()
        .all(|(n, resource)| !resources[..n].contains(resource));
    if !is_unique || !(1..=MAX_CHOICE).contains(&resources.len()) {
        return Err(format!("must be 1 to {MAX_CHOICE} resources, each once"));
    }
    Ok(resources)
}

fn serialize_resources<S: Serializer>(resources: &[ResourceId], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(resources.iter().map(ResourceId::as_str))
}

/// Checks the segments of an event type. Whether their resources suffice is checked later, because it needs the
/// buffers.
///
/// # Errors
/// [`FieldErrors`], each with its path in the body.
pub(super) fn check_segments(
    segments: Option<Vec<SegmentMembers>>,
) -> Result<Option<Vec<SegmentMembers>>, FieldErrors> {
    let mut errors = FieldErrors::default();
    let given = segments.as_deref().unwrap_or_default();
    if segments.is_some() && !(1..=MAX_SEGMENTS).contains(&given.len()) {
        errors.add("segments", format_args!("must be 1 to {MAX_SEGMENTS}"));
    }
    if given.first().is_some_and(|first| first.offset_minutes != 0) {
        errors.add(
            "segments[0].offset_minutes",
            "must be 0: the first segment begins at the start",
        );
    }
    for (n, segment) in given.iter().enumerate() {
        if segment.offset_minutes + segment.duration_minutes > MAX_DURATION_MINUTES {
            let detail = format_args!("must end at most {MAX_DURATION_MINUTES} minutes after the start");
            errors.add(&format!("segments[{n}].duration_minutes"), detail);
        }
    }
    if errors.is_empty() {
        Ok(segments)
    } else {
        Err(errors)
    }
}

impl From<SegmentMembers> for SegmentTemplate {
    fn from(members: SegmentMembers) -> Self {
        Self {
            offset_minutes: members.offset_minutes,
            duration_minutes: members.duration_minutes,
            any_of: members.any_of,
        }
    }
}

impl From<&SegmentTemplate> for SegmentMembers {
    fn from(template: &SegmentTemplate) -> Self {
        Self {
            offset_minutes: template.offset_minutes,
            duration_minutes: template.duration_minutes,
            any_of: template.any_of.clone(),
        }
    }
}
