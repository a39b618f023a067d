//! The command line: reads arguments and environment, calls the library, and reports the result.
//!
//! Exit codes: 0 for success, 1 for a fault, 2 for wrong usage or configuration.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use holdfast::app::{self, App, Background, StartupError};
use holdfast::catalogue_command::{self, CatalogueCommand, ImportArgs};
use holdfast::clock::{SystemClock, WrongClock};
use holdfast::config::{self, Config, ConfigScope, Database, Environment};
use holdfast::doctor::{self, Verdict};
use holdfast::domain::time::Clock;
use holdfast::http;
use holdfast::key_command::{self, KeyCommand, KeyCommandError};
use holdfast::reconcile_command::{self, ReconcileArgs};
use holdfast::store::Store;
use holdfast::today_command::{self, TodayArgs};
use holdfast::workflow::{Settings, format_error_chain, sweep};
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
    /// Copy the SQLite database to a new file, also while it is served.
    Backup {
        /// The file to write; it must not exist.
        path: PathBuf,
    },
    /// Sweep once and print the report as JSON; for an external cron.
    Sweep,
    /// Compare refunds and disputes with Stripe, also while serving; exit 1 if something is unclear.
    Reconcile(ReconcileArgs),
    /// Check the installation and suggest fixes; exit 1 on a fault.
    Doctor {
        /// Print the checks as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Print the catalogue as JSON: resources with their calendar feeds, event types, operators' blocks, closures. No keys.
    Export,
    /// Make and change what a catalogue file has, in one transaction, and say what was made, changed or left; delete nothing.
    Import(ImportArgs),
    /// Show who is booked on a day, from the database itself.
    Today(TodayArgs),
    /// Make, list or revoke access keys, on the database itself.
    #[command(subcommand)]
    Key(KeyCommand),
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
    telemetry::finish_logs();
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
        Command::Backup { path } => run_backup(load_configuration(ConfigScope::Database)?, &path).await,
        Command::Sweep => run_sweep(load_configuration(ConfigScope::Stripe)?).await,
        Command::Reconcile(args) => run_reconcile(load_configuration(ConfigScope::Stripe)?, args).await,
        Command::Doctor { json } => run_doctor(load_configuration(ConfigScope::Stripe)?, json).await,
        Command::Export => run_catalogue(CatalogueCommand::Export).await,
        Command::Import(args) => run_catalogue(CatalogueCommand::Import(args)).await,
        Command::Today(args) => run_today(load_configuration(ConfigScope::Database)?, args).await,
        Command::Key(command) => run_key(load_configuration(ConfigScope::Database)?, command).await,
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
    let environment = read_environment().with_file(Path::new(".env"));
    let environment = environment.map_err(|error| CliError::Configuration(error.to_string()))?;
    let config = config::load_environment(&environment, scope);
    let config = config.map_err(|errors| CliError::Configuration(errors.to_string()))?;
    start_configured_logs(&config);
    Ok(config)
}

/// Reads the variables of the process.
fn read_environment() -> Environment {
    let environment = Environment::new(std::env::vars_os());
    if cfg!(debug_assertions) {
        // Known, though it is no part of the configuration.
        environment.find(CLOCK_OFFSET);
    }
    environment
}

/// Starts the logs, and warns of variables that have no effect.
fn start_configured_logs(config: &Config) {
    start_logs(&config.log, config.log_format);
    for unknown in &config.unknown_variables {
        tracing::warn!("{unknown}");
    }
}

fn start_logs(filter: &str, format: telemetry::LogFormat) {
    telemetry::init_logs(filter.parse().unwrap_or_default(), format);
}

/// The variable by which tests with several processes shift the clock, in seconds.
const CLOCK_OFFSET: &str = "HOLDFAST_CLOCK_OFFSET";

/// Returns the machine's clock, shifted if a test wants it. Builds without debug assertions ignore the variable.
fn build_clock() -> Arc<dyn Clock> {
    let offset = std::env::var(CLOCK_OFFSET).ok();
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
    app::raise_file_limit(config.max_connections);
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
    let shop = demo_shop::configure(args, &read_environment());
    let shop = shop.map_err(|errors| CliError::Configuration(errors.to_string()))?;
    start_configured_logs(&shop.config);
    demo_shop::run(shop, stop).await?;
    Ok(ExitCode::SUCCESS)
}

async fn run_migrate(config: Config) -> Result<ExitCode, CliError> {
    app::open_store(&config.database).await?.migrate().await?;
    tracing::info!("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

async fn run_backup(config: Config, path: &Path) -> Result<ExitCode, CliError> {
    let Database::Sqlite(source) = &config.database else {
        let text = "backup copies a file of SQLite: for PostgreSQL use pg_dump --format=custom, or continuous archiving";
        return Err(CliError::Configuration(text.to_owned()));
    };
    app::back_up(source, path).await?;
    tracing::info!(path = %path.display(), "the copy is complete");
    Ok(ExitCode::SUCCESS)
}

async fn run_sweep(config: Config) -> Result<ExitCode, CliError> {
    let Some(stripe) = &config.stripe else {
        return Err(CliError::Configuration("no Stripe key".to_owned()));
    };
    let store = app::open_existing_store(&config.database).await?;
    let context = app::build_context(store, &config, stripe, build_clock())?;
    app::check_mode(&context).await.map_err(startup_error)?;
    let report = sweep::sweep_once(&context).await?;
    print_line(&serde_json::to_string(&http::sweep_report_view(report))?);
    Ok(ExitCode::SUCCESS)
}

async fn run_reconcile(config: Config, args: ReconcileArgs) -> Result<ExitCode, CliError> {
    let Some(stripe) = &config.stripe else {
        return Err(CliError::Configuration("no Stripe key".to_owned()));
    };
    let store = app::open_existing_store(&config.database).await?;
    let context = app::build_context(store, &config, stripe, build_clock())?;
    app::check_mode(&context).await.map_err(startup_error)?;
    let report = reconcile_command::run(args, &context).await?;
    print_line(&report.to_string());
    Ok(ExitCode::from(u8::from(!report.is_clean())))
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
    Ok(ExitCode::from(u8::from(!healthy)))
}

async fn run_catalogue(command: CatalogueCommand) -> Result<ExitCode, CliError> {
    let config = load_configuration(ConfigScope::Database)?;
    print_line(&catalogue_command::run(command, &config, build_clock().now()).await?);
    Ok(ExitCode::SUCCESS)
}

async fn run_key(config: Config, command: KeyCommand) -> Result<ExitCode, CliError> {
    let store = open_current_store(&config).await?;
    let lines = key_command::run(command, store.as_ref(), build_clock().now()).await;
    let lines = lines.map_err(|error| match error {
        KeyCommandError::Name(detail) => CliError::Configuration(format!("the name {detail}")),
        other => other.into(),
    })?;
    lines.iter().for_each(|line| print_line(line));
    Ok(ExitCode::SUCCESS)
}

async fn run_today(config: Config, args: TodayArgs) -> Result<ExitCode, CliError> {
    let store = open_current_store(&config).await?;
    let settings = Settings {
        zones: config.zones.clone(),
        timezone: config.timezone.clone(),
        ..Settings::default()
    };
    print_line(&today_command::run(args, store.as_ref(), &settings, build_clock().as_ref()).await?);
    Ok(ExitCode::SUCCESS)
}

/// Opens the database for a command that needs no Stripe, if it has the schema of this program.
async fn open_current_store(config: &Config) -> Result<Arc<dyn Store>, CliError> {
    let store = app::open_existing_store(&config.database).await?;
    if store.is_ready().await? {
        return Ok(store);
    }
    let text = "the schema does not match this program: run `holdfast migrate`";
    Err(CliError::Other(text.to_owned()))
}

/// Prints the result of a command. Nothing else writes to standard output.
#[allow(clippy::print_stdout)]
fn print_line(text: &str) {
    println!("{text}");
}
