//! Tests of a resource with several units: exactly that many are sold, a quantity is sold whole or not at all, a
//! released unit is sold again, and the price is multiplied.

use serde_json::json;

use crate::support::app::{Instance, TestApp, order};
use crate::support::booking_actions::{after, guest_checkout_body};
use crate::support::database::Engine;
use crate::support::on_both_engines;
use crate::support::race::{RaceRequest, RaceResponse, send_simultaneously, tally};

const SLOT: &str = "2026-12-01T10:00:00Z";

/// Starts a service with a 60-minute class in a studio with this many places, at 50 EUR.
async fn start_studio(engine: Engine, places: u32) -> TestApp {
    let app = TestApp::start(engine).await;
    app.set_resource_capacity("studio", places).await;
    app.offer("class", "studio", 60, 5000).await;
    app
}

/// Builds the requests of guests who each want a quantity, spread over the instances.
fn build_requests(
    instances: &[&Instance],
    guests: usize,
    quantity: impl Fn(usize) -> usize,
) -> Vec<RaceRequest> {
    let request = |n: usize| {
        let body = guest_checkout_body(n, "class", SLOT, &json!({"quantity": quantity(n)}));
        RaceRequest::new(instances[n % instances.len()].address, body)
    };
    (0..guests).map(request).collect()
}

async fn count_taken_places(app: &TestApp) -> i64 {
    app.database
        .count("SELECT count(*) FROM occupancy WHERE resource_id = 'studio'")
        .await
}

/// Checks that this many requests won and that all others got `slot_taken`.
#[track_caller]
fn assert_winners(responses: &[RaceResponse], many: usize) {
    let counted = tally(responses);
    assert_eq!(
        (counted.won, counted.taken),
        (many, responses.len() - many),
        "{:?}",
        counted.other
    );
}

/// Checks that not more was sold than exists, and that nobody was refused who would still fit. A race only takes
/// places, so what is left is less than the smallest refused quantity.
async fn assert_sold_out(
    app: &TestApp,
    responses: &[RaceResponse],
    quantity: impl Fn(usize) -> usize,
    places: usize,
) {
    assert_eq!(tally(responses).other, Vec::<String>::new());
    let wanted = |won: bool| {
        let these = responses
            .iter()
            .enumerate()
            .filter(move |(_, response)| (response.status == 201) == won);
        these.map(|(n, _)| quantity(n))
    };
    let sold: usize = wanted(true).sum();
    assert!(sold <= places, "{sold} of {places}");
    let least_refused = wanted(false).min().unwrap();
    assert!(
        places - sold < least_refused,
        "{} left, and {least_refused} refused",
        places - sold
    );
    assert_eq!(count_taken_places(app).await, i64::try_from(sold).unwrap());
    for response in responses.iter().filter(|response| response.status == 201) {
        assert_eq!(
            response.body["amount"],
            5000 * response.body["quantity"].as_i64().unwrap()
        );
    }
}

on_both_engines! {
    async fn rush_on_class_of_twenty_has_twenty_winners(engine) {
        let app = start_studio(engine, 20).await;
        assert_winners(&send_simultaneously(build_requests(&[&app.instance], 200, |_| 1)).await, 20);
        assert_eq!(count_taken_places(&app).await, 20);
        let asked = app.simulator.calls().create;
        eprintln!("{engine:?}: 200 guests for 20 places, {asked} session(s) asked for");
        assert!((20..=22).contains(&asked), "{asked}");
    }

    async fn class_of_twenty_is_not_oversold_by_two_instances(engine) {
        let app = start_studio(engine, 20).await;
        let other = app.another_instance().await;
        assert_winners(&send_simultaneously(build_requests(&[&app.instance, &other], 200, |_| 1)).await, 20);
        assert_eq!(count_taken_places(&app).await, 20);
        let asked = app.simulator.calls().create;
        eprintln!("{engine:?}: two instances, 200 guests for 20 places, {asked} session(s) asked for");
        assert!((20..=44).contains(&asked), "{asked}");
    }

    async fn quantity_is_sold_whole_or_not_at_all(engine) {
        let app = start_studio(engine, 20).await;
        let other = app.another_instance().await;
        let quantity = |n: usize| 1 + (n / 2) % 4;
        let responses = send_simultaneously(build_requests(&[&app.instance, &other], 120, quantity)).await;
        assert_sold_out(&app, &responses, quantity, 20).await;
    }

    async fn quantity_above_remaining_capacity_leaves_it_unsold(engine) {
        let app = start_studio(engine, 20).await;
        let other = app.another_instance().await;
        let responses = send_simultaneously(build_requests(&[&app.instance, &other], 40, |_| 3)).await;
        assert_sold_out(&app, &responses, |_| 3, 20).await;
        assert_winners(&responses, 6);
        assert_winners(&send_simultaneously(build_requests(&[&app.instance, &other], 10, |_| 2)).await, 1);
    }

    async fn released_place_is_sold_again_once(engine) {
        let app = start_studio(engine, 3).await;
        let first = app.checkout(&guest_checkout_body(1, "class", SLOT, &json!({"quantity": 2}))).await.expect(201);
        app.hold_slot("class", SLOT).await;
        for quantity in [1, 2, 3] {
            let body = guest_checkout_body(2, "class", SLOT, &json!({"quantity": quantity}));
            app.checkout(&body).await.expect_problem(409, "slot_taken");
        }
        app.cancel(&first).await.expect(200);
        assert_eq!(count_taken_places(&app).await, 1);
        let too_many = guest_checkout_body(2, "class", SLOT, &json!({"quantity": 3}));
        app.checkout(&too_many).await.expect_problem(409, "slot_taken");
        assert_winners(&send_simultaneously(build_requests(&[&app.instance], 20, |_| 1)).await, 2);
    }

    async fn overlapping_classes_share_capacity(engine) {
        let app = start_studio(engine, 2).await;
        app.hold_slot("class", SLOT).await;
        app.hold_slot("class", &after(SLOT, 30)).await;
        // From 10:30 to 11:00 both places are taken; before and after it, one.
        app.checkout(&order("class", &after(SLOT, 15))).await.expect_problem(409, "slot_taken");
        app.hold_slot("class", &after(SLOT, -30)).await;
        app.hold_slot("class", &after(SLOT, 60)).await;
    }

    async fn price_is_multiplied_by_quantity_within_bounds(engine) {
        let app = start_studio(engine, 60).await;
        let of = |quantity: i64| guest_checkout_body(1, "class", SLOT, &json!({"quantity": quantity}));
        let hold = app.checkout(&of(3)).await.expect(201);
        assert_eq!((&hold.body["quantity"], &hold.body["amount"]), (&json!(3), &json!(15_000)));
        let session = app.simulator.session(hold.text("checkout_session")).unwrap();
        assert_eq!(session.amount_total, 15_000);
        app.confirm(&hold).await;
        let shown = app.admin_hold(hold.text("id")).await;
        assert_eq!((&shown["payments"][0]["amount"], &shown["price_mismatch"]), (&json!(15_000), &json!(false)));
        app.checkout(&of(50)).await.expect(201);
        for bad in [51, 0, -1] {
            let refused = app.checkout(&of(bad)).await.expect_problem(422, "invalid");
            assert_eq!(refused.body["errors"][0]["field"], "quantity", "{bad}");
        }
        app.sell("dear", &json!({"resource": "studio", "duration_minutes": 60, "amount": 50_000_000})).await;
        let dear = |quantity: i64| guest_checkout_body(1, "dear", &after(SLOT, 600), &json!({"quantity": quantity}));
        let refused = app.checkout(&dear(2)).await.expect_problem(422, "invalid");
        assert_eq!(refused.body["errors"][0]["field"], "quantity");
        app.checkout(&dear(1)).await.expect(201);
    }
}

/// Mutation: without the constraint two guests get the same places, and the auditor finds it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mutation_without_constraint_oversells_class() {
    let app = start_studio(Engine::Postgres, 2).await;
    app.without_audit("the guard is removed on purpose");
    let other = app.another_instance().await;
    app.database
        .execute("ALTER TABLE occupancy DROP CONSTRAINT occupancy_one_buyer")
        .await;
    let race = send_simultaneously(build_requests(&[&app.instance, &other], 2, |_| 2));
    let responses = app.place_concurrently(2, race).await;
    assert_winners(&responses, 2);
    assert_eq!(count_taken_places(&app).await, 4);
    let findings = app.audit();
    assert!(
        findings
            .iter()
            .any(|finding| finding.starts_with("one slot, two buyers")),
        "{findings:?}"
    );
}

/// Mutation of the data: the auditor finds a unit too many, one too few, and one with other terms.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn auditor_finds_units_that_do_not_match_the_hold() {
    for (tampering, finding) in [
        (
            "UPDATE occupancy SET unit = 4 WHERE unit = 1",
            "a unit that the resource does not have",
        ),
        (
            "DELETE FROM occupancy WHERE unit = 1",
            "a segment without its units",
        ),
        (
            "UPDATE occupancy SET ends_at = ends_at + 60000 WHERE unit = 1",
            "a segment without its units",
        ),
        (
            "INSERT INTO occupancy (hold_id, resource_id, unit, starts_at, ends_at)
             SELECT hold_id, resource_id, 3, starts_at, ends_at FROM occupancy WHERE unit = 1",
            "more units than were sold",
        ),
        (
            "UPDATE holds SET requested_resource_id = 'ana'",
            "not the requested resource",
        ),
        (
            "DELETE FROM allowances WHERE scope = 'email'",
            "an unpaid hold without its email allowance",
        ),
        (
            "UPDATE allowances SET subject = 'other' WHERE scope = 'client'",
            "an allowance of someone else",
        ),
    ] {
        let app = start_studio(Engine::Sqlite, 3).await;
        app.without_audit("the test changes rows on purpose");
        app.checkout(&guest_checkout_body(1, "class", SLOT, &json!({"quantity": 2})))
            .await
            .expect(201);
        assert!(app.database.execute(tampering).await > 0);
        let found = app.audit();
        assert!(
            found.iter().any(|one| one.starts_with(finding)),
            "{tampering}: {found:?}"
        );
    }
}
