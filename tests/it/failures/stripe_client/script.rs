//! A server that answers request after request by script, the last reply again and again, and remembers what it was
//! asked; and a log that can be read.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// One answer.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    /// A response.
    Answer {
        status: u16,
        headers: String,
        body: String,
    },
    /// The request is read and the connection closed.
    Cut,
    /// As `Cut`, and nobody listens from then on.
    CutAndLeave,
    /// The request is read and never answered.
    Silence,
}

impl Reply {
    pub(super) fn ok(body: &str) -> Self {
        Self::status(200, body)
    }

    pub(super) fn status(status: u16, body: &str) -> Self {
        Self::Answer {
            status,
            headers: String::new(),
            body: body.to_owned(),
        }
    }

    pub(super) fn with(mut self, header: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push_str(header);
            headers.push_str("\r\n");
        }
        self
    }
}

/// What was asked.
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
struct Book {
    requests: Vec<Request>,
    connections: usize,
}

/// The server; stops when it is dropped.
pub(super) struct Script {
    port: u16,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

impl Script {
    pub(super) async fn play(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<Reply> = replies.into_iter().collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let book = Arc::<Mutex<Book>>::default();
        let task = tokio::spawn(serve(listener, replies, book.clone()));
        Self { port, book, task }
    }

    pub(super) fn base(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.book.lock().unwrap().requests.clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.book.lock().unwrap().connections
    }

    /// Returns once nobody listens any more.
    pub(super) async fn stop(mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves connections side by side, all from one script; they end with the listener.
async fn serve(listener: TcpListener, replies: Vec<Reply>, book: Arc<Mutex<Book>>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _) = accepted.unwrap();
                book.lock().unwrap().connections += 1;
                connections.spawn(converse(stream, replies.clone(), book.clone()));
            }
            Some(leave) = connections.join_next() => if leave.unwrap() {
                return;
            },
        }
    }
}

/// Whether the script says to leave.
async fn converse(stream: TcpStream, replies: Vec<Reply>, book: Arc<Mutex<Book>>) -> bool {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read_request(&mut stream).await {
        let turn = {
            let mut book = book.lock().unwrap();
            book.requests.push(request);
            book.requests.len() - 1
        };
        match &replies[turn.min(replies.len() - 1)] {
            Reply::Answer {
                status,
                headers,
                body,
            } => {
                let length = body.len();
                let answer =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return false;
                }
            }
            Reply::Cut => return false,
            Reply::CutAndLeave => return true,
            Reply::Silence => std::future::pending().await,
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

/// Log lines, kept.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
