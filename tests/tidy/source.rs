//! The sources as the rules see them: files, and what the code in them mentions. Says nothing about right and wrong.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use syn::visit::{self, Visit};

/// A Rust file.
pub(crate) struct Source {
    /// From the root of the repository, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// What the code mentions, less what only tests of `src` are built from.
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

    /// Which room of `src` it is in: `store` for `src/store/rows.rs`, `app` for `src/app.rs`; `None` outside.
    pub(crate) fn room(&self) -> Option<&str> {
        let inside = self.path.strip_prefix("src/")?;
        let first = inside.split('/').next()?;
        Some(first.trim_end_matches(".rs").trim_end_matches("_tests"))
    }

    /// Whether it is a part of `src` that only tests are built from.
    pub(crate) fn is_test(&self) -> bool {
        !self.path.starts_with("src/") || self.path.contains("/tests/") || self.path.ends_with("tests.rs")
    }
}

fn module_of(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path).trim_end_matches(".rs");
    let names = inside
        .split('/')
        .filter(|name| !matches!(*name, "mod" | "lib" | "main"));
    ["crate"].into_iter().chain(names).map(str::to_owned).collect()
}

/// What a file mentions.
#[derive(Default)]
pub(crate) struct Mentions {
    module: Vec<String>,
    /// Paths, from `crate` or from another crate's name; those with one segment may be anything.
    pub(crate) paths: Vec<Vec<String>>,
    /// Methods that are called.
    pub(crate) methods: Vec<String>,
    /// Fields that are read or written.
    pub(crate) fields: Vec<String>,
    /// Macros that are called.
    pub(crate) macros: Vec<String>,
    /// String literals outside of macros.
    pub(crate) literals: Vec<String>,
    /// Modules that are declared.
    pub(crate) modules: Vec<String>,
    /// Whether anything is `async`.
    pub(crate) is_async: bool,
}

impl Mentions {
    /// The rooms of this crate that are mentioned.
    pub(crate) fn rooms(&self) -> impl Iterator<Item = &str> {
        let inside = self.paths.iter().filter(|path| path[0] == "crate");
        inside.filter_map(|path| path.get(1)).map(String::as_str)
    }

    /// Whether a path starts like this: `std::env`.
    pub(crate) fn starts_with(&self, start: &str) -> bool {
        let start: Vec<&str> = start.split("::").collect();
        self.paths
            .iter()
            .any(|path| path.len() >= start.len() && path.iter().zip(&start).all(|(a, b)| a == b))
    }

    /// Whether a path ends like this: `Utc::now`.
    pub(crate) fn ends_with(&self, end: &str) -> bool {
        let end: Vec<&str> = end.split("::").collect();
        self.paths.iter().any(|path| {
            path.len() >= end.len() && path.iter().rev().zip(end.iter().rev()).all(|(a, b)| a == b)
        })
    }

    fn add(&mut self, segments: &[String]) {
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
            None => return,
        };
        self.paths.push(path);
    }

    fn add_tree(&mut self, before: &[String], tree: &syn::UseTree) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.add_tree(&with(&path.ident), &path.tree),
            syn::UseTree::Name(name) => self.add(&with(&name.ident)),
            syn::UseTree::Rename(name) => self.add(&with(&name.ident)),
            syn::UseTree::Glob(_) => self.add(before),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.add_tree(before, tree)),
        }
    }

    /// What stands in a macro or an attribute is not parsed, only looked through.
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
        self.add_tree(&[], &item.tree);
    }

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

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the repository as text.
pub(crate) fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All files below a directory of the repository, in order, less what is built, kept or private.
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
        if [".git", "target", ".env"].contains(&name.as_str()) || name.contains(".db") {
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

/// All Rust files, read once.
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
