//! The program as a user runs it: what it prints, how it ends, and what is on the disk after.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test of the program as a whole works on the disk, and says what it skips"
)]

use std::fs;
use std::path::{Path, PathBuf};
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

    /// Every file below a folder with what it holds, by its path from there.
    fn files(&self, folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, files);
                } else {
                    files.push(path);
                }
            }
        }
        let folder = self.path(folder);
        let mut files = Vec::new();
        walk(&folder, &mut files);
        files.sort();
        files
            .into_iter()
            .map(|path| {
                (
                    path.strip_prefix(&folder).unwrap().to_path_buf(),
                    fs::read(&path).unwrap(),
                )
            })
            .collect()
    }
}

impl Desk {
    fn names(&self, folder: &str) -> Vec<String> {
        let names = self.files(folder).into_iter();
        names
            .map(|(path, _)| path.to_string_lossy().into_owned())
            .collect()
    }

    /// Replaces text that must be there.
    fn edit(&self, path: &str, old: &str, new: &str) {
        let text = fs::read_to_string(self.path(path)).unwrap();
        assert!(text.contains(old), "no `{old}` in {path}");
        self.put(path, text.replace(old, new));
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
            &["test", "--help"],
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
            (&["explain", "ZD9999"], "there is no code or word `ZD9999`"),
            (&["explain", "blue", "gren"], "did you mean `blue-green`?"),
            (&["explain", "web", "--target", "swarm"], "--policy"),
            (&["explain", "web", "--format", "xml"], "human, json"),
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
            &["name the program, `shop/shop.zd`"],
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
    fn explain_knows_words_however_they_are_spelled() {
        let desk = Desk::new();
        let list = out(&desk.zdc(&["explain"]));
        assert!(list.contains("\nround-robin "), "{list}");
        for spelling in [
            &["blue/green"][..],
            &["Blue", "Green"],
            &["blue_green"],
            &["blue-green"],
        ] {
            let page = out(&desk.zdc(&[&["explain"], spelling].concat()));
            assert!(page.starts_with("blue-green\n"), "{spelling:?}: {page}");
        }
    }

    const WEB: &str = "app web { targets = [swarm, kubernetes] }
service web {
  image = \"example/web:1.0.0\"
  replicas = 3
  port http { number = 8080, publish = 80 }
  health http { path = \"/health\", interval = 5s, timeout = 2s }
  availability { min_available = 100% }
}
service job {
  image = \"example/job:1.0.0\"
  targets = [swarm]
}
";

    #[test]
    fn explain_shows_a_policy_with_its_inequalities() {
        let desk = Desk::new();
        desk.put("app.zd", WEB);
        let output = desk.zdc(&["explain", "--policy", "web"]);
        ends(&output, 0, &[]);
        let text = out(&output);
        for line in [
            "`web` on swarm: derived\n",
            "`web` on kubernetes: derived\n",
            "  update_config.delay              36s          derived         [2]\n",
            "             36s >= 3 * (5s + 2s) + 2s + 10s + 3s = 36s\n",
            "      not stated: `timing { startup = … }`",
        ] {
            assert!(text.contains(line), "no {line:?} in\n{text}");
        }
        let one = out(&desk.zdc(&["explain", "--policy", "web", "--target", "kubernetes"]));
        assert!(!one.contains("swarm"), "{one}");
    }

    #[test]
    fn explain_writes_a_policy_as_json() {
        let desk = Desk::new();
        desk.put("app.zd", WEB);
        let output = desk.zdc(&["explain", "--policy", "web", "app.zd", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&out(&output)).unwrap();
        assert_eq!(json["service"], "web");
        let swarm = &json["targets"][0];
        assert_eq!(swarm["target"], "swarm");
        assert_eq!(swarm["policy"], "derived");
        let settings = swarm["settings"].as_array().unwrap();
        let delay = settings
            .iter()
            .find(|it| it["setting"] == "update_config.delay");
        let delay = delay.unwrap();
        assert_eq!(delay["value"], "36s");
        assert_eq!(delay["from"], "derived");
        assert_eq!(delay["must"][0]["holds"], true);
    }

    #[test]
    fn explain_shows_where_a_written_policy_falls_short() {
        let desk = Desk::new();
        let update = "  update rolling { order = stop_first, parallelism = 3 }\n}\nservice job";
        desk.put("app.zd", WEB.replacen("}\nservice job", update, 1));
        let output = desk.zdc(&["explain", "--policy", "web", "--target", "swarm"]);
        ends(&output, 0, &["`zdc check` tells them"]);
        let text = out(&output);
        let fails =
            "      FAILS  replicas - parallelism >= min_available\n             3 - 3 = 0 >= 3\n";
        assert!(text.contains(fails), "{text}");
        assert!(text.contains("`web` on swarm: written"), "{text}");
    }

    #[test]
    fn explain_says_which_services_there_are() {
        let desk = Desk::new();
        desk.put("app.zd", WEB);
        for (arguments, says) in [
            (&["--policy", "wbe"][..], "did you mean `web`?"),
            (&["--policy", "\u{1b}[31mx"], "there are `web`, `job`"),
            (
                &["--policy", "web", "app.zd", "b.zd"],
                "there is one program",
            ),
            (
                &["--policy", "job", "--target", "kubernetes"],
                "`job` is not written for kubernetes",
            ),
            (
                &["--policy", "web", "none.zd"],
                "there is no file `none.zd`",
            ),
        ] {
            let output = desk.zdc(&[&["explain"], arguments].concat());
            ends(&output, 2, &[says]);
            assert!(!err(&output).contains('\u{1b}'));
        }
        desk.put(
            "app.zd",
            "app web { targets = [swarm] }\nservice web { image = 1 }\n",
        );
        ends(
            &desk.zdc(&["explain", "--policy", "web"]),
            1,
            &["type-mismatch"],
        );
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

/// A program of many services, whose output takes a while to write.
fn fleet(count: usize) -> String {
    format!(
        "app fleet {{ targets = [kubernetes] }}\nfor n in 1..{count} {{\n  service \"s-${{n}}\" {{\n    \
         image = \"shop/s:1.0.${{n}}\"\n    replicas = 2\n    port http {{ number = 8080 }}\n    \
         health http {{ path = \"/health\" }}\n  }}\n}}\n"
    )
}

mod output {
    use super::*;

    #[test]
    fn the_first_program_builds_for_three_targets_and_again_for_nothing() {
        let desk = Desk::with_app();
        let built = desk.zdc(&["build", "--deny-warnings"]);
        ends(&built, 0, &["wrote ", " in manifests/ ("]);
        assert_eq!(out(&built), "");
        for file in [
            "swarm/app.yml",
            "nginx/conf.d/app.conf",
            "kubernetes/web.yaml",
        ] {
            let name = desk
                .folder
                .path()
                .file_name()
                .unwrap()
                .to_string_lossy()
                .to_lowercase();
            let name: String = name
                .trim_start_matches(|c: char| !c.is_ascii_alphabetic())
                .to_owned();
            let file = file.replace("app.", &format!("{name}."));
            let text = fs::read_to_string(desk.path(&format!("manifests/{file}")));
            let text =
                text.unwrap_or_else(|_| panic!("no {file} in {:?}", desk.names("manifests")));
            assert!(
                text.starts_with("# Generated by zdc from app.zd; edit that file instead. sha256:"),
                "{text}"
            );
        }
        let before = desk.files("manifests");
        ends(
            &desk.zdc(&["build"]),
            0,
            &["wrote 0 files, ", " unchanged in manifests/"],
        );
        assert_eq!(desk.files("manifests"), before);
        let quiet = desk.zdc(&["build", "-q"]);
        assert_eq!((code(&quiet), err(&quiet).contains("wrote")), (0, false));
        ends(
            &desk.zdc(&["check"]),
            0,
            &["app.zd is sound for swarm, nginx, kubernetes"],
        );
    }

    #[test]
    fn check_compares_and_writes_nothing() {
        let desk = Desk::with_app();
        let missing = desk.zdc(&["build", "--check"]);
        ends(&missing, 1, &["not up to date; write with: zdc build"]);
        assert!(out(&missing).contains("--- /dev/null\n+++ manifests/kubernetes/web.yaml\n"));
        assert!(!desk.path("manifests").exists());
        assert_eq!(code(&desk.zdc(&["build"])), 0);
        ends(&desk.zdc(&["build", "--check"]), 0, &["up to date"]);
        let before = desk.files("manifests");
        desk.edit("app.zd", "replicas = 2", "replicas = 3");
        let stale = desk.zdc(&["build", "--check", "app.zd", "--set", "VERSION=2 0"]);
        assert_eq!(code(&stale), 1);
        desk.edit("app.zd", "[swarm, nginx, kubernetes]", "[kubernetes]");
        let stale = desk.zdc(&["build", "--check", "app.zd", "--color", "always"]);
        ends(&stale, 1, &["write with: zdc build app.zd --color always"]);
        assert!(
            out(&stale)
                .contains("\u{1b}[31m-  replicas: 2\u{1b}[0m\n\u{1b}[32m+  replicas: 3\u{1b}[0m\n"),
            "{}",
            out(&stale)
        );
        assert_eq!(desk.files("manifests"), before);
    }

    #[test]
    fn a_hand_edited_file_is_overwritten_only_by_force() {
        let desk = Desk::with_app();
        assert_eq!(code(&desk.zdc(&["build"])), 0);
        desk.edit(
            "manifests/kubernetes/web.yaml",
            "replicas: 2",
            "replicas: 9",
        );
        let help =
            "not up to date; move what you changed into the source, or overwrite it with --force";
        ends(&desk.zdc(&["build", "--check"]), 1, &[help]);
        desk.edit(
            "manifests/kubernetes/web.yaml",
            "replicas: 9",
            "replicas: 2",
        );
        desk.edit(
            "manifests/kubernetes/web.yaml",
            "replicas: 2",
            "replicas: 7",
        );
        desk.put("manifests/kubernetes/mine.yaml", "mine: 1\n");
        // It stands as it is as long as the program asks for nothing else there.
        let before = desk.files("manifests");
        ends(
            &desk.zdc(&["build"]),
            2,
            &["kubernetes/web.yaml: edited since zdc wrote it", "--force"],
        );
        ends(&desk.zdc(&["build", "--check"]), 1, &[]);
        assert_eq!(desk.files("manifests"), before);
        ends(&desk.zdc(&["build", "--force"]), 0, &["wrote 1 file, "]);
        assert!(desk.path("manifests/kubernetes/mine.yaml").exists());
        ends(&desk.zdc(&["build", "--check"]), 0, &[]);
    }

    #[test]
    fn what_is_no_longer_written_is_removed_for_the_targets_built() {
        let desk = Desk::with_app();
        assert_eq!(code(&desk.zdc(&["build"])), 0);
        desk.edit("app.zd", "service web", "service front");
        desk.edit("app.zd", "web.http", "front.http");
        ends(
            &desk.zdc(&["build", "--target", "swarm"]),
            0,
            &["wrote 3 files, 1 unchanged, removed 1 in"],
        );
        assert!(
            desk.path("manifests/kubernetes/web.yaml").exists(),
            "kubernetes was not built"
        );
        ends(&desk.zdc(&["build"]), 0, &["removed "]);
        assert!(!desk.path("manifests/kubernetes/web.yaml").exists());
        assert!(desk.path("manifests/kubernetes/front.yaml").exists());
        // A target that the program is for no more, too.
        desk.edit("app.zd", "targets = [swarm, ", "targets = [");
        assert_eq!(code(&desk.zdc(&["build", "--check"])), 1);
        ends(&desk.zdc(&["build"]), 0, &["removed "]);
        assert!(!desk.path("manifests/swarm/deploy.sh").exists());
        assert_eq!(code(&desk.zdc(&["build", "--check"])), 0);
    }

    #[test]
    fn errors_write_nothing_and_warnings_only_where_they_may() {
        let desk = Desk::with_app();
        desk.edit("app.zd", "memory = 256MiB", "memroy = 256MiB");
        let broken = desk.zdc(&["build"]);
        ends(&broken, 1, &["error[ZD2002]", "did you mean", "1 error"]);
        assert!(!desk.path("manifests").exists());
        desk.edit("app.zd", "memroy = 256MiB", "memory = 256MiB");
        desk.edit("app.zd", ":${VERSION}\"", ":latest\"");
        ends(
            &desk.zdc(&["check", "--deny-warnings"]),
            1,
            &["warning[ZD6003]"],
        );
        ends(&desk.zdc(&["build", "--deny-warnings"]), 1, &[]);
        assert!(!desk.path("manifests").exists());
        ends(&desk.zdc(&["build"]), 0, &["warning[ZD6003]", "wrote "]);
    }

    #[test]
    fn one_target_is_printed_as_one_stream() {
        let desk = Desk::with_app();
        ends(
            &desk.zdc(&["build", "--stdout"]),
            2,
            &["--stdout prints one target, and there are 3: swarm, nginx, kubernetes"],
        );
        let printed = desk.zdc(&["build", "--stdout", "--target", "kubernetes"]);
        assert_eq!(code(&printed), 0);
        let text = out(&printed);
        assert!(
            text.starts_with("# kubernetes/") && text.contains("\n---\n# kubernetes/web.yaml\n"),
            "{text}"
        );
        assert!(!desk.path("manifests").exists());
        desk.edit("app.zd", "[swarm, nginx, kubernetes]", "[swarm]");
        desk.edit("app.zd", ":${VERSION}\"", ":latest\"");
        let printed = desk.zdc(&["build", "--stdout", "--format", "json"]);
        assert!(
            out(&printed).starts_with("# swarm/configs/edge-"),
            "{}",
            out(&printed)
        );
        assert!(err(&printed).contains("{\"code\":"), "{}", err(&printed));
    }

    /// The folder it runs in, its arguments and its environment.
    type Run<'a> = (&'a str, &'a [&'a str], &'a [(&'a str, &'a str)]);

    #[test]
    fn the_same_bytes_whatever_the_surroundings() {
        let desk = Desk::with_app();
        desk.put("elsewhere/x", "");
        let file = desk.path("app.zd").to_string_lossy().into_owned();
        let folder = desk.folder.path().to_string_lossy().into_owned();
        assert_eq!(code(&desk.zdc(&["build", "--out", "first"])), 0);
        let first = desk.files("first");
        assert!(first.len() > 3);
        let runs: [Run<'_>; 5] = [
            (
                ".",
                &["./app.zd"],
                &[("LANG", "de_DE.UTF-8"), ("TZ", "Asia/Tokyo")],
            ),
            (
                "elsewhere",
                &["../app.zd"],
                &[("LC_ALL", "tr_TR.ISO8859-9"), ("TZ", "Pacific/Apia")],
            ),
            (
                "elsewhere",
                &[&file],
                &[("HOME", "/nowhere"), ("COLUMNS", "20")],
            ),
            ("/", &[&folder], &[("TERM", "dumb"), ("USER", "other")]),
            ("elsewhere", &["..", "--root", ".."], &[]),
        ];
        for (number, (from, arguments, environment)) in runs.into_iter().enumerate() {
            let to = format!("run-{number}");
            let mut command = desk.command(&["build", "--out"]);
            command
                .arg(desk.path(&to))
                .args(arguments)
                .current_dir(desk.path(from))
                .envs(environment.iter().copied());
            assert_eq!(code(&command.output().unwrap()), 0, "{arguments:?}");
            assert_eq!(desk.files(&to), first, "from {from} with {arguments:?}");
        }
        let text: Vec<u8> = first.into_iter().flat_map(|(_, bytes)| bytes).collect();
        let name = desk
            .folder
            .path()
            .parent()
            .unwrap()
            .to_string_lossy()
            .into_owned();
        assert!(name == "/" || !String::from_utf8_lossy(&text).contains(&format!("{name}/")));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_told_and_nothing_is_left() {
        let desk = Desk::with_app();
        desk.put("file", "in the way");
        ends(
            &desk.zdc(&["build", "--out", "file"]),
            2,
            &["`file` is not a folder", "--out"],
        );
        ends(
            &desk.zdc(&["build", "--out", "file/manifests"]),
            2,
            &["nothing was written"],
        );
        assert_eq!(fs::read_to_string(desk.path("file")).unwrap(), "in the way");
        if cfg!(target_os = "linux") {
            ends(
                &desk.zdc(&["build", "--out", "/proc/zdc"]),
                2,
                &["nothing was written", "/proc/zdc"],
            );
        }
        assert_eq!(desk.names("."), ["app.zd", "file"]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_what_was_there() {
        let desk = Desk::new();
        fs::create_dir(desk.path("small")).unwrap();
        let small = desk.path("small");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=256k", "tmpfs"])
            .arg(&small)
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("skipped: cannot mount a small disk here");
            return;
        }
        desk.put("app.zd", fleet(3));
        let first = desk.zdc(&["build", "--out", "small/out"]);
        let before = desk.files("small");
        desk.put(
            "app.zd",
            fleet(2000).replace("replicas = 2", "replicas = 3"),
        );
        let full = desk.zdc(&["build", "--out", "small/out"]);
        let after = desk.files("small");
        let unmounted = Command::new("umount").arg(&small).status();
        assert_eq!(code(&first), 0, "{}", err(&first));
        ends(&full, 2, &["nothing was written", "No space left"]);
        assert!(before == after, "something is left behind");
        assert!(unmounted.is_ok_and(|status| status.success()));
    }

    #[cfg(unix)]
    #[test]
    fn a_signal_leaves_the_old_files_or_the_new_ones() {
        let desk = Desk::new();
        desk.put("app.zd", fleet(400));
        assert_eq!(code(&desk.zdc(&["build"])), 0);
        let old = desk.files("manifests");
        desk.put("app.zd", fleet(400).replace("replicas = 2", "replicas = 3"));
        assert_eq!(code(&desk.zdc(&["build", "--out", "new"])), 0);
        let new = desk.files("new");
        let mut interrupted = 0;
        for millis in (0..40).map(|step| step * 4) {
            let mut child = desk
                .command(&["build"])
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(std::time::Duration::from_millis(millis));
            let signal = ["-INT", "-TERM", "-HUP"][usize::try_from(millis).unwrap() / 4 % 3];
            let _ = Command::new("kill")
                .args([signal, &child.id().to_string()])
                .stderr(Stdio::null())
                .status();
            let status = child.wait().unwrap();
            let now = desk.files("manifests");
            assert!(
                now == old || now == new,
                "after {millis} ms: neither old nor new"
            );
            if now == new {
                desk.put("app.zd", fleet(400));
                assert_eq!(code(&desk.zdc(&["build"])), 0);
                desk.put("app.zd", fleet(400).replace("replicas = 2", "replicas = 3"));
            } else {
                interrupted += 1;
                assert!(matches!(status.code(), None | Some(130)), "{status}");
            }
        }
        assert!(interrupted > 0, "every build was done before its signal");
    }

    #[test]
    fn builds_at_the_same_time_do_not_disturb_one_another() {
        let desk = Desk::new();
        desk.put("app.zd", fleet(60));
        let builds: Vec<_> = (0..6)
            .map(|_| {
                desk.command(&["build", "--out", "together"])
                    .stderr(Stdio::piped())
                    .spawn()
                    .unwrap()
            })
            .collect();
        for build in builds {
            ends(&build.wait_with_output().unwrap(), 0, &[]);
        }
        assert_eq!(code(&desk.zdc(&["build", "--out", "alone"])), 0);
        assert_eq!(desk.files("together"), desk.files("alone"));
    }

    #[test]
    fn the_graph_is_drawn_three_ways() {
        let desk = Desk::with_app();
        for (format, part) in [
            ("dot", "s1 -> s0 [label = \"http\", style = bold]"),
            ("mermaid", "s1 ==>|\"http\"| s0"),
            ("svg", "<path class=\"routes\""),
        ] {
            let drawn = desk.zdc(&["graph", "--format", format]);
            assert_eq!(code(&drawn), 0, "{}", err(&drawn));
            assert!(out(&drawn).contains(part), "{}", out(&drawn));
        }
        desk.put("app.zd", "app {");
        ends(&desk.zdc(&["graph"]), 1, &["error[ZD"]);
    }
}

mod told {
    use super::*;

    #[test]
    fn machines_read_what_was_found() {
        let desk = Desk::with_app();
        desk.edit("app.zd", "memory = 256MiB", "memroy = 256MiB");
        let json = desk.zdc(&["check", "--format", "json"]);
        assert_eq!((code(&json), err(&json).as_str()), (1, ""));
        for line in out(&json).lines() {
            let found: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(
                found["labels"][0]["path"] == "app.zd" && found["severity"].is_string(),
                "{found}"
            );
        }
        let sarif: serde_json::Value =
            serde_json::from_str(&out(&desk.zdc(&["check", "--format", "sarif"]))).unwrap();
        assert!(
            sarif["runs"][0]["results"]
                .as_array()
                .is_some_and(|results| !results.is_empty())
        );
        assert!(
            out(&desk.zdc(&["check", "--format", "github"]))
                .starts_with("::error file=app.zd,line=")
        );
    }

    #[test]
    fn paths_are_shown_as_they_were_given() {
        let desk = Desk::new();
        desk.put(
            "shop/app.zd",
            "app shop { targets = [swarm] }\nimport \"./lib/x.zd\" as x\n",
        );
        desk.put("shop/lib/x.zd", "let a = nothing\n");
        desk.put("other/x", "");
        ends(&desk.zdc(&["check", "shop"]), 1, &["[shop/lib/x.zd:1:9]"]);
        ends(
            &desk.zdc(&["check", "./shop/app.zd"]),
            1,
            &["shop/lib/x.zd:1:9]"],
        );
        let mut command = desk.command(&["check", "../shop/app.zd", "--root", ".."]);
        ends(
            &command.current_dir(desk.path("other")).output().unwrap(),
            1,
            &["[../shop/lib/x.zd:1:9]"],
        );
    }

    #[test]
    fn colours_follow_the_environment_and_the_argument() {
        let desk = Desk::new();
        desk.put("app.zd", "app shop { tragets = [swarm] }\n");
        let colored = |arguments: &[&str], environment: &[(&str, &str)]| {
            let mut command = desk.command(&["check"]);
            let output = command
                .args(arguments)
                .envs(environment.iter().copied())
                .output()
                .unwrap();
            assert_eq!(code(&output), 1);
            err(&output).contains('\u{1b}')
        };
        assert!(!colored(&[], &[]));
        assert!(!colored(&[], &[("TERM", "xterm")]), "it is no terminal");
        assert!(colored(&[], &[("CLICOLOR_FORCE", "1")]));
        assert!(!colored(&[], &[("CLICOLOR_FORCE", "0")]));
        assert!(!colored(&[], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
        assert!(colored(&["--color", "always"], &[("NO_COLOR", "1")]));
        assert!(!colored(&["--color", "never"], &[("CLICOLOR_FORCE", "1")]));
    }

    #[test]
    fn no_source_takes_over_a_terminal() {
        let desk = Desk::new();
        let hostile = "\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}";
        desk.put(&format!("{hostile}.zd"), format!("app shop {{ \"{hostile}\" = {hostile} }}\r\n// {hostile}\nservice \"{hostile}\" {{ image = \"{hostile}\", {hostile} = 1 }}\n"));
        desk.put("app.zd", format!("app shop {{}}\nimport \"./{hostile}.zd\" as x\nimport \"./{hostile}/none.zd\" as y\n"));
        for format in ["human", "json", "sarif", "github"] {
            let output = desk.zdc(&[
                "check",
                "--format",
                format,
                "--set",
                &format!("{hostile}=1"),
            ]);
            assert_eq!(code(&output), 1, "{}", err(&output));
            let text = err(&output) + &out(&output);
            let raw = text
                .chars()
                .find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
            assert_eq!(raw, None, "{format}: {text:?}");
        }
        let output = desk.zdc(&["check", &format!("{hostile}.zd")]);
        assert!(!err(&output).contains('\u{1b}'), "{:?}", err(&output));
    }

    #[cfg(unix)]
    #[test]
    fn imports_stay_within_the_root_and_are_regular_files() {
        let desk = Desk::new();
        desk.put("outside.zd", "let a = 1\n");
        desk.put("shop/app.zd", "app shop { targets = [swarm] }\n");
        let imports = |path: &str| {
            desk.put(
                "shop/app.zd",
                format!("app shop {{ targets = [swarm] }}\nimport \"{path}\" as x\n"),
            );
            desk.zdc(&["check", "shop"])
        };
        std::os::unix::fs::symlink("../outside.zd", desk.path("shop/link.zd")).unwrap();
        std::os::unix::fs::symlink("/etc", desk.path("shop/etc")).unwrap();
        std::os::unix::fs::symlink("inside.zd", desk.path("shop/within.zd")).unwrap();
        desk.put("shop/inside.zd", "let a = 1\n");
        fs::create_dir(desk.path("shop/folder.zd")).unwrap();
        desk.put("shop/latin.zd", b"let a = \"\xe9\"\n");
        fs::File::create(desk.path("shop/huge.zd"))
            .unwrap()
            .set_len(100 << 20)
            .unwrap();
        for outside in [
            "./link.zd",
            "./etc/hostname",
            "../outside.zd",
            "/etc/hostname",
        ] {
            ends(&imports(outside), 1, &["error[ZD1002]"]);
        }
        ends(&imports("./none.zd"), 1, &["error[ZD1003]"]);
        for unreadable in ["./folder.zd", "./latin.zd", "./huge.zd"] {
            ends(&imports(unreadable), 1, &["error[ZD0002]"]);
        }
        let piped = Command::new("mkfifo")
            .arg(desk.path("shop/pipe.zd"))
            .status();
        if piped.is_ok_and(|status| status.success()) {
            ends(&imports("./pipe.zd"), 1, &["error[ZD0002]"]);
        }
        let text = err(&imports("./within.zd"));
        assert!(
            !text.contains("ZD100") && !text.contains("ZD0002"),
            "{text}"
        );
        // A larger root takes in what is beside the program.
        imports("../outside.zd");
        let text = err(&desk.zdc(&["check", "shop", "--root", "."]));
        assert!(!text.contains("ZD1002"), "{text}");
    }

    /// Within half a gigabyte of address space, where there is a shell to set that.
    #[cfg(target_os = "linux")]
    #[test]
    fn memory_is_bounded_whatever_is_written() {
        let desk = Desk::new();
        let programs = [
            "{".repeat(100_000),
            format!("app a {{}}\nlet x = {}1{}\n", "[".repeat(100_000), "]".repeat(100_000)),
            "app a {}\nlet x = [n * n for n in 1..1000000000]\nservice s { image = \"a:${length(x)}\" }\n".to_owned(),
            "app a {}\nfor n in 1..1000000000 {\n  service \"s-${n}\" { image = \"a:1\" }\n}\n".to_owned(),
            format!("app a {{}}\nlet x = {}\n", "-".repeat(100_000)),
            format!("app a {{}}\nlet x = {}1\n", "1 + ".repeat(100_000)),
            format!("app a {{}}\n{}", "service s { }\n".repeat(100_000)),
            format!("app a {{}}\n{}", "\u{0}".repeat(1_000_000)),
        ];
        for program in programs {
            desk.put("app.zd", &program);
            let mut command = Command::new("sh");
            command.args([
                "-c",
                "ulimit -v 524288; exec \"$0\" check",
                env!("CARGO_BIN_EXE_zdc"),
            ]);
            let output = command.current_dir(desk.folder.path()).output().unwrap();
            let start: String = program.chars().take(60).collect();
            let text = err(&output);
            let text: String = text.chars().take(2000).collect();
            assert_eq!(code(&output), 1, "{start}: {text}");
            assert!(
                !text.contains("panicked") && !text.contains("memory allocation"),
                "{start}: {text}"
            );
        }
    }
}

mod test {
    use super::*;

    const APP: &str = "app a { targets = [swarm] }
param N: int(1..9) = 2
service web {
  image = \"example/web:1.0.0\"
  replicas = N
  port http { number = 80 }
}
test \"two by default\" { expect web.replicas == 2 }
test \"Seven <when> asked & \\\"told\\\"\" { set N = 7, expect manifest(\"swarm/a.yml\").services.web.deploy.replicas == N }
";
    const WRONG: &str = "test \"three\" { expect web.replicas == 3 }\n";

    #[test]
    fn the_examples_pass() {
        let desk = Desk::new();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let output = desk.zdc(&["test", examples.to_str().unwrap()]);
        let text = out(&output);
        assert_eq!(code(&output), 0, "{text}{}", err(&output));
        assert!(
            text.contains("test requests go to the backups last ... ok"),
            "{text}"
        );
        assert!(
            text.contains("shop/app.zd\ntest the pages are made from both APIs ... ok"),
            "{text}"
        );
        assert!(text.contains("as-found/app.zd has no tests"), "{text}");
    }

    #[test]
    fn failures_are_told_and_end_with_one() {
        let desk = Desk::new();
        desk.put("app.zd", format!("{APP}{WRONG}"));
        let output = desk.zdc(&["test"]);
        let text = out(&output);
        assert_eq!(code(&output), 1, "{text}");
        for part in [
            "running 3 tests of app.zd\ntest two by default ... ok\n",
            "test three ... FAILED",
            "---- three (app.zd:10) ----",
            "`web.replicas == 3` does not hold",
            "this is `2`",
            "test result: FAILED. 2 passed; 1 failed; finished in ",
        ] {
            assert!(text.contains(part), "no `{part}` in:\n{text}");
        }
        assert!(!text.contains('\u{1b}'));
        let colored = out(&desk.zdc(&["test", "--color", "always"]));
        assert!(colored.contains("three ... \u{1b}[31mFAILED\u{1b}[0m"));
        // A build does not run them, but reads them.
        ends(&desk.zdc(&["check"]), 0, &[]);
        desk.edit("app.zd", "web.replicas == 3", "web.replcas == 3");
        ends(&desk.zdc(&["check"]), 1, &["did you mean `replicas`?"]);
        let output = desk.zdc(&["test"]);
        assert_eq!(code(&output), 1);
        assert!(out(&output).contains("app.zd has errors; its tests are not run"));
        assert!(out(&output).contains("1 program not run for errors"));
    }

    #[test]
    fn a_filter_chooses_by_name() {
        let desk = Desk::new();
        desk.put("app.zd", format!("{APP}{WRONG}"));
        let output = desk.zdc(&["test", "--filter", "SEVEN <"]);
        assert_eq!(code(&output), 0);
        assert!(out(&output).contains("1 passed; 0 failed; 2 filtered out"));
        let output = desk.zdc(&["test", "--filter", "nothing"]);
        assert_eq!(code(&output), 0);
        assert!(out(&output).contains("no test has `nothing` in its name"));
    }

    #[test]
    fn inputs_hold_where_a_test_sets_none() {
        let desk = Desk::new();
        desk.put("app.zd", format!("{APP}{WRONG}"));
        let output = desk.zdc(&["test", "--set", "N=3"]);
        let text = out(&output);
        assert!(text.contains("test two by default ... FAILED"), "{text}");
        assert!(text.contains("told\" ... ok\ntest three ... ok"), "{text}");
    }

    #[test]
    fn programs_below_a_folder_are_found() {
        let desk = Desk::new();
        desk.put("b/app.zd", APP);
        desk.put(
            "a/deep/shop.zd",
            format!("import \"./lib.zd\" as lib\n{APP}"),
        );
        desk.put(
            "a/deep/lib.zd",
            "test \"of the module\" { expect 1 + 1 == 2 }\n",
        );
        desk.put(".hidden/app.zd", WRONG);
        desk.put("target/app.zd", format!("{APP}{WRONG}"));
        desk.put("c/none.zd", "app c { targets = [swarm] }\n");
        let output = desk.zdc(&["test"]);
        let text = out(&output);
        assert_eq!(code(&output), 0, "{text}{}", err(&output));
        let order: Vec<&str> = text.lines().filter(|line| line.contains(".zd")).collect();
        assert_eq!(
            order,
            [
                "running 3 tests of a/deep/shop.zd",
                "running 2 tests of b/app.zd",
                "c/none.zd has no tests",
            ]
        );
        assert!(text.contains("test of the module ... ok"));
        assert!(text.contains("5 passed; 0 failed; finished"));
        let output = desk.zdc(&["test", "c"]);
        assert_eq!(code(&output), 0);
        assert!(
            out(&output).contains("c/none.zd has no tests") && out(&output).contains("write one")
        );
        fs::create_dir(desk.path("empty")).unwrap();
        ends(
            &desk.zdc(&["test", "empty"]),
            2,
            &["there is no program below `empty`"],
        );
        ends(
            &desk.zdc(&["test", "nowhere.zd"]),
            2,
            &["there is no file `nowhere.zd`"],
        );
    }

    #[test]
    fn junit_is_xml_that_ci_reads() {
        let desk = Desk::new();
        desk.put("app.zd", format!("{APP}{WRONG}"));
        desk.put("broken/app.zd", "app b { targets = [swram] }\n");
        let output = desk.zdc(&["test", "--format", "junit"]);
        let text = out(&output);
        assert_eq!(code(&output), 1, "{text}");
        for part in [
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"zdc\" tests=\"4\" failures=\"1\" errors=\"1\" time=\"",
            "<testsuite name=\"app.zd\" tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"0\" time=\"",
            "<testcase name=\"Seven &lt;when&gt; asked &amp; &quot;told&quot;\" classname=\"app.zd\" file=\"app.zd\" line=\"9\"",
            "<failure type=\"ZD2040\" message=\"`web.replicas == 3` does not hold\">",
            "<error type=\"ZD2008\"",
            "</testsuites>\n",
        ] {
            assert!(text.contains(part), "no `{part}` in:\n{text}");
        }
        let opened = text.matches("<testcase").count();
        let closed = text.matches("</testcase>").count();
        let empty = text
            .lines()
            .filter(|line| line.contains("<testcase") && line.ends_with("/>"));
        assert_eq!(opened, closed + empty.count());
    }

    #[test]
    fn json_is_an_object_a_line() {
        let desk = Desk::new();
        desk.put("app.zd", format!("{APP}{WRONG}"));
        desk.put("broken/app.zd", "app b { targets = [swram] }\n");
        let output = desk.zdc(&["test", "--format", "json"]);
        let lines: Vec<serde_json::Value> = out(&output)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let types: Vec<_> = lines
            .iter()
            .map(|line| line["type"].as_str().unwrap())
            .collect();
        assert_eq!(types, ["test", "test", "test", "program", "summary"]);
        assert_eq!(lines[1]["name"], "Seven <when> asked & \"told\"");
        assert_eq!(lines[1]["passed"], true);
        assert_eq!(lines[2]["failures"][0]["code"], "ZD2040");
        assert_eq!(lines[2]["failures"][0]["labels"][0]["line"], 10);
        assert_eq!(lines[3]["errors"][0]["name"], "unknown-member");
        assert_eq!(
            (&lines[4]["passed"], &lines[4]["failed"]),
            (&2.into(), &1.into())
        );
    }

    /// Many programs with many tests are read once each, and built once for each set of inputs.
    #[test]
    fn many_programs_are_run_in_order() {
        let desk = Desk::new();
        let test = |index| format!("test \"number {index}\" {{ expect web.replicas == 2 }}\n");
        let tests: Vec<String> = (0..40).map(test).collect();
        let tests = tests.concat();
        for index in 0..30 {
            desk.put(&format!("p{index:02}/app.zd"), format!("{APP}{tests}"));
        }
        let first = out(&desk.zdc(&["test"]));
        assert!(first.contains("1260 passed; 0 failed"), "{first}");
        let without_time = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("test result"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(
            without_time(&first),
            without_time(&out(&desk.zdc(&["test"])))
        );
    }
}

mod accepted {
    use super::*;

    const APP: &str = "app a { targets = [swarm] }
service web {
  image = \"example/web:latest\"
  port http { number = 80, publish = 80 }
  health http { path = \"/\" }
  update recreate
  allow floating_tag { because = \"the pipeline sets it\", until = 2027-01-31 }
  allow downtime { because = \"one writer\", until = 2027-06-30 }
}
";

    #[test]
    fn what_is_accepted_is_listed_with_its_day_and_reason() {
        let desk = Desk::new();
        desk.put("app.zd", APP);
        ends(
            &desk.zdc(&["check"]),
            0,
            &[
                "app.zd is sound for swarm",
                "  accepted: floating-tag in `web` until 2027-01-31: the pipeline sets it\n",
                "  accepted: downtime in `web` until 2027-06-30: one writer\n",
            ],
        );
        assert_eq!(err(&desk.zdc(&["check", "-q"])), "");
    }

    #[test]
    fn it_ends_after_its_day_and_only_where_a_day_is_given() {
        let desk = Desk::new();
        desk.put("app.zd", APP);
        // The last day is one of them.
        ends(
            &desk.zdc(&["check", "--as-of", "2027-01-31", "--deny-warnings"]),
            0,
            &[],
        );
        let output = desk.zdc(&["check", "--as-of", "2027-02-01", "--deny-warnings"]);
        ends(
            &output,
            1,
            &[
                "warning[ZD6003]",
                "accepted until 2027-01-31",
                "the `allow` has ended: the pipeline sets it",
            ],
        );
        assert!(!err(&output).contains("ZD4004") && !err(&output).contains("ZD7001"));
        for command in ["build", "check"] {
            ends(
                &desk.zdc(&[command, "--as-of", "2027-07-01"]),
                1,
                &["error[ZD4004]", "accepted until 2027-06-30", "one writer"],
            );
        }
        desk.put(
            "app.zd",
            format!("{APP}test \"ended\" {{ expect ZD4004 }}\n"),
        );
        assert_eq!(code(&desk.zdc(&["test", "--as-of", "2027-07-01"])), 0);
        assert_eq!(code(&desk.zdc(&["test"])), 1);
    }

    #[test]
    fn a_day_is_one_of_the_calendar() {
        let desk = Desk::new();
        desk.put("app.zd", APP);
        for day in [
            "tomorrow",
            "2027-02-29",
            "2027-2-1",
            "20270201",
            "+027-02-01",
            "",
        ] {
            ends(
                &desk.zdc(&["check", "--as-of", day]),
                2,
                &["as in 2027-01-31"],
            );
        }
    }
}
