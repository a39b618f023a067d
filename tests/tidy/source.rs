//! Reads the sources and lists what the code in each file mentions. The rules are elsewhere.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use syn::visit::{self, Visit};

/// A Rust file and what its code mentions.
pub(crate) struct Source {
    /// The path from the root of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// What the code mentions, without the parts of `src` that only tests are built from.
    pub(crate) mentions: Mentions,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            mentions: Mentions {
                module: module_of(path),
                ..Mentions::default()
            },
        };
        if !source.is_test() || !path.starts_with("src/") {
            let syntax = syn::parse_file(text).unwrap_or_else(|error| panic!("{path}: {error}"));
            source.mentions.visit_file(&syntax);
        }
        source
    }

    /// Names the layer of `src` that the file is in: `store` for `src/store/rows.rs`, `app` for `src/app.rs`; `None`
    /// outside of `src`.
    pub(crate) fn layer(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        Some(first.trim_end_matches(".rs").trim_end_matches("_tests"))
    }

    /// Whether the file is no part of the shipped program: it is outside of `src`, or only tests are built from it.
    pub(crate) fn is_test(&self) -> bool {
        !self.path.starts_with("src/") || self.path.contains("/tests/") || self.path.ends_with("tests.rs")
    }

    /// Reports a fault of the whole file.
    pub(crate) fn fault(&self, what: &str) -> String {
        format!("{}: {what}", self.path)
    }

    /// Reports a fault on this line of the file.
    pub(crate) fn fault_at(&self, line: usize, what: &str) -> String {
        format!("{}:{line}: {what}", self.path)
    }
}

/// The module that a file of `src` is: `crate::store::rows` for `src/store/rows.rs`.
pub(crate) fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let names = inside
        .split('/')
        .filter(|name| !matches!(*name, "mod" | "lib" | "main"));
    ["crate"].into_iter().chain(names).map(str::to_owned).collect()
}

/// The names that a file mentions, by kind.
#[derive(Default)]
pub(crate) struct Mentions {
    module: Vec<String>,
    /// All paths, from `crate` or from another crate's name; those with one segment may be anything.
    pub(crate) paths: Vec<Vec<String>>,
    /// The same without re-exports.
    pub(crate) uses: Vec<Vec<String>>,
    /// The names that `pub use` gives to others, and the path of each.
    pub(crate) reexports: Vec<(String, Vec<String>)>,
    /// The methods that the file calls.
    pub(crate) methods: Vec<String>,
    /// The fields that the file reads or writes.
    pub(crate) fields: Vec<String>,
    /// The macros that the file calls.
    pub(crate) macros: Vec<String>,
    /// The string literals outside of macros.
    pub(crate) literals: Vec<String>,
    /// The modules that the file declares.
    pub(crate) modules: Vec<String>,
    /// Whether any function or block is `async`.
    pub(crate) is_async: bool,
}

impl Mentions {
    /// Lists the layers of this crate that the file mentions.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &str> {
        let inside = self.paths.iter().filter(|path| path[0] == "crate");
        inside.filter_map(|path| path.get(1)).map(String::as_str)
    }

    /// Whether a path starts with these segments: `std::env`.
    pub(crate) fn starts_with(&self, start: &str) -> bool {
        let start: Vec<&str> = start.split("::").collect();
        self.paths
            .iter()
            .any(|path| path.len() >= start.len() && path.iter().zip(&start).all(|(a, b)| a == b))
    }

    /// Whether a path ends with these segments: `Utc::now`.
    pub(crate) fn ends_with(&self, end: &str) -> bool {
        let end: Vec<&str> = end.split("::").collect();
        self.paths.iter().any(|path| {
            path.len() >= end.len() && path.iter().rev().zip(end.iter().rev()).all(|(a, b)| a == b)
        })
    }

    fn add(&mut self, segments: &[String]) {
        if let Some(path) = self.resolved(segments) {
            self.paths.push(path.clone());
            self.uses.push(path);
        }
    }

    fn add_reexport(&mut self, name: &str, segments: &[String]) {
        if let Some(path) = self.resolved(segments) {
            self.paths.push(path.clone());
            self.reexports.push((name.to_owned(), path));
        }
    }

    /// The path from the crate's root, after `self`, `super` and the crate's own name are resolved.
    fn resolved(&self, segments: &[String]) -> Option<Vec<String>> {
        // `use a::{self, b}` names `a`.
        let segments = match segments.split_last() {
            Some((last, before)) if last == "self" && !before.is_empty() => before,
            _ => segments,
        };
        let ups = segments.iter().take_while(|name| *name == "super").count();
        let here = segments.first().is_some_and(|name| name == "self");
        let path = match segments.first().map(String::as_str) {
            Some("holdfast") => [&["crate".to_owned()], &segments[1..]].concat(),
            Some("super") => {
                let above = self.module.len().saturating_sub(ups).max(1);
                [&self.module[..above], &segments[ups..]].concat()
            }
            Some(_) if here => [&self.module[..], &segments[1..]].concat(),
            Some(_) => segments.to_vec(),
            None => return None,
        };
        Some(path)
    }

    /// Adds what a `use` names; `public` is whether it is a re-export.
    fn add_tree(&mut self, public: bool, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(public, &with(&path.ident), &path.tree),
            syn::UseTree::Name(name) if public => {
                self.add_reexport(&name.ident.to_string(), &with(&name.ident))
            }
            syn::UseTree::Rename(name) if public => {
                self.add_reexport(&name.rename.to_string(), &with(&name.ident))
            }
            syn::UseTree::Glob(_) if public => self.add_reexport("*", before),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(name) => self.add(&with(&name.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => {
                let trees = group.items.iter();
                trees.for_each(|tree| self.add_tree(public, before, tree));
            }
        }
    }

    /// Adds the paths and methods in the tokens of a macro or an attribute, which are searched as text, not parsed.
    fn look_through(&mut self, tokens: &str) {
        let text = tokens
            .replace(" :: ", "::")
            .replace(":: ", "::")
            .replace(" ::", "::");
        let is_word = |c: char| c.is_alphanumeric() || c == '_';
        for path in text
            .split(|c: char| !is_word(c) && c != ':')
            .filter(|word| word.contains("::"))
        {
            let segments: Vec<String> = path
                .split("::")
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect();
            self.add(&segments);
        }
        for rest in text.split('.').skip(1) {
            let method: String = rest.trim_start().chars().take_while(|c| is_word(*c)).collect();
            self.methods.push(method);
        }
    }
}

impl<'ast> Visit<'ast> for Mentions {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !attributes(item).iter().any(is_cfg_test) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let public = !matches!(item.vis, syn::Visibility::Inherited);
        self.add_tree(public, &[], &item.tree);
    }

    /// `pub(super)` mentions no item.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.modules.push(item.ident.to_string());
        self.module.push(item.ident.to_string());
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.add(&segments);
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.methods.push(call.method.to_string());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_field(&mut self, field: &'ast syn::ExprField) {
        if let syn::Member::Named(name) = &field.member {
            self.fields.push(name.to_string());
        }
        visit::visit_expr_field(self, field);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.macros
            .extend(call.path.segments.last().map(|name| name.ident.to_string()));
        self.look_through(&call.tokens.to_string());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if let syn::Meta::List(list) = &attribute.meta {
            self.look_through(&list.tokens.to_string());
        }
        visit::visit_attribute(self, attribute);
    }

    fn visit_lit_str(&mut self, literal: &'ast syn::LitStr) {
        self.literals.push(literal.value());
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.is_async |= signature.asyncness.is_some();
        visit::visit_signature(self, signature);
    }

    fn visit_expr_async(&mut self, block: &'ast syn::ExprAsync) {
        self.is_async = true;
        visit::visit_expr_async(self, block);
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Const(item) => &item.attrs,
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Struct(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_cfg_test(attribute: &syn::Attribute) -> bool {
    attribute.path().is_ident("cfg")
        && matches!(&attribute.meta, syn::Meta::List(list) if list.tokens.to_string() == "test")
}

/// The root folder of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Reads a file of the repository as text.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Lists all files below a directory of the repository in order, without build results, databases and private
/// settings.
pub(crate) fn files(directory: &str) -> Vec<String> {
    let mut found = Vec::new();
    collect(&root().join(directory), &mut found);
    found.sort();
    found
}

fn collect(directory: &Path, found: &mut Vec<String>) {
    let entries =
        std::fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if [".git", "target", ".env", "node_modules"].contains(&name.as_str()) || name.contains(".db") {
            continue;
        }
        if path.is_dir() {
            collect(&path, found);
        } else {
            let inside = path.strip_prefix(root()).unwrap();
            found.push(inside.to_string_lossy().replace('\\', "/"));
        }
    }
}

/// All Rust files of the repository, read once.
pub(crate) fn sources() -> &'static [Source] {
    static SOURCES: OnceLock<Vec<Source>> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let all = ["src", "tests", "benches", "examples"];
        let there = all
            .into_iter()
            .filter(|directory| root().join(directory).is_dir());
        let paths = there.flat_map(files).filter(|path| path.ends_with(".rs"));
        paths.map(|path| Source::new(&path, &read(&path))).collect()
    })
}
