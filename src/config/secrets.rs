//! Secrets: which variables hold them, and how they are read from files.
//!
//! `NAME_FILE` is the path of a file with the value of `NAME`, so that a secret is in no environment and no
//! configuration: systemd's credentials and the secrets of containers are such files.

use secrecy::SecretString;

/// The variables whose value may be in a file.
const IN_FILES: [&str; 5] = [
    "DATABASE_URL",
    "STRIPE_SECRET_KEY",
    "STRIPE_WEBHOOK_SECRET",
    "HOLDFAST_ADMIN_KEY",
    "HOLDFAST_TOKEN_SECRET",
];

/// The shortest secret that nobody finds by trying.
const MIN_LENGTH: usize = 24;

/// A variable whose value is not UTF-8.
pub(super) struct NotUtf8;

/// Finds the value of a variable, in the file that another variable names if it is a secret.
///
/// # Errors
/// What is wrong with the variable or the file, for the operator.
pub(super) fn find_value(
    variable: &str,
    look_up: impl Fn(&str) -> Result<Option<String>, NotUtf8>,
) -> Result<Option<String>, String> {
    let value = look_up(variable).map_err(|NotUtf8| "is not UTF-8".to_owned());
    if !IN_FILES.contains(&variable) {
        return value;
    }
    let in_file = format!("{variable}_FILE");
    let path = look_up(&in_file).map_err(|NotUtf8| format!("cannot be read: {in_file} is not UTF-8"));
    match (value?, path?) {
        (value, None) => Ok(value),
        (Some(_), Some(_)) => Err(format!("is set twice: {in_file} is set too")),
        (None, Some(path)) => read_file(&in_file, &path).map(Some),
    }
}

fn read_file(in_file: &str, path: &str) -> Result<String, String> {
    // What is no absolute path may be the secret itself, so the error does not repeat it.
    if !path.starts_with('/') {
        return Err(format!("cannot be read: {in_file} must be an absolute path"));
    }
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| format!("cannot be read from {path} ({in_file}): {}", error.kind()))?;
    match text.trim() {
        "" => Err(format!("is empty in {path} ({in_file})")),
        value => Ok(value.to_owned()),
    }
}

/// Parses the secrets that make and check tokens.
pub(super) fn parse_token_secrets(text: &str) -> Result<Vec<SecretString>, &'static str> {
    let secrets = text.split(',').map(str::trim).filter(|secret| !secret.is_empty());
    let secrets: Vec<&str> = secrets.collect();
    if secrets.iter().any(|secret| secret.len() < MIN_LENGTH) {
        return Err("must be secrets of at least 24 characters, comma-separated; the first signs");
    }
    Ok(secrets.into_iter().map(SecretString::from).collect())
}
