//! Formats the results as a table: first the ratios, which hold on every machine, then the numbers of this machine.

use std::time::Duration;

use crate::measure::{CONCURRENCY, Figures, GUESTS, HOLDS, ROUND_SIZE, ROUNDS};

/// Returns a Markdown table with one column for each engine.
pub(crate) fn format_table(postgres: &Figures, sqlite: &Figures) -> String {
    let both = [postgres, sqlite];
    let mut lines = vec![
        "| | PostgreSQL | SQLite |".to_owned(),
        "|---|---:|---:|".to_owned(),
        format_row("checkouts/s, relative to the store alone", both, |f| {
            format!("**{:.2}**", f.checkouts.service_share)
        }),
    ];
    lines.push(format_row(
        "checkout in the store alone, relative to a single insert",
        both,
        |f| format!("{:.1}", f.checkouts.store_per_insert),
    ));
    lines.push(format_row(
        "… share of the attempt, committed before the call to Stripe",
        both,
        |f| format!("{:.0} %", 100.0 * f.checkouts.attempt_share),
    ));
    for rush in 0..postgres.rushes.len() {
        let latency = postgres.rushes[rush].latency;
        let rush_name = format!("{GUESTS} guests, one slot, Stripe takes {}", format_ms(latency));
        lines.push(format_row(&format!("{rush_name}: session requests"), both, |f| {
            f.rushes[rush].session_requests.to_string()
        }));
        lines.push(format_row(
            &format!("{rush_name}: response time p50 / p99, relative to Stripe's"),
            both,
            |f| {
                let ratio = |time: Duration| time.as_secs_f64() / latency.as_secs_f64();
                format!(
                    "{:.2} / {:.2}",
                    ratio(f.rushes[rush].p50),
                    ratio(f.rushes[rush].p99)
                )
            },
        ));
    }
    lines.push(format_row(
        &format!("resident memory after {HOLDS} holds"),
        both,
        |f| format_mib(f.resident_memory[0]),
    ));
    lines.push(format_row(&format!("… after {} holds", 2 * HOLDS), both, |f| {
        format_mib(f.resident_memory[1])
    }));
    lines.push(format_row("start to ready, schema created", both, |f| {
        format_ms(f.first_start)
    }));
    lines.push(format_row("start to ready, schema exists", both, |f| {
        format_ms(f.later_start)
    }));
    lines.extend(machine_rows(both));
    lines.join("\n")
}

/// Returns the rows whose numbers hold on this machine only.
fn machine_rows(both: [&Figures; 2]) -> Vec<String> {
    vec![
        format_row("checkouts/s through the service", both, |f| {
            format!("{:.0}", f.checkouts.service_rate)
        }),
        format_row("checkouts/s in the store alone", both, |f| {
            format!("{:.0}", f.checkouts.store_rate)
        }),
        format_row("checkout, p50 / p99 of the worst round", both, |f| {
            format!("{} / {}", format_ms(f.checkouts.p50), format_ms(f.checkouts.p99))
        }),
        format_row("CPU time per checkout: service", both, |f| {
            format_ms(f.checkouts.cpu_time.service)
        }),
        format_row("… PostgreSQL server", both, |f| {
            format_ms(f.checkouts.cpu_time.database)
        }),
        format_row("… Stripe simulator", both, |f| {
            format_ms(f.checkouts.cpu_time.simulator)
        }),
        format_row("… load generator", both, |f| {
            format_ms(f.checkouts.cpu_time.load)
        }),
        format_row("webhooks/s that confirm a hold", both, |f| {
            format!("{:.0}", f.event_rate)
        }),
        format_row("refusals/s of a slot that is taken", both, |f| {
            format!("{:.0}", f.refusal_rate)
        }),
    ]
}

/// Describes the method in words.
pub(crate) fn describe_method() -> String {
    format!(
        "{ROUNDS} rounds of {ROUND_SIZE} checkouts on distinct slots, {CONCURRENCY} at once, each followed by as many \
         in the store alone; medians."
    )
}

fn format_row(name: &str, both: [&Figures; 2], cell: impl Fn(&Figures) -> String) -> String {
    format!("| {name} | {} | {} |", cell(both[0]), cell(both[1]))
}

fn format_ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

fn format_mib(amount: f64) -> String {
    format!("{amount:.0} MiB")
}
