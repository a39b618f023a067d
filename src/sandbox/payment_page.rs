//! The payment page: a hosted one, which the guest sees at a session's `url`, or an embedded one, which the simulator's Stripe.js
//! (`stripe_js.js`) shows in a frame of the shop's page.
//!
//! It is one self-contained page with the template `payment_page.html`. Its buttons call the control routes; `payments`
//! decides whether a payment is allowed. Browser tests rely on the element ids `pay`, `decline`, `pay-later`, `abandon`,
//! `bank-succeed`, `bank-fail`, `code`, `apply-code`, `return`, `error` and `state`. All text from callers is escaped.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};

use super::account_state::AccountState;
use super::currencies;
use super::objects::{IntentStatus, LineItem, Session, SessionStatus};
use super::simulator::Simulator;

const TEMPLATE: &str = include_str!("payment_page.html");
/// Forbids everything that the page does not need, in case a text escapes `escape_html`.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; \
                      img-src data:; base-uri 'none'; form-action 'none'";

/// Shows the hosted page of a session. As at Stripe, no other site can show it in a frame.
pub(super) async fn show_payment_page(
    State(simulator): State<Simulator>,
    Path(id): Path<String>,
) -> Response {
    let page = simulator.read_state(|state| {
        let session = state.sessions.get(&id).filter(|session| !session.is_embedded());
        session.map(|session| render_page(state, session))
    });
    respond_with_page(page, "frame-ancestors 'none'")
}

/// Shows the embedded page of a session to who has its client secret.
pub(super) async fn show_embedded_page(
    State(simulator): State<Simulator>,
    Path(client_secret): Path<String>,
) -> Response {
    let page = simulator.read_state(|state| {
        let (id, _) = client_secret.split_once("_secret_")?;
        let session = state.sessions.get(id)?;
        let is_right = session.client_secret.as_ref() == Some(&client_secret);
        is_right.then(|| render_page(state, session))
    });
    respond_with_page(page, "frame-ancestors *")
}

/// Serves the simulator's Stripe.js.
pub(super) async fn serve_stripe_js() -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, include_str!("stripe_js.js")).into_response()
}

fn respond_with_page(page: Option<String>, frame_ancestors: &str) -> Response {
    match page {
        None => (
            StatusCode::NOT_FOUND,
            Html("<p>This checkout does not exist.</p>"),
        )
            .into_response(),
        Some(page) => {
            let policy = format!("{CONTENT_SECURITY_POLICY}; {frame_ancestors}");
            let headers = [
                (header::CONTENT_SECURITY_POLICY, policy),
                (header::CACHE_CONTROL, "no-store".to_owned()),
            ];
            (headers, Html(page)).into_response()
        }
    }
}

fn render_page(state: &AccountState, session: &Session) -> String {
    let params = &session.params;
    let email = params
        .customer_email
        .as_deref()
        .map_or_else(String::new, |email| {
            format!(
                r#"<p class="quiet">Receipt to <span id="email">{}</span></p>"#,
                escape_html(email)
            )
        });
    let items: String = params
        .line_items
        .iter()
        .map(|item| render_line_item(item, &params.currency))
        .collect();
    let items = items + &render_discount(session);
    let amount = currencies::format_amount(session.amount_total(), &params.currency);
    fill_template(&[
        ("amount", &amount),
        ("id", &session.id),
        ("status", session.status.as_str()),
        ("payment_status", session.payment_status.as_str()),
        ("success_url", &escape_html(&session.url_after_payment())),
        (
            "ui_mode",
            if session.is_embedded() {
                "embedded"
            } else {
                "hosted"
            },
        ),
        ("items", &items),
        ("email", &email),
        ("actions", &render_actions(state, session, &amount)),
    ])
}

/// Replaces the template's `{{name}}` placeholders in one pass.
///
/// One pass, because a second one would replace a placeholder that a caller's text contains.
fn fill_template(values: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(TEMPLATE.len() + 1024);
    let mut parts = TEMPLATE.split("{{");
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

fn render_line_item(item: &LineItem, currency: &str) -> String {
    let quantity = match item.quantity {
        1 => String::new(),
        many => format!(
            "<small>{many} × {}</small>",
            currencies::format_amount(item.unit_amount, currency)
        ),
    };
    let description = item.description.as_deref().map_or_else(String::new, |text| {
        format!("<small>{}</small>", escape_html(text))
    });
    format!(
        "<tr><td>{}{description}{quantity}</td><td>{}</td></tr>",
        escape_html(&item.name),
        currencies::format_amount(item.total_amount(), currency)
    )
}

fn render_discount(session: &Session) -> String {
    if session.discount == 0 {
        return String::new();
    }
    let discount = currencies::format_amount(session.discount, &session.params.currency);
    format!(r#"<tr><td>Discount</td><td id="discount">−{discount}</td></tr>"#)
}

fn render_actions(state: &AccountState, session: &Session, amount: &str) -> String {
    let intent = session
        .payment_intent
        .as_ref()
        .and_then(|id| state.intents.get(id));
    let is_processing = intent.is_some_and(|intent| intent.status == IntentStatus::Processing);
    match session.status {
        SessionStatus::Open => render_payment_buttons(session, amount),
        SessionStatus::Expired => {
            let note = "This checkout has expired. It can no longer be paid.";
            format!(r#"<p id="state">{note}</p>{}"#, render_cancel_link(session))
        }
        SessionStatus::Complete if is_processing => {
            let buttons = "<p id=\"state\">The payment is in progress.</p><h2>Simulate the bank's decision</h2>\
                 <button id=\"bank-succeed\" class=\"main\" data-outcome=\"processing_succeeded\">The payment succeeded</button>\
                 <button id=\"bank-fail\" data-outcome=\"processing_failed\">The payment failed</button>";
            format!("{buttons}{}", render_success_link(session))
        }
        SessionStatus::Complete => {
            let status = session.payment_status.as_str();
            format!(
                r#"<p id="state">This checkout is complete: {status}.</p>{}"#,
                render_success_link(session)
            )
        }
    }
}

fn render_payment_buttons(session: &Session, amount: &str) -> String {
    let code = match session.params.page.allow_promotion_codes {
        true => {
            r#"<form id="promotion"><label for="code">Promotion code</label>
               <input id="code" name="code" required autocomplete="off"><button id="apply-code">Apply</button></form>"#
        }
        false => "",
    };
    let later = match session.accepts_delayed_methods() {
        true => r#"<button id="pay-later" data-outcome="processing">Pay later by bank transfer</button>"#,
        false => "",
    };
    format!(
        r#"{code}<button id="pay" class="main" data-outcome="paid">Pay {amount}</button>
           <button id="decline" data-outcome="declined">Pay with a card that is declined</button>{later}{}"#,
        render_cancel_link(session)
    )
}

fn render_success_link(session: &Session) -> String {
    let url = escape_html(&session.url_after_payment());
    // The link of an embedded page leaves the frame.
    let target = if session.is_embedded() {
        r#" target="_top""#
    } else {
        ""
    };
    format!(r#"<a id="return" class="button" href="{url}"{target}>Back to the shop</a>"#)
}

fn render_cancel_link(session: &Session) -> String {
    session
        .params
        .cancel_url
        .as_deref()
        .map_or_else(String::new, |url| {
            format!(
                r#"<a id="abandon" class="button" href="{}">Back to the shop</a>"#,
                escape_html(url)
            )
        })
}

/// Escapes a text for use in HTML text and in quoted attributes.
fn escape_html(text: &str) -> String {
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
    fn placeholder_inside_a_value_is_not_replaced() {
        let page = fill_template(&[("amount", "{{id}}"), ("id", "cs_1")]);
        assert!(page.contains(r#"<h1 id="amount">{{id}}</h1>"#));
        assert!(page.contains("/sandbox/sessions/cs_1/pay"));
    }

    #[test]
    fn html_special_characters_are_escaped() {
        assert_eq!(
            escape_html(r#"<b a="1">'&"#),
            "&lt;b a=&quot;1&quot;&gt;&#39;&amp;"
        );
    }
}
