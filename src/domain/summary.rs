//! The figures of a range of time: how many checkouts led to what, and where the money went.
//!
//! They are counted by the quarter of an hour, because the days of every time zone consist of whole ones.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

/// The length of the unit that figures are counted by, in seconds.
pub const QUARTER: i64 = 15 * 60;

/// How the figures of a range are divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryDivision {
    /// One set of figures for each period.
    Period,
    /// One set of figures for each event type.
    EventType,
}

/// Asks for the figures of consecutive periods, such as days.
#[derive(Clone, Debug)]
pub struct SummaryQuery {
    /// Where the periods start, in order, and where the last one ends; at least two instants. Each is at a quarter of an
    /// hour of UTC.
    pub bounds: Vec<DateTime<Utc>>,
    /// How the figures are divided. If it is by event type, all periods are counted together.
    pub division: SummaryDivision,
}

/// What a summary counts, one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryFigure {
    /// A checkout that began.
    Started,
    /// A checkout that lost the race for its slot.
    LostRaces,
    /// A hold that was placed.
    Placed,
    /// A hold that was confirmed.
    Paid,
    /// A hold that ended without a payment, by itself.
    Lapsed,
    /// A hold that its guest or an operator released before it was paid.
    GivenBack,
    /// A booking that was cancelled.
    Cancelled,
    /// A refund that Stripe carried out.
    Refunded,
    /// Money that was received.
    MoneyIn,
    /// Money that went back by a refund or a lost dispute.
    MoneyOut,
}

/// A figure as the store counts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryCount {
    /// The number of the quarter of an hour since 1970, if the figures are divided by period.
    pub quarter: i64,
    /// The event type, if the figures are divided by it; empty if it is not known.
    pub event_type: String,
    /// What the number counts.
    pub figure: SummaryFigure,
    /// The currency of money; empty otherwise.
    pub currency: String,
    /// How many, or how much in the currency's minor unit.
    pub count: i64,
}

/// The time that half of the guests took at most to pay, as the store finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MedianWait {
    /// The number of the period, from 0.
    pub period: usize,
    /// The event type, if the figures are divided by it; empty otherwise.
    pub event_type: String,
    /// The seconds from the checkout to the payment.
    pub seconds: i64,
}

/// What came in and went out in one currency, in its minor unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MoneyFlow {
    /// What was received of guests.
    pub received: i64,
    /// What went back by refunds and lost disputes.
    pub returned: i64,
}

/// The figures of one period or of one event type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SummaryFigures {
    /// Checkouts that began then.
    pub started: i64,
    /// Checkouts that lost the race for their slot.
    pub lost_races: i64,
    /// Holds that were placed.
    pub placed: i64,
    /// Holds that were confirmed.
    pub paid: i64,
    /// Holds that ended without a payment, by themselves.
    pub lapsed: i64,
    /// Holds that their guests or operators released before they were paid.
    pub given_back: i64,
    /// Bookings that were cancelled.
    pub cancelled: i64,
    /// Refunds that Stripe carried out.
    pub refunded: i64,
    /// The money of each currency.
    pub money: BTreeMap<String, MoneyFlow>,
    /// The seconds within which half of the guests who paid had paid; `None` if nobody paid.
    pub median_seconds_to_pay: Option<i64>,
}

impl SummaryFigures {
    fn add(&mut self, count: &SummaryCount) {
        let counter = match count.figure {
            SummaryFigure::Started => &mut self.started,
            SummaryFigure::LostRaces => &mut self.lost_races,
            SummaryFigure::Placed => &mut self.placed,
            SummaryFigure::Paid => &mut self.paid,
            SummaryFigure::Lapsed => &mut self.lapsed,
            SummaryFigure::GivenBack => &mut self.given_back,
            SummaryFigure::Cancelled => &mut self.cancelled,
            SummaryFigure::Refunded => &mut self.refunded,
            SummaryFigure::MoneyIn => &mut self.money.entry(count.currency.clone()).or_default().received,
            SummaryFigure::MoneyOut => &mut self.money.entry(count.currency.clone()).or_default().returned,
        };
        *counter += count.count;
    }
}

/// The parts of a summary: the figures of each period, or of each event type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Summary {
    /// The figures of each period, in order, also of those in which nothing happened.
    ByPeriod(Vec<SummaryFigures>),
    /// The figures of each event type with any, by its id. The empty id has what is of no known event type.
    ByEventType(BTreeMap<String, SummaryFigures>),
}

/// Puts counts and medians together.
pub fn build_summary(query: &SummaryQuery, counts: &[SummaryCount], medians: &[MedianWait]) -> Summary {
    match query.division {
        SummaryDivision::Period => {
            let periods = query.bounds.len().saturating_sub(1);
            let mut figures = vec![SummaryFigures::default(); periods];
            for count in counts {
                let at = count.quarter * QUARTER;
                let after = query.bounds.partition_point(|bound| bound.timestamp() <= at);
                if let Some(period) = after.checked_sub(1).and_then(|period| figures.get_mut(period)) {
                    period.add(count);
                }
            }
            for median in medians {
                if let Some(period) = figures.get_mut(median.period) {
                    period.median_seconds_to_pay = Some(median.seconds);
                }
            }
            Summary::ByPeriod(figures)
        }
        SummaryDivision::EventType => {
            let mut figures: BTreeMap<String, SummaryFigures> = BTreeMap::new();
            for count in counts {
                figures.entry(count.event_type.clone()).or_default().add(count);
            }
            for median in medians {
                let of_type = figures.entry(median.event_type.clone()).or_default();
                of_type.median_seconds_to_pay = Some(median.seconds);
            }
            Summary::ByEventType(figures)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(quarter: i64, event_type: &str, figure: SummaryFigure, count: i64) -> SummaryCount {
        SummaryCount {
            quarter,
            event_type: event_type.to_owned(),
            figure,
            currency: "eur".to_owned(),
            count,
        }
    }

    fn query(division: SummaryDivision) -> SummaryQuery {
        let at = |quarter: i64| DateTime::from_timestamp(quarter * QUARTER, 0).unwrap();
        SummaryQuery {
            bounds: vec![at(8), at(10), at(11)],
            division,
        }
    }

    #[test]
    fn quarters_belong_to_the_period_that_they_begin_in() {
        let counts = [8, 9, 10].map(|quarter| count(quarter, "", SummaryFigure::Placed, quarter));
        let medians = [MedianWait {
            period: 1,
            event_type: String::new(),
            seconds: 60,
        }];
        let Summary::ByPeriod(periods) = build_summary(&query(SummaryDivision::Period), &counts, &medians)
        else {
            panic!("by period")
        };
        assert_eq!(
            periods.iter().map(|period| period.placed).collect::<Vec<_>>(),
            [17, 10]
        );
        assert_eq!(periods[1].median_seconds_to_pay, Some(60));
    }

    #[test]
    fn figures_of_an_event_type_are_added_up() {
        let counts = [
            count(0, "call", SummaryFigure::MoneyIn, 5000),
            count(0, "call", SummaryFigure::MoneyOut, 2000),
            count(0, "yoga", SummaryFigure::Lapsed, 1),
            count(0, "call", SummaryFigure::MoneyIn, 1000),
        ];
        let Summary::ByEventType(types) = build_summary(&query(SummaryDivision::EventType), &counts, &[])
        else {
            panic!("by event type")
        };
        let flow = MoneyFlow {
            received: 6000,
            returned: 2000,
        };
        assert_eq!((types["call"].money["eur"], types["yoga"].lapsed), (flow, 1));
    }
}
