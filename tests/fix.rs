//! The smallest edits: what `zdc check --fix` makes of each program in `tests/cases/fix/` and of each example as found, and
//! what it never does.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests read their cases from the disk, and fail where they cannot"
)]

#[path = "fix/any_policy.rs"]
mod any_policy;
#[path = "fix/files.rs"]
mod files;
#[path = "fix/least.rs"]
mod least;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use zdc::diagnostics::{Diagnostic, Severity};
use zdc::fix::Repairs;
use zdc::rollout::remedies::is_proof;
use zdc::source::MemoryWorld;
use zdc::{Compilation, Mended, Options, compile, mend, repairs};

fn folders(of: &str) -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(of);
    let entries = fs::read_dir(root)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty());
    folders
}

/// The sources of a case by their path from its folder.
fn texts(case: &Path) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut folders = vec![case.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "zd") {
                let name = path.strip_prefix(case).unwrap().to_str().unwrap();
                texts.insert(name.to_owned(), fs::read_to_string(&path).unwrap());
            }
        }
    }
    texts
}

fn world(texts: &BTreeMap<String, String>) -> MemoryWorld {
    let files = texts.iter();
    files.fold(MemoryWorld::default(), |world, (path, text)| {
        world.with(path.clone(), text.clone())
    })
}

fn compiled(world: &MemoryWorld) -> Compilation {
    compile(world, "app.zd", &Options::default())
}

/// What a search finds of a program.
fn searched(world: &MemoryWorld, before: &Compilation) -> Repairs {
    repairs(
        world,
        "app.zd",
        &Options::default(),
        before,
        Severity::Warning,
    )
}

fn mended(world: &MemoryWorld) -> Mended {
    mend(world, "app.zd", &Options::default(), compiled(world))
}

/// A diagnostic and what is said of it, on a line.
fn told(compilation: &Compilation, diagnostic: &Diagnostic) -> String {
    let line = diagnostic
        .span()
        .map_or(0, |span| compilation.sources.position(span).0);
    format!(
        "{} {}:{line} {}",
        diagnostic.severity, diagnostic.code.id, diagnostic.message
    )
}

/// What is searched for a program, and what becomes of it.
fn report(texts: &BTreeMap<String, String>) -> String {
    let world = world(texts);
    let before = compiled(&world);
    let found = searched(&world, &before);
    let mut out = String::new();
    for (index, fix) in &found.fixes {
        writeln!(out, "{}", told(&before, &before.diagnostics[*index])).unwrap();
        writeln!(out, "  fix: {}", fix.title).unwrap();
    }
    let after = mended(&world);
    for (path, new) in &after.texts {
        let diff = similar::TextDiff::from_lines(texts[&**path].as_str(), &**new);
        out.push_str(
            &diff
                .unified_diff()
                .context_radius(1)
                .header(path, path)
                .to_string(),
        );
    }
    writeln!(out, "then:").unwrap();
    for (index, diagnostic) in after.compilation.diagnostics.iter().enumerate() {
        if diagnostic.severity == Severity::Note {
            continue;
        }
        writeln!(out, "{}", told(&after.compilation, diagnostic)).unwrap();
        for (_, why) in after.left.iter().filter(|(left, _)| *left == index) {
            writeln!(out, "  left: {why}").unwrap();
        }
    }
    if after.compilation.artifacts.is_some() {
        writeln!(out, "proved").unwrap();
    }
    out
}

#[test]
fn every_case_becomes_what_its_snapshot_says() {
    for case in folders("tests/cases/fix") {
        insta::with_settings!({
            snapshot_path => &case,
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!("fix", report(&texts(&case)));
        });
    }
}

/// A file of the other line ends becomes the same with those.
#[test]
fn line_ends_stay_as_they_are() {
    let ended = |texts: &BTreeMap<String, String>, end: &str| -> BTreeMap<String, String> {
        let texts = texts.iter();
        texts
            .map(|(path, text)| (path.clone(), text.replace("\r\n", "\n").replace('\n', end)))
            .collect()
    };
    let become_of = |texts: &BTreeMap<String, String>| -> BTreeMap<String, String> {
        let texts = mended(&world(texts)).texts.into_iter();
        texts
            .map(|(path, text)| (path.to_string(), text.to_string()))
            .collect()
    };
    for case in folders("tests/cases/fix") {
        let texts = texts(&case);
        let expected = ended(&become_of(&ended(&texts, "\n")), "\r\n");
        assert_eq!(
            become_of(&ended(&texts, "\r\n")),
            expected,
            "{}",
            case.display()
        );
    }
}

/// What fails and policy may mend: what the edits are counted against.
fn faults(compilation: &Compilation) -> usize {
    let found = compilation.diagnostics.iter();
    found
        .filter(|it| it.severity > Severity::Note && is_proof(it.code))
        .count()
}

/// Each example as found is proved after `--fix`, but for errors that are no failed proof; in at most as many edited
/// properties as faults, and nothing but policy is another.
#[test]
fn every_example_as_found_is_mended() {
    let mut errors = Vec::new();
    for folder in folders("examples") {
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let texts = texts(&folder.join("as-found"));
        let world = world(&texts);
        let before = compiled(&world);
        let found = searched(&world, &before);
        let faults = faults(&before);
        assert!(faults > 0 && found.properties > 0, "{name}");
        assert!(
            found.properties <= faults,
            "{name}: {} edits for {faults} faults",
            found.properties
        );
        let after = mended(&world);
        assert_eq!(
            self::faults(&after.compilation),
            0,
            "{name}: {:?}",
            after.left
        );
        let left = after.compilation.diagnostics.iter();
        let left: Vec<&Diagnostic> = left.filter(|it| it.severity == Severity::Error).collect();
        assert_eq!(
            after.compilation.artifacts.is_some(),
            left.is_empty(),
            "{name}"
        );
        errors.extend(left.into_iter().map(|it| (name.clone(), it.code.id)));
        for (path, new) in &after.texts {
            assert_eq!(beside_policy(new), beside_policy(&texts[&**path]), "{name}");
        }
        insta::with_settings!({
            snapshot_path => "fix/examples",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(name, report(&texts));
        });
    }
    // Three services have one name: which of them is another is not for a policy to say.
    assert_eq!(errors, [("shop".to_owned(), "ZD3005")]);
}

/// The blocks that hold policy.
const POLICY: [&str; 6] = [
    "update",
    "health",
    "liveness",
    "shutdown",
    "placement",
    "restart",
];

/// A program without its policy: the tree, told item by item.
fn beside_policy(text: &str) -> String {
    use zdc::source::FileId;
    use zdc::syntax::ast::{Body, Item};
    fn tell(text: &str, items: &[Item], depth: usize, out: &mut String) {
        let slice =
            |span: zdc::source::Span| text.get(span.start as usize..span.end as usize).unwrap();
        let inner = |body: &Body, out: &mut String| tell(text, &body.items, depth + 1, out);
        for item in items {
            match item {
                Item::Block(it) if POLICY.contains(&&*it.kind.text) => {}
                Item::Block(it) => {
                    writeln!(out, "{depth} {}", slice(it.head())).unwrap();
                    it.body.iter().for_each(|body| inner(body, out));
                }
                Item::Template(it) | Item::Component(it) => {
                    writeln!(out, "{depth} {}", it.name).unwrap();
                    inner(&it.body, out);
                }
                Item::For(it) => inner(&it.body, out),
                other => writeln!(out, "{depth} {}", slice(other.span())).unwrap(),
            }
        }
    }
    let (file, found) = zdc::syntax::parse(FileId(0), text);
    assert!(!found.has_errors(), "{text}");
    let mut out = String::new();
    tell(text, &file.items, 0, &mut out);
    for comment in file.comments {
        writeln!(
            out,
            "{}",
            text.get(comment.span.start as usize..comment.span.end as usize)
                .unwrap()
        )
        .unwrap();
    }
    out
}

/// A program of one service.
fn program(targets: &str, body: &str) -> BTreeMap<String, String> {
    let text = format!(
        "app shop {{ targets = [{targets}] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  port http {{ number = 8080, \
         publish = 80 }}\n{body}}}\n"
    );
    BTreeMap::from([("app.zd".to_owned(), text)])
}
