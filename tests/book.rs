//! The pages of the book that are made from the code: the reference of blocks and the list of
//! diagnostics; and those that are held to it. `UPDATE_EXPECTED=1 cargo test --test book` writes them anew.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use zdc::Options;
use zdc::diagnostics::{Severity, catalogue};
use zdc::source::MemoryWorld;
use zdc::vocabulary::{BlockSchema, LabelRule, Shape, TOP};

/// Compares a page with what it should be, or writes it.
fn hold(page: &str, expected: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("docs/src")
        .join(page);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        fs::write(&path, expected).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == expected,
        "{page} is stale: UPDATE_EXPECTED=1 cargo test --test book"
    );
}

#[test]
fn the_reference_of_blocks_is_the_vocabulary() {
    let mut page = String::from(
        "# Blocks and attributes\n\nEvery word of the language, from the same declarations that the \
         compiler reads. A block is written `kind label { … }`; an attribute `name = value`.\n",
    );
    let mut seen = BTreeSet::new();
    for root in TOP {
        block(&mut page, root, root.kind, &mut seen);
    }
    hold("reference.md", &page);
}

#[test]
fn the_list_of_diagnostics_is_the_catalogue() {
    let mut page = String::from(
        "# Diagnostics\n\nEvery diagnostic has a code and a page; `zdc explain CODE` prints it. A \
         service accepts one about itself with `allow NAME { because = \"…\" }`.\n\n\
         | code | name | severity | since |\n|---|---|---|---|\n",
    );
    let mut summary = String::new();
    for code in catalogue::ALL {
        let (id, name) = (code.id, code.name);
        let row = format!(
            "| [{id}](diagnostics/{id}.md) | {name} | {} | {} |",
            code.severity, code.since
        );
        writeln!(page, "{row}").unwrap();
        writeln!(summary, "  - [{id}: {name}](diagnostics/{id}.md)").unwrap();
    }
    hold("diagnostics.md", &page);
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/src/SUMMARY.md");
    let text = fs::read_to_string(path).unwrap();
    let marker = "- [Diagnostics](diagnostics.md)\n";
    let (before, after) = text.split_once(marker).unwrap();
    let kept = after.lines().skip_while(|line| line.starts_with("  - [ZD"));
    let after: String = kept.flat_map(|line| [line, "\n"]).collect();
    hold("SUMMARY.md", &format!("{before}{marker}{summary}{after}"));
}

#[test]
fn the_standard_library_is_documented() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/src/SUMMARY.md");
    let summary = fs::read_to_string(path).unwrap();
    for (file, text) in zdc::documentation::standard_library() {
        assert!(
            summary.contains(&format!("](std/{file})\n")),
            "SUMMARY.md lacks {file}"
        );
        hold(&format!("std/{file}"), &text);
    }
}

#[test]
fn the_readme_shows_what_its_program_gives() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = fs::read_to_string(path).unwrap();
    let fenced = |language: &str| {
        let (_, after) = text.split_once(&format!("```{language}\n")).unwrap();
        after.split_once("```").unwrap().0
    };
    let world = MemoryWorld::single("app.zd", fenced("zd"));
    let compilation = zdc::compile(&world, "app.zd", &Options::default());
    let files = compilation.artifacts.unwrap();
    let stack = files.iter().find(|file| file.path == "swarm/shop.yml");
    assert_eq!(stack.unwrap().text.to_string(), fenced("yaml"));
}

/// Each word has its line in the index and the summary, its page is in the program, and what it says
/// to write is sound.
#[test]
fn the_pages_of_words_say_what_compiles() {
    let book = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/src");
    let read = |path: &str| fs::read_to_string(book.join(path)).unwrap();
    let (index, summary) = (read("words.md"), read("SUMMARY.md"));
    let mut count = 0;
    for entry in fs::read_dir(book.join("words")).unwrap() {
        let file = entry.unwrap().file_name().into_string().unwrap();
        let name = file.strip_suffix(".md").unwrap();
        let page = read(&format!("words/{file}"));
        count += 1;
        let line = format!("[{name}](words/{file})");
        assert!(index.contains(&line) && summary.contains(&line), "{line}");
        let said = Command::new(env!("CARGO_BIN_EXE_zdc"))
            .args(["explain", name])
            .output()
            .unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        assert!(said.starts_with(&format!("{name}\n")), "{name}: {said}");
        for target in ["swarm", "nginx", "Kubernetes"] {
            assert!(
                page.contains(&format!("\n| {target}")),
                "{name} leaves {target} out"
            );
        }
        let (_, after) = page.split_once("```zd\n").unwrap();
        let world = MemoryWorld::single("app.zd", after.split_once("```").unwrap().0);
        let compilation = zdc::compile(&world, "app.zd", &Options::default());
        let found = compilation.diagnostics.iter();
        let found: Vec<_> = found.filter(|it| it.severity > Severity::Note).collect();
        assert!(
            found.is_empty() && compilation.artifacts.is_some(),
            "{name}: {found:#?}"
        );
        for word in page.lines().filter(|line| line.starts_with("See also: ")) {
            for other in word.split('`').skip(1).step_by(2) {
                let other = other.strip_prefix("zdc explain ").unwrap();
                let known = catalogue::find(other).is_some()
                    || book.join(format!("words/{other}.md")).exists();
                assert!(known, "{name}: {other}");
            }
        }
    }
    assert_eq!(count, index.matches("](words/").count());
}

/// Each row of the page on coverage names codes, files and tests that there are, and the last line
/// counts the rows.
#[test]
fn the_page_on_coverage_names_what_exists() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap();
    let page = read("docs/src/coverage.md");
    assert!(read("docs/src/SUMMARY.md").contains("](coverage.md)\n"));
    let rows = page.lines().filter_map(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?;
        Some(cells.split(" | ").collect::<Vec<_>>())
    });
    let [mut diagnosed, mut written, mut shown, mut missing] = [0; 4];
    for row in rows.filter(|row| row[0] != "cause") {
        let [_, decided, held] = row[..] else {
            panic!("three cells: {row:?}")
        };
        let codes: Vec<&str> = decided.split('[').skip(1).collect();
        for code in &codes {
            let (id, rest) = code.split_once(']').unwrap();
            assert!(catalogue::find(id).is_some(), "{id} is no code");
            let link = format!("(diagnostics/{id}.md)");
            assert!(rest.starts_with(&link), "{id} does not lead to its page");
        }
        let count = match decided {
            _ if decided.starts_with("[ZD") => &mut diagnosed,
            _ if decided.starts_with("written: ") => &mut written,
            _ if decided.starts_with("shown: `zdc ") => &mut shown,
            _ if decided.starts_with("not covered") => &mut missing,
            _ => panic!("decided by what? {row:?}"),
        };
        *count += 1;
        let uncovered = decided.starts_with("not covered");
        assert_eq!(held == "–", uncovered, "{row:?}");
        let by_example = held.starts_with("its example");
        assert!(!by_example || !codes.is_empty(), "{row:?}");
        let files: Vec<&str> = held.split("; ").filter(|it| it.contains('`')).collect();
        assert!(uncovered || by_example || !files.is_empty(), "{row:?}");
        for file in files {
            let mut names = file.split('`').skip(1).step_by(2);
            let path = names.next().unwrap();
            assert!(root.join(path).is_file(), "{path} does not exist");
            for test in names {
                let defined = format!("fn {test}(");
                assert!(read(path).contains(&defined), "{path} has no {test}");
            }
        }
    }
    let covered = diagnosed + written;
    let (body, _) = page.split_once("\n## Together\n").unwrap_or((&page, ""));
    hold(
        "coverage.md",
        &format!(
            "{body}\n## Together\n\n{covered} are covered ({diagnosed} by a diagnostic, {written} by what is \
             written), {shown} shown, {missing} not covered.\n"
        ),
    );
}

/// One block's section, then those of the blocks in it.
fn block(page: &mut String, schema: &'static BlockSchema, path: &str, seen: &mut BTreeSet<String>) {
    if !seen.insert(path.to_owned()) {
        return;
    }
    let label = match schema.label {
        LabelRule::None => String::new(),
        LabelRule::Name => " NAME".to_owned(),
        LabelRule::Variant(words) => format!(" {}", words.join(" \\| ")),
        LabelRule::Text => " \"TEXT\"".to_owned(),
        LabelRule::Resource(kind) => format!(" {}", kind.word().to_uppercase()),
        LabelRule::Port => " SERVICE.PORT".to_owned(),
    };
    let kind = path.rsplit(' ').next().unwrap();
    writeln!(
        page,
        "\n## `{path}`\n\n`{kind}{}` — {}\n",
        label.replace("\\|", "|"),
        text(schema.doc)
    )
    .unwrap();
    if let Some(base) = schema.extends {
        writeln!(
            page,
            "Takes everything that a `{}` takes, and:\n",
            base.kind
        )
        .unwrap();
    }
    page.push_str("| word | takes | |\n|---|---|---|\n");
    for member in schema.members {
        let (name, takes) = match member.shape {
            Shape::Attribute(ty) => (member.name, ty().to_string()),
            Shape::Entries(ty) => ("any name", ty().to_string()),
            Shape::Block(_) => (member.name, "a block".to_owned()),
            Shape::Blocks(_) => (member.name, "blocks".to_owned()),
        };
        let takes = takes.replace('|', "\\|").replace('<', "&lt;");
        writeln!(page, "| `{name}` | {takes} | {} |", text(member.doc)).unwrap();
    }
    for member in schema.members {
        if let Shape::Block(inner) | Shape::Blocks(inner) = member.shape {
            let path = format!(
                "{} {}",
                if path == schema.kind {
                    schema.kind
                } else {
                    path
                },
                member.name
            );
            block(page, inner, &path, seen);
        }
    }
}

/// A doc comment as one line.
fn text(doc: &str) -> String {
    doc.split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
}
