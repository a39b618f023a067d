//! The hosted payment page: what the guest sees at a session's `url`.
//!
//! One self-contained page (`page.html` is its frame) whose buttons call the controls. Promises stable element ids,
//! `pay`, `decline`, `pay-later`, `abandon`, `bank-succeed`, `bank-fail`, `return`, `error`, `state`, and that all text
//! which came from outside is escaped. Deciding what may be paid is left to `payments`.

use axum::extract::{Path, State as Shared};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::payments::{IntentStatus, takes_slow_methods};
use super::sessions::{LineItem, Session, SessionStatus};
use super::state::State;
use super::{Simulator, money};

const FRAME: &str = include_str!("page.html");
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

pub(super) async fn show(Shared(simulator): Shared<Simulator>, Path(id): Path<String>) -> Response {
    let page = simulator.read(|state| state.sessions.get(&id).map(|session| render(state, session)));
    match page {
        None => (StatusCode::NOT_FOUND, Html("<p>There is no such checkout.</p>")).into_response(),
        Some(page) => {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::CACHE_CONTROL, "no-store"),
            ];
            (headers, Html(page)).into_response()
        }
    }
}

fn render(state: &State, session: &Session) -> String {
    let order = &session.order;
    let email = order.customer_email.as_deref().map_or_else(String::new, |email| {
        format!(
            r#"<p class="quiet">Receipt to <span id="email">{}</span></p>"#,
            escape(email)
        )
    });
    let items: String = order
        .line_items
        .iter()
        .map(|item| line(item, &order.currency))
        .collect();
    let amount = money::format(order.amount_total, &order.currency);
    fill(&[
        ("amount", &amount),
        ("id", &session.id),
        ("status", session.status.as_str()),
        ("payment_status", session.payment_status.as_str()),
        ("success_url", &escape(&success_url(session))),
        ("items", &items),
        ("email", &email),
        ("actions", &actions(state, session, &amount)),
    ])
}

/// Fills the frame's `{{name}}` places in one pass, so that text which looks like a place stays text.
fn fill(values: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(FRAME.len() + 1024);
    let mut parts = FRAME.split("{{");
    page.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let (name, rest) = part.split_once("}}").unwrap_or(("", part));
        page.push_str(
            values
                .iter()
                .find(|(known, _)| *known == name)
                .map_or("", |(_, value)| value),
        );
        page.push_str(rest);
    }
    page
}

fn line(item: &LineItem, currency: &str) -> String {
    let quantity = match item.quantity {
        1 => String::new(),
        many => format!(
            "<small>{many} × {}</small>",
            money::format(item.unit_amount, currency)
        ),
    };
    let description = item
        .description
        .as_deref()
        .map_or_else(String::new, |text| format!("<small>{}</small>", escape(text)));
    format!(
        "<tr><td>{}{description}{quantity}</td><td>{}</td></tr>",
        escape(&item.name),
        money::format(item.total(), currency)
    )
}

fn actions(state: &State, session: &Session, amount: &str) -> String {
    let at_work = session
        .payment_intent
        .as_ref()
        .and_then(|id| state.intents.get(id));
    let at_work = at_work.is_some_and(|intent| intent.status == IntentStatus::Processing);
    match session.status {
        SessionStatus::Open => offer(session, amount, takes_slow_methods(state, &session.id)),
        SessionStatus::Expired => {
            let note = "This checkout has expired. It can no longer be paid.";
            format!(r#"<p id="state">{note}</p>{}"#, back_to_shop(session))
        }
        SessionStatus::Complete if at_work => {
            let verdicts = "<p id=\"state\">The payment is on its way.</p><h2>Simulate the bank's verdict</h2>\
                 <button id=\"bank-succeed\" class=\"main\" data-outcome=\"processing_succeeded\">The money came</button>\
                 <button id=\"bank-fail\" data-outcome=\"processing_failed\">The payment failed</button>";
            format!("{verdicts}{}", on_to_shop(session))
        }
        SessionStatus::Complete => {
            let status = session.payment_status.as_str();
            format!(
                r#"<p id="state">This checkout is complete: {status}.</p>{}"#,
                on_to_shop(session)
            )
        }
    }
}

fn offer(session: &Session, amount: &str, slow: bool) -> String {
    let later = match slow {
        true => r#"<button id="pay-later" data-outcome="processing">Pay later by bank transfer</button>"#,
        false => "",
    };
    format!(
        r#"<button id="pay" class="main" data-outcome="paid">Pay {amount}</button>
           <button id="decline" data-outcome="declined">Pay with a card that is declined</button>{later}{}"#,
        back_to_shop(session)
    )
}

fn on_to_shop(session: &Session) -> String {
    let url = escape(&success_url(session));
    format!(r#"<a id="return" class="button" href="{url}">Back to the shop</a>"#)
}

fn back_to_shop(session: &Session) -> String {
    session
        .order
        .cancel_url
        .as_deref()
        .map_or_else(String::new, |url| {
            format!(
                r#"<a id="abandon" class="button" href="{}">Back to the shop</a>"#,
                escape(url)
            )
        })
}

fn success_url(session: &Session) -> String {
    session
        .order
        .success_url
        .replace("{CHECKOUT_SESSION_ID}", &session.id)
}

/// For text and for double-quoted attributes.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_the_frame_is_filled_once_and_text_stays_text() {
        let page = fill(&[("amount", "{{id}}"), ("id", "cs_1")]);
        assert!(page.contains(r#"<h1 id="amount">{{id}}</h1>"#));
        assert!(page.contains("/sandbox/sessions/cs_1/pay"));
    }

    #[test]
    fn markup_is_defused() {
        assert_eq!(escape(r#"<b a="1">'&"#), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;");
    }
}
