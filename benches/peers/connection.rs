//! Sends requests over one connection with as little work as possible, because the load shares the processors with what
//! it measures.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An HTTP/1.1 connection that stays open between requests.
pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            received: Vec::new(),
        }
    }

    /// Sends a request and reads the whole response. Returns its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> u16 {
        self.stream.write_all(request).await.unwrap();
        self.received.clear();
        loop {
            let read = self.stream.read_buf(&mut self.received).await.unwrap();
            assert!(read > 0, "the service closed the connection");
            if let Some(status) = parse_status(&self.received) {
                return status;
            }
        }
    }
}

/// Returns the status of a response that has arrived in full.
fn parse_status(received: &[u8]) -> Option<u16> {
    let end = find_message_end(received)?;
    let status = received.split(|byte| *byte == b' ').nth(1)?;
    let status = std::str::from_utf8(status).unwrap().parse().unwrap();
    (received.len() >= end).then_some(status)
}

/// Returns where a request or response whose head has arrived ends.
pub(crate) fn find_message_end(received: &[u8]) -> Option<usize> {
    let end = received.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).unwrap();
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().unwrap())
    });
    Some(end + 4 + length.expect("the message has a Content-Length"))
}
