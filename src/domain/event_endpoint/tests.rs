//! Tests of signatures and of the schedule.

use super::*;

const PLAIN_REFUSAL: EndpointAnswer = EndpointAnswer::Refused {
    is_load: false,
    retry_after: None,
};

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

/// The example of the specification's reference libraries.
/// An endpoint whose last secret still signs.
fn endpoint() -> EventEndpoint {
    EventEndpoint {
        id: EndpointId::parse("shop").unwrap(),
        url: "https://shop.example/".to_owned(),
        kinds: EndpointKinds::All,
        is_enabled: true,
        secret: EndpointSecret::from_random([1; 32]),
        previous_secrets: vec![(EndpointSecret::from_random([3; 32]), now() + Duration::seconds(1))],
        failing_since: None,
        last_status: None,
        last_fault: None,
        paused_until: None,
        is_gone: false,
        created_at: now(),
    }
}

#[test]
fn signature_is_that_of_standard_webhooks() {
    let secret = EndpointSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let signature = secret.sign(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        "{\"test\": 2432232314}",
    );
    assert_eq!(
        signature.as_deref(),
        Some("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
    );
}

#[test]
fn secret_is_random_and_never_printed() {
    let secret = EndpointSecret::from_random([7; 32]);
    assert_eq!(EndpointSecret::parse(secret.reveal()), Some(secret.clone()));
    assert!(!format!("{secret:?}").contains("whsec"));
    assert_eq!(EndpointSecret::parse("7777"), None);
}

#[test]
fn failed_attempts_follow_the_schedule_and_end() {
    let waits: Vec<i64> = (0..)
        .map_while(
            |failures| match judge_attempt(PLAIN_REFUSAL, failures, false, now(), 0.0) {
                AttemptVerdict::Again {
                    due_at,
                    paused_until: None,
                    counts: true,
                } => Some((due_at - now()).num_seconds()),
                AttemptVerdict::Failed => None,
                other => panic!("{other:?}"),
            },
        )
        .collect();
    assert_eq!(
        waits,
        [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
    );
    let AttemptVerdict::Again { due_at, .. } = judge_attempt(PLAIN_REFUSAL, 1, false, now(), 1.0) else {
        panic!("it is tried again");
    };
    assert_eq!(due_at - now(), Duration::seconds(330));
}

#[test]
fn endpoint_that_asks_to_wait_is_left_alone_as_long() {
    let ask = |is_load, seconds| {
        let retry_after = Some(Duration::seconds(seconds));
        judge_attempt(
            EndpointAnswer::Refused { is_load, retry_after },
            0,
            false,
            now(),
            0.0,
        )
    };
    let after = |seconds, paused, counts| AttemptVerdict::Again {
        due_at: now() + Duration::seconds(seconds),
        paused_until: Some(now() + Duration::seconds(paused)),
        counts,
    };
    assert_eq!(ask(true, 120), after(120, 120, false));
    assert_eq!(ask(true, 999_999), after(86_400, 86_400, false));
    assert_eq!(ask(false, 120), after(120, 120, true));
    // Never sooner than the schedule says; other events wait only as long as it asked.
    assert_eq!(ask(false, 1), after(5, 1, true));
    let silent = EndpointAnswer::Refused {
        is_load: true,
        retry_after: None,
    };
    assert_eq!(judge_attempt(silent, 20, false, now(), 0.0), after(30, 30, false));
}

/// It asks to wait again and again: each event is tried by the schedule, and delays no other.
#[test]
fn dead_endpoint_uses_up_the_attempts_of_each_event() {
    let ask = |failures| {
        let answer = EndpointAnswer::Refused {
            is_load: true,
            retry_after: Some(Duration::seconds(120)),
        };
        judge_attempt(answer, failures, true, now(), 0.0)
    };
    let again = |seconds| AttemptVerdict::Again {
        due_at: now() + Duration::seconds(seconds),
        paused_until: None,
        counts: true,
    };
    assert_eq!(ask(0), again(120));
    assert_eq!(ask(8), again(86_400));
    assert_eq!(ask(9), AttemptVerdict::Failed);
}

#[test]
fn endpoint_is_dead_after_a_day_without_success() {
    let failing = |since| {
        let mut endpoint = endpoint();
        endpoint.failing_since = since;
        endpoint.is_dead(now())
    };
    assert!(!failing(None));
    assert!(!failing(Some(now() - DEAD_AFTER + Duration::seconds(1))));
    assert!(failing(Some(now() - DEAD_AFTER)));
}

#[test]
fn gone_endpoint_is_disabled_and_success_is_final() {
    assert_eq!(
        judge_attempt(EndpointAnswer::Gone, 0, false, now(), 0.0),
        AttemptVerdict::Disable { due_at: now() }
    );
    assert_eq!(
        judge_attempt(EndpointAnswer::Taken, 9, false, now(), 0.0),
        AttemptVerdict::Done
    );
}

#[test]
fn each_old_secret_signs_until_its_time_is_over() {
    let signatures = |until| {
        let mut endpoint = endpoint();
        endpoint
            .previous_secrets
            .push((EndpointSecret::from_random([2; 32]), until));
        endpoint.sign("evt_1", "{}", now()).split(' ').count()
    };
    assert_eq!(signatures(now() + Duration::seconds(1)), 3);
    assert_eq!(signatures(now()), 2);
}

#[test]
fn types_are_words_or_a_star() {
    assert_eq!(
        EndpointKinds::parse(["*", "hold.placed"]),
        Some(EndpointKinds::All)
    );
    let two = EndpointKinds::parse(["hold.placed", "refund.failed", "hold.placed"]).unwrap();
    assert_eq!(two.words(), ["hold.placed", "refund.failed"]);
    assert_eq!(EndpointKinds::parse(["hold.lost"]), None);
    assert_eq!(EndpointKinds::parse([]), None);
}
