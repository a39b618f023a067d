//! Which rules are used: those of the directory or the linked ones.

use chrono::{DateTime, Utc};
use tempfile::TempDir;

use super::*;
use crate::domain::zone::{ZoneName, ZoneSource};

/// Zones with one offset each (TZif version 2, RFC 9636): UTC, and a zone that is `hours` ahead of it.
fn fixed_zone(hours: i32) -> Vec<u8> {
    let header = |version: u8| {
        let mut bytes = [MAGIC, &[version], &[0; 15]].concat();
        for count in [0u32, 0, 0, 0, 1, 4] {
            bytes.extend(count.to_be_bytes());
        }
        bytes
    };
    let block = [&(hours * 3600).to_be_bytes()[..], &[0, 0], b"ABC\0"].concat();
    let footer = format!("\n<ABC>{}\n", -hours).into_bytes();
    [header(b'2'), block.clone(), header(b'2'), block, footer].concat()
}

fn write(directory: &TempDir, name: &str, content: impl AsRef<[u8]>) {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// A directory in which Berlin is five hours ahead, with its version in `version_file`.
fn directory_with(version_file: &str, text: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(&directory, "Europe/Berlin", fixed_zone(5));
    write(&directory, version_file, text);
    directory
}

fn load(directory: &TempDir) -> Arc<ZoneDatabase> {
    load_zones(directory.path().to_str().unwrap()).unwrap()
}

fn hours_of(zones: &ZoneDatabase, name: &str) -> Option<i64> {
    let winter: DateTime<Utc> = "2026-12-08T12:00:00Z".parse().unwrap();
    let zone = zones.find(&ZoneName::new(name))?;
    Some(zone.offset_at(winter.timestamp()) / 3600)
}

#[test]
fn newer_directory_wins_whatever_file_has_its_version() {
    for (file, text) in [
        (
            "tzdata.zi",
            "# version 2099b\n# This zic input file is in the public domain.\n",
        ),
        ("+VERSION", "2099b\n"),
        ("version", "2099b"),
        ("tzdata.zi", "# version 2099b-dirty\n"),
    ] {
        let directory = directory_with(file, text);
        let zones = load(&directory);
        assert_eq!(
            (zones.version(), hours_of(&zones, "Europe/Berlin")),
            ("2099b", Some(5)),
            "{file}"
        );
        assert_eq!(
            *zones.source(),
            ZoneSource::Directory(directory.path().display().to_string())
        );
        assert_eq!(
            hours_of(&zones, "Europe/Paris"),
            None,
            "only what the newer rules have"
        );
    }
}

#[test]
fn older_equal_or_unnamed_directory_does_not_win() {
    let linked = ZoneDatabase::linked();
    let same = format!("# version {}\n", linked.version());
    for text in [
        "# version 2025b\n",
        "# version 1999z\n",
        &same,
        "",
        "# version unknown",
        "2099",
        "latest",
    ] {
        let zones = load(&directory_with("tzdata.zi", text));
        assert_eq!(
            (zones.version(), zones.source()),
            (linked.version(), &ZoneSource::Linked),
            "{text}"
        );
        assert_eq!(hours_of(&zones, "Europe/Berlin"), Some(1), "{text}");
    }
}

#[test]
fn newest_of_several_directories_wins() {
    let directories = ["2098a", "2099a", "2025b"].map(|version| directory_with("version", version));
    let paths = directories.each_ref().map(TempDir::path);
    assert_eq!(choose_newest(ZoneDatabase::linked(), &paths).version(), "2099a");
    let missing = Path::new("/nonexistent");
    assert_eq!(
        *choose_newest(ZoneDatabase::linked(), &[missing]).source(),
        ZoneSource::Linked
    );
    let versions = ["2026f", "2026z", "2026za", "2027a"].map(|text| parse_version(text).unwrap());
    assert!(versions.is_sorted());
}

#[test]
fn directory_without_zones_is_a_fault() {
    let empty = tempfile::tempdir().unwrap();
    let only_version = tempfile::tempdir().unwrap();
    write(&only_version, "tzdata.zi", "# version 2099a\n");
    let other_files = tempfile::tempdir().unwrap();
    write(&other_files, "Europe/Berlin", "not a zone");
    write(&other_files, "right/Europe/Berlin", fixed_zone(5));
    write(&other_files, "localtime", fixed_zone(5));
    let paths = [&empty, &only_version, &other_files].map(|directory| directory.path().to_str().unwrap());
    for path in paths.into_iter().chain(["/nonexistent", "/etc/passwd", "/proc"]) {
        assert!(
            load_zones(path).unwrap_err().contains("time zone database"),
            "{path}"
        );
    }
}

#[test]
fn names_of_zones_are_those_of_files_and_links() {
    let source = "# version 2099a\nL Europe/Berlin Europe/Stockholm\nL Europe/Nowhere Europe/Else\nL Europe/Berlin UTC\n";
    let directory = directory_with("tzdata.zi", source);
    write(&directory, "America/Argentina/Salta", fixed_zone(-3));
    write(&directory, "Etc/GMT+4", fixed_zone(-4));
    write(&directory, "UTC", fixed_zone(0));
    write(&directory, "posix/Europe/Paris", fixed_zone(1));
    write(&directory, "Europe/Rome.bak", fixed_zone(1));
    write(&directory, "Europe/Rome", "");
    let mut names: Vec<_> = load(&directory)
        .list_names()
        .map(|name| name.to_string())
        .collect();
    names.sort();
    let expected = [
        "America/Argentina/Salta",
        "Etc/GMT+4",
        "Europe/Berlin",
        "Europe/Stockholm",
        "UTC",
    ];
    assert_eq!(names, expected);
    assert_eq!(hours_of(&load(&directory), "Europe/Stockholm"), Some(5));
    assert_eq!(
        hours_of(&load(&directory), "UTC"),
        Some(0),
        "a file comes before a link"
    );
}

#[test]
fn system_of_this_machine_is_read_without_a_variable() {
    let zones = load_zones("").unwrap();
    assert!(zones.version() >= ZoneDatabase::linked().version());
    assert_eq!(hours_of(&zones, "Europe/Berlin"), Some(1));
}
