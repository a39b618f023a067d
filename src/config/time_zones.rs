//! Finds the rules of all time zones: those of the system if they are newer than the linked ones, so that an operator can
//! update them without a new program.
//!
//! They are read once, so that all requests of a process follow one version.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::sync::Arc;

use crate::domain::zone::{ZoneDatabase, ZoneName};

/// The usual places of the system's database, as Python and glibc know them.
const SYSTEM_DIRECTORIES: [&str; 4] = [
    "/usr/share/zoneinfo",
    "/usr/lib/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/etc/zoneinfo",
];
/// The files whose first line tells the version: of zic's source text, of macOS and the BSDs, of IANA's own tree.
const VERSION_FILES: [&str; 3] = [SOURCE_FILE, "+VERSION", "version"];
/// The source text of all rules, which also has the links from one name to another.
const SOURCE_FILE: &str = "tzdata.zi";
/// What every file of a zone begins with.
const MAGIC: &[u8] = b"TZif";
/// The longest name has three parts, such as `America/Argentina/Salta`.
const MOST_PARTS: usize = 3;
/// More than any file of a zone has, and a bound for a directory that has other files.
const MOST_BYTES: u64 = 1024 * 1024;

/// The bytes of zones by their names.
type ZoneFiles = HashMap<String, Vec<u8>>;

/// Returns the newest rules: of this directory or the linked ones; if none is given, of the system's usual places.
///
/// # Errors
/// What is wrong with the directory that is given, for the operator.
pub(super) fn load_zones(directory: &str) -> Result<Arc<ZoneDatabase>, &'static str> {
    let linked = ZoneDatabase::linked();
    if directory.is_empty() {
        return Ok(Arc::new(choose_newest(
            linked,
            &SYSTEM_DIRECTORIES.map(Path::new),
        )));
    }
    if read_zones(Path::new(directory)).is_empty() {
        return Err("must be a directory with a time zone database, such as /usr/share/zoneinfo");
    }
    Ok(Arc::new(choose_newest(linked, &[Path::new(directory)])))
}

/// Parses the name of a zone that a database has.
///
/// # Errors
/// What is wrong with the name, for the operator.
pub(super) fn parse_zone(name: &str, zones: &ZoneDatabase) -> Result<ZoneName, &'static str> {
    let name = ZoneName::new(name);
    let is_known = zones.find(&name).is_some();
    is_known
        .then_some(name)
        .ok_or("must be a name of the IANA time zone database, such as Europe/Berlin")
}

/// Returns the newest database: the linked one, or that of a directory. A directory whose version is unknown may be old, so it is passed over.
fn choose_newest(linked: ZoneDatabase, directories: &[&Path]) -> ZoneDatabase {
    let mut newest = linked;
    for directory in directories {
        let version = find_version(directory).filter(|version| version.as_str() > newest.version());
        let Some(version) = version else { continue };
        let files = read_zones(directory);
        if !files.is_empty() {
            newest = ZoneDatabase::from_files(version, directory.display().to_string(), files);
        }
    }
    newest
}

/// Finds the version of the database in a directory, such as `2026b`.
fn find_version(directory: &Path) -> Option<String> {
    let first_lines = VERSION_FILES.iter().filter_map(|name| {
        let file = open_regular_file(&directory.join(name))?;
        let mut line = String::new();
        BufReader::new(file.take(100)).read_line(&mut line).ok()?;
        Some(line)
    });
    first_lines.filter_map(|line| parse_version(&line)).next()
}

/// Parses `2026b` or `# version 2026b`. What follows, such as the `-1` of a package, is no part of the version.
///
/// Versions sort like their texts.
fn parse_version(line: &str) -> Option<String> {
    let text = line.trim();
    let text = text.strip_prefix("# version ").unwrap_or(text);
    let year = text.get(..4)?;
    let letters = text.get(4..)?;
    let length = letters.bytes().take_while(u8::is_ascii_lowercase).count();
    let is_version = year.bytes().all(|digit| digit.is_ascii_digit()) && length > 0;
    is_version.then(|| text[..4 + length].to_owned())
}

/// Opens a file that can be read to its end: no directory, device or pipe.
fn open_regular_file(path: &Path) -> Option<File> {
    let is_regular = fs::metadata(path).is_ok_and(|found| found.is_file());
    is_regular.then(|| File::open(path).ok()).flatten()
}

/// Reads the zones of a directory; what cannot be read is left out, so that nothing is offered in it.
fn read_zones(directory: &Path) -> ZoneFiles {
    let mut found = ZoneFiles::new();
    read_zones_below(directory, "", MOST_PARTS, &mut found);
    add_links(directory, &mut found);
    found
}

fn read_zones_below(directory: &Path, prefix: &str, parts: usize, found: &mut ZoneFiles) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_part_of_name(name)) else {
            continue;
        };
        let (path, name) = (entry.path(), format!("{prefix}{name}"));
        if path.is_dir() {
            if parts > 1 {
                read_zones_below(&path, &format!("{name}/"), parts - 1, found);
            }
        } else if let Some(bytes) = read_zone(&path) {
            found.insert(name, bytes);
        }
    }
}

/// Tells whether this can be a part of a zone's name. All parts begin with a capital letter, which tells them from
/// `posix`, `right` (with leap seconds), `localtime` and the tables.
fn is_part_of_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_+-".contains(&byte))
}

fn read_zone(path: &Path) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = open_regular_file(path)?;
    file.take(MOST_BYTES).read_to_end(&mut bytes).ok()?;
    bytes.starts_with(MAGIC).then_some(bytes)
}

/// Adds the older names of zones, such as `US/Pacific`. Some systems have their files in a package of their own, but all
/// list them in the source text, as `L America/Los_Angeles US/Pacific`.
fn add_links(directory: &Path, found: &mut ZoneFiles) {
    let mut text = String::new();
    let source = open_regular_file(&directory.join(SOURCE_FILE));
    let read = source.map(|file| file.take(MOST_BYTES).read_to_string(&mut text));
    if !matches!(read, Some(Ok(_))) {
        return;
    }
    for line in text.lines() {
        let mut words = line.split_whitespace();
        if let (Some("L"), Some(target), Some(name)) = (words.next(), words.next(), words.next())
            && !found.contains_key(name)
            && let Some(bytes) = found.get(target)
        {
            found.insert(name.to_owned(), bytes.clone());
        }
    }
}

#[cfg(test)]
mod tests;
