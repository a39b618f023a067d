//! How a command to Stripe is shown to the operator who may have it tried again.

use maud::{Markup, html};

use super::words::AttentionWords;
use crate::domain::command::{Command, CommandAction};
use crate::http::console::signed_in::SignedIn;

/// Says what a command does, and to how much money.
pub(super) fn describe_command(signed_in: &SignedIn, words: &AttentionWords, command: &Command) -> String {
    match &command.action {
        CommandAction::ExpireSession(_) => words.expire_session.to_owned(),
        CommandAction::Refund { money, .. } => format!("{} {}", words.refund, signed_in.money(*money)),
    }
}

/// Says what happens when a command is tried again, and which one it is.
pub(super) fn explain_retry(signed_in: &SignedIn, words: &AttentionWords, command: &Command) -> Markup {
    html! {
        dl {
            dt { (words.command) }
            dd { (describe_command(signed_in, words, command)) }
            @if let Some(hold) = command.hold {
                dt { (words.hold) }
                dd { a href={ "/console/holds/" (hold) } { (hold) } }
            }
            dt { (words.tries) }
            dd { (command.tries) }
            @if let Some(error) = &command.last_error {
                dt { (words.error) }
                dd lang="en" { (error) }
            }
        }
        p { (words.retry_explanation) }
    }
}
