//! Every code's page: its sections, and its examples compiled.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::fmt::Write;
use zdc::diagnostics::{Code, Diagnostic, Severity, catalogue};
use zdc::source::{MemoryWorld, World};
use zdc::testing::Suite;

const SECTIONS: [&str; 5] = ["What", "Why", "Bad", "Good", "How to fix"];

/// Codes that no program of a page can raise: what raises them is around it, is too large to print,
/// is refused by an earlier phase as not there yet, or is about manifests of others.
const NOT_FROM_TEXT: [&str; 6] = ["ZD0002", "ZD1030", "ZD2030", "ZD4054", "ZD5000", "ZD5062"];

/// Collects what is wrong with each page, so that one run tells all of it.
fn judge(check: impl Fn(&Code, &mut String)) {
    let mut faults = String::new();
    for code in catalogue::ALL {
        let mut found = String::new();
        check(code, &mut found);
        for fault in found.lines() {
            writeln!(faults, "{} {}: {fault}", code.id, code.name).unwrap();
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

#[test]
fn each_page_has_its_title_and_sections_in_order() {
    judge(|code, faults| {
        let title = format!("# {}: {}", code.id, code.name);
        if code.page.lines().next() != Some(&title) {
            writeln!(faults, "the title is not `{title}`").unwrap();
        }
        let sections: Vec<&str> = sections(code.page).map(|(name, _)| name).collect();
        if sections != SECTIONS {
            writeln!(faults, "the sections are {sections:?}").unwrap();
        }
        for (name, text) in self::sections(code.page) {
            if text.trim().is_empty() {
                writeln!(faults, "`{name}` is empty").unwrap();
            }
        }
    });
}

#[test]
fn each_bad_example_raises_its_own_code_and_no_other() {
    judge(|code, faults| {
        let bad = section(code.page, "Bad");
        let Some(world) = world(bad) else {
            if !NOT_FROM_TEXT.contains(&code.id) || !bad.contains("```text") {
                writeln!(faults, "`Bad` has no program").unwrap();
            }
            return;
        };
        if NOT_FROM_TEXT.contains(&code.id) {
            writeln!(faults, "`Bad` has a program, so it need not be excused").unwrap();
        }
        let raised = raised(&world);
        if !raised.iter().any(|(found, ..)| *found == code.id) {
            writeln!(faults, "`Bad` does not raise it").unwrap();
        }
        for (found, severity, message) in raised {
            if found != code.id && severity > Severity::Note {
                writeln!(faults, "`Bad` raises {severity} {found} too: {message}").unwrap();
            }
        }
    });
}

#[test]
fn no_good_example_raises_anything_above_a_note() {
    judge(|code, faults| {
        let Some(world) = world(section(code.page, "Good")) else {
            writeln!(faults, "`Good` has no program").unwrap();
            return;
        };
        // What a service accepts of a step is a note of the plan.
        let good = section(code.page, "Good");
        let names = [code.id.to_owned(), code.name.replace('-', "_")];
        let mut names = names.iter();
        let is_accepted = names.any(|name| good.contains(&format!("allow {name} ")));
        for (found, severity, message) in raised(&world) {
            let is_own = found == code.id && !(is_accepted && severity == Severity::Note);
            if is_own || severity > Severity::Note {
                writeln!(faults, "`Good` raises {severity} {found}: {message}").unwrap();
            }
        }
    });
}

#[test]
fn codes_are_in_order_and_told_apart() {
    for pair in catalogue::ALL.windows(2) {
        assert!(
            pair[0].id < pair[1].id,
            "{} before {}",
            pair[0].id,
            pair[1].id
        );
    }
    for code in catalogue::ALL {
        assert_eq!(catalogue::find(code.id), Some(*code));
        let named = catalogue::find(code.name);
        assert_eq!(
            named.map(|found| found.id),
            Some(code.id),
            "{} is named twice",
            code.name
        );
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        assert!(code.name.bytes().all(plain), "{}", code.name);
    }
}

fn sections(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.split("\n## ")
        .skip(1)
        .map(|section| section.split_once('\n').unwrap_or((section, "")))
}

fn section<'a>(page: &'a str, name: &str) -> &'a str {
    sections(page)
        .find(|(found, _)| *found == name)
        .map_or("", |(_, text)| text)
}

/// The files of a section: the block fenced `zd` is `app.zd`, others name theirs.
fn world(section: &str) -> Option<MemoryWorld> {
    let mut world = MemoryWorld::default();
    let mut has_main = false;
    let mut blocks = section.split("```");
    // Text and blocks take turns.
    while let (Some(_), Some(block)) = (blocks.next(), blocks.next()) {
        let (info, text) = block.split_once('\n').unwrap_or((block, ""));
        match info.split_once("file=\"") {
            Some((_, file)) => world = world.with(file.trim_end_matches('"'), text),
            None if info.trim() == "zd" => {
                assert!(!has_main, "two main files in one section:\n{section}");
                has_main = true;
                world = world.with("app.zd", text);
            }
            None => {}
        }
    }
    has_main.then_some(world)
}

fn raised(world: &MemoryWorld) -> Vec<(&'static str, Severity, String)> {
    let found = zdc::compile(world, "app.zd", &zdc::Options::default()).diagnostics;
    let of_step = step(world);
    let mut suite = Suite::open(world, "app.zd", zdc::Options::default());
    let errors = suite.errors();
    let tests = suite.tests().to_vec();
    // A program with errors has told them already.
    let failed = tests.iter().filter(|_| errors.is_empty());
    let failures = failed.flat_map(|test| suite.run(test).failures);
    found
        .into_iter()
        .chain(of_step)
        .chain(failures)
        .map(|found| (found.code.id, found.severity, found.message))
        .collect()
}

/// What is found in the step from `old.zd`, where a section has one, to its program.
fn step(world: &MemoryWorld) -> Vec<Diagnostic> {
    if world.load("old.zd").is_err() {
        return Vec::new();
    }
    let inspect = |main| zdc::inspect(world, main, &zdc::Options::default());
    let (old, new) = (inspect("old.zd"), inspect("app.zd"));
    assert!(old.graph.is_some() && new.graph.is_some());
    let changes = zdc::change::compare(&old.revision(), &new.revision());
    changes.found.into_sorted()
}
