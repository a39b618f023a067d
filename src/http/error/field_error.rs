//! The error of one member, and the bound on what an error response repeats of a request: the answer to a hostile body
//! stays small.

use serde::Serialize;
use utoipa::ToSchema;

/// The longest name or detail of one member, in characters.
const MAX_CHARACTERS: usize = 200;
/// The space for the errors of all members, in bytes of JSON. With the rest of its problem, an answer stays under 8 KiB.
const MAX_BYTES: usize = 6 * 1024;

/// The error of one member of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldError {
    /// The path of the member, such as `guest.email`.
    #[schema(example = "guest.email")]
    pub(crate) field: String,
    /// What is wrong with the member.
    #[schema(example = "is missing")]
    pub(crate) detail: String,
}

/// Keeps the first errors, as many as there is space for, with long texts cut.
pub(super) fn keep_first(errors: Vec<FieldError>) -> Vec<FieldError> {
    let mut left = MAX_BYTES;
    let cut = errors.into_iter().map(|error| FieldError {
        field: cut_text(error.field),
        detail: cut_text(error.detail),
    });
    let kept = cut.take_while(|error| {
        let bytes = serde_json::to_string(error).map_or(MAX_BYTES, |json| json.len() + 1);
        left = left.saturating_sub(bytes);
        left > 0
    });
    kept.collect()
}

fn cut_text(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARACTERS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_bytes(errors: &[FieldError]) -> usize {
        serde_json::to_string(errors).unwrap().len()
    }

    #[test]
    fn thousands_of_errors_and_long_names_are_cut() {
        // Each character of this name is six in JSON.
        for name in ["x", &"\u{1}".repeat(60_000), &"é".repeat(5_000)] {
            let error = FieldError {
                field: name.to_owned(),
                detail: "is not a known member".to_owned(),
            };
            let kept = keep_first(vec![error; 10_000]);
            assert!(
                !kept.is_empty() && count_bytes(&kept) <= MAX_BYTES + 2,
                "{}",
                kept.len()
            );
            assert!(
                kept.iter()
                    .all(|error| error.field.chars().count() <= MAX_CHARACTERS + 1)
            );
        }
    }

    #[test]
    fn errors_of_an_honest_request_are_kept() {
        let errors: Vec<_> = (0..20)
            .map(|n| FieldError {
                field: format!("segments[{n}].any_of"),
                detail: "must be 1 to 100 resources, each once".to_owned(),
            })
            .collect();
        assert_eq!(keep_first(errors.clone()), errors);
    }
}
