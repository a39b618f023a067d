//! The commands `holdfast export` and `holdfast import`: the whole catalogue as one JSON document, also while `serve` runs.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::app;
use crate::config::Config;
use crate::domain::audit::{AuditOutcome, AuditedAct, AuditedChange};
use crate::domain::closure::ClosureZones;
use crate::http::{self, ImportRules};
use crate::store::StoreError;
use crate::workflow::WorkflowError;
use crate::workflow::audit::AuditTrail;
use crate::workflow::catalogue_file::{CatalogueCopy, CatalogueRegister, ImportError, ImportReport};

/// The command-line arguments of `import`.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportArgs {
    /// The file, as `export` prints it; - reads standard input.
    file: PathBuf,
}

/// What is done with the catalogue as a file.
#[derive(Clone, Debug)]
pub enum CatalogueCommand {
    /// The catalogue is printed.
    Export,
    /// The catalogue gets what a file has.
    Import(ImportArgs),
}

/// Why a command on the catalogue failed.
#[derive(Debug, thiserror::Error)]
pub enum CatalogueCommandError {
    /// The file cannot be read.
    #[error("{0} cannot be read")]
    File(String, #[source] std::io::Error),
    /// The file is not acceptable, and nothing was written. There is a line for each fault.
    #[error("the file is not acceptable, and nothing was written:{}", .0.iter().map(|fault| format!("\n  {fault}")).collect::<String>())]
    Faults(Vec<String>),
    /// The schema of the database is another.
    #[error("the schema does not match this program: run `holdfast migrate`")]
    Schema,
    /// The result cannot be shown.
    #[error("the result cannot be shown")]
    Json(#[from] serde_json::Error),
    /// The database failed before anything was done.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database failed while the catalogue was read.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// The import has written nothing.
    #[error(transparent)]
    Import(#[from] ImportError),
}

/// Runs the command at `now`, and returns what it prints.
///
/// # Errors
/// [`CatalogueCommandError`] if it failed. Then an import has written nothing.
pub async fn run(
    command: CatalogueCommand,
    config: &Config,
    now: DateTime<Utc>,
) -> Result<String, CatalogueCommandError> {
    let store = app::open_existing_store(&config.database).await?;
    if !store.is_ready().await? {
        return Err(CatalogueCommandError::Schema);
    }
    let zones = ClosureZones {
        zones: &config.zones,
        configured: &config.timezone,
    };
    let register = CatalogueRegister::new(store.as_ref(), zones, now);
    let audit = AuditTrail::new(store.as_ref(), now);
    match command {
        CatalogueCommand::Export => {
            let number = audit
                .begin(&AuditedAct::at_command_line("exportCatalogue", None))
                .await?;
            let read = register.read().await;
            audit
                .finish(number, outcome_of(&read), &AuditedChange::default())
                .await;
            Ok(serde_json::to_string_pretty(&http::catalogue_view(&read?))?)
        }
        CatalogueCommand::Import(ImportArgs { file }) => {
            let text = read_text(&file)?;
            let number = audit
                .begin(&AuditedAct::at_command_line("importCatalogue", None))
                .await?;
            let rules = ImportRules {
                zones: &config.zones,
                calendar_allow_private: config.calendar_allow_private,
                now,
            };
            let written = import(&register, &text, rules).await;
            let (outcome, change) = match &written {
                Ok(report) => {
                    let change = AuditedChange {
                        before: serde_json::to_string(&http::audited_catalogue(&report.replaced)).ok(),
                        after: serde_json::to_string(report).ok(),
                        ..AuditedChange::default()
                    };
                    (AuditOutcome::Done, change)
                }
                Err(CatalogueCommandError::Faults(_)) => (AuditOutcome::Refused, AuditedChange::default()),
                Err(_) => (AuditOutcome::Failed, AuditedChange::default()),
            };
            audit.finish(number, outcome, &change).await;
            Ok(serde_json::to_string_pretty(&written?)?)
        }
    }
}

fn outcome_of<T, E>(result: &Result<T, E>) -> AuditOutcome {
    match result {
        Ok(_) => AuditOutcome::Done,
        Err(_) => AuditOutcome::Failed,
    }
}

fn read_text(file: &Path) -> Result<String, CatalogueCommandError> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(file)
    };
    read.map_err(|error| CatalogueCommandError::File(file.display().to_string(), error))
}

async fn import(
    register: &CatalogueRegister<'_>,
    text: &str,
    rules: ImportRules<'_>,
) -> Result<ImportReport, CatalogueCommandError> {
    let (file, mut faults): (CatalogueCopy, Vec<String>) = http::parse_catalogue(text, rules);
    let found = register.check(&file).await?.into_iter();
    faults.extend(found.map(|fault| format!("{} {}", fault.entry, fault.detail)));
    if !faults.is_empty() {
        return Err(CatalogueCommandError::Faults(faults));
    }
    Ok(register.write(&file).await?)
}
