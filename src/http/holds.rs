//! For checkout pages: start a checkout.
//!
//! These routes are public. A hold's id gives the right to read it, its token the right to change it. Price, duration
//! and resource come from the catalogue, never from the request (I8).

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode};
use axum::{Extension, Json};
use chrono::{DateTime, Utc};
use deserr::Deserr;
use utoipa::ToSchema;

use super::auth::KeyHolder;
use super::client_address::ClientAddress;
use super::embedded_page::CheckoutUiView;
use super::error::{Problem, ProblemCode};
use super::field_errors::FieldErrors;
use super::field_values::{Email, HoldToken, Name, Quantity, parse_return_url};
use super::idempotency_key::{digest_body, parse_idempotency_key};
use super::json_body::{parse_json, read_json};
use super::metadata::Metadata;
use super::server::Server;
use super::views::{HoldView, PlacedHoldView};
use crate::domain::access_key::Scope;
use crate::domain::booking::{Booking, Guest};
use crate::domain::hold::Status;
use crate::domain::ids::{EventTypeId, HoldId, IdempotencyKey, ResourceId};
use crate::domain::key_scope::{KeyScope, ScopedKey};
use crate::domain::locale::Locale;
use crate::domain::token::TokenKeys;
use crate::workflow::start_checkout::{Checkout, CheckoutRequest};
use crate::workflow::{queries, start_checkout};

/// What to book, and for whom. Price, duration and resource come from the event type.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewHold)]
pub(super) struct NewHold {
    /// The id of the event type to book.
    #[schema(value_type = String, example = "intro-call", pattern = "^[a-z0-9-]{1,64}$")]
    event_type: EventTypeId,
    /// The start of the slot: a whole second, at least a minute ahead, RFC 3339 with any offset.
    #[schema(example = "2030-12-01T10:00:00Z")]
    starts_at: DateTime<Utc>,
    /// How many units of each segment to hold: all of them, or none. 1 if absent.
    #[deserr(default)]
    #[schema(value_type = u32, required = false, minimum = 1, maximum = 50)]
    quantity: Quantity,
    /// The resource that the guest asks for: one of the event type's.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "ana", pattern = "^[a-z0-9-]{1,64}$")]
    resource: Option<ResourceId>,
    /// The guest who books.
    guest: NewGuest,
    /// The address of the guest, which the limits count: only for callers with a key of the scope `checkout`.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "198.51.100.7")]
    client_address: Option<IpAddr>,
    /// The guest's earlier unpaid hold, in whose place the new one comes. The same slot, quantity and guest: that hold goes on.
    #[deserr(default)]
    replaces: Option<ReplacedHold>,
    /// Where the guest sees the payment page. `embedded` needs `STRIPE_PUBLISHABLE_KEY`. `hosted` if absent.
    #[deserr(default)]
    #[schema(value_type = Option<CheckoutUiView>)]
    ui: Option<CheckoutUiView>,
    /// The language of the payment page, by Stripe's name for it, and of its line; if absent or `auto`, Stripe follows the
    /// guest's browser, and the line is English.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "de")]
    locale: Option<Locale>,
    /// Pairs of the caller's own: at most 20, keys of 1 to 40 characters, values of at most 500.
    #[deserr(default)]
    #[schema(value_type = BTreeMap<String, String>, required = false, example = json!({"order": "17"}))]
    metadata: Metadata,
    /// Where Stripe sends a guest who paid; `{HOLD_ID}` and `{CHECKOUT_SESSION_ID}` are filled in.
    #[deserr(default)]
    #[expect(dead_code, reason = "read from the JSON itself")]
    #[schema(example = "https://shop.example/done?hold={HOLD_ID}")]
    success_url: Option<String>,
    /// Where Stripe sends a guest who turned back from a hosted page.
    #[deserr(default)]
    #[expect(dead_code, reason = "read from the JSON itself")]
    #[schema(example = "https://shop.example/cancelled?hold={HOLD_ID}")]
    cancel_url: Option<String>,
}

/// The guest who books.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = NewGuest)]
pub(super) struct NewGuest {
    /// The guest's e-mail address; Stripe sends the receipt there.
    #[schema(value_type = String, example = "ada@example.com", format = Email)]
    email: Email,
    /// The name of the guest.
    #[deserr(default)]
    #[schema(value_type = Option<String>, example = "Ada", min_length = 1, max_length = 200)]
    name: Option<Name>,
}

/// A hold that a new one replaces, with the right to change it.
#[derive(Debug, Deserr, ToSchema)]
#[deserr(error = FieldErrors, deny_unknown_fields)]
#[serde(deny_unknown_fields)]
#[schema(as = ReplacedHold)]
struct ReplacedHold {
    /// The id of the hold.
    #[schema(value_type = Uuid)]
    id: HoldId,
    /// The hold's token, `hft_…`.
    #[schema(value_type = String)]
    token: HoldToken,
}

/// Starts a checkout: creates a Stripe Checkout Session and holds the slot for the guest.
#[utoipa::path(
    post, path = "/v1/holds", operation_id = "startCheckout", tag = "holds",
    params((
        "Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 visible ASCII characters: the same key and body get the same hold",
        nullable = false, pattern = "^[!-~]{1,255}$"
    )),
    request_body = NewHold,
    security((), ("checkout_key" = [])),
    responses(
        (status = 201, description = "The slot is held", body = PlacedHoldView),
        (
            status = 200,
            description = "A request with this key and body came before, or `replaces` names a hold for the same slot: that hold",
            body = PlacedHoldView
        ),
        (status = 400, description = "`malformed`"),
        (status = 401, description = "`unauthorized`: a wrong access key, or a wrong token in `replaces`"),
        (status = 403, description = "`forbidden`: the key has another scope than `checkout`"),
        (status = 404, description = "`not_found`"),
        (status = 409, description = "`slot_taken`, `already_paid` (the hold in `replaces`) or `idempotency_in_progress`"),
        (status = 413, description = "`malformed`"),
        (status = 415, description = "`malformed`"),
        (status = 422, description = "`invalid` or `idempotency_mismatch`"),
        (status = 429, description = "`too_many_holds` or `rate_limited`"),
        (status = 500, description = "`internal`"),
        (status = 502, description = "`stripe_refused`"),
        (status = 503, description = "`stripe_unavailable`, `store_unavailable` or `too_busy`"),
    )
)]
pub(super) async fn start_checkout(
    State(server): State<Arc<Server>>,
    client: ClientAddress,
    holder: Option<Extension<KeyHolder>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<PlacedHoldView>), Problem> {
    let holder = holder.map(|Extension(holder)| holder);
    if let Some(holder) = &holder {
        holder.require_scope(Scope::Checkout)?;
    }
    // The limits of an address are not for a shop's server, which calls for many guests.
    let own_address = holder.is_none().then_some(client);
    let parsed = parse_checkout_request(&server, own_address, &headers, body)?;
    let token_keys = server.context.token_keys().await?;
    if let Some(replaced) = &parsed.replaces
        && !token_keys.is_hold_token(replaced.id, &replaced.token.0)
    {
        let detail = "the token in `replaces` is not that of the hold";
        return Err(Problem::new(ProblemCode::Unauthorized, detail));
    }
    let request = CheckoutRequest {
        // A server that does not name the guest's address is the client itself.
        client: match parsed.client {
            Some(client) => Some(client.to_checkout_client(token_keys)),
            None => holder.map(|holder| holder.to_checkout_client()),
        },
        key: parsed.key.map(|key| scope_key(own_address, key, token_keys)),
        ..parsed.request
    };
    let capacity = server.checkout_capacity.try_acquire();
    let _permit =
        capacity.map_err(|_| Problem::too_busy("too many checkouts are in progress on this instance"))?;
    let (status, booking) = match start_checkout::start_checkout(&server.context, request).await? {
        Checkout::Placed(booking) => (StatusCode::CREATED, booking),
        Checkout::Replayed(booking) => (StatusCode::OK, booking),
    };
    let token = token_keys.hold_token(booking.hold.id, booking.token_key.as_ref());
    Ok((
        status,
        Json(PlacedHoldView {
            hold: HoldView::for_guest(&booking, &server),
            token,
        }),
    ))
}

/// Returns the client that the limits count. A caller with a key has no address of its own and may name the guest's.
fn find_limited_client(
    own_address: Option<ClientAddress>,
    named: Option<IpAddr>,
) -> Result<Option<ClientAddress>, &'static str> {
    match (own_address, named) {
        (Some(_), Some(_)) => Err("needs a key with the scope checkout"),
        (own_address, named) => Ok(own_address.or(named.map(ClientAddress::from_ip))),
    }
}

/// Puts a key into its scope. Shops' servers share one, whichever access key they have now; of others, a key that can be
/// guessed is good only in the client's network.
fn scope_key(own_address: Option<ClientAddress>, key: IdempotencyKey, keys: &TokenKeys) -> ScopedKey {
    let scope = match own_address {
        None => KeyScope::Checkout,
        Some(client) if key.is_guessable() => KeyScope::Network(client.to_network_id(keys)),
        Some(_) => KeyScope::Anyone,
    };
    ScopedKey::new(key, scope)
}

/// A checkout as it was parsed, with what depends on the installation's secret apart.
struct ParsedCheckout {
    request: CheckoutRequest,
    replaces: Option<ReplacedHold>,
    client: Option<ClientAddress>,
    key: Option<IdempotencyKey>,
}

fn parse_checkout_request(
    server: &Server,
    own_address: Option<ClientAddress>,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<ParsedCheckout, Problem> {
    let json = read_json(headers, body)?;
    let fingerprint = digest_body(&json);
    let mut errors = FieldErrors::default();
    let key = errors
        .check("Idempotency-Key", parse_idempotency_key(headers))
        .flatten();
    // Read from the JSON, because the allowed origins are the server's, and `NewHold` does not know them.
    let mut return_url = |member: &str, default: &str| match json[member].as_str() {
        Some(url) => errors.check(member, parse_return_url(url, &server.return_origins)),
        None => Some(default.to_owned()),
    };
    let success_url = return_url("success_url", &server.success_url);
    let cancel_url = return_url("cancel_url", &server.cancel_url);
    let new: Option<NewHold> = parse_json(json, &mut errors);
    let named = new.as_ref().and_then(|new| new.client_address);
    let client = errors
        .check("client_address", find_limited_client(own_address, named))
        .flatten();
    let ui = CheckoutUiView::parse(new.as_ref().and_then(|new| new.ui), server.stripe_js.as_ref());
    let ui = errors.check("ui", ui);
    match (new, ui, success_url, cancel_url) {
        (Some(new), Some(ui), Some(success_url), Some(cancel_url)) if errors.is_empty() => {
            let request = CheckoutRequest {
                event_type: new.event_type,
                starts_at: new.starts_at,
                quantity: new.quantity.0,
                resource: new.resource,
                replaces: new.replaces.as_ref().map(|replaced| replaced.id),
                client: None,
                guest: Guest {
                    email: new.guest.email.0,
                    name: new.guest.name.map(|Name(name)| name),
                },
                metadata: new.metadata.0,
                ui,
                locale: new.locale,
                success_url,
                cancel_url,
                key: None,
                fingerprint,
            };
            Ok(ParsedCheckout {
                request,
                replaces: new.replaces,
                client,
                key,
            })
        }
        _ => Err(errors.into_problem()),
    }
}

pub(super) async fn find_booking(server: &Server, id: HoldId) -> Result<Booking, Problem> {
    let booking = queries::find_hold(&server.context, id).await?;
    booking.ok_or_else(|| Problem::not_found("hold"))
}

/// Checks that a hold is released or cancelled.
///
/// # Errors
/// `already_paid` if it is paid or being paid; `stripe_unavailable` if it is still held.
pub(super) fn require_released(booking: &Booking) -> Result<(), Problem> {
    match booking.hold.status {
        Status::Released(_) | Status::Cancelled(_) => Ok(()),
        Status::Confirmed => Err(Problem::new(
            ProblemCode::AlreadyPaid,
            "the payment succeeded; the hold is confirmed",
        )),
        Status::Processing => Err(Problem::new(
            ProblemCode::AlreadyPaid,
            "a payment is in progress; the hold is processing",
        )),
        // Stripe says that the session is open, and yet did not expire it: the caller has to try again.
        Status::Held => Err(Problem::new(
            ProblemCode::StripeUnavailable,
            "Stripe did not say whether the session expired; nothing has changed",
        )),
    }
}
