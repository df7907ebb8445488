//! `test` blocks: `tests/cases/testing/CASE/app.zd` beside what its tests come to. The cases are
//! discovered; `cargo insta review` shows what changed.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::fmt::Write as _;
use std::fs;
use zdc::Options;
use zdc::diagnostics::render::{Format, Shown, Style, render, report};
use zdc::source::MemoryWorld;
use zdc::testing::Suite;

/// Each test's name and outcome, with its failures as people see them.
fn told(text: &str) -> String {
    let world = MemoryWorld::single("app.zd", text);
    let mut suite = Suite::open(&world, "app.zd", Options::default());
    let mut page = String::new();
    let errors = suite.errors();
    if !errors.is_empty() {
        let shown = Shown {
            sources: suite.sources(),
            diagnostics: &errors,
            folder: "",
        };
        let mut out = Vec::new();
        render(Format::Human, &shown, style(), &mut out).unwrap();
        return String::from_utf8(out).unwrap();
    }
    for test in suite.tests().to_vec() {
        let failures = suite.run(&test).failures;
        let outcome = if failures.is_empty() { "ok" } else { "FAILED" };
        writeln!(page, "test {} ... {outcome}", test.name).unwrap();
        let shown = Shown {
            sources: suite.sources(),
            diagnostics: &failures,
            folder: "",
        };
        let mut out = Vec::new();
        report(&shown, style(), &mut out).unwrap();
        page.push_str(&String::from_utf8(out).unwrap());
    }
    page
}

fn style() -> Style {
    Style {
        color: false,
        unicode: true,
        width: Some(100),
    }
}

#[test]
fn every_case_comes_to_what_stands_beside_it() {
    insta::glob!("cases/testing/*/app.zd", |path| {
        let folder = path.parent().unwrap();
        let page = told(&fs::read_to_string(path).unwrap());
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        if name == "holds" {
            assert!(!page.contains("FAILED") && page.contains("ok"), "{page}");
        }
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

#[test]
fn a_program_without_tests_has_none() {
    let world = MemoryWorld::single("app.zd", "app a { targets = [swarm] }\n");
    let suite = Suite::open(&world, "app.zd", Options::default());
    assert!(suite.tests().is_empty() && suite.errors().is_empty());
}

#[test]
fn tests_of_imported_files_see_their_own_names() {
    let main = "app a { targets = [swarm] }\nimport \"./lib.zd\" as lib\ntest \"main\" { expect lib.n == 3 }\n";
    let lib = "param n: int = 3\ntest \"own\" { set n = 4, expect n == 4 }\ntest \"not\" { expect n == 4 }\n";
    let world = MemoryWorld::single("app.zd", main).with("lib.zd", lib);
    let mut suite = Suite::open(&world, "app.zd", Options::default());
    let tests = suite.tests().to_vec();
    let outcomes: Vec<(String, bool)> = tests
        .iter()
        .map(|test| {
            let passed = suite.run(test).failures.is_empty();
            (test.name.to_string(), passed)
        })
        .collect();
    let expected = [("main", true), ("own", true), ("not", false)];
    let expected = expected.map(|(name, passed)| (name.to_owned(), passed));
    assert_eq!(outcomes, expected);
}

/// A test may not make the compiler run without end, or use its stack up.
#[test]
fn expectations_end() {
    let chain = "1 == 1 && ".repeat(100);
    let deep = format!("{}true{}", "!(".repeat(60), ")".repeat(60));
    let large = "join_with(\"\", [for i in 1..300000 { join_with(\"\", [for j in 1..100 { \"x\" }]) }]) == \"\"";
    let text = format!(
        "app a {{ targets = [swarm] }}\ntest \"a\" {{ expect {chain}true }}\ntest \"b\" {{ expect {deep} }}\ntest \"c\" {{ expect {large} }}\n"
    );
    let page = told(&text);
    assert!(
        page.contains("test a ... ok") && page.contains("test b ... ok"),
        "{page}"
    );
    assert!(
        page.contains("test c ... FAILED") && page.contains("ZD2037"),
        "{page}"
    );
}
