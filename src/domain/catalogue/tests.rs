//! Which starts are for sale, what a booking occupies, and what it costs.

use super::*;

pub(crate) mod fixture;

fn id(text: &str) -> ResourceId {
    ResourceId::parse(text).unwrap()
}

fn call() -> EventType {
    EventType {
        buffer_before_minutes: 5,
        buffer_after_minutes: 10,
        ..fixture::call()
    }
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

#[test]
fn start_is_a_whole_second_from_a_minute_to_ten_years_ahead() {
    let at = |ms: i64| call().check_start(now() + Duration::milliseconds(ms), now(), &ZoneDatabase::linked());
    assert_eq!(at(0), Err(StartError::Past));
    assert_eq!(at(-1000), Err(StartError::Past));
    assert_eq!(at(61_500), Err(StartError::Fraction));
    assert_eq!(at(59_000), Err(StartError::TooNear));
    assert_eq!(at(MAX_ADVANCE.num_milliseconds() + 1000), Err(StartError::TooFar));
    assert_eq!(at(60_000), Ok(()));
}

#[test]
fn buffers_occupy_the_resource_and_are_not_visible() {
    let call = call();
    let segment = call.segment_for(&call.segments[0], &id("ana"), now()).unwrap();
    assert_eq!(
        segment.window,
        Window::new(now(), now() + Duration::minutes(30)).unwrap()
    );
    let busy = (now() - Duration::minutes(5), now() + Duration::minutes(40));
    assert_eq!(segment.busy, Window::new(busy.0, busy.1).unwrap());
    assert_eq!(call.occupied_span(now()), Some(segment.busy));
}

#[test]
fn unscheduled_starts_are_listed_every_quarter_of_an_hour() {
    let begins = now() - Duration::minutes(20);
    let day = Window::new(begins, now() + Duration::minutes(31)).unwrap();
    let starts = |now_is: DateTime<Utc>| -> Vec<i64> {
        let starts = call()
            .list_starts(day, now_is, &ZoneDatabase::linked())
            .into_iter();
        starts.map(|at| (at - now()).num_minutes()).collect()
    };
    assert_eq!(starts(now()), [15, 30]);
    let at_a_minute_before = now() + Duration::minutes(14);
    assert_eq!(starts(at_a_minute_before), [15, 30]);
    assert_eq!(starts(at_a_minute_before + Duration::milliseconds(1)), [30]);
}

#[test]
fn work_of_a_list_grows_with_its_starts_and_resources() {
    let day = Window::new(now(), now() + Duration::days(1)).unwrap();
    assert_eq!(call().estimate_list_work(day), 97 * 2);
    let mut pool = call();
    pool.segments[0].any_of = (0..50).map(|n| id(&format!("ana-{n}"))).collect();
    assert_eq!(pool.estimate_list_work(day), 97 * 51);
}

#[test]
fn total_price_is_limited_by_what_stripe_accepts() {
    assert_eq!(call().total_price(3).map(|money| money.amount), Some(15_000));
    let dear = EventType {
        price: Money {
            amount: MAX_AMOUNT / 2,
            ..call().price
        },
        ..call()
    };
    assert_eq!(
        dear.total_price(2).map(|money| money.amount),
        Some(MAX_AMOUNT - 1)
    );
    assert_eq!(dear.total_price(3), None);
}
