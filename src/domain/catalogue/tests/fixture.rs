//! The event type that unit tests begin with.

use crate::domain::catalogue::{EventType, SegmentTemplate};
use crate::domain::change_policy::ChangePolicy;
use crate::domain::ids::{EventTypeId, ResourceId};
use crate::domain::money::{Currency, Money};

/// A call of half an hour with `ana`, at any time, for 50 euros. It keeps `ana` busy no longer than it lasts.
pub(crate) fn call() -> EventType {
    EventType {
        id: EventTypeId::parse("call").unwrap(),
        name: "Call".to_owned(),
        description: None,
        segments: vec![SegmentTemplate {
            offset_minutes: 0,
            duration_minutes: 30,
            any_of: vec![ResourceId::parse("ana").unwrap()],
        }],
        buffer_before_minutes: 0,
        buffer_after_minutes: 0,
        schedule: None,
        price: Money::price(5000, Currency::parse("eur").unwrap()).unwrap(),
        payment_methods: Vec::new(),
        change_policy: ChangePolicy::default(),
        checkout: Default::default(),
    }
}
