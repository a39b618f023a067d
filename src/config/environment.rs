//! The variables that a command finds: those of the process, then those of `.env` in the working directory.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::env_file::{EnvFileFault, parse_env_file};

/// A file `.env` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    /// The file cannot be opened or read.
    #[error("the file {0} cannot be read: {1}")]
    Unreadable(PathBuf, ErrorKind),
    /// Lines of the file cannot be read.
    #[error("the file {} cannot be used:{}", .0.display(), list_faults(.1))]
    Faulty(PathBuf, Vec<EnvFileFault>),
}

fn list_faults(faults: &[EnvFileFault]) -> String {
    faults.iter().map(|fault| format!("\n  {fault}")).collect()
}

/// A variable with our prefix that nothing reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// The name of the variable.
    pub name: String,
    /// The most similar name that is read.
    pub nearest: String,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, nearest } = self;
        write!(
            f,
            "{name} is unknown and has no effect; the nearest known name is {nearest}"
        )
    }
}

/// The variables of a command. It remembers which ones were looked up: these are the known ones.
#[derive(Debug, Default)]
pub struct Environment {
    process: BTreeMap<OsString, OsString>,
    file: BTreeMap<String, String>,
    known: RefCell<BTreeSet<String>>,
}

impl Environment {
    /// Makes an environment of the variables of the process.
    pub fn new(process: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        Self {
            process: process.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Adds the variables of a file, if there is such a file.
    ///
    /// # Errors
    /// [`EnvFileError`] if the file cannot be read, or a line of it.
    pub fn with_file(mut self, path: &Path) -> Result<Self, EnvFileError> {
        let content = match std::fs::read(path) {
            Ok(content) => content,
            // A directory with this name is something else, such as an environment of Python.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) => {
                return Ok(self);
            }
            Err(error) => return Err(EnvFileError::Unreadable(path.to_owned(), error.kind())),
        };
        self.file =
            parse_env_file(&content).map_err(|faults| EnvFileError::Faulty(path.to_owned(), faults))?;
        Ok(self)
    }

    /// Finds the value of a variable. One that the process has is not read from the file, even if it is empty.
    pub fn find(&self, name: &str) -> Option<OsString> {
        self.known.borrow_mut().insert(name.to_owned());
        let in_file = || self.file.get(name).map(OsString::from);
        self.process.get(OsStr::new(name)).cloned().or_else(in_file)
    }

    /// Lists the variables with our prefix that were not looked up, after the configuration is loaded.
    pub fn list_unknown(&self) -> Vec<UnknownVariable> {
        let known = self.known.borrow();
        let in_process = self
            .process
            .keys()
            .map(|name| name.to_string_lossy().into_owned());
        let names: BTreeSet<String> = in_process.chain(self.file.keys().cloned()).collect();
        let unknown = names
            .into_iter()
            .filter(|name| name.to_ascii_uppercase().starts_with("HOLDFAST") && !known.contains(name));
        let nearest = |name: &str| {
            let name = name.to_ascii_uppercase();
            known
                .iter()
                .min_by_key(|known| strsim::damerau_levenshtein(known, &name))
        };
        unknown
            .filter_map(|name| {
                Some(UnknownVariable {
                    nearest: nearest(&name)?.clone(),
                    name,
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests;
