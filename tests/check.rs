//! What resolve and check say of each program in `tests/cases/check/`: a folder is a case, its
//! `app.zd` the main file, and the snapshot beside it what is said.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read their cases from the disk, and fail where they cannot"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use zdc::diagnostics::{Diagnostic, Diagnostics};
use zdc::source::{MemoryWorld, Sources};

/// Every case, by name.
fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check");
    let mut cases: Vec<PathBuf> = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// The files of a case by their path from its folder.
fn world(case: &Path) -> MemoryWorld {
    let mut world = MemoryWorld::default();
    let mut folders = vec![case.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "zd") {
                let name = path.strip_prefix(case).unwrap().to_str().unwrap();
                world = world.with(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    world
}

fn check(world: &MemoryWorld) -> (Sources, Diagnostics) {
    let (program, mut found) = zdc::resolve::resolve(world, "app.zd");
    let sources = program.sources.clone();
    let (_, more) = zdc::check::check(program);
    found.extend(more);
    (sources, found)
}

/// One diagnostic as text: every fact of it, without its layout.
fn shown(sources: &Sources, diagnostic: &Diagnostic, out: &mut String) {
    let place = |span| {
        let (line, column) = sources.position(span);
        let path = sources.get(span.file).map_or("", |source| &*source.path);
        format!("{path}:{line}:{column}")
    };
    let (severity, code) = (diagnostic.severity, diagnostic.code.id);
    let at = diagnostic.span().map_or_else(String::new, place);
    writeln!(out, "{severity}[{code}] {at} {}", diagnostic.message).unwrap();
    for label in &diagnostic.labels {
        let text = sources.slice(label.span);
        writeln!(out, "  {} `{text}` {}", place(label.span), label.text).unwrap();
    }
    if let Some(help) = &diagnostic.help {
        writeln!(out, "  help: {help}").unwrap();
    }
    for note in &diagnostic.notes {
        writeln!(out, "  note: {note}").unwrap();
    }
    if let Some(edit) = &diagnostic.replacement {
        let (place, text) = (place(edit.span), &edit.text);
        writeln!(out, "  edit: {place} `{text}`").unwrap();
    }
}

#[test]
fn every_case_says_what_its_snapshot_says() {
    for case in cases() {
        let (sources, found) = check(&world(&case));
        let mut text = String::new();
        for diagnostic in found.into_sorted() {
            shown(&sources, &diagnostic, &mut text);
        }
        let name = case.file_name().unwrap().to_str().unwrap();
        if !name.starts_with("ztmp") {
            assert_eq!(name == "clean", text.is_empty(), "{name}:\n{text}");
        }
        insta::with_settings!({
            snapshot_path => &case,
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!("diagnostics", text);
        });
    }
}

#[test]
fn every_code_of_names_and_types_occurs_in_a_case() {
    let mut seen = BTreeSet::new();
    for case in cases() {
        let (_, found) = check(&world(&case));
        seen.extend(found.iter().map(|diagnostic| diagnostic.code.id));
    }
    let ours = |id: &&str| {
        let number: u32 = id.trim_start_matches("ZD").parse().unwrap();
        (1000..1030).contains(&number) || (2000..2030).contains(&number)
    };
    let all = zdc::diagnostics::catalogue::ALL.iter().map(|code| code.id);
    let missing: Vec<&str> = all.filter(ours).filter(|id| !seen.contains(id)).collect();
    assert_eq!(missing, Vec::<&str>::new());
}

/// Whatever is missing from a program, something is said or nothing, and nothing breaks.
#[test]
fn a_program_with_any_line_missing_is_checked() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/check/clean");
    let whole = fs::read_to_string(case.join("app.zd")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let mut faults = 0;
    for missing in 0..lines.len() {
        let mut left = lines.clone();
        left.remove(missing);
        let (_, found) = check(&world(&case).with("app.zd", left.join("\n")));
        faults += usize::from(found.has_errors());
    }
    assert!(faults > 30, "{faults} of {} lines are needed", lines.len());
}

/// Trees as deep as the parser lets through, and long chains of items, are walked within a test thread's two megabytes.
#[test]
fn long_programs_end() {
    let sum = "1 + ".repeat(200);
    let conditions = "x != none && ".repeat(100);
    let mut text = format!("app a {{ }}\nparam x: int?\nlet total = {sum}1\n");
    writeln!(text, "let all = {conditions}x == 1").unwrap();
    for index in 0..5_000 {
        writeln!(text, "let a{index} = a{} + 1", index + 1).unwrap();
    }
    text.push_str("let a5000 = 1\n");
    let (_, found) = check(&MemoryWorld::single("app.zd", text));
    let found: Vec<&str> = found.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(found, Vec::<&str>::new());
}
