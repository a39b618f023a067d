//! A server that sends scripted replies in order, repeats the last one, and records its requests; and a readable log.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// A scripted reply to one request.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// Sends a response to the request.
    Response {
        status: u16,
        headers: String,
        body: String,
    },
    /// Reads the request and closes the connection.
    Disconnect,
    /// Closes the connection as `Disconnect` does, and stops listening.
    DisconnectAndStop,
    /// Reads the request and never responds.
    NeverRespond,
}

impl Reply {
    pub(super) fn ok(body: &str) -> Self {
        Self::status(200, body)
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Response {
            status,
            headers: String::new(),
            body: body.to_owned(),
        }
    }

    pub(super) fn with_header(mut self, header: &str) -> Self {
        if let Self::Response { headers, .. } = &mut self {
            headers.push_str(header);
            headers.push_str("\r\n");
        }
        self
    }
}

/// A request that the server received.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: String,
    headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(n, _)| n == name)?;
        Some(value)
    }
}

#[derive(Default)]
struct Record {
    requests: Vec<Request>,
    connections: usize,
}

/// A running server that follows a script. It stops when this is dropped.
pub(super) struct ScriptedServer {
    port: u16,
    record: Arc<Mutex<Record>>,
    task: JoinHandle<()>,
}

impl ScriptedServer {
    pub(super) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<Reply> = replies.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let record = Arc::<Mutex<Record>>::default();
        let task = tokio::spawn(accept_connections(listener, replies, record.clone()));
        Self { port, record, task }
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.record.lock().unwrap().requests.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.record.lock().unwrap().connections
    }

    /// Stops the server and its task. Returns when its port is closed.
    pub(super) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves connections concurrently, all from one script, until the script says to stop.
async fn accept_connections(listener: TcpListener, replies: Vec<Reply>, record: Arc<Mutex<Record>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                record.lock().unwrap().connections += 1;
                connections.spawn(serve_connection(stream, replies.clone(), record.clone()));
            }
            Some(stop) = connections.join_next() => if stop.unwrap() {
                return;
            },
        }
    }
}

/// Serves one connection by the script. Returns whether the script says to stop the server.
async fn serve_connection(stream: TcpStream, replies: Vec<Reply>, record: Arc<Mutex<Record>>) -> bool {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let index = {
            let mut record = record.lock().unwrap();
            record.requests.push(request);
            record.requests.len() - 1
        };
        match &replies[index.min(replies.len() - 1)] {
            Reply::Response {
                status,
                headers,
                body,
            } => {
                let length = body.len();
                let response =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
                if stream.write_all(response.as_bytes()).await.is_err() {
                    return false;
                }
            }
            Reply::Disconnect => return false,
            Reply::DisconnectAndStop => return true,
            Reply::NeverRespond => std::future::pending().await,
        }
    }
    false
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|&n| n > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.split_once(':') else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request {
        line: line.trim().to_owned(),
        headers,
        body: String::new(),
    };
    let length = request.header("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    request.body = String::from_utf8(body).unwrap();
    Some(request)
}

/// A log writer that keeps all lines in memory.
#[derive(Clone, Default)]
pub(super) struct LogBuffer(Arc<Mutex<Vec<u8>>>);

impl LogBuffer {
    pub(super) fn to_text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for LogBuffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for LogBuffer {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
