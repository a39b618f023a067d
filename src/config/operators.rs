//! Checks what the environment says about operators.

/// The fewest characters of `HOLDFAST_ADMIN_KEY`: `openssl rand -hex 12` makes as many.
const MIN_ADMIN_KEY: usize = 24;

/// Checks that the key of the environment cannot be guessed.
pub(super) fn check_admin_key(text: &str) -> Result<(), &'static str> {
    let is_long_enough = text.chars().count() >= MIN_ADMIN_KEY;
    is_long_enough
        .then_some(())
        .ok_or("must have at least 24 characters: openssl rand -hex 24")
}
