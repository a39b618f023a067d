//! Formats the rounds as a table: the median of each figure, and in brackets its lowest and highest value.

use std::time::Duration;

use crate::rounds::{CONNECTIONS, EARLIER_HOLDS, GUESTS, Load, RUSH_LATENCY_MS, Round, Rush};

/// The rounds of the checkout by hand, of Holdfast on PostgreSQL and of Holdfast on SQLite.
pub(crate) type AllRounds = [Vec<Round>; 3];

/// Returns a Markdown table with one column for each service.
pub(crate) fn format_table(all: &AllRounds) -> String {
    let mut lines = vec![
        "| | by hand | Holdfast, PostgreSQL | Holdfast, SQLite |".to_owned(),
        "|---|---:|---:|---:|".to_owned(),
        format_row(
            "holds/s on distinct slots, relative to the checkout by hand",
            all,
            |rounds| relative_to_by_hand(all, rounds, |round| Some(&round.full)),
        ),
        format_row("… while an endpoint is sent events", all, |rounds| {
            relative_to_by_hand(all, rounds, |round| Some(&round.listened.as_ref()?.load))
        }),
        format_row("… events/s that the endpoint takes", all, |rounds| {
            spread_of_some(rounds, 0, |round| Some(round.listened.as_ref()?.events))
        }),
    ];
    let mut add = |name: &str, cell: &dyn Fn(&[Round]) -> String| lines.push(format_row(name, all, cell));
    add("holds/s", &|rounds| rates(rounds, |round| &round.full));
    add("… p50, ms", &|rounds| times(rounds, |round| round.full.p50));
    add("… p99, ms", &|rounds| times(rounds, |round| round.full.p99));
    add("… processor time of the service for a hold, ms", &|rounds| {
        spread(rounds, 2, |round| round.full.cpu_ms[0])
    });
    add("… of the PostgreSQL server, ms", &|rounds| {
        spread(rounds, 2, |round| round.full.cpu_ms[1])
    });
    add(
        "holds/s on a fresh database, relative to one with earlier holds",
        &|rounds| spread(rounds, 2, |round| round.fresh.rate / round.full.rate),
    );
    add("… p99, ms", &|rounds| times(rounds, |round| round.fresh.p99));
    add(
        "holds/s from one address, relative to different ones",
        &|rounds| {
            spread_of_some(rounds, 2, |round| {
                Some(round.full.rate / round.addresses.as_ref()?.rate)
            })
        },
    );
    add("one connection alone: holds/s", &|rounds| {
        rates(rounds, |round| &round.alone)
    });
    add("… p50, ms", &|rounds| times(rounds, |round| round.alone.p50));
    add("… p99, ms", &|rounds| times(rounds, |round| round.alone.p99));
    add("refusals/s of a slot that is taken", &|rounds| {
        rates(rounds, |round| &round.refusals)
    });
    add_rush_rows(&mut lines, all);
    lines.join("\n")
}

#[allow(clippy::cast_precision_loss)]
fn add_rush_rows(lines: &mut Vec<String>, all: &AllRounds) {
    let mut add = |name: &str, digits: usize, figure: fn(&Rush) -> f64| {
        lines.push(format_row(name, all, |rounds| {
            let rushes = rounds.iter().flat_map(|round| &round.rushes);
            format_spread(rushes.map(figure).collect(), digits)
        }));
    };
    let name = format!("{GUESTS} guests, one slot: sessions");
    add(&name, 0, |rush| rush.sessions as f64);
    add("… sold, times", 0, |rush| rush.sold as f64);
    add("… p99, ms", 0, |rush| to_ms(rush.p99));
}

/// Describes the method in words.
pub(crate) fn describe_method(rounds: usize, time: Duration) -> String {
    format!(
        "{rounds} rounds in turn, {} s for each load over {CONNECTIONS} connections after {EARLIER_HOLDS} earlier holds; \
         Stripe takes 0 ms, and {RUSH_LATENCY_MS} ms in a rush. Median (lowest–highest).",
        time.as_secs()
    )
}

/// Describes the machine in words.
pub(crate) fn describe_machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == "model name").then(|| value.trim().to_owned())
    });
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores ({}), kernel {}, load average before the run {}",
        model.as_deref().unwrap_or("unknown"),
        kernel.trim(),
        load.split(' ').next().unwrap_or_default()
    )
}

fn format_row(name: &str, all: &AllRounds, cell: impl Fn(&[Round]) -> String) -> String {
    let [by_hand, postgres, sqlite] = all.each_ref().map(|rounds| cell(rounds));
    format!("| {name} | {by_hand} | {postgres} | {sqlite} |")
}

/// Stands for a figure that one of the services does not have.
fn no_figure() -> String {
    "–".to_owned()
}

/// Divides the rate of a load by the rate of the checkout by hand in the same round.
fn relative_to_by_hand(all: &AllRounds, rounds: &[Round], load: fn(&Round) -> Option<&Load>) -> String {
    let pairs = rounds.iter().zip(&all[0]);
    let ratios = pairs.map(|(round, by_hand)| Some(load(round)?.rate / by_hand.full.rate));
    let ratios: Option<Vec<f64>> = ratios.collect();
    ratios.map_or_else(no_figure, |ratios| format!("**{}**", format_spread(ratios, 2)))
}

/// Formats the figures, unless one of the rounds has none.
fn spread_of_some(rounds: &[Round], digits: usize, figure: fn(&Round) -> Option<f64>) -> String {
    let figures: Option<Vec<f64>> = rounds.iter().map(figure).collect();
    figures.map_or_else(no_figure, |figures| format_spread(figures, digits))
}

fn rates(rounds: &[Round], load: fn(&Round) -> &Load) -> String {
    spread(rounds, 0, |round| load(round).rate)
}

fn times(rounds: &[Round], time: fn(&Round) -> Duration) -> String {
    spread(rounds, 1, |round| to_ms(time(round)))
}

fn spread(rounds: &[Round], digits: usize, figure: impl Fn(&Round) -> f64) -> String {
    format_spread(rounds.iter().map(figure).collect(), digits)
}

/// Formats the median, and the lowest and the highest value.
fn format_spread(mut values: Vec<f64>, digits: usize) -> String {
    values.sort_by(f64::total_cmp);
    let (low, median, high) = (values[0], values[values.len() / 2], values[values.len() - 1]);
    format!("{median:.digits$} ({low:.digits$}–{high:.digits$})")
}

fn to_ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
