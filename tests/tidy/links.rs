//! Follows the relative links of Markdown pages: to files, and to headings in them.

use std::collections::BTreeMap;

use super::source::{read, root};

/// Finds the targets of all links in a page, in order. What code shows is not a link.
pub(crate) fn find_targets(page: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose_lines(page) {
        let line = strip_inline_code(line);
        if let Some(target) = parse_definition(&line) {
            targets.push(target.to_owned());
        }
        for rest in line.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            targets.push(target.trim_matches(['<', '>']).to_owned());
        }
    }
    targets
}

/// Finds the links of the page at `path` that lead to no file, or to no heading of a page.
pub(crate) fn find_broken(path: &str, page: &str) -> Vec<String> {
    let relative = find_targets(page)
        .into_iter()
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"));
    relative
        .filter(|target| !resolves(path, page, target))
        .map(|target| format!("{path}: ({target}) leads nowhere"))
        .collect()
}

fn resolves(path: &str, page: &str, target: &str) -> bool {
    let (file, anchor) = match target.split_once('#') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (target, None),
    };
    if file.is_empty() {
        return anchor.is_some_and(|anchor| has_heading(page, anchor));
    }
    let Some(file) = join_path(path, file) else {
        return false;
    };
    if !root().join(&file).exists() {
        return false;
    }
    match anchor {
        None => true,
        Some(anchor) => file.ends_with(".md") && has_heading(&read(&file), anchor),
    }
}

/// Resolves a relative link from a page; `None` if it leaves the repository.
fn join_path(page: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// Tells whether a page has a heading with this anchor.
pub(crate) fn has_heading(page: &str, anchor: &str) -> bool {
    // A heading that repeats gets a number from the second one on, as GitHub does it.
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let headings = prose_lines(page).filter(|line| line.starts_with('#'));
    headings
        .map(|line| to_anchor(line.trim_start_matches('#').trim()))
        .any(|slug| {
            let count = seen.entry(slug.clone()).or_default();
            let name = if *count == 0 {
                slug.clone()
            } else {
                format!("{slug}-{count}")
            };
            *count += 1;
            name == anchor
        })
}

/// Makes the anchor that GitHub gives to a heading: lower case, hyphens for blanks, no other punctuation.
fn to_anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.flat_map(char::to_lowercase)
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}

/// Yields the lines outside of fenced code.
fn prose_lines(page: &str) -> impl Iterator<Item = &str> {
    let mut is_fenced = false;
    page.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_fenced ^= is_fence;
        !is_fenced && !is_fence
    })
}

/// Removes what stands between backquotes.
fn strip_inline_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Reads a link definition, `[name]: target`.
fn parse_definition(line: &str) -> Option<&str> {
    let (name, target) = line.trim_start().strip_prefix('[')?.split_once("]: ")?;
    (!name.contains(']')).then(|| target.split_whitespace().next())?
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let page =
        "# A page\n\n[a](#a-page) [b](../README.md) [c](../README.md#holdfast)\n[d](https://a.example/b)\n";
    assert_eq!(find_broken("docs/a.md", page), [""; 0]);
    for broken in [
        "[a](#b-page)",
        "[a](no-such-file.md)",
        "[a](../README.md#no-such-heading)",
        "[a](../../README.md)",
        "[a][b]\n\n[b]: no-such-file.md",
        "[a](../Cargo.toml#dependencies)",
    ] {
        assert_eq!(find_broken("docs/a.md", broken).len(), 1, "{broken}");
    }
}

#[test]
fn what_code_shows_is_no_link() {
    let page = "`[a](b)`\n```sh\n[c](d)\n# no heading\n```\n[e](f)";
    assert_eq!(find_targets(page), ["f"]);
    assert!(!has_heading(page, "no-heading"));
}

#[test]
fn headings_get_the_anchors_that_github_gives() {
    assert_eq!(
        to_anchor("`HOLDFAST_A`: when, and why?"),
        "holdfast_a-when-and-why"
    );
    let page = "# One\n## Part\n## Part\n";
    assert!(has_heading(page, "part") && has_heading(page, "part-1") && !has_heading(page, "part-2"));
}
