//! The parser: what it says of each program in `tests/cases/syntax/` (a folder is a case, its
//! messages are beside it), and what holds for any text at all.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test reads its cases and may fail"
)]

use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::Path;
use zdc::source::{FileId, Sources};
use zdc::syntax::{ast, parse};

#[test]
fn programs_are_explained() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/syntax");
    let mut cases: Vec<_> = std::fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    for case in cases {
        let text = std::fs::read_to_string(case.join("app.zd")).unwrap();
        check(&text);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(&case);
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!("diagnostics", report(&text)));
    }
}

#[test]
fn every_construct_passes_whatever_the_line_ends() {
    for text in [
        WHOLE.to_owned(),
        WHOLE.replace('\n', "\r\n"),
        format!("\u{FEFF}{WHOLE}"),
    ] {
        let (file, diagnostics) = parse(FILE, &text);
        assert!(diagnostics.is_empty(), "{}", report(&text));
        hold_invariants(&text, &file);
    }
}

#[test]
fn comments_are_kept_and_documentation_goes_to_its_item() {
    let (file, _) = parse(FILE, WHOLE);
    let said: Vec<&str> = file
        .comments
        .iter()
        .map(|comment| &WHOLE[comment.span.start as usize..comment.span.end as usize])
        .collect();
    let written = WHOLE
        .lines()
        .filter(|line| line.contains("// ") && !line.contains("///"));
    assert_eq!(said.len(), written.count());
    assert!(said.iter().all(|comment| comment.starts_with("// ")));
    assert_eq!(
        file.comments
            .iter()
            .filter(|comment| comment.trailing)
            .count(),
        2
    );
    let docs: Vec<&str> = file
        .items
        .iter()
        .filter_map(|item| match item {
            ast::Item::Block(block) => block.doc.as_deref(),
            ast::Item::Param(param) => param.doc.as_deref(),
            ast::Item::Template(template) => template.doc.as_deref(),
            _ => None,
        })
        .collect();
    assert_eq!(
        docs,
        [
            "The image's tag.\nTwo lines.",
            "A template.",
            "Takes orders."
        ]
    );
}

#[test]
fn nesting_is_bounded() {
    let deep = 100_000;
    for (open, close) in [
        ("{", "}"),
        ("a {\n", "}\n"),
        ("[", "]"),
        ("(", ")"),
        ("f(", ")"),
        ("a[", "]"),
        ("\"${", "}\""),
        ("list<", ">"),
        ("if a { ", " } else { b }"),
        ("[for x in ", " { x }]"),
    ] {
        for text in [
            format!("let x = {}1{}", open.repeat(deep), close.repeat(deep)),
            format!("let x: {}int{} = 1", open.repeat(deep), close.repeat(deep)),
            format!("{}1{}", open.repeat(deep), close.repeat(deep)),
            open.repeat(deep),
            close.repeat(deep),
        ] {
            let (file, diagnostics) = parse(FILE, &text);
            assert!(diagnostics.has_errors());
            drop(file);
        }
    }
}

#[test]
fn the_deepest_allowed_nesting_is_read_and_one_more_is_not() {
    for (open, close) in [("a {\n", "}\n"), ("x = [", "]\n"), ("if a {\n", "}\n")] {
        let nested = |depth: usize| {
            let inner = if open.contains('=') { "[" } else { open };
            let closing = if open.contains('=') { "]" } else { close };
            format!(
                "{open}{}{}{close}",
                inner.repeat(depth - 1),
                closing.repeat(depth - 1)
            )
        };
        assert_eq!(report(&nested(64)), "1 items\n");
        assert!(
            report(&nested(65)).contains("ZD0006"),
            "{}",
            report(&nested(65))
        );
    }
}

#[test]
fn long_expressions_are_bounded() {
    for (first, link) in [
        ("a", " + a"),
        ("a", " && a"),
        ("a", "\n  || a"),
        ("a", ".b"),
        ("a", "[0]"),
        ("a", "(0)"),
        ("1", " in 1"),
        ("1", " of 1"),
        ("1", " - 1"),
    ] {
        let chain = |links: usize| format!("let x = {first}{}", link.repeat(links));
        assert!(!report(&chain(200)).contains("ZD0006"), "{link}");
        assert!(report(&chain(300)).contains("ZD0006"), "{link}");
        assert!(report(&chain(200_000)).contains("ZD0006"), "{link}");
        let nested = "(".repeat(50) + &chain(100)[8..] + &format!("{})", link.repeat(4)).repeat(50);
        assert!(
            report(&format!("let x = {nested}")).contains("ZD0006"),
            "{link}"
        );
    }
    let many = format!("let x = [{}]", "a + b.c(1), ".repeat(2000));
    assert_eq!(report(&many), "1 items\n");
    let lines = "x = a + b\n".repeat(2000);
    assert_eq!(report(&format!("a {{\n{lines}}}")), "1 items\n");
}

#[test]
fn garbage_gets_few_words() {
    for piece in [
        "}", "{", "\"", "a ", "a,", "a:b\n", ";", "#\n", "'", "\u{0}", "é", "\"${", "x = \"\n",
    ] {
        let text = piece.repeat(40_000 / piece.len());
        let (_, diagnostics) = parse(FILE, &text);
        assert!(diagnostics.has_errors(), "{piece:?}");
        assert!(diagnostics.len() <= 320, "{piece:?}: {}", diagnostics.len());
    }
}

#[test]
fn a_long_file_is_one_tree() {
    let piece = "/// The first.\nservice a { image = \"é\" }\n// c\nif b { c = 1 }\nelse { d = 2 }\n\
                 let e = f\n  + g\nlet h =\n  [1,\n  2]\nassert i,\n  \"j\"\nk: 1\n\n";
    let count = 4000;
    let text = piece.repeat(count);
    let (file, diagnostics) = parse(FILE, &text);
    assert_eq!(file.items.len(), 6 * count);
    assert_eq!(file.comments.len(), count);
    assert_eq!(diagnostics.len(), 101);
    for (index, item) in file.items.iter().enumerate() {
        let span = item.span();
        let slice = &text[span.start as usize..span.end as usize];
        let (expected, kind) = match index % 6 {
            0 => (
                "service a { image = \"é\" }",
                matches!(item, ast::Item::Block(block) if block.doc.is_some()),
            ),
            1 => (
                "if b { c = 1 }\nelse { d = 2 }",
                matches!(item, ast::Item::If(_)),
            ),
            2 => ("let e = f\n  + g", matches!(item, ast::Item::Let(_))),
            3 => ("let h =\n  [1,\n  2]", matches!(item, ast::Item::Let(_))),
            4 => ("assert i,\n  \"j\"", matches!(item, ast::Item::Assert(_))),
            _ => ("k: 1", matches!(item, ast::Item::Broken(_))),
        };
        assert_eq!((slice, kind), (expected, true));
    }
    let (_, diagnostics) = parse(FILE, &"a,".repeat(100_000));
    assert_eq!(diagnostics.len(), 1);
}

#[test]
fn a_fault_costs_one_item() {
    let text = "service a {\n  image = a:b\n  user = \"x\"\n}\nservice b {}\n";
    let (file, diagnostics) = parse(FILE, text);
    assert_eq!(diagnostics.len(), 1);
    let [ast::Item::Block(a), ast::Item::Block(_)] = file.items.as_slice() else {
        panic!("{file:?}");
    };
    let items = &a.body.as_ref().unwrap().items;
    assert!(matches!(
        items[..],
        [ast::Item::Broken(_), ast::Item::Attribute(_)]
    ));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read(text in "\\PC{0,200}") {
        check(&text);
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn any_row_of_tokens_is_read(pieces in prop::collection::vec(token(), 0..60)) {
        check(&pieces.concat());
    }

    #[test]
    fn damaged_programs_are_read(edits in prop::collection::vec(edit(), 1..6)) {
        let mut text: Vec<char> = WHOLE.chars().collect();
        for (at, length, new) in edits {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, new.chars());
        }
        check(&text.into_iter().collect::<String>());
    }
}

const FILE: FileId = FileId(7777);
const WHOLE: &str = include_str!("cases/syntax/every-construct/app.zd");

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "\"",
        "\"\"\"",
        "${",
        "}\"",
        "r\"",
        "\\",
        "\n",
        "\n",
        " ",
        " ",
        "\t",
        "\r\n",
        ",",
        "=",
        "==",
        ":",
        ".",
        "..",
        "+",
        "- ",
        "-",
        "*",
        "/",
        "//",
        "///",
        "/*",
        "<",
        ">",
        "|",
        "||",
        "&&",
        "!",
        "?",
        "%",
        "#",
        ";",
        "'",
        "“",
        "”",
        "é",
        "\u{0}",
        "\u{A0}",
        "\u{FEFF}",
        "a",
        "b-c",
        "if",
        " else ",
        "for",
        " in ",
        " of ",
        "let ",
        "param ",
        "service ",
        "use ",
        "1",
        "200M",
        "10s",
        "1.5",
        "172.18.0.1/16",
        "2026-02-30",
        "\u{1F600}",
    ])
}

fn edit() -> impl Strategy<Value = (prop::sample::Index, usize, &'static str)> {
    (
        any::<prop::sample::Index>(),
        0usize..12,
        prop_oneof![token(), Just("")],
    )
}

fn check(text: &str) {
    let (file, diagnostics) = parse(FILE, text);
    hold_invariants(text, &file);
    for diagnostic in &diagnostics {
        let labels = diagnostic.labels.iter().map(|label| label.span);
        let edits = diagnostic.replacement.iter().map(|edit| edit.span);
        for span in labels.chain(edits) {
            let slice = text.get(span.start as usize..span.end as usize);
            assert!(slice.is_some(), "{span:?} of {diagnostic:?} in {text:?}");
        }
        assert!(!diagnostic.message.contains("_item") && !diagnostic.message.is_empty());
    }
    let silent = diagnostics.is_empty();
    let broken = format!("{file:?}").contains("Broken");
    assert!(!(silent && broken), "broken without a word: {text:?}");
}

/// Every span of the tree lies in the text, on character boundaries, and expressions have names of
/// their own. The derived `Debug` shows them all.
fn hold_invariants(text: &str, file: &ast::File) {
    let tree = format!("{file:?}");
    for place in tree.split("span: 7777:").skip(1) {
        let end = place
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .unwrap();
        let (start, end) = place[..end].split_once("..").unwrap();
        let (start, end) = (
            start.parse::<usize>().unwrap(),
            end.parse::<usize>().unwrap(),
        );
        assert!(text.get(start..end).is_some(), "{start}..{end} in {text:?}");
    }
    let mut ids: Vec<u32> = tree
        .split("id: ExprId(")
        .skip(1)
        .filter_map(|rest| rest.split(')').next()?.parse().ok())
        .collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
    assert!(ids.iter().all(|id| *id < file.expressions));
}

/// Each diagnostic with its places and its edit, one fact a line.
fn report(text: &str) -> String {
    let mut sources = Sources::default();
    let id = sources.add("app.zd", text);
    let (file, diagnostics) = parse(id, text);
    let mut out = format!("{} items\n", file.items.len());
    for diagnostic in diagnostics.into_sorted() {
        writeln!(out, "\n{}: {}", diagnostic.code.id, diagnostic.message).unwrap();
        for label in &diagnostic.labels {
            let (line, column) = sources.position(label.span);
            let slice = sources.slice(label.span);
            let gap = if label.text.is_empty() { "" } else { " " };
            writeln!(out, "  {line}:{column} {slice:?}{gap}{}", label.text).unwrap();
        }
        if let Some(help) = &diagnostic.help {
            writeln!(out, "  help: {help}").unwrap();
        }
        for note in &diagnostic.notes {
            writeln!(out, "  note: {note}").unwrap();
        }
        if let Some(edit) = &diagnostic.replacement {
            let (line, column) = sources.position(edit.span);
            let slice = sources.slice(edit.span);
            writeln!(out, "  edit: {line}:{column} {slice:?} -> {:?}", edit.text).unwrap();
        }
    }
    out
}
