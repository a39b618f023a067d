//! Checks whether Stripe refuses checkouts: then no guest can pay, and only the shop can change it.

use std::collections::BTreeMap;

use super::check::{Check, Verdict, flag, pass};
use crate::workflow::{Context, format_error_chain, queries};

const NAME: &str = "refused checkouts";
/// How many checkouts are examined, the latest ones.
const LATEST: u32 = 20;
const REMEDY: &str =
    "see \"Stripe refuses checkouts\" in docs/operations.md; the log has Stripe's request ids";

pub(super) async fn check_refusals(context: &Context) -> Check {
    match queries::list_latest_refusals(context, LATEST).await {
        Ok(latest) => judge_refusals(&latest),
        Err(error) => flag(
            NAME,
            Verdict::Fault,
            format_error_chain(&error),
            "see the log of the database",
        ),
    }
}

/// Judges the latest checkouts, each with its refusal.
fn judge_refusals(latest: &[Option<String>]) -> Check {
    let mut counts = BTreeMap::new();
    for code in latest.iter().flatten() {
        *counts.entry(code.as_str()).or_insert(0_usize) += 1;
    }
    let refused: usize = counts.values().sum();
    let found = match (refused, latest.len()) {
        (0, 0) => return pass(NAME, "no checkouts yet"),
        (0, all) => return pass(NAME, format!("none of the last {all}")),
        (1, 1) => "the last checkout was refused".to_owned(),
        (refused, all) if refused == all => format!("the last {all} checkouts were refused"),
        (refused, all) => format!("{refused} of the last {all} checkouts were refused"),
    };
    let codes: Vec<String> = match counts.len() {
        1 => counts.keys().map(|code| (*code).to_owned()).collect(),
        _ => counts
            .iter()
            .map(|(code, count)| format!("{code} ({count})"))
            .collect(),
    };
    let verdict = if refused == latest.len() {
        Verdict::Fault
    } else {
        Verdict::Warning
    };
    flag(NAME, verdict, format!("{found}: {}", codes.join(", ")), REMEDY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(codes: &[Option<&str>]) -> (Verdict, String) {
        let latest: Vec<_> = codes.iter().map(|code| code.map(str::to_owned)).collect();
        let check = judge_refusals(&latest);
        (check.verdict, check.found)
    }

    #[test]
    fn refusals_are_counted_by_code() {
        let small = Some("amount_too_small");
        for (codes, verdict, found) in [
            (vec![], Verdict::Ok, "no checkouts yet"),
            (vec![None; 3], Verdict::Ok, "none of the last 3"),
            (
                vec![small; 20],
                Verdict::Fault,
                "the last 20 checkouts were refused: amount_too_small",
            ),
            (
                vec![small],
                Verdict::Fault,
                "the last checkout was refused: amount_too_small",
            ),
            (
                vec![small, None, small],
                Verdict::Warning,
                "2 of the last 3 checkouts were refused: amount_too_small",
            ),
            (
                vec![small, Some("currency"), small],
                Verdict::Fault,
                "the last 3 checkouts were refused: amount_too_small (2), currency (1)",
            ),
        ] {
            assert_eq!(judge(&codes), (verdict, found.to_owned()));
        }
    }
}
