//! Checks that no files of a layer depend on each other in a circle.
//!
//! An edge goes from a file to each file whose items it uses. A re-export is no use: what others take through it
//! counts as theirs, from the file that defines it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::source::{Mentions, Source, module_of, sources};

/// The files of the program by their module paths.
struct Modules<'a> {
    files: BTreeMap<Vec<String>, &'a Source>,
}

impl<'a> Modules<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let ours = sources
            .iter()
            .filter(|source| source.path.starts_with("src/") && !source.is_test());
        Self {
            files: ours.map(|source| (module_of(&source.path), source)).collect(),
        }
    }

    /// The file that defines the item at the end of this path; `from` is the file that mentions it.
    fn resolve(&self, from: &Source, path: &[String]) -> Option<&'a Source> {
        let mut path = self.absolute(from, path)?;
        // A chain of re-exports ends after a few steps, or the code would not compile.
        for _ in 0..8 {
            let known = (1..=path.len())
                .rev()
                .find(|end| self.files.contains_key(&path[..*end]))?;
            let file = self.files[&path[..known]];
            let Some(target) = path.get(known).and_then(|name| target(&file.mentions, name)) else {
                return Some(file);
            };
            let Some(target) = self.absolute(file, target) else {
                return Some(file);
            };
            path = [&target[..], &path[known + 1..]].concat();
        }
        None
    }

    /// The path from `crate` on; `None` for a path into another crate, or for a name that the file itself defines.
    fn absolute(&self, from: &Source, path: &[String]) -> Option<Vec<String>> {
        let first = path.first()?;
        if first == "crate" {
            return Some(path.to_vec());
        }
        let here = module_of(&from.path);
        let child = [&here[..], std::slice::from_ref(first)].concat();
        let is_here = self.files.contains_key(&child) || target(&from.mentions, first).is_some();
        is_here.then(|| [&here[..], path].concat())
    }
}

/// What a file re-exports under this name.
fn target<'a>(mentions: &'a Mentions, name: &str) -> Option<&'a Vec<String>> {
    let mut found = mentions.reexports.iter().filter(|(exported, _)| exported == name);
    found.next().map(|(_, path)| path)
}

/// For each file of one layer the files that it uses, and an item of each.
type Graph<'a> = BTreeMap<&'a str, BTreeMap<&'a str, String>>;

fn graphs(sources: &[Source]) -> BTreeMap<&str, Graph<'_>> {
    let modules = Modules::new(sources);
    let mut graphs: BTreeMap<&str, Graph> = BTreeMap::new();
    for source in modules.files.values() {
        let Some(layer) = source.layer().filter(|layer| !matches!(*layer, "main" | "lib")) else {
            continue;
        };
        let uses = graphs.entry(layer).or_default().entry(&source.path).or_default();
        for path in &source.mentions.uses {
            if let Some(used) = modules.resolve(source, path)
                && used.path != source.path
                && used.layer() == Some(layer)
            {
                uses.entry(&used.path).or_insert_with(|| path.join("::"));
            }
        }
    }
    graphs
}

/// The shortest way from a file back to itself.
fn shortest_cycle<'a>(graph: &Graph<'a>, start: &'a str) -> Option<Vec<&'a str>> {
    let mut came_from: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in graph.get(file).into_iter().flat_map(BTreeMap::keys).copied() {
            if next == start {
                let mut way = vec![file];
                while let Some(before) = came_from.get(way[way.len() - 1]) {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next) {
                came_from.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}

/// Each shortest cycle once, with the items that make it.
fn cycles(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for (layer, graph) in graphs(sources) {
        let mut seen: BTreeSet<Vec<&str>> = BTreeSet::new();
        for cycle in graph.keys().filter_map(|file| shortest_cycle(&graph, file)) {
            let mut files = cycle.clone();
            files.sort_unstable();
            if !seen.insert(files) {
                continue;
            }
            let steps = cycle.iter().zip(cycle.iter().cycle().skip(1));
            let steps =
                steps.map(|(file, used)| format!("\n    {file} uses {} of {used}", graph[file][used]));
            faults.push(format!(
                "{}: a circle in {layer}:{}",
                cycle[0],
                steps.collect::<String>()
            ));
        }
    }
    faults
}

fn cycles_in(files: &[(&str, &str)]) -> Vec<String> {
    let sources: Vec<Source> = files.iter().map(|(path, text)| Source::new(path, text)).collect();
    cycles(&sources)
}

#[test]
fn files_of_a_layer_have_no_circle() {
    let found = cycles(sources());
    assert!(found.is_empty(), "\n{}\n{} faults", found.join("\n"), found.len());
}

#[test]
fn circles_are_caught() {
    let caught: &[&[(&str, &str)]] = &[
        // Two siblings.
        &[
            ("src/store/a.rs", "use super::b::B; pub struct A;"),
            ("src/store/b.rs", "fn f() -> crate::store::a::A { g() }"),
        ],
        // Three siblings.
        &[
            ("src/store/a.rs", "use super::b::B;"),
            ("src/store/b.rs", "use super::c;"),
            ("src/store/c.rs", "fn f() { super::a::g() }"),
        ],
        // A child uses an item of its parent, and the parent one of the child.
        &[
            ("src/store.rs", "mod a; struct S; fn f() { a::g() }"),
            ("src/store/a.rs", "use super::S; pub fn g() {}"),
        ],
        // The same through a re-export that the parent itself uses.
        &[
            ("src/store.rs", "mod a; pub use a::A; struct S { a: A }"),
            ("src/store/a.rs", "use super::S; pub struct A;"),
        ],
        // A sibling that is reached through the parent's re-export.
        &[
            ("src/store.rs", "mod a; mod b; pub use a::A;"),
            ("src/store/a.rs", "use super::b::B; pub struct A;"),
            ("src/store/b.rs", "use crate::store::A; pub struct B;"),
        ],
        // Inside a macro, and in the simulator.
        &[
            ("src/sandbox/a.rs", "fn f() { h!(\"{}\", super::b::g()) }"),
            ("src/sandbox/b.rs", "use super::a::f;"),
        ],
    ];
    for files in caught {
        assert_eq!(cycles_in(files).len(), 1, "not caught: {files:?}");
    }
    let found = cycles_in(caught[0]);
    let expected = "src/store/a.rs: a circle in store:\n    src/store/a.rs uses crate::store::b::B of src/store/b.rs\n    \
                    src/store/b.rs uses crate::store::a::A of src/store/a.rs";
    assert_eq!(found, [expected]);
}

#[test]
fn a_tree_is_no_circle() {
    let fine: &[&[(&str, &str)]] = &[
        // The parent declares and re-exports only; visibility names no item.
        &[
            (
                "src/store.rs",
                "mod a; pub mod b; pub use a::A; pub(crate) use b::*;",
            ),
            ("src/store/a.rs", "use super::b::B; pub(super) struct A;"),
            ("src/store/b.rs", "pub(in crate::store) struct B;"),
        ],
        // The child uses its parent's items; the parent only re-exports the child's.
        &[
            ("src/store.rs", "mod a; pub use a::A; pub struct S;"),
            ("src/store/a.rs", "use super::S; pub struct A;"),
        ],
        // Tests may use anything.
        &[
            ("src/store/a.rs", "use super::b::B; pub struct A;"),
            (
                "src/store/b.rs",
                "#[cfg(test)] mod tests { use crate::store::a::A; }",
            ),
        ],
    ];
    for files in fine {
        assert_eq!(cycles_in(files), [""; 0], "{files:?}");
    }
}
