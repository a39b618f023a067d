//! Counting what was sold, whatever numbers the books give to units: at no instant more of a resource than the shop has.

use chrono::{DateTime, Utc};

use crate::shop::{Place, RESOURCES};
use crate::support::audit::Books;

/// Somebody has so many units of a resource for a while.
pub(crate) struct Claim {
    pub(crate) hold: String,
    pub(crate) units: u64,
    pub(crate) place: Place,
}

impl Claim {
    fn is_there(&self, resource: &str, at: DateTime<Utc>) -> bool {
        self.place.resource == resource && self.place.starts_at <= at && at < self.place.ends_at
    }
}

/// Where these have more than there is. The most are there at an instant at which one begins.
pub(crate) fn oversold(claims: &[Claim]) -> Vec<String> {
    let mut findings = Vec::new();
    for (resource, units) in RESOURCES {
        let begins = claims.iter().filter(|claim| claim.place.resource == resource);
        for at in begins.map(|claim| claim.place.starts_at) {
            let there: Vec<&Claim> = claims
                .iter()
                .filter(|claim| claim.is_there(resource, at))
                .collect();
            let sold: u64 = there.iter().map(|claim| claim.units).sum();
            if sold > units {
                let holds: Vec<&str> = there.iter().map(|claim| claim.hold.as_str()).collect();
                findings.push(format!(
                    "more sold than there is: {sold} of {units} {resource} at {at}: {holds:?}"
                ));
            }
        }
    }
    findings
}

/// What live holds have by the terms that they were sold on, buffers and all.
pub(crate) async fn on_the_books(books: &mut Books) -> Vec<Claim> {
    let segments = match books {
        Books::Sqlite(_) => "json_each(h.segments) s",
        Books::Postgres(_) => "jsonb_array_elements(h.segments) s (value)",
    };
    let rows = format!(
        "SELECT CAST(h.id AS text), CAST(h.quantity AS text), s.value ->> 'resource',
             CAST(coalesce(s.value ->> 'busy_from_ms', s.value ->> 'starts_at_ms') AS text),
             CAST(coalesce(s.value ->> 'busy_to_ms', s.value ->> 'ends_at_ms') AS text)
         FROM holds h, {segments} WHERE h.status IN ('held', 'processing', 'confirmed')"
    );
    let rows = books.ask(&rows).await.into_iter();
    rows.map(|row| {
        let cell = |n: usize| row[n].as_deref().unwrap();
        let instant = |n: usize| DateTime::from_timestamp_millis(cell(n).parse().unwrap()).unwrap();
        Claim {
            hold: cell(0).to_owned(),
            units: cell(1).parse().unwrap(),
            place: Place {
                resource: cell(2).to_owned(),
                starts_at: instant(3),
                ends_at: instant(4),
            },
        }
    })
    .collect()
}
