//! Sends the checkouts of many guests at the same moment: each guest has a connection of its own, opened before the
//! start.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

/// One guest's checkout request in a race.
pub(crate) struct RaceRequest {
    /// The address of the instance that gets the request.
    pub(crate) at: SocketAddr,
    /// The idempotency key, if the guest sends one.
    pub(crate) key: Option<String>,
    /// The address of the guest, if a proxy names it.
    pub(crate) forwarded_for: Option<String>,
    /// The body of the checkout.
    pub(crate) body: Value,
}

impl RaceRequest {
    pub(crate) fn new(at: SocketAddr, body: Value) -> Self {
        Self {
            at,
            key: None,
            forwarded_for: None,
            body,
        }
    }
}

/// The response that a guest got.
#[derive(Debug)]
pub(crate) struct RaceResponse {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// Sends all requests at once; returns the responses in the order of the requests.
pub(crate) async fn send_simultaneously(requests: Vec<RaceRequest>) -> Vec<RaceResponse> {
    let start = Arc::new(Barrier::new(requests.len()));
    let guests: Vec<_> = requests
        .into_iter()
        .map(|request| {
            let start = start.clone();
            tokio::spawn(async move {
                let connection = TcpStream::connect(request.at).await.unwrap();
                start.wait().await;
                exchange(connection, &request).await
            })
        })
        .collect();
    let mut responses = Vec::with_capacity(guests.len());
    for guest in guests {
        responses.push(guest.await.unwrap());
    }
    responses
}

/// Sends the request without waiting for a response.
pub(crate) async fn send(connection: &mut TcpStream, request: &RaceRequest) {
    let body = request.body.to_string();
    let key = request
        .key
        .as_ref()
        .map(|key| format!("idempotency-key: {key}\r\n"));
    let address = request.forwarded_for.as_ref();
    let address = address.map(|address| format!("x-forwarded-for: {address}\r\n"));
    let request = format!(
        "POST /v1/holds HTTP/1.1\r\nhost: holdfast\r\ncontent-type: application/json\r\n{}{}\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        key.unwrap_or_default(),
        address.unwrap_or_default(),
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
}

async fn exchange(mut connection: TcpStream, request: &RaceRequest) -> RaceResponse {
    send(&mut connection, request).await;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    RaceResponse {
        status: status.parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")),
    }
}

/// The result of a race.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) won: usize,
    pub(crate) taken: usize,
    /// All other responses, which a race must not return.
    pub(crate) other: Vec<String>,
}

/// Counts winners, `409 slot_taken`, and everything else.
pub(crate) fn tally(responses: &[RaceResponse]) -> Tally {
    let mut tally = Tally::default();
    for response in responses {
        match (response.status, response.body["code"].as_str()) {
            (201, None) => tally.won += 1,
            (409, Some("slot_taken")) => tally.taken += 1,
            _ => tally.other.push(format!("{responses:?}")),
        }
    }
    tally
}
