//! Guests who press the button together: each has a connection of its own, opened before the start.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;

/// One guest's wish.
pub(crate) struct SlotRequest {
    /// At which instance.
    pub(crate) at: SocketAddr,
    /// Idempotency key.
    pub(crate) key: Option<String>,
    /// The body of the checkout.
    pub(crate) body: Value,
}

impl SlotRequest {
    pub(crate) fn new(at: SocketAddr, body: Value) -> Self {
        Self { at, key: None, body }
    }
}

/// What a guest got.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

/// All guests send at once; what each got, in the order of the wishes.
pub(crate) async fn press_together(wishes: Vec<SlotRequest>) -> Vec<Got> {
    let start = Arc::new(Barrier::new(wishes.len()));
    let guests: Vec<_> = wishes
        .into_iter()
        .map(|wish| {
            let start = start.clone();
            tokio::spawn(async move {
                let connection = TcpStream::connect(wish.at).await.unwrap();
                start.wait().await;
                exchange(connection, &wish).await
            })
        })
        .collect();
    let mut got = Vec::with_capacity(guests.len());
    for guest in guests {
        got.push(guest.await.unwrap());
    }
    got
}

/// Sends the wish without waiting for an answer.
pub(crate) async fn send(connection: &mut TcpStream, wish: &SlotRequest) {
    let body = wish.body.to_string();
    let key = wish.key.as_ref().map(|key| format!("idempotency-key: {key}\r\n"));
    let request = format!(
        "POST /v1/holds HTTP/1.1\r\nhost: holdfast\r\ncontent-type: application/json\r\n{}\
         content-length: {}\r\nconnection: close\r\n\r\n{body}",
        key.unwrap_or_default(),
        body.len()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
}

async fn exchange(mut connection: TcpStream, wish: &SlotRequest) -> Got {
    send(&mut connection, wish).await;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap();
    Got {
        status: status.parse().unwrap(),
        body: serde_json::from_str(body).unwrap_or_else(|_| panic!("{answer}")),
    }
}

/// How a race came out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) won: usize,
    pub(crate) taken: usize,
    /// Anything else, which a race must not answer.
    pub(crate) other: Vec<String>,
}

/// Counts winners, `409 slot_taken`, and everything else.
pub(crate) fn tally(got: &[Got]) -> Tally {
    let mut tally = Tally::default();
    for got in got {
        match (got.status, got.body["code"].as_str()) {
            (201, None) => tally.won += 1,
            (409, Some("slot_taken")) => tally.taken += 1,
            _ => tally.other.push(format!("{got:?}")),
        }
    }
    tally
}
