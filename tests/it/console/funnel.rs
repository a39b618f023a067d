//! Tests of the page of the funnel.

use holdfast::sandbox::PaymentOutcome;

use crate::support::app::TestApp;
use crate::support::console::ConsoleClient;
use crate::support::on_both_engines;

on_both_engines! {
    async fn funnel_shows_figures_and_what_holds_keep_from_sale(engine) {
        let app = TestApp::start(engine).await;
        let paid = app.hold_slot("call", "2026-12-01T10:00:00Z").await;
        app.pay(&paid, PaymentOutcome::Paid);
        app.deliver_all().await;
        app.hold_slot("long-call", "2026-12-01T12:00:00Z").await;
        let mut browser = ConsoleClient::signed_in(&app).await;
        let page = browser.get("/console/funnel?from=2026-11-19&to=2026-11-20").await.expect(200);
        let page = page.shows("<svg class=\"chart\"").shows("Started: 2").shows("Paid: 1").shows("Figures as a table");
        // The chart ends with the two holds of the second day, at half of its scale.
        let page = page.shows("points=\"0,300 1000,150\"").shows("Received: <strong>50.00\u{a0}EUR</strong>");
        page.shows("booked").shows("not paid yet").shows("1:00").shows("90.00\u{a0}EUR");
        browser.language = "de";
        browser.get("/console/funnel").await.expect(200).shows("Begonnen").shows("noch nicht bezahlt");
        browser.get("/console/funnel?from=2026-11-21&to=2026-11-20").await.expect(422);
    }
}
