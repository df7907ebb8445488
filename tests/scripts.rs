//! What is written for a shell, run with programs in the place of docker, kubectl and the rest: what a script does where
//! one of them does not answer, or answers with something else than it did before. What real ones do is in `tests/real`.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

/// A folder with programs that stand for real ones, what is built there, and what they were called with.
struct Place(tempfile::TempDir);

/// What a script said, and how it ended.
#[derive(Debug)]
struct Ran {
    code: i32,
    said: String,
}

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.path("bin")).unwrap();
        // What waits does so for less long.
        place.program("bin/sleep", "exec /bin/sleep 0.05");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(
            &path,
            format!("#!/bin/bash\nhere={}\n{text}\n", self.0.path().display()),
        )
        .unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).exists()
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    fn zdc(&self, words: &[&str]) -> String {
        let mut zdc = Command::new(env!("CARGO_BIN_EXE_zdc"));
        let output = zdc.args(words).current_dir(self.0.path()).env_clear();
        let output = output.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{words:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Builds a program into `manifests`.
    fn build(&self, text: &str) {
        self.put("app.zd", text);
        self.zdc(&["build", "app.zd"]);
    }

    fn run(&self, script: &str, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        let output = Command::new("bash")
            .arg(script)
            .args(words)
            .current_dir(self.0.path())
            .env_clear()
            .env(
                "PATH",
                format!("{}:/usr/bin:/bin", self.path("bin").display()),
            )
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Ran {
            code: output.status.code().unwrap(),
            said: said.into_owned(),
        }
    }
}

/// A caller and a callee of two versions, a service that is only scaled and one that is new.
fn pair(targets: &str, version: u8, scaled: u8, new: &str) -> String {
    format!(
        r#"app shop {{ targets = [{targets}] }}
network net
service web {{
  image = "ex/web:{version}", replicas = 2, join net
  port http {{ number = 8080 }}
  provides http {{ version = {version} }}
  health http {{ path = "/", interval = 5s }}
}}
service front {{
  image = "ex/front:{version}", replicas = 2, join net
  port http {{ number = 8090 }}
  needs web.http {{ version = {version} }}
  health http {{ path = "/", interval = 5s }}
}}
service side {{ image = "ex/side:1", replicas = {scaled}, join net }}
{new}"#
    )
}

/// The script of the plan between two programs in `steps.sh`, and scripts that say what they are called with in the
/// place of those that it calls.
fn steps(target: &str, old: &str, new: &str) -> Place {
    let place = Place::new();
    place.put("old.zd", old);
    place.put("new.zd", new);
    let script = [
        "plan", "--format", "script", "--target", target, "old.zd", "new.zd",
    ];
    place.put("steps.sh", &place.zdc(&script));
    for folder in ["manifests", "old"] {
        for script in ["deploy.sh", "rollback.sh", "switch.sh"] {
            let name = format!("{folder}/{target}/{script}");
            place.program(
                &name,
                &format!("echo {folder}/{script} \"$@\" >>\"$here/called\""),
            );
        }
    }
    place.program("bin/docker", "echo '{}'");
    place
}

#[test]
fn a_plan_of_one_deploy_deploys_everything() {
    for target in ["swarm", "kubernetes"] {
        let place = steps(target, &pair(target, 1, 2, ""), &pair(target, 1, 1, ""));
        let ran = place.run("steps.sh", &[], &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(place.text("called"), "manifests/deploy.sh\n", "{ran:?}");
    }
}

/// The last step has what has no order; where nothing is left for a swarm, there is none that deploys all once more.
#[test]
fn a_step_deploys_its_own_services() {
    let both = |version| {
        let text = pair("swarm, kubernetes", version, 2, "");
        let until = text.find("service side").unwrap();
        text.get(..until).unwrap().to_owned()
    };
    let place = steps("swarm", &both(1), &both(2));
    let ran = place.run("steps.sh", &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    assert!(
        called.lines().all(|line| line.contains(" --only ")),
        "{called}"
    );
    assert_eq!(called.lines().count(), 2, "{called}");
}

#[test]
fn the_way_back_takes_all_or_says_what_stays() {
    let new = r#"service tax { image = "ex/tax:1", join net }"#;
    let place = steps("swarm", &pair("swarm", 1, 2, ""), &pair("swarm", 2, 1, new));
    let ran = place.run("steps.sh", &["--back", "2"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    assert_eq!(
        called.matches("manifests/rollback.sh").count(),
        2,
        "{called}"
    );
    assert!(
        !called.contains("side") && !called.contains("tax"),
        "{called}"
    );
    for line in [
        "shop_side: changed in place, which --before takes back",
        "shop_tax: new, and the program before has no such thing",
        "back: what the steps up to 2 replaced is the version before",
    ] {
        assert!(ran.said.contains(line), "{line}: {ran:?}");
    }
    fs::remove_file(place.path("called")).unwrap();
    let ran = place.run("steps.sh", &["--back", "2", "--before", "old"], &[]);
    let called = place.text("called");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(called.contains("--only shop_side"), "{called}");
    assert!(
        !called.contains("tax") && !called.contains("rollback"),
        "{called}"
    );
    assert!(ran.said.contains("shop_tax: new"), "{ran:?}");
    assert!(!ran.said.contains("shop_side: "), "{ran:?}");
}

/// With the manifests of before everything goes back, what has no order as the last.
#[test]
fn a_cluster_goes_back_as_a_whole() {
    let [old, new] = [pair("kubernetes", 1, 3, ""), pair("kubernetes", 2, 1, "")];
    let place = steps("kubernetes", &old, &new);
    let ran = place.run("steps.sh", &["--back", "2", "--before", "old"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    assert!(called.starts_with("old/deploy.sh --only "), "{called}");
    assert!(called.ends_with("\nold/deploy.sh\n"), "{called}");
    // Only scaled: there is nothing that goes back by itself.
    let place = steps("kubernetes", &old, &pair("kubernetes", 1, 1, ""));
    let ran = place.run("steps.sh", &["--back", "1"], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.said.contains("side: changed in place"), "{ran:?}");
    assert!(ran.said.contains("nothing went back"), "{ran:?}");
    assert!(!place.has("called"), "{}", place.text("called"));
}

#[test]
fn steps_say_what_is_wrong_with_a_script() {
    let place = steps("swarm", &pair("swarm", 1, 2, ""), &pair("swarm", 2, 2, ""));
    let script = place.path("manifests/swarm/deploy.sh");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.run("steps.sh", &[], &[]);
    assert!(
        ran.code == 2 && ran.said.contains("may not be executed"),
        "{ran:?}"
    );
    fs::remove_file(script).unwrap();
    let ran = place.run("steps.sh", &[], &[]);
    assert!(
        ran.code == 2 && ran.said.contains("there is no manifests/swarm/deploy.sh"),
        "{ran:?}"
    );
}

/// Every script of a program is one that shellcheck finds nothing in, if there is a shellcheck.
fn is_clean(place: &Place, scripts: &[&str]) {
    let clean = Command::new("shellcheck")
        .args(scripts)
        .current_dir(place.0.path())
        .output();
    let Ok(clean) = clean else { return };
    assert!(
        clean.status.success(),
        "{}",
        String::from_utf8_lossy(&clean.stdout)
    );
}

#[test]
fn scripts_are_clean() {
    let new = r#"service tax { image = "ex/tax:1", join net }"#;
    let all = |version| pair("swarm, kubernetes", version, version, new);
    let place = steps("swarm", &all(1), &all(2));
    is_clean(&place, &["steps.sh"]);
    let place = Place::new();
    place.build(&all(2));
    for target in ["swarm", "kubernetes"] {
        for script in ["deploy.sh", "rollback.sh"] {
            is_clean(&place, &[&format!("manifests/{target}/{script}")]);
        }
    }
}
