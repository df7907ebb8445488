//! `zdc check --fix` on the disk: what it writes, what it prints, how it ends, and what keeps it from writing.

use super::*;
use std::process::{Command, Output};

struct Desk(tempfile::TempDir);

impl Desk {
    fn with(text: &str) -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::write(desk.path("app.zd"), text).unwrap();
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn zdc(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zdc"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .env_clear()
            .output()
            .unwrap()
    }

    /// What lies in the folder.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).unwrap();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

fn told(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

const FAULTY: &str = "app shop { targets = [swarm] }

service web {
  image    = \"example/web:1.0.0\"
  replicas = 3
  port http { number = 8080, publish = 80 }
  health http { interval = 1s, timeout = 1s, retries = 2 }
  update rolling { order = stop_first, parallelism = 0 }
}
";

/// What is proved is the deployment with such a check, and not that the program answers.
#[test]
fn it_says_what_it_takes_for_granted() {
    let desk = Desk::with(&FAULTY.replace(
        "  health http { interval = 1s, timeout = 1s, retries = 2 }\n",
        "",
    ));
    for arguments in [&["check", "--fix", "--dry-run"][..], &["check", "--fix"]] {
        let (_, _, err) = told(&desk.zdc(arguments));
        let granted =
            "add `health http`, for which the program must answer `/`, with `wget` in its image";
        assert!(err.contains("`web`: ") && err.contains(granted), "{err}");
    }
}

#[test]
fn it_says_what_it_changed_and_that_it_is_sound() {
    let desk = Desk::with(FAULTY);
    let (code, out, err) = told(&desk.zdc(&["check", "--fix"]));
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    let line = "app.zd:8: `update rolling { order = stop_first, parallelism = 0 }` taken out\n";
    assert!(
        err.starts_with(line) && err.contains("is sound for swarm"),
        "{err}"
    );
    assert!(!desk.read("app.zd").contains("update"));
    assert_eq!(desk.names(), ["app.zd"]);
    let (code, _, err) = told(&desk.zdc(&["check", "--fix", "-q"]));
    assert_eq!((code, err.as_str()), (0, ""));
}

#[test]
fn a_dry_run_prints_a_diff_that_patch_takes() {
    let desk = Desk::with(FAULTY);
    let (code, out, err) = told(&desk.zdc(&["check", "--fix", "--dry-run"]));
    assert_eq!(code, 1, "{err}");
    assert_eq!(desk.read("app.zd"), FAULTY);
    let diff = "--- app.zd\n+++ app.zd\n@@ -5,5 +5,4 @@\n";
    assert!(
        out.starts_with(diff) && out.contains("\n-  update rolling"),
        "{out}"
    );
    let (code, _, err) = told(&desk.zdc(&["check", "--dry-run"]));
    assert!(code == 2 && err.contains("--fix"), "{err}");
}

#[test]
fn a_fix_is_in_every_format() {
    let desk = Desk::with(FAULTY);
    let (_, out, _) = told(&desk.zdc(&["check", "--format", "json"]));
    let found: serde_json::Value = serde_json::from_str(out.lines().next().unwrap()).unwrap();
    let edit = &found["fix"]["edits"][0];
    let (start, end) = (
        edit["start"].as_u64().unwrap(),
        edit["end"].as_u64().unwrap(),
    );
    let mut text = FAULTY.to_owned();
    let range = usize::try_from(start).unwrap()..usize::try_from(end).unwrap();
    text.replace_range(range, edit["text"].as_str().unwrap());
    assert_eq!((&edit["line"], &edit["column"]), (&8.into(), &1.into()));
    let (_, out, _) = told(&desk.zdc(&["check", "--format", "sarif"]));
    let log: serde_json::Value = serde_json::from_str(&out).unwrap();
    let fix = &log["runs"][0]["results"][0]["fixes"][0];
    assert_eq!(fix["description"]["text"], found["fix"]["title"]);
    let change = &fix["artifactChanges"][0];
    assert_eq!(change["artifactLocation"]["uri"], "app.zd");
    let region = &change["replacements"][0]["deletedRegion"];
    assert_eq!(
        (&region["byteOffset"], &region["byteLength"]),
        (&start.into(), &(end - start).into())
    );
    let (_, out, _) = told(&desk.zdc(&["check", "--format", "github"]));
    assert!(out.contains("fix: take `update` out"), "{out}");
    let (code, _, err) = told(&desk.zdc(&["build"]));
    assert!(code == 1 && err.contains("fix: take `update` out"), "{err}");
    // What a tool makes of it is what `--fix` makes.
    desk.zdc(&["check", "--fix"]);
    assert_eq!(desk.read("app.zd"), text);
}

/// Two programs share a template; what mends one of them in it would break the other, whose volume has one writer.
#[test]
fn another_program_keeps_what_it_imports() {
    let desk = Desk::with("");
    let base = "template pod() {
  health http { interval = 5s }
  update rolling { order = stop_first, delay = 45s, monitor = 45s }
}
";
    let web = "app web { targets = [swarm] }
import \"./base.zd\" as base
service web {
  use base.pod()
  image    = \"example/web:1.0.0\"
  port http { number = 8080, publish = 80 }
}
";
    let db = "app db { targets = [swarm] }
import \"./base.zd\" as base
volume data {}
service db {
  use base.pod()
  image = \"example/db:1.0.0\"
  port http { number = 8080, publish = 81 }
  volume data { path = \"/data\" }
  allow downtime { because = \"one writer\" }
}
";
    for (path, text) in [("base.zd", base), ("web.zd", web), ("db.zd", db)] {
        fs::write(desk.path(path), text).unwrap();
    }
    let (code, _, err) = told(&desk.zdc(&["check", "db.zd"]));
    assert_eq!(code, 0, "{err}");
    let (code, _, err) = told(&desk.zdc(&["check", "web.zd", "--fix"]));
    assert!(code == 0 && !err.contains("import"), "{err}");
    assert_eq!(desk.read("base.zd"), base);
    assert_ne!(desk.read("web.zd"), web);
    let (code, _, err) = told(&desk.zdc(&["check", "db.zd"]));
    assert_eq!(code, 0, "{err}");
}

#[test]
fn it_names_files_that_others_may_import() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/fix/imported-component");
    let texts = texts(&case);
    let desk = Desk::with(&texts["app.zd"]);
    fs::create_dir(desk.path("lib")).unwrap();
    fs::write(desk.path("lib/pair.zd"), &texts["lib/pair.zd"]).unwrap();
    let line = "lib/pair.zd: other programs may import it: check them, too\n";
    let (_, _, err) = told(&desk.zdc(&["check", "--fix", "--dry-run"]));
    assert!(err.contains(line), "{err}");
    let (_, _, err) = told(&desk.zdc(&["check", "--fix", "--quiet"]));
    assert!(!err.contains(line), "{err}");
    fs::write(desk.path("lib/pair.zd"), &texts["lib/pair.zd"]).unwrap();
    let (code, _, err) = told(&desk.zdc(&["check", "--fix"]));
    assert!(code == 0 && err.contains(line), "{err}");
}

#[test]
fn what_it_cannot_mend_it_says() {
    let desk = Desk::with(
        &FAULTY
            .replace("replicas = 3", "replicas = N")
            .replace("service", "deploy N: int = 3\nservice"),
    );
    let before = desk.read("app.zd");
    let (code, out, err) = told(&desk.zdc(&["check", "--fix"]));
    assert_eq!((code, out.as_str()), (1, ""));
    assert!(
        err.contains(
            "`--fix` leaves it: how many replicas there may be is the type of its variable"
        ),
        "{err}"
    );
    assert_eq!(desk.read("app.zd"), before);
    let desk = Desk::with("app shop {");
    let (code, _, err) = told(&desk.zdc(&["check", "--fix"]));
    assert!(
        code == 1 && err.contains("`--fix` leaves it: it is no failed proof"),
        "{err}"
    );
}

#[cfg(unix)]
mod rights {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_read_only_file_is_left_as_it_is() {
        let desk = Desk::with(FAULTY);
        fs::set_permissions(desk.path("app.zd"), fs::Permissions::from_mode(0o444)).unwrap();
        let (code, _, err) = told(&desk.zdc(&["check", "--fix"]));
        assert!(
            code == 2
                && err
                    .contains("nothing was written: cannot write `app.zd`: it may not be written"),
            "{err}"
        );
        assert_eq!(
            (desk.read("app.zd").as_str(), desk.names()),
            (FAULTY, vec!["app.zd".to_owned()])
        );
    }

    #[test]
    fn rights_and_links_stay() {
        let desk = Desk::with("");
        fs::create_dir(desk.path("real")).unwrap();
        fs::write(desk.path("real/shop.zd"), FAULTY).unwrap();
        fs::set_permissions(desk.path("real/shop.zd"), fs::Permissions::from_mode(0o640)).unwrap();
        fs::remove_file(desk.path("app.zd")).unwrap();
        symlink("real/shop.zd", desk.path("app.zd")).unwrap();
        let (code, _, err) = told(&desk.zdc(&["check", "--fix"]));
        assert_eq!(code, 0, "{err}");
        let link = fs::symlink_metadata(desk.path("app.zd")).unwrap();
        assert!(link.is_symlink() && !desk.read("real/shop.zd").contains("update"));
        let mode = fs::metadata(desk.path("real/shop.zd"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o640);
    }

    /// Two files are edited; where one cannot be, neither is.
    #[test]
    fn all_files_are_written_or_none() {
        let desk = Desk::with(&format!("import \"./lib.zd\" as lib\n{FAULTY}"));
        let (_, service) = FAULTY.split_once("service web").unwrap();
        let service = service.replace("publish = 80", "publish = 81");
        fs::write(desk.path("lib.zd"), format!("service api{service}")).unwrap();
        fs::set_permissions(desk.path("lib.zd"), fs::Permissions::from_mode(0o444)).unwrap();
        let before = desk.read("app.zd");
        let (code, _, err) = told(&desk.zdc(&["check", "--fix"]));
        assert!(code == 2 && err.contains("nothing was written"), "{err}");
        assert_eq!(
            (desk.read("app.zd"), desk.names()),
            (before, vec!["app.zd".to_owned(), "lib.zd".to_owned()])
        );
        fs::set_permissions(desk.path("lib.zd"), fs::Permissions::from_mode(0o644)).unwrap();
        let (code, _, err) = told(&desk.zdc(&["check", "--fix"]));
        assert!(
            code == 0 && err.contains("lib.zd:6: ") && err.contains("app.zd:9: "),
            "{err}"
        );
    }

    /// A limit of a file's size ends a program that does not expect it.
    #[test]
    fn a_file_that_may_not_grow_leaves_what_was_there() {
        let text = format!("{FAULTY}// {}\n", "x".repeat(40_000));
        let desk = Desk::with(&text);
        let output = Command::new("sh")
            .args(["-c", "ulimit -f 8; exec \"$0\" check --fix"])
            .arg(env!("CARGO_BIN_EXE_zdc"))
            .current_dir(&desk.0)
            .output()
            .unwrap();
        let (code, _, err) = told(&output);
        assert!(code == 2 && err.contains("nothing was written"), "{err}");
        assert_eq!(
            (desk.read("app.zd"), desk.names()),
            (text, vec!["app.zd".to_owned()])
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_what_was_there() {
        let desk = Desk::with("");
        let small = desk.path("small");
        fs::create_dir(&small).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=64k", "tmpfs"];
        let mounted = Command::new("mount").args(mount).arg(&small).output();
        if !mounted.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: cannot mount a small disk here");
            return;
        }
        let text = format!("{FAULTY}// {}\n", "x".repeat(40_000));
        fs::write(desk.path("small/app.zd"), &text).unwrap();
        let (code, _, err) = told(&desk.zdc(&["check", "--fix", "small"]));
        let kept = desk.read("small/app.zd") == text;
        let files = fs::read_dir(&small).unwrap().count();
        let unmounted = Command::new("umount").arg(&small).status();
        assert!(
            code == 2 && err.contains("nothing was written") && err.contains("No space left"),
            "{err}"
        );
        assert!(kept && files == 1);
        assert!(unmounted.is_ok_and(|status| status.success()));
    }
}
