//! The result of a check: what was found, a verdict, and a remedy if something is wrong.

use std::fmt;

use serde::Serialize;

/// The verdict of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The check found nothing wrong.
    Ok,
    /// It works, but somebody should examine the cause.
    Warning,
    /// It does not work, or the ledger is wrong.
    Fault,
}

/// One check with its verdict.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// The name of the check.
    pub check: &'static str,
    /// The verdict of the check.
    pub verdict: Verdict,
    /// What the check found.
    pub found: String,
    /// How to fix it; absent if nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warning => "WARN",
            Verdict::Fault => "FAIL",
        };
        write!(f, "{verdict}  {:<24} {}", self.check, self.found)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n      → {remedy}"),
            None => Ok(()),
        }
    }
}

/// Makes a check that found nothing wrong.
pub(super) fn pass(check: &'static str, found: impl Into<String>) -> Check {
    Check {
        check,
        verdict: Verdict::Ok,
        found: found.into(),
        remedy: None,
    }
}

/// Makes a check that found a warning or a fault.
pub(super) fn flag(check: &'static str, verdict: Verdict, found: impl Into<String>, remedy: &str) -> Check {
    Check {
        check,
        verdict,
        found: found.into(),
        remedy: Some(remedy.to_owned()),
    }
}
