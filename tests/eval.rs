//! What evaluation makes of a program: `tests/cases/eval/<case>/app.zd`, with the deployment or
//! what was found beside it. `set.txt` and `params.json` there are the inputs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "a test reads its cases from the disk and fails by panicking"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use zdc::check::check;
use zdc::diagnostics::{Diagnostic, Diagnostics};
use zdc::eval::{Deployment, Inputs, evaluate};
use zdc::resolve::resolve;
use zdc::source::{MemoryWorld, Sources};

/// A program's deployment, with what each phase found.
fn run(world: &MemoryWorld, inputs: &Inputs) -> (Sources, Deployment, Diagnostics) {
    let (program, mut found) = resolve(world, "app.zd");
    let sources = program.sources.clone();
    let (checked, more) = check(program);
    found.extend(more);
    if found.has_errors() {
        return (sources, Deployment::default(), found);
    }
    let (deployment, more) = evaluate(world, &checked, inputs);
    found.extend(more);
    (sources, deployment, found)
}

/// The world of a folder.
fn world(folder: &Path) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let snapshot = Path::new(&name)
            .extension()
            .is_some_and(|end| end == "snap");
        if entry.path().is_file() && !snapshot {
            world = world.with(name, fs::read_to_string(entry.path()).unwrap());
        }
    }
    world
}

#[test]
fn every_case_evaluates_to_what_stands_beside_it() {
    insta::glob!("cases/eval/*/app.zd", |path| {
        let folder = path.parent().unwrap();
        let mut inputs = Inputs::default();
        if let Ok(text) = fs::read_to_string(folder.join("set.txt")) {
            for line in text.lines() {
                let (name, value) = line.split_once('=').unwrap();
                inputs.set.push((name.to_owned(), value.to_owned()));
            }
        }
        if let Ok(text) = fs::read_to_string(folder.join("params.json")) {
            let params: serde_json::Map<String, serde_json::Value> =
                serde_json::from_str(&text).unwrap();
            inputs.params.extend(params);
        }
        let (sources, deployment, found) = run(&world(folder), &inputs);
        let mut page = String::new();
        for diagnostic in found.clone().into_sorted() {
            page.push_str(&said(&sources, &diagnostic));
        }
        if !found.has_errors() {
            page.push_str(&shape(&deployment));
        }
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(folder);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_snapshot_suffix("");
        settings.set_omit_expression(true);
        settings.remove_input_file();
        settings.remove_description();
        settings.bind(|| {
            insta::assert_snapshot!(name, page);
        });
    });
}

/// A diagnostic with its places as the text they cover.
fn said(sources: &Sources, found: &Diagnostic) -> String {
    let mut page = format!("{} {}: {}\n", found.code.id, found.severity, found.message);
    for label in &found.labels {
        let (line, column) = sources.position(label.span);
        let file = sources.get(label.span.file).map_or("?", |file| &file.path);
        let text = sources.slice(label.span).replace('\n', "\\n");
        writeln!(page, "  {file}:{line}:{column} `{text}` {}", label.text).unwrap();
    }
    for note in &found.notes {
        writeln!(page, "  note: {note}").unwrap();
    }
    if let Some(help) = &found.help {
        writeln!(page, "  help: {help}").unwrap();
    }
    page
}

/// The deployment, one property a line: its debug output without spans, absent properties and
/// the ledger's numbers.
fn shape(deployment: &Deployment) -> String {
    let text = format!("{deployment:?}");
    let (tree, _) = Debugged::read(&text);
    let mut page = String::new();
    tree.simple().write("", 0, &mut page);
    page
}

/// Rust's debug output, read back.
#[derive(Clone, Debug)]
enum Debugged {
    Word(String),
    Struct(String, Vec<(String, Debugged)>),
    Tuple(String, Vec<Debugged>),
}

impl Debugged {
    fn read(text: &str) -> (Self, &str) {
        let text = text.trim_start();
        if let Some(inside) = text.strip_prefix('"') {
            let mut escaped = false;
            let end = inside.find(|c: char| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            let end = end.unwrap() + 2;
            return (Self::Word(text[..end].to_owned()), &text[end..]);
        }
        let end = text
            .find([',', '{', '}', '(', ')', '[', ']'])
            .unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        let name = name.trim().to_owned();
        match rest.chars().next() {
            Some('{') => {
                let mut fields = Vec::new();
                let mut rest = rest[1..].trim_start();
                while !rest.starts_with('}') {
                    let (key, value) = rest.split_once(':').unwrap();
                    let (value, after) = Self::read(value);
                    fields.push((key.trim().to_owned(), value));
                    rest = after.trim_start().trim_start_matches(',').trim_start();
                }
                (Self::Struct(name, fields), &rest[1..])
            }
            Some(open @ ('(' | '[')) => {
                let close = if open == '(' { ')' } else { ']' };
                let mut items = Vec::new();
                let mut rest = rest[1..].trim_start();
                while !rest.starts_with(close) {
                    let (item, after) = Self::read(rest);
                    items.push(item);
                    rest = after.trim_start().trim_start_matches(',').trim_start();
                }
                (Self::Tuple(name, items), &rest[1..])
            }
            _ => (Self::Word(name), rest),
        }
    }

    /// Without what a reader does not need.
    fn simple(self) -> Self {
        match self {
            Self::Struct(name, fields) => {
                let noise = ["span", "key_span", "id", "end", "scope", "written"];
                let fields: Vec<(String, Debugged)> = fields
                    .into_iter()
                    .filter(|(key, _)| !noise.contains(&key.as_str()) || name == "DeployVariable")
                    .filter(|(key, _)| key != "span")
                    .map(|(key, value)| (key, value.simple()))
                    .filter(|(_, value)| !value.is_nothing())
                    .collect();
                match (name.as_str(), fields.as_slice()) {
                    (
                        "Attribute" | "Spanned" | "VariableId" | "Duration" | "Memory" | "Cpu"
                        | "Percent",
                        [(_, value)],
                    ) => value.clone(),
                    _ => Self::Struct(name, fields),
                }
            }
            Self::Tuple(name, items) => {
                let items: Vec<Debugged> = items.into_iter().map(Self::simple).collect();
                match (name.as_str(), items.as_slice()) {
                    (
                        "Some" | "Known" | "Text" | "Name" | "Whole" | "Reference" | "Literal",
                        [only],
                    ) => only.clone(),
                    _ => Self::Tuple(name, items),
                }
            }
            word @ Self::Word(_) => word,
        }
    }

    fn is_nothing(&self) -> bool {
        match self {
            Self::Word(word) => word == "None",
            Self::Tuple(name, items) => name.is_empty() && items.is_empty(),
            Self::Struct(..) => false,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Word(word) => word.clone(),
            Self::Struct(name, fields) => {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{key}: {}", value.line()))
                    .collect();
                format!("{name} {{ {} }}", fields.join(", "))
            }
            Self::Tuple(name, items) => {
                let items: Vec<String> = items.iter().map(Self::line).collect();
                format!("{name}[{}]", items.join(", "))
            }
        }
    }

    fn write(&self, key: &str, depth: usize, page: &mut String) {
        let indent = "  ".repeat(depth);
        let line = self.line();
        if line.len() + key.len() < 90 && depth > 1 {
            writeln!(page, "{indent}{key}: {line}").unwrap();
            return;
        }
        match self {
            Self::Word(word) => writeln!(page, "{indent}{key}: {word}").unwrap(),
            Self::Struct(_, fields) => {
                if !key.is_empty() {
                    writeln!(page, "{indent}{key}:").unwrap();
                }
                for (name, value) in fields {
                    value.write(name, depth + 1, page);
                }
            }
            Self::Tuple(_, items) => {
                writeln!(page, "{indent}{key}:").unwrap();
                for item in items {
                    item.write("-", depth + 1, page);
                }
            }
        }
    }
}

/// What a program without inputs and with one more line for an app raises, by code.
fn codes(text: &str) -> Vec<&'static str> {
    let world = MemoryWorld::single(
        "app.zd",
        format!("app shop {{ targets = [swarm] }}\n{text}"),
    );
    let (_, _, found) = run(&world, &Inputs::default());
    let mut codes: Vec<_> = found.iter().map(|found| found.code.id).collect();
    codes.dedup();
    codes
}

/// `first`, then `next` with each number and the one before it.
fn chain(first: &str, length: usize, next: impl Fn(usize, usize) -> String) -> String {
    let links: String = (1..=length).map(|n| next(n, n - 1)).collect();
    format!("{first}\n{links}")
}

#[test]
fn programs_that_grow_without_reason_end() {
    let bombs = [
        "let all = length([for n in 1..1000000000 { n }])".to_owned(),
        "for a in 1..1000 { for b in 1..1000 { for c in 1..1000 { assert a > 0, \"no\" } } }"
            .to_owned(),
        "for n in 1..9000000000000000000 { network \"n${n}\" { attachable = true } }".to_owned(),
        chain("let a0 = [1, 2]", 60, |n, m| {
            format!("let a{n} = concat(a{m}, a{m})\n")
        }),
        chain("let a0 = [1, 2]", 60, |n, m| {
            format!("let a{n} = [a{m}, a{m}]\n")
        }),
        chain("let a0 = \"twice\"", 60, |n, m| {
            format!("let a{n} = \"${{a{m}}}${{a{m}}}\"\n")
        }),
        chain("let a0 = \"aa\"", 60, |n, m| {
            format!("let a{n} = replace(a{m}, \"a\", a{m})\n")
        }),
        chain("let a0 = \"twice\"", 60, |n, m| {
            format!("let a{n} = a{m} + a{m}\n")
        }),
        chain("fn f0(n: int): int = n", 60, |n, m| {
            format!("fn f{n}(n: int): int = f{m}(n) + f{m}(n)\n")
        }) + "let all = f60(0)",
        chain("template t0(n: int) { replicas = n }", 60, |n, m| {
            format!("template t{n}(n: int) {{\n  use t{m}(n)\n  use t{m}(n)\n}}\n")
        }) + "service web {\n  use t60(1)\n  image = \"a/b:1\"\n}",
        // Each needs the one before.
        chain("fn f0(n: int): int = n", 1_000, |n, m| {
            format!("fn f{n}(n: int): int = if n > 0 {{ max(f{m}(n), [1][0]) }} else {{ 0 }}\n")
        }) + "let all = f1000(1)",
        chain("template t0(n: int) { replicas = n }", 1_000, |n, m| {
            format!(
                "template t{n}(n: int) {{\n  if n > 0 {{ for m in [n] {{ use t{m}(m) }} }}\n}}\n"
            )
        }) + "service web {\n  use t1000(1)\n  image = \"a/b:1\"\n}",
        // Each needs the next.
        chain("", 5_000, |n, _| format!("let a{n} = a{} + 1\n", n + 1)) + "let a5001 = 1",
        chain("let a0 = [1]", 5_000, |n, m| {
            format!("let a{n} = [a{m}]\nassert length(a{n}) == 1, \"no\"\n")
        }),
        "for n in 1..1000000 { assert n < 0, \"no\" }".to_owned(),
    ];
    for bomb in bombs {
        let found = codes(&bomb);
        let head: String = bomb.chars().take(120).collect();
        assert_eq!(found.last(), Some(&"ZD2037"), "{head}: {found:?}");
    }
}
