//! Counts sold units without the unit numbers of the database: at no instant is more of a resource sold than the shop
//! has.

use chrono::{DateTime, Utc};

use crate::shop::{RESOURCES, ServedSegment};
use crate::support::audit::AuditConnection;

/// A hold that has so many units of a resource for a window.
pub(crate) struct Claim {
    pub(crate) hold: String,
    pub(crate) units: u64,
    pub(crate) segment: ServedSegment,
}

impl Claim {
    fn covers(&self, resource: &str, at: DateTime<Utc>) -> bool {
        self.segment.resource == resource && self.segment.starts_at <= at && at < self.segment.ends_at
    }
}

/// Lists the instants at which these claims exceed a resource. The maximum is always at the start of a claim.
pub(crate) fn oversold(claims: &[Claim]) -> Vec<String> {
    let mut findings = Vec::new();
    for (resource, units) in RESOURCES {
        let begins = claims.iter().filter(|claim| claim.segment.resource == resource);
        for at in begins.map(|claim| claim.segment.starts_at) {
            let covering: Vec<&Claim> = claims.iter().filter(|claim| claim.covers(resource, at)).collect();
            let sold: u64 = covering.iter().map(|claim| claim.units).sum();
            if sold > units {
                let holds: Vec<&str> = covering.iter().map(|claim| claim.hold.as_str()).collect();
                findings.push(format!(
                    "more sold than the shop has: {sold} of {units} {resource} at {at}: {holds:?}"
                ));
            }
        }
    }
    findings
}

/// Reads what the live holds of the database claim, buffers included.
pub(crate) async fn claims_in_database(database: &mut AuditConnection) -> Vec<Claim> {
    let segments = match database {
        AuditConnection::Sqlite(_) => "json_each(h.segments) s",
        AuditConnection::Postgres(_) => "jsonb_array_elements(h.segments) s (value)",
    };
    let rows = format!(
        "SELECT CAST(h.id AS text), CAST(h.quantity AS text), s.value ->> 'resource',
             CAST(coalesce(s.value ->> 'busy_from_ms', s.value ->> 'starts_at_ms') AS text),
             CAST(coalesce(s.value ->> 'busy_to_ms', s.value ->> 'ends_at_ms') AS text)
         FROM holds h, {segments} WHERE h.status IN ('held', 'processing', 'confirmed')"
    );
    let rows = database.ask(&rows).await.into_iter();
    rows.map(|row| {
        let cell = |n: usize| row[n].as_deref().unwrap();
        let instant = |n: usize| DateTime::from_timestamp_millis(cell(n).parse().unwrap()).unwrap();
        Claim {
            hold: cell(0).to_owned(),
            units: cell(1).parse().unwrap(),
            segment: ServedSegment {
                resource: cell(2).to_owned(),
                starts_at: instant(3),
                ends_at: instant(4),
            },
        }
    })
    .collect()
}
