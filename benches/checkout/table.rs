//! The figures as a table: first what says the same on every machine, then this machine's numbers.

use std::time::Duration;

use crate::measure::{FigureCounts, GUESTS, HOLDS, ROUND, ROUNDS, WIDTH};

/// Markdown, one column for each engine.
pub(crate) fn table(postgres: &FigureCounts, sqlite: &FigureCounts) -> String {
    let both = [postgres, sqlite];
    let mut lines = vec![
        "| | PostgreSQL | SQLite |".to_owned(),
        "|---|---:|---:|".to_owned(),
        row("checkouts: share of what the bare database does", both, |f| {
            format!("**{:.2}**", f.checkouts.ratio)
        }),
    ];
    lines.push(row(
        "a bare checkout, in times of one guarded insert by hand",
        both,
        |f| format!("{:.1}", f.checkouts.of_hand_rolled),
    ));
    lines.push(row(
        "… of it the attempt, on the disk before Stripe is asked",
        both,
        |f| format!("{:.0} %", 100.0 * f.checkouts.of_attempt),
    ));
    for rush in 0..postgres.rushes.len() {
        let latency = postgres.rushes[rush].latency;
        let wanted = format!("{GUESTS} guests, one slot, Stripe takes {}", ms(latency));
        lines.push(row(&format!("{wanted}: sessions asked for"), both, |f| {
            f.rushes[rush].sessions.to_string()
        }));
        lines.push(row(
            &format!("{wanted}: answers, p50 / p99, in Stripe's time"),
            both,
            |f| {
                let share = |time: Duration| time.as_secs_f64() / latency.as_secs_f64();
                format!(
                    "{:.2} / {:.2}",
                    share(f.rushes[rush].p50),
                    share(f.rushes[rush].p99)
                )
            },
        ));
    }
    lines.push(row(&format!("resident memory after {HOLDS} holds"), both, |f| {
        mib(f.resident[0])
    }));
    lines.push(row(&format!("… after {} holds", 2 * HOLDS), both, |f| {
        mib(f.resident[1])
    }));
    lines.push(row("start to ready, schema and all", both, |f| ms(f.first_start)));
    lines.push(row("start to ready, schema there", both, |f| ms(f.start)));
    lines.extend(this_machine(both));
    lines.join("\n")
}

fn this_machine(both: [&FigureCounts; 2]) -> Vec<String> {
    vec![
        row("checkouts/s through the service", both, |f| {
            format!("{:.0}", f.checkouts.rate)
        }),
        row("checkouts/s of the bare database", both, |f| {
            format!("{:.0}", f.checkouts.bare)
        }),
        row("checkout, p50 / p99 of the worst round", both, |f| {
            format!("{} / {}", ms(f.checkouts.p50), ms(f.checkouts.p99))
        }),
        row("processor time a checkout: service", both, |f| {
            ms(f.checkouts.spent.service)
        }),
        row("… PostgreSQL server", both, |f| ms(f.checkouts.spent.database)),
        row("… Stripe simulator", both, |f| ms(f.checkouts.spent.simulator)),
        row("… load generator", both, |f| ms(f.checkouts.spent.load)),
        row("webhooks/s that confirm a hold", both, |f| {
            format!("{:.0}", f.events)
        }),
        row("refusals/s of a slot visibly taken", both, |f| {
            format!("{:.0}", f.conflicts)
        }),
    ]
}

/// What was done, in words.
pub(crate) fn method() -> String {
    format!(
        "{ROUNDS} rounds of {ROUND} checkouts on distinct slots, {WIDTH} at once, each followed by as many of the same \
         statements without the service; medians."
    )
}

fn row(name: &str, both: [&FigureCounts; 2], cell: impl Fn(&FigureCounts) -> String) -> String {
    format!("| {name} | {} | {} |", cell(both[0]), cell(both[1]))
}

fn ms(time: Duration) -> String {
    let ms = time.as_secs_f64() * 1000.0;
    if ms < 10.0 {
        format!("{ms:.2} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

fn mib(amount: f64) -> String {
    format!("{amount:.0} MiB")
}
