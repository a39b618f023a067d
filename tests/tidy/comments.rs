//! Checks that each doc comment begins with a sentence.

use super::source::Source;
use super::text::{Kind, pieces};
use super::{assert_catches, assert_holds};

const FEWEST_WORDS: usize = 4;

/// A doc comment: its first line, and its text without the marks.
struct DocComment {
    line: usize,
    lines: Vec<String>,
}

fn doc_comments(source: &Source) -> Vec<DocComment> {
    let mut found: Vec<DocComment> = Vec::new();
    for piece in pieces(&source.path, &source.text) {
        if piece.kind != Kind::Prose {
            continue;
        }
        let mut mark_above = "";
        for (index, line) in piece.text.lines().enumerate() {
            let line = line.trim_start();
            let is_mark = |mark: &&str| line.starts_with(*mark) && !line.starts_with("////");
            let mark = ["///", "//!"].into_iter().find(is_mark).unwrap_or_default();
            let text = line.strip_prefix(mark).unwrap_or(line).trim().to_owned();
            match found.last_mut() {
                Some(comment) if mark == mark_above && !mark.is_empty() => comment.lines.push(text),
                _ if !mark.is_empty() => found.push(DocComment {
                    line: piece.line + index,
                    lines: vec![text],
                }),
                _ => {}
            }
            mark_above = mark;
        }
    }
    found
}

/// The first paragraph as one line.
fn first_paragraph(lines: &[String]) -> String {
    let starts_block = |line: &&String| {
        !(line.is_empty() || line.starts_with(['|', '-', '*', '#']) || line.starts_with("```"))
    };
    let paragraph: Vec<&str> = lines
        .iter()
        .take_while(starts_block)
        .map(String::as_str)
        .collect();
    paragraph.join(" ")
}

/// The text up to the first period that ends a sentence.
fn first_sentence(paragraph: &str) -> &str {
    let ends = paragraph.match_indices(". ").find(|(at, _)| {
        let next = paragraph[at + 2..].chars().next();
        next.is_some_and(|c| !c.is_lowercase())
    });
    ends.map_or(paragraph, |(at, _)| &paragraph[..=at])
}

/// What is wrong with the first sentence of a comment.
fn fault_of(lines: &[String]) -> Option<String> {
    let paragraph = first_paragraph(lines);
    let sentence = first_sentence(&paragraph);
    let words = sentence
        .split_whitespace()
        .filter(|word| word.contains(char::is_alphanumeric));
    let is_ended = sentence.trim_end_matches([')', '`', '*']).ends_with(['.', ':']);
    if words.count() < FEWEST_WORDS {
        Some(format!(
            "{sentence:?} has fewer than {FEWEST_WORDS} words: say what the item is or does"
        ))
    } else if !is_ended {
        Some(format!("{sentence:?} does not end with a period"))
    } else if sentence.starts_with(char::is_lowercase) {
        Some(format!("{sentence:?} does not begin like a sentence"))
    } else {
        None
    }
}

fn begins_with_a_sentence(source: &Source) -> Vec<String> {
    let comments = doc_comments(source).into_iter();
    let faults = comments.filter_map(|comment| Some((comment.line, fault_of(&comment.lines)?)));
    faults.map(|(line, what)| source.fault_at(line, &what)).collect()
}

#[test]
fn each_doc_comment_begins_with_a_sentence() {
    assert_holds(begins_with_a_sentence);
    assert_catches(&[
        (begins_with_a_sentence, "src/a.rs", "/// Which.\nstruct A;"),
        (
            begins_with_a_sentence,
            "src/a.rs",
            "//! The model of a store\n\nstruct A;",
        ),
        (
            begins_with_a_sentence,
            "src/a.rs",
            "/// Yes. It is one of many.\nstruct A;",
        ),
        (
            begins_with_a_sentence,
            "src/a.rs",
            "/// deletes the row of this hold.\nstruct A;",
        ),
        (
            begins_with_a_sentence,
            "src/a.rs",
            "struct A {\n    /// By whom.\n    a: u8,\n}",
        ),
    ]);
    let fine = "//! Lists the parts of a store:\n//! - a\n//!\n//! And more\n\n/// Deletes the row of a hold that\n/// is over. More\nfn f() {\n    // why\n    g(\"/// no\");\n}\n";
    assert_eq!(begins_with_a_sentence(&Source::new("src/a.rs", fine)), [""; 0]);
    let found = begins_with_a_sentence(&Source::new(
        "src/a.rs",
        "//! It says what it is.\n\n/// Its id.\nstruct A;",
    ));
    assert!(found[0].starts_with("src/a.rs:3: "), "{found:?}");
}
