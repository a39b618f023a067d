//! Tests of the operators' own address: it serves the operators' routes and the metrics, and the public one does not.

use reqwest::Method;

use crate::support::app::{ADMIN_KEY, TestApp, order, variables};
use crate::support::client::Client;
use crate::support::on_both_engines;
use crate::support::process::{Process, complete};

const OWN_ADDRESS: (&str, &str) = ("HOLDFAST_ADMIN_LISTEN", "127.0.0.1:0");
const SLOT: &str = "2026-12-01T10:00:00Z";

async fn get_as_operator(client: &Client, path: &str) -> u16 {
    let request = client.request(Method::GET, path).bearer_auth(ADMIN_KEY);
    client.send(request).await.status.as_u16()
}

on_both_engines! {
    async fn operators_routes_are_on_their_own_address_only(engine) {
        let app = TestApp::start(engine).await;
        let split = app.another_instance_with(&[OWN_ADDRESS]).await;
        let admin = split.admin_client.as_ref().unwrap();
        for path in ["/v1/admin/holds", "/v1/admin/event-types/call", "/v1/admin/keys", "/metrics"] {
            assert_eq!(get_as_operator(&split, path).await, 404, "{path}");
            assert_eq!(get_as_operator(admin, path).await, 200, "{path}");
            assert_eq!(get_as_operator(&app, path).await, 200, "{path}: one address serves all");
        }
        let unkeyed = admin.get("/v1/admin/holds").await;
        unkeyed.expect_problem(401, "unauthorized");
        split.checkout(&order("call", SLOT)).await.expect(201);
        for path in ["/livez", "/readyz", "/openapi.json", "/checkout/done"] {
            assert_eq!(get_as_operator(&split, path).await, 200, "{path}");
            assert_eq!(get_as_operator(admin, path).await, 404, "{path}");
        }
        admin.checkout(&order("call", SLOT)).await.expect_problem(404, "not_found");
        admin.webhook(None, "{}").await.expect_problem(404, "not_found");
    }

    async fn serve_says_both_addresses_and_stops_both(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let variables = [variables(app.database.url(), app.stripe_url()), vec![OWN_ADDRESS]].concat();
        let mut server = Process::start(directory.path(), &["serve"], &variables);
        let admin = Client::of(server.address("operators' routes and metrics on http://").await);
        assert_eq!(get_as_operator(&admin, "/v1/admin/holds").await, 200);
        server.terminate().await;
        assert_eq!(server.ends().await.code(), Some(0), "{}", server.output());
        assert!(tokio::net::TcpStream::connect(admin.address).await.is_err());
    }

    async fn taken_operators_address_prevents_the_start(engine) {
        let app = TestApp::start(engine).await;
        let directory = tempfile::tempdir().unwrap();
        let taken = app.address.to_string();
        let own = [("HOLDFAST_ADMIN_LISTEN", taken.as_str())];
        let variables = [variables(app.database.url(), app.stripe_url()), own.to_vec()].concat();
        let ended = complete(directory.path(), &["serve"], &variables).await;
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(&taken), "{ended:?}");
    }
}
