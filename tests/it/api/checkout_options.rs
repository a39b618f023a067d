//! Tests of Stripe's options for each event type: what they do to the money of a hold, and to its line.

use holdfast::domain::figures::FigureCounts;
use holdfast::domain::time::Clock;
use holdfast::sandbox::PaymentOutcome;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{ApiResponse, TestApp, order};
use crate::support::catalogue_fixtures::put_event_type;
use crate::support::on_both_engines;

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Holds a class for 50 EUR whose event type asks for this.
async fn hold_class(app: &TestApp, checkout: Value) -> ApiResponse {
    let class = json!({"resource": "ben", "duration_minutes": 60, "guest_move_until_minutes": 60, "checkout": checkout});
    put_event_type(app, "class", class).await.expect(201);
    app.hold_slot("class", SLOT).await
}

async fn count_figures(app: &TestApp) -> FigureCounts {
    app.database.store().count_figures(app.clock.now()).await.unwrap()
}

/// Cancels a hold for an operator, with a full refund.
async fn cancel(app: &TestApp, hold: &ApiResponse) {
    let path = format!("/v1/admin/holds/{}/cancel", hold.text("id"));
    app.admin(Method::POST, &path, Some(json!({"refund": "full"})))
        .await
        .expect(200);
}

on_both_engines! {
    async fn discount_confirms_and_only_what_was_paid_goes_back(engine) {
        let app = TestApp::start(engine).await;
        let hold = hold_class(&app, json!({"promotion_codes": true})).await;
        app.simulator.apply_promotion_code(hold.text("checkout_session"), "OFF20").unwrap();
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&json!("confirmed"), &json!(false)));
        assert_eq!((&shown["amount"], &shown["ledger"]["paid"]), (&json!(5000), &json!(4000)));
        assert_eq!(count_figures(&app).await, FigureCounts::default());
        cancel(&app, &hold).await;
        app.sweep().await;
        let refunds = app.simulator.refunds();
        assert_eq!(refunds.iter().map(|refund| refund.amount).collect::<Vec<_>>(), [4000]);
    }

    async fn code_for_the_whole_price_confirms_and_owes_nothing(engine) {
        let app = TestApp::start(engine).await;
        let hold = hold_class(&app, json!({"promotion_codes": true})).await;
        app.simulator.apply_promotion_code(hold.text("checkout_session"), "OFF100").unwrap();
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&json!("confirmed"), &json!(false)));
        assert_eq!(shown["payments"], json!([]));
        assert_eq!(count_figures(&app).await, FigureCounts::default());
        let wrong = app.admin(Method::GET, "/v1/admin/holds?attention=slot_without_money", None).await.expect(200);
        assert_eq!(wrong.body["data"], json!([]));
        cancel(&app, &hold).await;
        app.sweep().await;
        assert_eq!(app.state_of(&hold).await, "cancelled/operator");
        assert!(app.simulator.refunds().is_empty());
        assert_eq!(count_figures(&app).await, FigureCounts::default());
    }

    async fn tax_on_top_is_no_other_price(engine) {
        let app = TestApp::start(engine).await;
        let hold = hold_class(&app, json!({"automatic_tax": true, "tax_behavior": "exclusive"})).await;
        app.pay(&hold, PaymentOutcome::Paid);
        app.deliver_all().await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["status"], &shown["price_mismatch"]), (&json!("confirmed"), &json!(false)));
        assert_eq!(shown["ledger"]["paid"], 6000);
        assert_eq!(count_figures(&app).await, FigureCounts::default());
    }

    async fn stripe_takes_every_option(engine) {
        let app = TestApp::start(engine).await;
        let class = json!({"resource": "ben", "duration_minutes": 60, "images": ["https://shop.example/class.jpg"],
            "checkout": {"promotion_codes": true, "automatic_tax": true, "tax_behavior": "inclusive",
                "tax_code": "txcd_20030000", "phone": true, "billing_address": "required", "terms_consent": true,
                "statement_descriptor_suffix": "CLASS", "submit_type": "book", "invoice": true}});
        put_event_type(&app, "class", class).await.expect(201);
        let mut body = order("class", SLOT);
        body["locale"] = json!("de");
        let hold = app.checkout(&body).await.expect(201);
        app.confirm(&hold).await;
        assert_eq!(app.admin_hold(hold.text("id")).await["price_mismatch"], false);
    }

    async fn move_of_an_unpaid_hold_says_that_its_line_is_old(engine) {
        let app = TestApp::start(engine).await;
        let hold = hold_class(&app, json!({})).await;
        let moved = app.move_to(&hold, "2026-12-01T12:00:00Z").await.expect(200);
        assert_eq!((&moved.body["status"], &moved.body["checkout_line_outdated"]), (&json!("held"), &json!(true)));
        app.confirm(&hold).await;
        let moved = app.move_to(&hold, "2026-12-01T14:00:00Z").await.expect(200);
        assert_eq!(moved.body["checkout_line_outdated"], false, "a paid hold has no line any more");
    }
}
