//! Keeps banned words out of identifiers, comments, documentation, log lines, JSON members and SQL names.
//!
//! The lists stand in `docs/glossary.md`, beside the words that are used instead: `banned` holds everywhere,
//! `banned-names` in code, SQL and JSON but not in sentences, `banned-types` for the names of types.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::source::{files, read, root};
use super::text::{Joint, Kind, Piece, Word, pieces, words};

const GLOSSARY: &str = "docs/glossary.md";

/// Files that are not ours to reword, or that must name banned words.
const EXEMPT: [&str; 7] = [
    GLOSSARY,
    "Cargo.lock",
    "benches/peers/by_hand/package-lock.json",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "src/http/pages/swagger-ui/LICENSE",
    ".gitignore",
];

/// What programs write from the description and the sources, which the rule reads.
const GENERATED: [&str; 4] = [
    "clients/js/dist/",
    "clients/js/package-lock.json",
    "clients/js/src/api.d.ts",
    "clients/python/src/",
];

/// Published migrations never change: their checksums are in the databases of users.
const PUBLISHED_MIGRATIONS: [&str; 4] = ["/0001_", "/0002_", "/0003_", "/0004_"];

/// Files with data of version 0.1, which has its old names: the test of the upgrade needs them as they were.
const DATA_OF_VERSION_0_1: [&str; 3] = [
    "tests/it/store/upgrade/version_0_1_postgres.sql",
    "tests/it/store/upgrade/version_0_1_renamed_columns.csv",
    "tests/it/store/upgrade/version_0_1_sqlite.sql",
];

/// Where a banned word means something else: file, word, reason.
const ALLOWED: &[(&str, &str, &str)] = &[
    (
        "tests/it/store/upgrade.rs",
        "why",
        "writes the column that version 0.1 had",
    ),
    (
        "clients/js/src/widget/element.ts",
        "sheet",
        "CSSStyleSheet is the browser's own name",
    ),
    (
        "tests/tidy/words.rs",
        "sheet",
        "allows the browser's own name of a stylesheet",
    ),
    (
        "tests/tidy/words.rs",
        "why",
        "allows the old column in the test of the upgrade",
    ),
    (
        "tests/tidy/words.rs",
        "room",
        "allows `room-2`, the id of a sample resource",
    ),
];

/// A banned word or phrase, and what to write instead.
#[derive(Clone, Debug)]
struct Banned {
    words: Vec<String>,
    instead: String,
}

impl Banned {
    /// Parses a line of the list: `word -> use this`, or a word or phrase alone.
    fn parse(line: &str) -> Self {
        let (words, instead) = line.split_once("->").unwrap_or((line, "plain words"));
        Self {
            words: words.split_whitespace().map(str::to_lowercase).collect(),
            instead: instead.trim().to_owned(),
        }
    }

    fn text(&self) -> String {
        self.words.join(" ")
    }

    /// Whether the words from here on are this phrase; the last one may be a plural.
    fn is_at(&self, words: &[Word], kind: Kind) -> bool {
        let Some(words) = words.get(..self.words.len()) else {
            return false;
        };
        let joined = words[1..].iter().all(|word| match word.joint {
            Joint::Identifier => true,
            Joint::Blank => kind != Kind::Code,
            Joint::Break => false,
        });
        let last = self.words.len() - 1;
        let same = |(at, (found, banned)): (usize, (&Word, &String))| {
            let ending = found.text.strip_prefix(banned.as_str());
            ending.is_some_and(|ending| ending.is_empty() || (at == last && matches!(ending, "s" | "es")))
        };
        joined && words.iter().zip(&self.words).enumerate().all(same)
    }
}

/// The banned phrases, by their first word.
type Index = HashMap<String, Vec<Banned>>;

/// The entries of a fenced block of the glossary.
fn block(glossary: &str, name: &str) -> Vec<Banned> {
    let body = glossary.split(&format!("\n```{name}\n")).nth(1);
    let body = body.unwrap_or_default().split("\n```").next();
    let lines = body.unwrap_or_default().lines().map(str::trim);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(Banned::parse)
        .collect()
}

fn index(entries: Vec<Banned>) -> Index {
    let mut index = Index::new();
    for entry in entries {
        let first = entry.words[0].clone();
        let plurals = (entry.words.len() == 1).then(|| [format!("{first}s"), format!("{first}es")]);
        for key in plurals.into_iter().flatten().chain([first]) {
            index.entry(key).or_default().push(entry.clone());
        }
    }
    index
}

struct Lists {
    everywhere: Index,
    names: Index,
    types: BTreeSet<String>,
}

impl Lists {
    fn parse(glossary: &str) -> Self {
        let types = block(glossary, "banned-types").into_iter();
        Self {
            everywhere: index(block(glossary, "banned")),
            names: index(block(glossary, "banned-names")),
            types: types.map(|entry| entry.text()).collect(),
        }
    }
}

fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    LISTS.get_or_init(|| Lists::parse(&read(GLOSSARY)))
}

/// Whether a literal holds names rather than a sentence: SQL, or one identifier.
fn holds_names(literal: &str) -> bool {
    let sql = [
        "SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "ALTER ", " FROM ",
    ];
    let bare = literal.trim_matches(['"', '\'', '`', 'r', '#']);
    let is_identifier = !bare.is_empty() && bare.chars().all(|c| c.is_alphanumeric() || c == '_');
    is_identifier || sql.iter().any(|verb| literal.contains(verb))
}

/// A found word: path, line, and the entry that bans it.
type Finding = (usize, Banned);

fn findings(lists: &Lists, path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    let stem = Piece {
        kind: Kind::Code,
        line: 1,
        text: path,
    };
    for piece in pieces(path, text).iter().chain([&stem]) {
        // The changelog quotes the names that went away.
        if path == "CHANGELOG.md" && piece.kind == Kind::Code {
            continue;
        }
        let words = words(piece);
        let names = match piece.kind {
            Kind::Code => !path.ends_with(".md"),
            Kind::Prose => false,
            Kind::Literal => holds_names(piece.text),
        };
        let indexes = [Some(&lists.everywhere), names.then_some(&lists.names)];
        for (at, word) in words.iter().enumerate() {
            let entries = indexes.iter().flatten().filter_map(|index| index.get(&word.text));
            let hits = entries
                .flatten()
                .filter(|entry| entry.is_at(&words[at..], piece.kind));
            found.extend(
                hits.filter(|_| !is_sample(word))
                    .map(|entry| (word.line, entry.clone())),
            );
        }
    }
    found
}

/// Whether the word is a part of a sample resource's id, such as `room-2`.
fn is_sample(word: &Word) -> bool {
    word.text == "room" && word.next == Some('-')
}

/// The text without old names: a migration may rename `a` to `b`, so only `b` counts.
fn without_renamed(path: &str, text: &str) -> String {
    if !path.ends_with(".sql") {
        return text.to_owned();
    }
    let line = |line: &str| match (line.find("RENAME"), line.find(" TO ")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &line[..from], &line[to..]),
        _ => line.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

fn faults(lists: &Lists, path: &str, text: &str) -> Vec<String> {
    let allowed = |entry: &Banned| {
        ALLOWED
            .iter()
            .any(|(allowed, word, _)| *allowed == path && entry.text() == *word)
    };
    let mut faults: Vec<String> = findings(lists, path, &without_renamed(path, text))
        .into_iter()
        .filter(|(_, entry)| !allowed(entry))
        .map(|(line, entry)| {
            let (word, instead) = (entry.text(), entry.instead);
            format!("{path}:{line}: {word:?} is banned; write: {instead}")
        })
        .collect();
    faults.extend(type_faults(lists, path, text));
    faults
}

fn type_faults(lists: &Lists, path: &str, text: &str) -> Vec<String> {
    if !path.starts_with("src/") || path.starts_with("src/sandbox") {
        return Vec::new();
    }
    let types = super::names::types(text).into_iter();
    types
        .filter(|(_, name)| lists.types.contains(&name.to_lowercase()))
        .map(|(line, name)| format!("{path}:{line}: type {name} is banned by {GLOSSARY}"))
        .collect()
}

/// The text files that the rule reads: path and text.
fn texts() -> Vec<(String, String)> {
    let is_ours = |path: &String| {
        let published = path.starts_with("migrations/")
            && PUBLISHED_MIGRATIONS.iter().any(|number| path.contains(number));
        let path = path.as_str();
        let generated = GENERATED.iter().any(|start| path.starts_with(start));
        !published && !generated && !EXEMPT.contains(&path) && !DATA_OF_VERSION_0_1.contains(&path)
    };
    files("")
        .into_iter()
        .filter(is_ours)
        .filter_map(|path| {
            let bytes = std::fs::read(root().join(&path)).unwrap();
            Some((path, String::from_utf8(bytes).ok()?))
        })
        .collect()
}

#[test]
fn no_banned_word_is_used() {
    let lists = lists();
    let found: Vec<String> = texts()
        .iter()
        .flat_map(|(path, text)| faults(lists, path, text))
        .collect();
    assert!(found.is_empty(), "\n{}\n{} faults", found.join("\n"), found.len());
}

#[test]
fn the_glossary_has_all_lists_of_banned_words() {
    let lists = lists();
    assert!(lists.everywhere.len() > 40, "{}", lists.everywhere.len());
    assert!(!lists.names.is_empty() && !lists.types.is_empty());
}

#[test]
fn every_allowed_word_is_still_there() {
    for (path, word, _) in ALLOWED {
        let found = findings(lists(), path, &read(path));
        assert!(
            found.iter().any(|(_, entry)| entry.text() == *word),
            "{path} has no {word:?} any more: take the entry out of ALLOWED"
        );
    }
}

const SAMPLE: &str = "
```banned
# how it is meant
gadget -> tool
blue moon -> rarely
room
```
```banned-names
zeal
```
```banned-types
Thing
```
";

#[test]
fn banned_words_are_caught_in_every_kind_of_text() {
    let lists = Lists::parse(SAMPLE);
    let caught = [
        ("src/a.rs", "fn take_gadget() {}"),
        ("src/a.rs", "struct GadgetBox;"),
        ("src/a.rs", "/// Two gadgets.\nfn f() {}"),
        ("src/a.rs", "//! Once in a blue\n//! moon."),
        ("src/a.rs", "fn blue_moon() {}"),
        ("src/a.rs", "fn f() { info!(\"\\ngadget lost\"); }"),
        ("src/a.rs", "fn f() { q(\"SELECT zeal FROM a\"); }"),
        ("src/a.rs", "fn f() { json!({\"zeal\": 1}); }"),
        ("src/a.rs", "let zeal = 1;"),
        ("src/a.rs", "pub(crate) enum Thing {}"),
        ("src/gadget.rs", ""),
        ("a.md", "The room is full."),
        ("a.md", "Set `gadget_size`."),
        (
            "migrations/sqlite/0005_a.sql",
            "ALTER TABLE a RENAME COLUMN b TO gadget;",
        ),
        ("a.json", "{\"zeal\": 1}"),
        ("a.html", "<p class=\"gadget\">"),
        ("a.css", ".gadget { }"),
        ("a.js", "const zeal = 1;"),
    ];
    for (path, text) in caught {
        assert!(
            !faults(&lists, path, text).is_empty(),
            "not caught in {path}: {text}"
        );
    }
    let fine = [
        ("src/a.rs", "fn f() { blue(moon) } // blue, moon"),
        ("src/a.rs", "/// With zeal. `room-2`, one more thing.\nfn f() {}"),
        ("src/a.rs", "fn f() { info!(\"with zeal\"); }"),
        (
            "migrations/sqlite/0005_a.sql",
            "ALTER TABLE a RENAME COLUMN gadget TO b;",
        ),
        ("CHANGELOG.md", "`gadget` is now `tool`."),
    ];
    for (path, text) in fine {
        assert_eq!(faults(&lists, path, text), [""; 0], "{path}: {text}");
    }
    let found = faults(&lists, "src/a.rs", "fn f() {}\nfn gadget() {}");
    assert_eq!(found, ["src/a.rs:2: \"gadget\" is banned; write: tool"]);
}

/// The banned words of the glossary are caught one by one.
#[test]
fn each_banned_word_of_the_glossary_is_caught() {
    for entry in lists().everywhere.values().flatten() {
        let text = format!("//! It is {} here.", entry.text());
        assert!(
            !faults(lists(), "src/a.rs", &text).is_empty(),
            "not caught: {entry:?}"
        );
    }
}
