//! `zdc doc`: what it prints, what it writes, and what it does not write over.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests run the program and read what it wrote, and fail where they cannot"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn doc(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_zdc"))
        .arg("doc")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An empty folder of the test's own.
fn folder(name: &str) -> std::path::PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("doc-{name}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

const INFRA: &str = "// What the shop runs on.

/// How many.
type count = int(1..8)

/// A cache | of many.
component cache(
  /// The most it holds.
  limit: memory = 256MiB,
  kind: \"a\" | \"b\" = a
) {
  volume data { size = 1GiB }
  service server { image = \"redis:7.4.2\", port redis { number = 6379 } }
  for n in [1, 2] { use watch() as \"w-${n}\" }
}

component watch { service eye { image = \"x:1\" } }
";

#[test]
fn a_file_is_documented_as_it_is_written() {
    let folder = folder("file");
    fs::write(folder.join("infra.zd"), INFRA).unwrap();
    let output = doc(&folder, &["infra.zd"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = text(&output.stdout);
    for expected in [
        "# infra.zd\n\nWhat the shop runs on.\n",
        "import \"./infra.zd\" as infra\n",
        "type count = int(1..8)\n",
        "## component `cache`\n\nA cache | of many.\n",
        "use infra.cache(limit: memory = 256MiB, kind: \"a\" | \"b\" = a) as NAME\n",
        "| `limit` | `memory` | `256MiB` | The most it holds. |\n",
        "| `kind` | `\"a\" \\| \"b\"` | `a` |  |\n",
        "| `server` | service | `redis` 6379 |\n",
        "| `\"w-${n}\"` | an instance of `watch` |  |\n",
        "use infra.watch() as NAME\n",
    ] {
        assert!(page.contains(expected), "{expected}\nin\n{page}");
    }
}

#[test]
fn the_standard_library_is_listed_printed_and_written() {
    let folder = folder("std");
    let list = text(&doc(&folder, &["std"]).stdout);
    assert!(list.contains("| [std.redis](redis.md) | Redis: "), "{list}");
    assert!(!list.contains("## component"), "{list}");
    let page = text(&doc(&folder, &["std.redis"]).stdout);
    assert!(page.contains("## component `store`"), "{page}");
    let output = doc(&folder, &["std", "--out", "pages"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let written = fs::read_to_string(folder.join("pages/redis.md")).unwrap();
    assert!(written.ends_with(&page), "{written}");
    let again = doc(&folder, &["std", "--out", "pages"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
}

#[test]
fn a_page_of_someone_else_stays() {
    let folder = folder("kept");
    fs::create_dir(folder.join("pages")).unwrap();
    fs::write(folder.join("pages/web.md"), "mine\n").unwrap();
    let output = doc(&folder, &["std.web", "--out", "pages"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("was not written by zdc"));
    let kept = fs::read_to_string(folder.join("pages/web.md")).unwrap();
    assert_eq!(kept, "mine\n");
}

#[test]
fn what_is_not_there_is_said() {
    let folder = folder("missing");
    for (arguments, said) in [
        (&["std.rediss"][..], "did you mean `redis`?"),
        (&["nothing.zd"][..], "nothing.zd"),
        (&[][..], "app.zd"),
    ] {
        let output = doc(&folder, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = text(&output.stderr);
        assert!(error.contains(said), "{error}");
    }
    fs::write(folder.join("broken.zd"), "component {{{\n").unwrap();
    let output = doc(&folder, &["broken.zd"]);
    assert!(text(&output.stderr).contains("syntax errors"));
}
