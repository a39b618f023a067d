//! The command line: reads arguments and environment, calls the library, and reports the result.
//!
//! Exit codes: 0 for success, 1 for a fault, 2 for wrong usage or configuration.

use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use holdfast::app::{self, App, Background, StartupError};
use holdfast::clock::{SystemClock, WrongClock};
use holdfast::config::{self, Config, ConfigScope};
use holdfast::doctor::{self, Verdict};
use holdfast::domain::time::Clock;
use holdfast::workflow::{format_error_chain, sweep};
use holdfast::{demo_shop, stripe_sandbox, telemetry};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Sells time slots through Stripe Checkout: no slot is sold twice, no payment is kept without its slot.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API, sweep on schedule, send commands to Stripe.
    Serve,
    /// Try Holdfast: serve on SQLite with the built-in Stripe simulator and demo data; no account, no network.
    Sandbox(demo_shop::SandboxArgs),
    /// Migrate the database's schema to this version.
    Migrate,
    /// Sweep once and print the report as JSON; for an external cron.
    Sweep,
    /// Check the installation and suggest fixes; exit 1 on a fault.
    Doctor {
        /// Print the checks as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Run only the Stripe simulator.
    StripeSandbox(stripe_sandbox::StripeSandboxArgs),
}

/// Why a command failed.
enum CliError {
    /// The usage or the configuration is wrong.
    Configuration(String),
    /// Anything else went wrong.
    Other(String),
}

impl<E: std::error::Error> From<E> for CliError {
    fn from(error: E) -> Self {
        Self::Other(format_error_chain(&error))
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return report_error(CliError::from(error)),
    };
    let result = runtime.block_on(run_command(cli.command));
    // Blocking work on other threads must not delay the exit.
    runtime.shutdown_background();
    result.unwrap_or_else(report_error)
}

/// Writes the error to standard error directly, because the logs may not be set up yet.
#[allow(clippy::print_stderr)]
fn report_error(error: CliError) -> ExitCode {
    let (text, code) = match error {
        CliError::Configuration(text) => (text, 2),
        CliError::Other(text) => (text, 1),
    };
    eprintln!("holdfast: {text}");
    ExitCode::from(code)
}

async fn run_command(command: Command) -> Result<ExitCode, CliError> {
    match command {
        Command::Serve => run_serve(load_configuration(ConfigScope::Stripe)?, false).await,
        Command::Sandbox(args) => run_sandbox(args).await,
        Command::Migrate => run_migrate(load_configuration(ConfigScope::Database)?).await,
        Command::Sweep => run_sweep(load_configuration(ConfigScope::Stripe)?).await,
        Command::Doctor { json } => run_doctor(load_configuration(ConfigScope::Stripe)?, json).await,
        Command::StripeSandbox(args) => {
            start_logs("info", telemetry::LogFormat::Text);
            Ok(stripe_sandbox::run(args, listen_for_stop()?)
                .await
                .map(|()| ExitCode::SUCCESS)?)
        }
    }
}

/// Reads `.env` and the environment, and starts the logs.
fn load_configuration(scope: ConfigScope) -> Result<Config, CliError> {
    match dotenvy::dotenv() {
        Ok(_) => {}
        Err(error) if error.not_found() => {}
        // The error would repeat the line, which may contain a secret.
        Err(_) => return Err(CliError::Configuration("the file .env cannot be read".to_owned())),
    }
    let config = config::load_config(|name| std::env::var(name).ok(), scope);
    let config = config.map_err(|errors| CliError::Configuration(errors.to_string()))?;
    start_logs(&config.log, config.log_format);
    Ok(config)
}

fn start_logs(filter: &str, format: telemetry::LogFormat) {
    telemetry::init_logs(filter.parse().unwrap_or_default(), format);
}

/// Returns the machine's clock. Tests with several processes shift it by `HOLDFAST_CLOCK_OFFSET` seconds. Builds
/// without debug assertions ignore the variable.
fn build_clock() -> Arc<dyn Clock> {
    let offset = std::env::var("HOLDFAST_CLOCK_OFFSET").ok();
    let offset = offset.filter(|_| cfg!(debug_assertions));
    match offset.and_then(|text| text.parse().ok()) {
        Some(seconds) => Arc::new(WrongClock {
            ahead: chrono::TimeDelta::seconds(seconds),
        }),
        None => Arc::new(SystemClock),
    }
}

/// Returns a token that SIGTERM or SIGINT cancels.
fn listen_for_stop() -> Result<CancellationToken, CliError> {
    let stop = CancellationToken::new();
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let on_signal = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        tracing::info!("stopping");
        on_signal.cancel();
    });
    Ok(stop)
}

async fn run_serve(config: Config, demo: bool) -> Result<ExitCode, CliError> {
    let stop = listen_for_stop()?;
    let app = App::build(&config, build_clock(), demo).await?;
    app.serve(stop, Background::On).await.map_err(startup_error)?;
    Ok(ExitCode::SUCCESS)
}

/// Tells a configuration that does not fit the database from other errors.
fn startup_error(error: StartupError) -> CliError {
    match error {
        StartupError::WrongMode(error) => CliError::Configuration(error.to_string()),
        other => other.into(),
    }
}

async fn run_sandbox(args: demo_shop::SandboxArgs) -> Result<ExitCode, CliError> {
    let stop = listen_for_stop()?;
    let shop = demo_shop::configure(args, |name| std::env::var(name).ok());
    let shop = shop.map_err(|errors| CliError::Configuration(errors.to_string()))?;
    start_logs(&shop.config.log, shop.config.log_format);
    demo_shop::run(shop, stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_migrate(config: Config) -> Result<ExitCode, CliError> {
    app::open_store(&config.database).await?.migrate().await?;
    tracing::info!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

async fn run_sweep(config: Config) -> Result<ExitCode, CliError> {
    let Some(stripe) = &config.stripe else {
        return Err(CliError::Configuration("no Stripe key".to_owned()));
    };
    let context = app::build_context(&config, stripe, build_clock()).await?;
    app::check_mode(&context).await.map_err(startup_error)?;
    let report = sweep::sweep_once(&context).await?;
    print_line(&serde_json::to_string(&holdfast::http::sweep_report_view(
        report,
    ))?);
    Ok(ExitCode::SUCCESS)
}

async fn run_doctor(config: Config, json: bool) -> Result<ExitCode, CliError> {
    let Some(stripe) = &config.stripe else {
        return Err(CliError::Configuration("no Stripe key".to_owned()));
    };
    let checks = doctor::examine(&config, stripe, build_clock()).await;
    if json {
        print_line(&serde_json::to_string_pretty(&checks)?);
    } else {
        checks.iter().for_each(|check| print_line(&check.to_string()));
    }
    let healthy = checks.iter().all(|check| check.verdict != Verdict::Fault);
    Ok(if healthy {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Prints the result of a command. Nothing else writes to standard output.
#[allow(clippy::print_stdout)]
fn print_line(text: &str) {
    println!("{text}");
}
