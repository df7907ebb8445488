//! The program as a user runs it: what it prints, how it ends, and what is on the disk after.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test of the program as a whole works on the disk, and says what it skips"
)]

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, and the program run in it.
struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// With an `app.zd` that builds.
    fn with_app() -> Self {
        let desk = Self::new();
        assert_eq!(
            desk.zdc(&["init", "-q"]).status.code(),
            Some(2),
            "init takes no -q"
        );
        assert!(desk.zdc(&["init"]).status.success());
        desk
    }

    fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zdc"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .stdin(Stdio::null());
        command
    }

    fn zdc(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or(-1)
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs that must end with this code and say all of this on standard error.
fn ends(output: &Output, expected: i32, says: &[&str]) {
    let text = err(output);
    assert_eq!(code(output), expected, "{text}");
    for part in says {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    assert!(!text.contains("panicked"), "{text}");
}

mod usage {
    use super::*;

    #[test]
    fn help_and_version_are_there() {
        let desk = Desk::new();
        for arguments in [
            &["--help"][..],
            &["build", "--help"],
            &["check", "-h"],
            &["explain", "--help"],
            &["init", "--help"],
            &["completions", "--help"],
        ] {
            let output = desk.zdc(arguments);
            assert_eq!(code(&output), 0);
            assert!(out(&output).contains("Examples:"), "{arguments:?}");
        }
        assert!(out(&desk.zdc(&["--version"])).starts_with("zdc 0."));
    }

    #[test]
    fn wrong_use_ends_with_two() {
        let desk = Desk::new();
        for (arguments, says) in [
            (&[][..], "Usage"),
            (&["bild"], "build"),
            (&["build", "--target", "swram"], "swarm"),
            (&["build", "--set", "x"], "NAME=VALUE"),
            (&["build", "--check", "--stdout"], "cannot be used with"),
            (
                &["build", "--target", "swarm,nginx", "--stdout"],
                "swarm, nginx",
            ),
            (&["explain", "ZD9999"], "there is no code `ZD9999`"),
            (&["explain", "synatx-error"], "did you mean `syntax-error`?"),
        ] {
            ends(&desk.zdc(arguments), 2, &[says]);
        }
    }

    #[test]
    fn no_program_is_told_with_a_way_on() {
        let desk = Desk::new();
        ends(
            &desk.zdc(&["build"]),
            2,
            &["there is no `app.zd` here", "zdc init"],
        );
        desk.put("shop/shop.zd", "");
        ends(
            &desk.zdc(&["check", "shop"]),
            2,
            &["zdc build shop/shop.zd"],
        );
        ends(
            &desk.zdc(&["check", "shop/shpo.zd"]),
            2,
            &["did you mean `shop.zd`?"],
        );
    }

    #[test]
    fn explain_prints_pages_and_the_list() {
        let desk = Desk::new();
        let list = out(&desk.zdc(&["explain"]));
        assert!(list.contains("ZD0001  error    syntax-error"), "{list}");
        let page = out(&desk.zdc(&["explain", "SYNTAX_ERROR".to_lowercase().as_str()]));
        assert!(
            page.starts_with("ZD0001: syntax-error\n") && !page.contains("```"),
            "{page}"
        );
        assert!(!page.contains('\u{1b}'));
        let page = out(&desk.zdc(&["explain", "zd0001", "--color", "always"]));
        assert!(page.starts_with("\u{1b}[1mZD0001"), "{page}");
    }

    #[test]
    fn completions_are_written_for_each_shell() {
        let desk = Desk::new();
        for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
            let script = out(&desk.zdc(&["completions", shell]));
            assert!(script.contains("deny-warnings"), "{shell}");
        }
    }

    #[test]
    fn init_writes_once() {
        let desk = Desk::new();
        ends(
            &desk.zdc(&["init", "my Shop"]),
            0,
            &["wrote my Shop/app.zd", "next: zdc build"],
        );
        let text = fs::read_to_string(desk.path("my Shop/app.zd")).unwrap();
        assert!(text.contains("app my-shop {"), "{text}");
        desk.put("my Shop/app.zd", "mine");
        ends(&desk.zdc(&["init", "my Shop"]), 2, &["is there already"]);
        assert_eq!(
            fs::read_to_string(desk.path("my Shop/app.zd")).unwrap(),
            "mine"
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_reader_who_leaves_is_no_error_and_a_full_disk_is() {
        let desk = Desk::new();
        let mut child = desk
            .command(&["completions", "bash"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        ends(&output, 0, &[]);
        assert_eq!(err(&output), "");
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = desk.command(&["explain"]).stdout(full).output().unwrap();
        ends(&output, 2, &["cannot write to standard output"]);
    }
}

mod input {
    use super::*;

    #[test]
    fn what_is_no_source_file_is_refused() {
        let desk = Desk::new();
        desk.put("latin.zd", b"app \xe9 {}");
        desk.put("empty/readme", "");
        fs::create_dir(desk.path("folder.zd")).unwrap();
        ends(
            &desk.zdc(&["check", "latin.zd"]),
            2,
            &["`latin.zd` is not UTF-8: byte 4"],
        );
        ends(
            &desk.zdc(&["check", "missing.zd"]),
            2,
            &["there is no file `missing.zd`"],
        );
        ends(
            &desk.zdc(&["check", "latin.zd/x.zd"]),
            2,
            &["there is no file"],
        );
        ends(
            &desk.zdc(&["check", "folder.zd"]),
            2,
            &["there is no `app.zd` in `folder.zd`"],
        );
        let huge = fs::File::create(desk.path("huge.zd")).unwrap();
        huge.set_len(100 * 1024 * 1024).unwrap();
        ends(
            &desk.zdc(&["check", "huge.zd"]),
            2,
            &["`huge.zd` is too large"],
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipes_and_devices_are_refused_without_waiting() {
        let desk = Desk::new();
        let made = Command::new("mkfifo").arg(desk.path("pipe.zd")).status();
        if made.is_ok_and(|status| status.success()) {
            ends(
                &desk.zdc(&["check", "pipe.zd"]),
                2,
                &["is not a regular file"],
            );
        } else {
            eprintln!("skipped: no mkfifo here");
        }
        ends(
            &desk.zdc(&["check", "/dev/zero"]),
            2,
            &["is not a regular file"],
        );
        ends(&desk.zdc(&["check", "/proc/self/mem"]), 2, &["cannot read"]);
    }

    #[test]
    fn parameter_files_are_read_within_bounds() {
        let desk = Desk::with_app();
        desk.put("list.yaml", "- 1\n");
        desk.put("broken.yaml", "a: 1\nb: [\n");
        desk.put("twice.yaml", "a: 1\na: 2\n");
        desk.put("big.yaml", "x".repeat(2_000_000));
        ends(
            &desk.zdc(&["check", "--params", "list.yaml"]),
            2,
            &["expected a map of parameters"],
        );
        ends(
            &desk.zdc(&["check", "--params", "broken.yaml"]),
            2,
            &["broken.yaml:3:1"],
        );
        ends(
            &desk.zdc(&["check", "--params", "twice.yaml"]),
            2,
            &["`a` is there twice"],
        );
        ends(
            &desk.zdc(&["check", "--params", "big.yaml"]),
            2,
            &["too large"],
        );
        ends(
            &desk.zdc(&["check", "--params", "none.yaml"]),
            2,
            &["cannot read `none.yaml`"],
        );
        ends(&desk.zdc(&["check", "--params", "."]), 2, &["is a folder"]);
    }

    #[cfg(unix)]
    #[test]
    fn a_root_holds_its_program() {
        let desk = Desk::with_app();
        desk.put("other/x", "");
        ends(
            &desk.zdc(&["check", "--root", "other"]),
            2,
            &["is outside the root `other`"],
        );
        ends(
            &desk.zdc(&["check", "--root", "missing"]),
            2,
            &["cannot open the folder `missing`"],
        );
    }
}
