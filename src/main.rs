//! The command line, and nothing else: reads arguments and environment, calls the library, says how it went.
//!
//! Exit codes: 0 well, 1 fault, 2 wrong usage or configuration.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use holdfast::app::{self, App, Background};
use holdfast::clock::{SystemClock, WrongClock};
use holdfast::config::{self, Config, ConfigScope};
use holdfast::doctor::{self, Verdict};
use holdfast::domain::time::Clock;
use holdfast::workflow::{one_line, sweep};
use holdfast::{demo_shop, stripe_sandbox, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Reserves time slots against Stripe payments: no slot sold twice, no payment without its slot or its money back.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, sweep on schedule, carry out orders to Stripe.
    Serve,
    /// Try it: serve on SQLite with the built-in Stripe simulator and demo data; no account, no network.
    Sandbox(demo_shop::Args),
    /// Bring the database's schema up to date.
    Migrate,
    /// Sweep once and print the report as JSON, for an outside cron.
    Sweep,
    /// Check everything and say what to do; exit 1 on a fault.
    Doctor {
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run the Stripe simulator alone.
    StripeSandbox(stripe_sandbox::Args),
}

/// Why a command did not go well.
enum Failure {
    /// Wrong usage or configuration.
    Configuration(String),
    /// Anything else.
    ConfigError(String),
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::ConfigError(one_line(&error))
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report(Failure::from(error)),
    };
    let result = runtime.block_on(run(cli.command));
    // What is still blocked on a thread of its own must not hold up the end.
    runtime.shutdown_background();
    result.unwrap_or_else(report)
}

/// The one place that writes to standard error by hand: logs may not be set up yet.
#[allow(clippy::print_stderr)]
fn report(failure: Failure) -> ExitCode {
    let (text, code) = match failure {
        Failure::Configuration(text) => (text, 2),
        Failure::ConfigError(text) => (text, 1),
    };
    eprintln!("holdfast: {text}");
    ExitCode::from(code)
}

async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve => serve(configuration(ConfigScope::Stripe)?, false).await,
        Command::Sandbox(args) => sandbox(args).await,
        Command::Migrate => migrate(configuration(ConfigScope::Database)?).await,
        Command::Sweep => sweep_once(configuration(ConfigScope::Stripe)?).await,
        Command::Doctor { json } => examine(configuration(ConfigScope::Stripe)?, json).await,
        Command::StripeSandbox(args) => {
            start_logs("info", telemetry::LogFormat::Text);
            Ok(stripe_sandbox::run(args, stop_signal()?)
                .await
                .map(|()| ExitCode::SUCCESS)?)
        }
    }
}

/// Reads `.env` and the environment, and starts the logs.
fn configuration(needs: ConfigScope) -> Result<Config, Failure> {
    match dotenvy::dotenv() {
        Ok(_) => {}
        Err(error) if error.not_found() => {}
        // The error would repeat the line, and the line may hold a secret.
        Err(_) => return Err(Failure::Configuration("the file .env cannot be read".to_owned())),
    }
    let config = config::read(|name| std::env::var(name).ok(), needs);
    let config = config.map_err(|faults| Failure::Configuration(faults.to_string()))?;
    start_logs(&config.log, config.log_format);
    Ok(config)
}

fn start_logs(filter: &str, format: telemetry::LogFormat) {
    telemetry::init_logs(filter.parse().unwrap_or_default(), format);
}

/// The machine's clock. For tests with several processes, `HOLDFAST_CLOCK_OFFSET` (seconds, may be negative) puts it
/// wrong, in builds with debug assertions only: a release build does not know the variable.
fn clock() -> Arc<dyn Clock> {
    let offset = std::env::var("HOLDFAST_CLOCK_OFFSET").ok();
    let offset = offset.filter(|_| cfg!(debug_assertions));
    match offset.and_then(|text| text.parse().ok()) {
        Some(seconds) => Arc::new(WrongClock {
            ahead: chrono::TimeDelta::seconds(seconds),
        }),
        None => Arc::new(SystemClock),
    }
}

/// Cancelled by SIGTERM or SIGINT.
fn stop_signal() -> Result<CancellationToken, Failure> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let order = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping");
        order.cancel();
    });
    Ok(stop)
}

async fn serve(config: Config, demo: bool) -> Result<ExitCode, Failure> {
    let stop = stop_signal()?;
    let app = App::build(&config, clock(), demo).await?;
    app.run(stop, Background::On).await?;
    Ok(ExitCode::SUCCESS)
}

async fn sandbox(args: demo_shop::Args) -> Result<ExitCode, Failure> {
    let stop = stop_signal()?;
    let shop = demo_shop::configure(args, |name| std::env::var(name).ok());
    let shop = shop.map_err(|faults| Failure::Configuration(faults.to_string()))?;
    start_logs(&shop.config.log, shop.config.log_format);
    demo_shop::run(shop, stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(config: Config) -> Result<ExitCode, Failure> {
    app::open_store(&config.database).await?.migrate().await?;
    tracing::info!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

async fn sweep_once(config: Config) -> Result<ExitCode, Failure> {
    let Some(stripe) = &config.stripe else {
        return Err(Failure::Configuration("no Stripe key".to_owned()));
    };
    let context = app::build_context(&config, stripe, clock()).await?;
    let report = sweep::sweep_once(&context).await?;
    print(&serde_json::to_string(&holdfast::http::sweep_report(report))?);
    Ok(ExitCode::SUCCESS)
}

async fn examine(config: Config, json: bool) -> Result<ExitCode, Failure> {
    let Some(stripe) = &config.stripe else {
        return Err(Failure::Configuration("no Stripe key".to_owned()));
    };
    let checks = doctor::examine(&config, stripe, clock()).await;
    if json {
        print(&serde_json::to_string_pretty(&checks)?);
    } else {
        checks.iter().for_each(|check| print(&check.to_string()));
    }
    let healthy = checks.iter().all(|check| check.verdict != Verdict::Fault);
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The one place that writes to standard output: what a command was asked for.
#[allow(clippy::print_stdout)]
fn print(text: &str) {
    println!("{text}");
}
