//! Tests that a log that nobody reads stops no request, and not the end of the process.

use crate::support::app::{Client, WEBHOOK_SECRET};
use crate::support::process::UnreadProcess;

/// More requests than log lines may wait: each logs several lines.
const REQUESTS: usize = 10_000;

async fn count_lost_lines(client: &Client) -> u64 {
    let metrics = client.get("/metrics").await.expect(200);
    let mut lines = metrics.body.as_str().unwrap().lines();
    let lost = lines.find_map(|line| line.strip_prefix("holdfast_log_lines_lost_total "));
    lost.unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_that_nobody_reads_stops_neither_requests_nor_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let variables = [
        ("STRIPE_SECRET_KEY", "sk_test_unread"),
        ("STRIPE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("STRIPE_API_BASE", "http://127.0.0.1:1"),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_LOG", "trace"),
    ];
    let started = UnreadProcess::start(directory.path(), &["serve"], &variables, "serving on http://");
    let (server, address) = started.await;
    let client = Client::of(address);
    for sent in 0..REQUESTS {
        client.get("/livez").await.expect(200);
        if sent % 100 == 99 && count_lost_lines(&client).await > 0 {
            assert_eq!(server.terminate().await, (Some(0), String::new()));
            return;
        }
    }
    panic!("no line was lost");
}
