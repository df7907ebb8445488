//! The documentation of a module, from its text: what it is for, and each thing it declares with
//! its doc comment, its parameters and, for a component, its parts.
//!
//! Nothing is evaluated: a page says what is written, defaults and all. What a word of the language
//! means is in the reference, which is made from the vocabulary.

mod page;
mod parts;

use crate::resolve::{STANDARD_LIBRARY, StandardModule};
use crate::source::FileId;
use crate::syntax::{ast, parse};
use page::Page;
use std::fmt::Write as _;

/// How a module is called and imported.
#[derive(Clone, Copy, Debug)]
pub struct Module<'a> {
    /// Its title: `std.redis`, or a file's path.
    pub title: &'a str,
    /// The line that imports it and the name it goes by then, where it is one to import.
    pub import: Option<(&'a str, &'a str)>,
    /// Its text.
    pub text: &'a str,
}

/// The page of a module of the standard library.
pub fn standard_page(module: &StandardModule) -> String {
    let title = format!("std.{}", module.name);
    page(Module {
        title: &title,
        import: Some((&format!("import {title}"), module.name)),
        text: module.text,
    })
}

/// The standard library as a folder of pages: each with its file's name, the list of them first.
pub fn standard_library() -> Vec<(String, String)> {
    let mut index = String::from(
        "# The standard library\n\nModules that are part of `zdc`: `import std.NAME`, and its names are `NAME.x`. \
         `zdc doc std.NAME` prints a page.\n\n| module | |\n|---|---|\n",
    );
    for module in STANDARD_LIBRARY {
        let name = module.name;
        // Writing to a string never fails.
        let _ = writeln!(
            index,
            "| [std.{name}]({name}.md) | {} |",
            summary(module.text)
        );
    }
    let pages = STANDARD_LIBRARY
        .iter()
        .map(|module| (format!("{}.md", module.name), standard_page(module)));
    [("index.md".to_owned(), index)]
        .into_iter()
        .chain(pages)
        .collect()
}

/// A module's page, in Markdown.
///
/// What could not be read of the text is left out; parsing it says why.
pub fn page(module: Module<'_>) -> String {
    let (file, _) = parse(FileId(0), module.text);
    Page::new(module.text).write(module, &file)
}

/// The first paragraph of a module's introduction, as one line.
fn summary(text: &str) -> String {
    let (file, _) = parse(FileId(0), text);
    let introduction = introduction(text, &file);
    let first = introduction.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The `//` lines at the very top of a module: what it is for.
fn introduction(text: &str, file: &ast::File) -> String {
    let first = file
        .items
        .first()
        .map_or(u32::MAX, |item| item.span().start);
    let mut lines = String::new();
    for line in text.lines() {
        let Some(said) = line.trim_start().strip_prefix("//") else {
            break;
        };
        if said.starts_with('/') {
            break;
        }
        lines.push_str(said.strip_prefix(' ').unwrap_or(said));
        lines.push('\n');
    }
    if first == 0 {
        return String::new();
    }
    lines.trim().to_owned()
}
