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

#[path = "scripts/clusters.rs"]
mod clusters;
#[path = "scripts/hosts.rs"]
mod hosts;
#[path = "scripts/hosts_again.rs"]
mod hosts_again;
#[path = "scripts/swarms.rs"]
mod swarms;

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
            // One that was killed has none.
            code: output.status.code().unwrap_or(-1),
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
                &format!(
                    "echo {folder}/{script} \"$@\" >>\"$here/called\"\ncat \"$here/said\" 2>/dev/null || \
                     echo 'what was changed runs the revision before'"
                ),
            );
        }
    }
    // Whatever is called changes all there is.
    let docker = "cat \"$here/called\" 2>/dev/null | wc -l";
    place.program("bin/docker", docker);
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

/// Whom a route comes to lead to opens first, and whom it leaves closes last; who carries that out has time for it, on the way back too.
#[test]
fn a_route_that_moves_has_time_to_do_so() {
    let folder = format!(
        "{}/tests/changes/policy-route-moved",
        env!("CARGO_MANIFEST_DIR")
    );
    let program = |side| fs::read_to_string(format!("{folder}/{side}.zd")).unwrap();
    let place = steps("kubernetes", &program("old"), &program("new"));
    place.program("bin/sleep", "echo sleep \"$@\" >>\"$here/called\"");
    let ran = place.run("steps.sh", &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let there = "manifests/deploy.sh --only green\nsleep 10\n\
        manifests/deploy.sh --only edge\nsleep 10\n\
        manifests/deploy.sh\n";
    assert_eq!(place.text("called"), there, "{ran:?}");
    fs::remove_file(place.path("called")).unwrap();
    let ran = place.run("steps.sh", &["--back", "3", "--before", "old"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let back = "old/deploy.sh --only blue\nsleep 10\n\
        old/deploy.sh --only edge\nsleep 10\n\
        old/deploy.sh\n";
    assert_eq!(place.text("called"), back, "{ran:?}");
    // A plan whose one deploy does waits for nobody.
    let other = program("old").replace(
        "listen http { port = 80 }",
        "listen http { port = 80, hosts = [\"a.example\"] }",
    );
    let place = steps("kubernetes", &program("old"), &other);
    assert!(!place.text("steps.sh").contains("settles=(edge)"));
}

/// What only another value of a variable replaces goes in its step, and back where it was replaced.
#[test]
fn what_a_variable_rolls_has_its_step() {
    let versions = |version| {
        pair("swarm", version, 2, "")
            .replace("network net", "deploy TAG: string = \"1\"\nnetwork net")
            .replace(&format!("web:{version}"), "web:${TAG}")
    };
    let place = steps("swarm", &versions(1), &versions(2));
    let ran = place.run("steps.sh", &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let first = "manifests/deploy.sh --only shop_web\n";
    assert!(place.text("called").starts_with(first), "{ran:?}");
    fs::remove_file(place.path("called")).unwrap();
    let ran = place.run("steps.sh", &["--back", "2"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let last = "manifests/rollback.sh --also shop_web\n";
    assert!(place.text("called").ends_with(last), "{ran:?}");
    fs::remove_file(place.path("called")).unwrap();
    let ran = place.run("steps.sh", &["--back", "2", "--before", "old"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let last = "old/deploy.sh --only shop_web\n";
    assert!(place.text("called").ends_with(last), "{ran:?}");
}

/// A service that was deployed again as it is has nothing to go back to, and a swarm says nothing of that: who called what
/// goes back is not left with it unasked.
#[test]
fn what_did_not_go_back_keeps_what_it_may_call() {
    let versions = |version| {
        pair("swarm", version, 2, "")
            .replace("network net", "deploy TAG: string = \"1\"\nnetwork net")
            .replace("ex/web:1", "ex/web:${TAG}")
            .replace("ex/web:2", "ex/web:${TAG}")
            .replace("ex/front:1", "ex/front:${TAG}")
            .replace("ex/front:2", "ex/front:${TAG}")
    };
    let place = steps("swarm", &versions(1), &versions(2));
    assert!(place.text("steps.sh").contains("varied=(shop_front)"));
    let docker = "case $* in
      *UpdateStatus*) cat \"$here/state-${!#}\" 2>/dev/null || echo ;;
      *zdc.deploy*) [ ! -e \"$here/bare\" ] || { echo; exit; }
        echo \"20260101T000000Z.$(cat \"$here/other\" 2>/dev/null || sed -n 's/^release=//p' \"$here/steps.sh\")\" ;;
      *) [ ! -e \"$here/deaf-${!#}\" ] || { echo; exit 1; }
        cat \"$here/spec-${!#}\" 2>/dev/null || echo 2 ;;
    esac";
    place.program("bin/docker", docker);
    let rollback = "[ \"${ZDC_STEP-}\" = 1 ] || exit 1
      echo rollback.sh \"$@\" >>\"$here/called\"
      for name in \"$@\"; do
        case $name in
          --*) ;;
          *) [ -e \"$here/again-$name\" ] || echo 1 >\"$here/spec-$name\" ;;
        esac
      done";
    place.program("manifests/swarm/rollback.sh", rollback);
    let back = |words: &[&str]| {
        let _ = fs::remove_file(place.path("called"));
        place.run("steps.sh", &[&["--back", "2"], words].concat(), &[])
    };
    place.put("again-shop_front", "");
    // Who was never reached has the version before already.
    place.put("other", "another");
    let ran = back(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.said.contains("shop_front: no step of release "),
        "{ran:?}"
    );
    fs::remove_file(place.path("other")).unwrap();
    // Of what has no label that is not known.
    fs::remove_file(place.path("spec-shop_web")).unwrap();
    place.put("bare", "");
    let ran = back(&[]);
    let line = "  shop_front: it has no label, so whether a step reached it is not known";
    assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
    assert!(!place.text("called").contains("shop_web"), "{ran:?}");
    fs::remove_file(place.path("bare")).unwrap();
    let ran = back(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(!place.text("called").contains("shop_web"), "{ran:?}");
    for line in [
        "  shop_front: the last deploy left it as it was, or it was deployed again as it is",
        "error: step 1 and those before it were not taken back",
        "may call what they take back: shop_front.",
    ] {
        assert!(ran.said.contains(line), "{line}: {ran:?}");
    }
    let ran = back(&["--anyway"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(place.text("called").contains("shop_web"), "{ran:?}");
    assert!(ran.said.contains("These stay: shop_front\n"), "{ran:?}");
    // What nobody answers for is not taken for what went.
    fs::remove_file(place.path("again-shop_front")).unwrap();
    place.put("deaf-shop_front", "");
    let ran = back(&[]);
    assert!(
        ran.code == 1
            && ran
                .said
                .contains("shop_front: whether it went back is not known"),
        "{ran:?}"
    );
    // What is back already is.
    fs::remove_file(place.path("deaf-shop_front")).unwrap();
    fs::remove_file(place.path("spec-shop_web")).unwrap();
    place.put("spec-shop_front", "1\n");
    place.put("state-shop_front", "rollback_completed\n");
    let ran = back(&[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.said.contains("stay"), "{ran:?}");
    // Where nothing went, nothing is said to be back.
    fs::remove_file(place.path("state-shop_front")).unwrap();
    for name in ["shop_web", "shop_front"] {
        place.put(&format!("again-{name}"), "");
    }
    let ran = back(&["--anyway"]);
    assert!(
        ran.code == 1 && ran.said.contains("nothing went back"),
        "{ran:?}"
    );
}

/// A job may have named another release for all that it calls.
#[test]
fn the_way_back_of_a_step_names_its_release() {
    let place = steps("swarm", &pair("swarm", 1, 2, ""), &pair("swarm", 2, 2, ""));
    let deploy = "[[ $* != *front* ]] || { echo 9 >\"$here/called\"; exit 1; }";
    place.program("manifests/swarm/deploy.sh", deploy);
    let ran = place.run("steps.sh", &[], &[("ZDC_RELEASE", "ci-77")]);
    let own = place.text("steps.sh");
    let own = own.lines().find_map(|line| line.strip_prefix("release="));
    let line = format!(
        "  ZDC_RELEASE={} manifests/swarm/rollback.sh --only shop_front\n",
        own.unwrap()
    );
    assert!(ran.code == 1 && ran.said.contains(&line), "{line}: {ran:?}");
}

/// What ends by itself asks nobody any more, and no rollback runs it again.
#[test]
fn what_ends_by_itself_keeps_nobody() {
    let once = |version| {
        format!(
            "service once {{ image = \"ex/once:{version}\", join net, restart {{ condition = none }}\n\
             needs web.http {{ version = {version} }} }}"
        )
    };
    let [old, new] = [1, 2].map(|version| pair("swarm", version, 2, &once(version)));
    let place = steps("swarm", &old, &new);
    assert!(place.text("steps.sh").contains("ended=(shop_once)"));
    let ran = place.run("steps.sh", &["--back", "2"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.said.contains("shop_once: it ends by itself"), "{ran:?}");
    assert!(!place.text("called").contains("shop_once"), "{ran:?}");
}

/// Pods that go back stand behind the Services and policies of the step, which may cut them off.
#[test]
fn what_an_undo_cuts_off_goes_back_by_the_manifests_of_before() {
    let case = |name: &str| {
        let folder = format!("{}/tests/changes/{name}", env!("CARGO_MANIFEST_DIR"));
        let program = |side| fs::read_to_string(format!("{folder}/{side}.zd")).unwrap();
        steps("kubernetes", &program("old"), &program("new"))
    };
    // Whose ingress admits nobody of before, and whose egress leads to nobody of before.
    for (name, last) in [
        ("undo-cuts-callers-off", "db"),
        ("undo-cuts-off-by-egress", "api"),
    ] {
        let place = case(name);
        let line = format!("    2) replaced=({last}); only_before=({last}); ");
        assert!(place.text("steps.sh").contains(&line), "{name}");
        let ran = place.run("steps.sh", &["--back", "2"], &[]);
        assert!(
            ran.code == 1 && ran.said.contains("only --before gives those who go back"),
            "{ran:?}"
        );
        assert!(!place.has("called"), "{ran:?}");
        let ran = place.run("steps.sh", &["--back", "2", "--before", "old"], &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        // A step that failed may have left them: those before it do not go back alone.
        place.program("manifests/kubernetes/deploy.sh", "[[ \"$*\" == *--only* ]]");
        let ran = place.run("steps.sh", &[], &[]);
        assert!(ran.said.contains("--back 2 --before DIR"), "{ran:?}");
        assert!(!ran.said.contains("--back 1"), "{ran:?}");
    }
    // A port of a Service is no pod's; a protocol is.
    let moved = |port: &str| {
        pair("kubernetes", 1, 2, "")
            .replace("port http { number = 8080 }", port)
            .replace(
                "needs web.http { version = 1 }",
                "env { WEB = web.http.url }",
            )
    };
    let old = moved("port http { number = 8080 }");
    for (new, is_cut) in [
        (
            "port http { number = 8081 }\n  allow address-moved { because = \"short\" }",
            true,
        ),
        (
            "port http { number = 8080, protocol = https }\n  allow address-moved { because = \"short\" }",
            false,
        ),
    ] {
        let place = steps("kubernetes", &old, &moved(new));
        let script = place.text("steps.sh");
        assert_eq!(script.contains("only_before=(web)"), is_cut, "{new}");
    }
}

/// Callers do not go back to what nobody serves.
#[test]
fn what_was_switched_off_is_switched_on_by_the_manifests_of_before() {
    for target in ["swarm", "kubernetes"] {
        let old = pair(target, 1, 2, "").replace(
            "service front {",
            "service front {\n  env { WEB = web.http.url }",
        );
        let new = pair(target, 1, 2, "")
            .replace("replicas = 2, join net\n  port http { number = 8080 }", "replicas = 0, join net\n  allow downtime { because = \"moved\" }\n  port http { number = 8080 }")
            .replace("needs web.http { version = 1 }", "env { NONE = 1 }");
        let place = steps(target, &old, &new);
        assert!(place.text("steps.sh").contains("steps=2\n"));
        let ran = place.run("steps.sh", &["--back", "2"], &[]);
        assert!(
            ran.code == 1 && ran.said.contains("switched these off"),
            "{ran:?}"
        );
        assert!(!place.has("called"), "{ran:?}");
        for words in [&["--before", "old"][..], &["--anyway"]] {
            let ran = place.run("steps.sh", &[&["--back", "2"], words].concat(), &[]);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    }
}

/// A swarm gives nobody a port that another service has, on the way back either.
#[test]
fn who_took_a_port_goes_before_what_had_it() {
    let publish =
        |port| pair("swarm", port, 2, "").replace("number = 8080", "number = 8080, publish = 80");
    let edge = r#"service edge { image = "ex/edge:1", replicas = 2, join net
  health http { path = "/" }
  port http { number = 8070, publish = 80 } }"#;
    let place = steps("swarm", &publish(1), &pair("swarm", 1, 2, edge));
    let ran = place.run("steps.sh", &["--back", "2"], &[]);
    assert!(
        ran.code == 1 && ran.said.contains("docker service rm shop_edge"),
        "{ran:?}"
    );
    assert!(!place.has("called"), "{ran:?}");
    place.program(
        "bin/docker",
        "[ \"${!#}\" != shop_edge ] || exit 1\ncat \"$here/called\" 2>/dev/null | wc -l",
    );
    let ran = place.run("steps.sh", &["--back", "2"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        place.text("called"),
        "manifests/rollback.sh --only shop_web\n"
    );
    place.program("manifests/swarm/deploy.sh", "[[ \"$*\" != *shop_edge* ]]");
    let ran = place.run("steps.sh", &[], &[]);
    assert!(
        ran.code == 1 && ran.said.contains("  docker service rm shop_edge "),
        "{ran:?}"
    );
    assert!(!ran.said.contains("shop_edge is new"), "{ran:?}");
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

/// What a first step that fails says of the way back; `docker` is what stands in for it, `deploys` what deploy.sh does.
fn failed(target: &str, (old, new): (&str, &str), docker: &str, deploys: &str) -> Ran {
    let place = steps(target, old, new);
    place.program("bin/docker", docker);
    let deploy = format!("my out/{target}/deploy.sh");
    place.program(&deploy, &format!("{deploys}\nexit 1"));
    place.program(&format!("my out/{target}/switch.sh"), "");
    let ran = place.run("steps.sh", &["--manifests", "my out"], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.said.contains(". To go back:\n"), "{ran:?}");
    ran
}

/// What is not known to be as it was is not said to be so.
#[test]
fn the_way_back_from_a_step_that_failed_is_what_is_known() {
    let [old, new] = [1, 2].map(|version| pair("swarm", version, 2, ""));
    let both = (&*old, &*new);
    let ran = failed("swarm", both, "echo '{}'", "");
    let nothing = "nothing of this step";
    assert!(ran.said.contains(nothing), "{ran:?}");
    let changing = "cat \"$here/spec\" 2>/dev/null || echo '{}'";
    let ran = failed("swarm", both, changing, "echo new >\"$here/spec\"");
    let back = " my\\ out/swarm/rollback.sh --only shop_web\n";
    assert!(
        ran.said.contains(back) && !ran.said.contains(nothing),
        "{ran:?}"
    );
    // What has no label is not of the release.
    let bare = format!("case $* in *zdc.deploy*) echo; exit ;; esac\n{changing}");
    let ran = failed("swarm", both, &bare, "echo new >\"$here/spec\"");
    let back = "  ZDC_RELEASE= my\\ out/swarm/rollback.sh --only shop_web\n";
    assert!(ran.said.contains(back), "{ran:?}");
    // The real client ends its output with a newline also where it fails.
    let deaf = "[ ! -e \"$here/deaf\" ] || { echo; exit 1; }\necho '{}'";
    for docker in [deaf, "echo; exit 1"] {
        let ran = failed("swarm", both, docker, "touch \"$here/deaf\"");
        for line in [
            "which this step may have changed: shop_web\n",
            "  see first what shop_web runs: docker service inspect --pretty shop_web\n",
        ] {
            assert!(ran.said.contains(line), "{line}: {ran:?}");
        }
        assert!(
            !ran.said.contains("rollback.sh") && !ran.said.contains(nothing),
            "{ran:?}"
        );
    }
    // What is new or was scaled is not asked for.
    let tax = r#"service tax { image = "ex/tax:1", join net }"#;
    let ran = failed("swarm", (&old, &pair("swarm", 1, 1, tax)), "echo '{}'", "");
    for line in [
        "shop_tax is new, and stays where it was made",
        "shop_side may be changed in place",
    ] {
        assert!(ran.said.contains(line), "{line}: {ran:?}");
    }
    assert!(!ran.said.contains(nothing), "{ran:?}");
    let [old, new] = [1, 2].map(|version| pair("kubernetes", version, 2, ""));
    let ran = failed("kubernetes", (&old, &new), "", "");
    let back = " my\\ out/kubernetes/rollback.sh --dry-run --only web ";
    for line in [
        back,
        "  ZDC_RELEASE=",
        "--under-way",
        "see above for what deploy.sh left",
    ] {
        assert!(ran.said.contains(line), "{line}: {ran:?}");
    }
    assert!(!ran.said.contains("nothing"), "{ran:?}");
}

/// The command that is printed can be given to a shell.
#[test]
fn the_way_back_that_is_printed_works() {
    let place = steps("swarm", &pair("swarm", 1, 2, ""), &pair("swarm", 2, 2, ""));
    for script in ["deploy.sh", "rollback.sh"] {
        place.program(
            &format!("my out/swarm/{script}"),
            &format!("echo {script} \"$@\" >>\"$here/called\"\n[[ \"$*\" != *shop_front* ]]"),
        );
    }
    let ran = place.run("steps.sh", &["--manifests", "my out"], &[]);
    let mut lines = ran.said.lines().map(str::trim);
    let back = lines.find(|line| line.ends_with("--back 1"));
    place.put("back.sh", back.unwrap_or_else(|| panic!("{ran:?}")));
    let ran = place.run("back.sh", &[], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let called = place.text("called");
    assert!(
        called.ends_with("\nrollback.sh --only shop_web\n"),
        "{called}"
    );
}

/// A way back that names another release than the steps had changes nothing, and says so.
#[test]
fn a_way_back_of_another_release_is_none() {
    let [old, new] = [1, 2].map(|version| pair("kubernetes", version, 2, ""));
    let place = steps("kubernetes", &old, &new);
    let other = "these stay as they are:\n  deployment.apps/web: was not part of the last deploy, which is other\n";
    place.put("said", other);
    let words = ["--back", "2", "--release", "other"];
    let ran = place.run("steps.sh", &words, &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.said.contains("nothing went back") && ran.said.contains("release other did not"),
        "{ran:?}"
    );
    // The last step is of this plan, and the first was done by another.
    let front = "if [[ $* == *front* ]]; then echo 'what was changed runs the revision before'; else cat \"$here/said\"; fi";
    place.program("manifests/kubernetes/rollback.sh", front);
    let ran = place.run("steps.sh", &["--back", "2"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    for line in [
        "  deployment.apps/web: it is not of release ",
        "back, but for what stays: what else",
        "These stay: deployment.apps/web\n",
    ] {
        assert!(ran.said.contains(line), "{line}: {ran:?}");
    }
    for wrong in ["x y", "", "-", &"a".repeat(47)] {
        let ran = place.run("steps.sh", &["--back", "2", "--release", wrong], &[]);
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    // What is named then is of the same release.
    place.program("manifests/kubernetes/deploy.sh", "[[ $* == *--only* ]]");
    let ran = place.run("steps.sh", &["--release", "r7"], &[]);
    for line in [
        "  ZDC_RELEASE=r7 manifests/kubernetes/rollback.sh --dry-run --only front ",
        " --back 1 --release r7\n",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
}

/// Whoever followed the plan has removed what it left behind, and what goes back asked for that.
#[test]
fn what_is_gone_is_made_again_before_its_callers_go_back() {
    let tax = r#"service tax { image = "ex/tax:1", join net }"#;
    let place = steps("swarm", &pair("swarm", 1, 2, tax), &pair("swarm", 2, 2, ""));
    let back = |more: &[&str]| place.run("steps.sh", &[&["--back", "2"], more].concat(), &[]);
    assert_eq!(back(&[]).code, 0);
    place.program("bin/docker", r#"[[ "$*" != *shop_tax* ]]"#);
    place.put("called", "");
    let ran = back(&[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(
        ran.said
            .contains("these are gone, and what goes back may ask for them: shop_tax."),
        "{ran:?}"
    );
    assert_eq!(place.text("called"), "");
    back(&["--anyway"]);
    let called = place.text("called");
    assert!(called.starts_with("manifests/rollback.sh"), "{called}");
    place.put("called", "");
    back(&["--before", "old"]);
    let called = place.text("called");
    assert!(
        called.starts_with("old/deploy.sh --only shop_tax\n"),
        "{called}"
    );
}

/// A cluster too, whose objects are made again by the files of the program before.
#[test]
fn what_is_gone_of_a_cluster_is_made_again_first() {
    let placed = |version, new: &str| {
        let text = pair("kubernetes", version, 2, new);
        format!("{text}\ntarget kubernetes {{ namespace = \"shop\" }}")
    };
    let tax = r#"service tax { image = "ex/tax:1", join net, port http { number = 80 } }"#;
    let place = steps("kubernetes", &placed(1, tax), &placed(2, ""));
    let back = |more: &[&str]| place.run("steps.sh", &[&["--back", "2"], more].concat(), &[]);
    place.program("bin/kubectl", "echo \"$*\" >>\"$here/asked\"; echo \"$2\"");
    assert_eq!(back(&["--", "--under-way", "--", "--context=x"]).code, 0);
    let called = place.text("called");
    assert!(called.contains(" --under-way -- --context=x\n"), "{called}");
    let asked = place.text("asked");
    for object in ["deployment/tax", "service/tax"] {
        let line =
            format!("get {object} --ignore-not-found --output name --namespace shop --context=x");
        assert!(asked.contains(&line), "{asked}");
    }
    place.program("bin/kubectl", "true");
    place.put("called", "");
    let ran = back(&[]);
    let said = "these are gone, and what goes back may ask for them: tax.";
    assert!(ran.code == 1 && ran.said.contains(said), "{ran:?}");
    assert_eq!(place.text("called"), "");
    back(&["--before", "old"]);
    let called = place.text("called");
    assert!(called.starts_with("old/deploy.sh --only tax\n"), "{called}");
    // A way back that is named is of the same cluster.
    place.program("manifests/kubernetes/deploy.sh", "[[ $* == *--only* ]]");
    let ran = place.run("steps.sh", &["--", "--", "--context=x"], &[]);
    for line in [
        "--only front -- --context=x ",
        "--back 1 -- -- --context=x\n",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
    // What does not answer says nothing of what is gone.
    place.program("bin/kubectl", "false");
    place.put("called", "");
    let ran = back(&["--anyway"]);
    let said = "the API server does not answer";
    assert!(ran.code == 1 && ran.said.contains(said), "{ran:?}");
    assert_eq!(place.text("called"), "");
}

#[test]
fn options_of_steps_that_contradict_each_other_are_refused() {
    let place = steps("swarm", &pair("swarm", 1, 2, ""), &pair("swarm", 2, 2, ""));
    for words in [
        &["--back", "2", "--to", "2"][..],
        &["--from", "2", "--back", "2"],
        &["--before", "old"],
        &["--anyway"],
    ] {
        let ran = place.run("steps.sh", words, &[]);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
        assert!(!place.has("called"), "{words:?}: {ran:?}");
    }
}

/// A swarm whose services are files with their versions; a word in `fails` is a question that fails so often.
const SWARM: &str = r#"
echo "$*" >>"$here/called"
for word in $(ls "$here/fails" 2>/dev/null); do
  if [[ "$*" == *"$word"* && -s $here/fails/$word ]]; then
    sed -i 1d "$here/fails/$word"
    echo "error during connect" >&2
    exit 1
  fi
done
mkdir -p "$here/services"
case "$1 $2" in
  "info --format") echo true ;;
  "version --format") echo 24.0.7 ;;
  "stack deploy")
    if [ "$3" = --help ]; then echo "  -d, --detach"; exit 0; fi
    text=$(cat)
    for name in $(sed -nE '/^services:/,/^[^ #]/s/^  ([^ #:]+):.*/\1/p' <<<"$text" | tr -d '"'); do
      if [ -e "$here/refuses/$name" ]; then exit 1; fi
      echo more >>"$here/services/${*: -1}_$name"
      mkdir -p "$here/now" "$here/before"
      mv "$here/now/${*: -1}_$name" "$here/before/" 2>/dev/null || true
      awk -v name="  $name:" '/^  [^ #]/ { inside = $0 == name } inside && /zdc.deploy/ { sub(/zdc.deploy=/, "", $2); print $2 }' <<<"$text" \
        >"$here/now/${*: -1}_$name"
    done
    if [ -e "$here/next" ]; then . "$here/next"; fi
    printenv hashes >"$here/given" || true
    ;;
  "service ls") for name in $(cd "$here/services" && ls -d "${4##*=}"_* 2>/dev/null); do echo "$name|2/2"; done ;;
  "service rm") cd "$here/services" && rm "${@:3}" ;;
  "service rollback")
    name=${*: -1}
    echo more >>"$here/services/$name"
    mv "$here/before/$name" "$here/now/$name" 2>/dev/null || rm -f "$here/now/$name"
    if [ -e "$here/beside" ]; then . "$here/beside"; fi
    ;;
  "service inspect")
    shift 3
    format=$1
    shift
    for name in "$@"; do
      version=$(wc -l <"$here/services/$name")
      case $format in
        *Version.Index*) echo "$name|$version|$(cat "$here/now/$name" 2>/dev/null)" ;;
        *UpdateStatus*zdc.deploy*)
          state=$(cat "$here/states/$name" 2>/dev/null || cut -d '|' -f 1 "$here/state" 2>/dev/null)
          ids="$(cat "$here/now/$name" 2>/dev/null)|$(cat "$here/before/$name" 2>/dev/null)"
          echo "$name|$state|$ids|${name%_*}|$(cat "$here/moments/$name" 2>/dev/null)"
          ;;
        *UpdateStatus*) cat "$here/state" 2>/dev/null || echo ;;
        "{{.Spec.Name}}|"*) echo "$name|$version" ;;
        *) echo "$version" ;;
      esac
    done
    ;;
  "stack ps") echo one ;;
esac
"#;

fn swarm() -> Place {
    let place = Place::new();
    place.program("bin/docker", SWARM);
    place.build(&pair("swarm", 1, 2, ""));
    fs::create_dir(place.path("fails")).unwrap();
    place
}

const DEPLOY: &str = "manifests/swarm/deploy.sh";

/// A question that failed once is asked again, whichever it is.
#[test]
fn a_swarm_that_does_not_answer_once_is_asked_again() {
    for word in ["UpdateStatus", "Version.Index", "json", "ls", "ps"] {
        let place = swarm();
        place.put(&format!("fails/{word}"), "once\n");
        let ran = place.run(DEPLOY, &[], &[]);
        assert_eq!(ran.code, 0, "{word}: {ran:?}");
        assert!(
            ran.said.contains("every service runs what was deployed"),
            "{word}: {ran:?}"
        );
        assert_eq!(
            place.text(&format!("fails/{word}")),
            "",
            "{word} was not asked"
        );
    }
}

/// A swarm that says nothing of an update that is paused is not one without any.
#[test]
fn a_question_that_failed_is_no_answer() {
    let place = swarm();
    assert_eq!(place.run(DEPLOY, &[], &[]).code, 0);
    place.put("state", "paused|update paused due to failure\n");
    let deploys = |place: &Place| place.text("called").matches("--compose-file").count();
    let before = deploys(&place);
    for failures in ["", "once\n", &"often\n".repeat(99)] {
        place.put("fails/UpdateStatus", failures);
        let ran = place.run(DEPLOY, &["--patience", "1"], &[]);
        assert_eq!(ran.code, 1, "{ran:?}");
        assert_eq!(deploys(&place), before, "{ran:?}");
    }
    place.put("state", "rollback_completed|rollback completed\n");
    let ran = place.run("manifests/swarm/rollback.sh", &[], &[]);
    assert!(
        ran.code == 1 && ran.said.contains("does not answer"),
        "{ran:?}"
    );
    assert!(
        !place.text("called").contains("service rollback"),
        "{ran:?}"
    );
    // What becomes of a deploy is unknown, and not well, where nothing is answered any more.
    let place = swarm();
    place.put("fails/Version.Index", &"often\n".repeat(99));
    let ran = place.run(DEPLOY, &["--patience", "1"], &[]);
    assert!(
        ran.code == 1 && ran.said.contains("does not answer"),
        "{ran:?}"
    );
}

#[test]
fn a_stack_has_the_environment_that_was_given() {
    let place = swarm();
    let ran = place.run(DEPLOY, &[], &[("hashes", "mine"), ("only", "x")]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(place.text("given"), "mine\n");
}

#[test]
fn what_only_leaves_out_is_not_pruned() {
    let place = swarm();
    for words in [
        &["--prune"][..],
        &["--", "--prune"],
        &["--", "--prune=true"],
    ] {
        let all = [&["--only", "shop_web"], words].concat();
        let ran = place.run(DEPLOY, &all, &[]);
        assert_eq!(ran.code, 2, "{words:?}: {ran:?}");
    }
}

/// A cluster with one Deployment of two revisions, of which `twins` may give the first another number than 1; a word in `fails`
/// is a question that fails so often.
const CLUSTER: &str = r#"
echo "$*" >>"$here/called"
for word in $(ls "$here/fails" 2>/dev/null); do
  # Nothing fails before something was applied.
  if [[ -e $here/applied && " $* " == *" $word"* && -s $here/fails/$word ]]; then
    sed -i 1d "$here/fails/$word"
    echo "Unable to connect to the server: connection refused" >&2
    exit 1
  fi
done
line() { local IFS=$'\t'; echo "$*"; }
case " $* " in
  *" get deployments,"*)
    at=1
    if [ -e "$here/applied" ]; then at=2; fi
    reason=$(cat "$here/reason" 2>/dev/null || echo NewReplicaSetAvailable)
    able=2
    if [ -e "$here/applied" ] && [ "$reason" != NewReplicaSetAvailable ]; then able=1; fi
    paused=$([ ! -e "$here/paused" ] || echo true)
    line Deployment web u1 "" $at $at 2 2 2 $able $able "" "" "$paused" "$reason" $at "" "" "ex:$at " "{$at}"
    if [ -e "$here/went" ]; then echo 'kubectl|Update||{"f:spec":{"f:template":{}}}'; fi
    first=$(cat "$here/twins" 2>/dev/null || echo 1)
    line ReplicaSet web-1 r1 u1 1 1 $((at == 1 ? 2 : 1)) "" 1 1 1 "" "" "" "" "$first" true "" "ex:1 " "{1}"
    if [ $at = 2 ]; then line ReplicaSet web-2 r2 u1 1 1 2 "" 2 $((able - 1)) 2 "" "" "" "" 2 "" "" "ex:2 " "{2}"; fi
    ;;
  *" get secret "*)
    while [ "$1" != secret ]; do shift; done
    if [ -e "$here/forbidden" ]; then echo 'Error from server (Forbidden): secrets is forbidden' >&2; exit 1; fi
    if [ -e "$here/deaf" ]; then echo 'Unable to connect to the server: connection refused' >&2; exit 1; fi
    if [ -e "$here/secrets/$2" ]; then echo "Secret:$(sed 's/^/ /' "$here/secrets/$2" | tr -d '\n')"; fi
    ;;
  *" get deployment.apps/web "*managedFields*)
    if [ -e "$here/went" ]; then echo 'kubectl|Update||{"f:spec":{"f:template":{}}}'; fi
    ;;
  *" patch "*)
    if [ -s "$here/outrun" ]; then echo "The request is invalid: the server rejected it" >&2; sed -i 1d "$here/outrun"; exit 1; fi
    rm -f "$here/went"
    ;;
  *" --server-side "*" --dry-run=server "*)
    if [ -s "$here/refused" ]; then head -1 "$here/refused" >&2; sed -i 1d "$here/refused"; exit 1; fi
    ;;
  *" --dry-run=server "*) ;;
  *" apply "*) touch "$here/applied"; echo deployment.apps/web ;;
  *" rollout status "*) [ ! -e "$here/reason" ] || exit 1 ;;
esac
"#;

fn cluster() -> Place {
    let place = Place::new();
    place.program("bin/kubectl", CLUSTER);
    place.build(
        "app shop { targets = [kubernetes] }\nservice web { image = \"ex/web:2\", replicas = 2 }\n",
    );
    fs::create_dir(place.path("fails")).unwrap();
    place
}

#[test]
fn a_rollout_that_could_not_be_asked_for_is_not_taken_back() {
    for (status, get) in [("once\n", ""), ("once\n", "once\n"), ("", "once\n")] {
        let place = cluster();
        place.put("fails/rollout", status);
        place.put("fails/get", get);
        let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!place.text("called").contains("rollout undo"), "{ran:?}");
    }
    let place = cluster();
    place.put("fails/rollout", &"often\n".repeat(999));
    place.put("fails/get", &"often\n".repeat(999));
    let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
    assert!(
        ran.code == 1 && ran.said.contains("is not known"),
        "{ran:?}"
    );
    assert!(!place.text("called").contains("rollout undo"), "{ran:?}");
    // What does not get ready goes back as before.
    let place = cluster();
    place.put("reason", "ProgressDeadlineExceeded");
    let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(place.text("called").contains("rollout undo"), "{ran:?}");
}

/// That another hand was faster is no news where the next try goes well.
#[test]
fn what_was_undone_is_made_what_was_applied_without_a_word() {
    for (outrun, said, code) in [
        ("", 0, 0),
        ("once\n", 0, 0),
        ("twice\n\n", 1, 0),
        ("\n\n\n\n\n", 4, 1),
    ] {
        let place = cluster();
        place.put("went", "");
        place.put("outrun", outrun);
        let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        assert_eq!(ran.code, code, "{ran:?}");
        let words = ran.said.matches("The request is invalid").count();
        assert_eq!(words, said, "{outrun:?}: {ran:?}");
        assert_eq!(place.has("applied"), code == 0, "{ran:?}");
    }
}

/// Why nothing could be asked for is kubectl's word, and nothing is asked for that nobody needs.
#[test]
fn what_cannot_be_asked_for_on_a_cluster_is_told_by_kubectl() {
    for script in ["deploy.sh", "rollback.sh"] {
        let script = format!("manifests/kubernetes/{script}");
        let place = cluster();
        place.run(&script, &[], &[]);
        let called = place.text("called");
        assert!(
            called.starts_with("get deployments,replicasets --"),
            "{called}"
        );
        let reason = "Error from server (Forbidden): deployments.apps is forbidden";
        place.program("bin/kubectl", &format!("echo '{reason}' >&2; exit 1"));
        let ran = place.run(&script, &[], &[]);
        assert!(ran.code == 1 && ran.said.contains(reason), "{ran:?}");
        assert!(!ran.said.contains("does not answer"), "{ran:?}");
        let path = place.path("without");
        fs::create_dir(&path).unwrap();
        std::os::unix::fs::symlink("/bin/bash", path.join("bash")).unwrap();
        std::os::unix::fs::symlink("/usr/bin/dirname", path.join("dirname")).unwrap();
        let ran = place.run(&script, &[], &[("PATH", &path.display().to_string())]);
        assert_eq!(ran.said, "error: kubectl is not there\n", "{script}");
    }
}

/// Only the server's word on what it merges has anything applied on kubectl's side.
#[test]
fn a_dry_run_without_an_answer_is_no_refusal() {
    let deaf = "Unable to connect to the server: EOF\n";
    let lost = "error when patching \"web.yaml\": Patch \"https://127.0.0.1:6443/apis\": http2: client connection lost\n";
    let busy =
        "Error from server (Timeout): error when creating \"web.yaml\": request did not complete\n";
    let invalid = "The Deployment \"web\" is invalid: spec.template.spec.containers[0].env[0].valueFrom: Invalid value: \"\"\n";
    let twice = "Error from server: failed to create typed live object: .env: duplicate entries for key [name=\"A\"]\n";
    let forbidden = "Error from server (Forbidden): deployments.apps \"web\" is forbidden\n";
    let called =
        "Error from server (InternalError): failed calling webhook: Post \"https://a:443\": EOF\n";
    for (refused, code, takes_over, said) in [
        (String::new(), 0, false, ""),
        ([deaf, lost, busy].concat(), 0, false, ""),
        ([deaf, invalid].concat(), 0, true, ""),
        (twice.to_owned(), 0, true, ""),
        (
            [deaf, forbidden].concat(),
            1,
            false,
            "is forbidden\nerror: the API server refuses what is above: nothing was changed",
        ),
        (called.to_owned(), 1, false, "refuses what is above"),
        (
            deaf.repeat(99),
            1,
            false,
            "EOF\nerror: the API server does not answer: nothing was changed",
        ),
    ] {
        let place = cluster();
        place.put("refused", &refused);
        let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        assert!(ran.code == code && ran.said.contains(said), "{ran:?}");
        let takes = ran.said.contains("taking over what was applied by hand");
        assert_eq!(takes, takes_over, "{refused}: {ran:?}");
        assert_eq!(place.has("applied"), code == 0, "{refused}: {ran:?}");
    }
}

/// A pod without its Secret would not start before its deadline: nothing is applied then.
#[test]
fn secrets_that_are_not_there_are_asked_for_first() {
    const DEPLOY: &str = "manifests/kubernetes/deploy.sh";
    let place = cluster();
    place.build(
        r#"app shop { targets = [kubernetes] }
secret token { from = env("TOKEN"), name = "real-token" }
secret key { external = true }
secret other { external = true }
service web {
  image = "ex/web:2", replicas = 2
  env { TOKEN = token }
  secret key { path = "/run/key" }
}
service side { image = "ex/side:2", secret other { path = "/run/other" } }
"#,
    );
    fs::create_dir(place.path("secrets")).unwrap();
    place.put("secrets/key", "cert\nvalues\n");
    let ran = place.run(DEPLOY, &["--", "--context", "production"], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for said in [
        "Secret key has no key `value`\n",
        "Secret other is not there: `kubectl --context production create secret generic other --from-file=value=FILE` first\n",
        "Secret real-token is not there: ",
        "would not start: nothing was changed; --secrets-later goes on where",
    ] {
        assert!(ran.said.contains(said), "{said}: {ran:?}");
    }
    assert!(!place.text("called").contains("apply"), "{ran:?}");
    // What is not meant needs nothing.
    place.put("secrets/key", "cert\nvalue\n");
    place.put("secrets/real-token", "value\n");
    let ran = place.run(DEPLOY, &["--only", "web"], &[]);
    assert_eq!(ran.code, 0, "{ran:?}");
    // An answer is one, and no answer is none.
    place.put("forbidden", "");
    let ran = place.run(DEPLOY, &[], &[]);
    let unknown = "Secret other may not be looked at: whether it is there is not known\n";
    assert!(ran.code == 0 && ran.said.contains(unknown), "{ran:?}");
    fs::remove_file(place.path("forbidden")).unwrap();
    fs::remove_file(place.path("applied")).unwrap();
    // Whose Secrets somebody makes later says so.
    fs::remove_file(place.path("secrets/key")).unwrap();
    let ran = place.run(DEPLOY, &["--secrets-later"], &[]);
    let later = "Secret key is not there: ";
    assert!(ran.code == 0 && ran.said.contains(later), "{ran:?}");
    fs::remove_file(place.path("applied")).unwrap();
    place.put("deaf", "");
    let ran = place.run(DEPLOY, &[], &[]);
    let unknown = "the API server does not answer: nothing was changed";
    assert!(ran.code == 1 && ran.said.contains(unknown), "{ran:?}");
    assert!(!place.has("applied"), "{ran:?}");
    is_clean(&place, &[DEPLOY]);
}

/// Secrets as patches name them; one that is optional is needed by nobody, and what a text says of one is a text.
#[test]
fn secrets_of_patches_are_asked_for_too() {
    let place = cluster();
    place.build(
        r#"app shop { targets = [kubernetes] }
service web {
  image = "ex/web:2", replicas = 2
  command = ["sh", "-c", "cat <<E\n  secretKeyRef:\n    name: never\n"]
  on kubernetes {
    patch deployment {
      spec.template.spec.volumes = [
        { name = "keys", secret = { secretName = "keys", items = [{ key = "a", path = "b" }] } },
        { name = "perhaps", secret = { secretName = "perhaps", optional = true } },
        { name = "all", projected = { sources = [{ secret = { name = "whole" } }] } }
      ]
    }
  }
}
"#,
    );
    let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
    let named: Vec<&str> = ran
        .said
        .lines()
        .filter_map(|it| it.strip_prefix("Secret "))
        .collect();
    let named: Vec<&str> = named.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(named, ["keys", "whole"], "{ran:?}");
    assert!(
        ran.said.contains("generic keys --from-file=a=FILE"),
        "{ran:?}"
    );
}

/// A listener without its certificate serves nothing, or another one; what cert-manager makes it makes once it sees who asks.
#[test]
fn certificates_are_asked_for_too() {
    const DEPLOY: &str = "manifests/kubernetes/deploy.sh";
    for settings in [
        "gateway = gateway_api, gateway_class = \"envoy\"",
        "ingress_class = \"nginx\"",
    ] {
        let program = |patch: &str| {
            format!(
                r#"app shop {{ targets = [kubernetes] }}
target kubernetes {{ {settings} }}
secret cert {{ external = true }}
secret other {{ external = true, name = "other-tls" }}
service web {{
  image = "ex/web:2", replicas = 2
  port http {{ number = 8080 }}
  health http {{ path = "/" }}
}}
gateway edge {{
  listen https {{ port = 443, hosts = ["a.example.com"], tls {{ certificate = cert, key = cert }} }}
  listen more {{ port = 443, protocol = https, hosts = ["b.example.com"], tls {{ certificate = other, key = other }} }}
  route "/" {{ to = web.http }}
  {patch}
}}
"#
            )
        };
        let place = cluster();
        place.build(&program(""));
        fs::create_dir(place.path("secrets")).unwrap();
        place.put("secrets/other-tls", "tls.crt\n");
        let ran = place.run(DEPLOY, &[], &[]);
        assert_eq!(ran.code, 1, "{settings}: {ran:?}");
        for said in [
            "Secret cert is not there: `kubectl create secret tls cert --cert=CERTIFICATE.pem --key=KEY.pem` first\n",
            "Secret other-tls has no key `tls.key`\n",
            "https would have no certificate: nothing was changed; --secrets-later goes on where",
        ] {
            assert!(ran.said.contains(said), "{said}: {ran:?}");
        }
        assert!(
            !place.text("called").contains("apply"),
            "{settings}: {ran:?}"
        );
        let ran = place.run(DEPLOY, &["--only", "web"], &[]);
        assert_eq!(ran.code, 0, "{settings}: {ran:?}");
        place.put("secrets/other-tls", "tls.crt\ntls.key\n");
        place.put("secrets/cert", "tls.crt\ntls.key\n");
        let ran = place.run(DEPLOY, &[], &[]);
        assert!(
            ran.code == 0 && !ran.said.contains("Secret"),
            "{settings}: {ran:?}"
        );
        if settings.starts_with("gateway") {
            continue;
        }
        // Nobody has to make what is issued.
        for annotation in ["cert-manager.io/issuer", "cert-manager.io/cluster-issuer"] {
            let place = cluster();
            let patch = format!("metadata.annotations.\"{annotation}\" = \"letsencrypt\"");
            place.build(&program(&format!(
                "on kubernetes {{ patch ingress {{ {patch} }} }}"
            )));
            let ran = place.run(DEPLOY, &[], &[]);
            assert!(ran.code == 0 && !ran.said.contains("Secret"), "{ran:?}");
        }
    }
}

/// A Deployment that somebody paused would be waited for without an end.
#[test]
fn what_is_paused_is_not_applied() {
    let place = cluster();
    place.put("paused", "");
    let words = ["--", "--context", "production"];
    let ran = place.run("manifests/kubernetes/deploy.sh", &words, &[]);
    let way = "`kubectl --context production rollout resume deployment/web` first";
    assert!(ran.code == 1 && ran.said.contains(way), "{ran:?}");
    assert!(!place.path("applied").exists(), "{ran:?}");
    assert!(!place.text("called").contains("apply"), "{ran:?}");
}

/// An undo goes by the number of a revision.
#[test]
fn two_revisions_of_one_number_are_not_gone_back_by() {
    for (twins, goes_back) in [("1", true), ("2", false)] {
        let place = cluster();
        place.put("applied", "");
        place.put("twins", twins);
        let ran = place.run("manifests/kubernetes/rollback.sh", &[], &[]);
        let undone = place.text("called").contains("rollout undo");
        let refused = ran.said.contains("two of its revisions are number 2");
        assert_eq!((undone, refused), (goes_back, !goes_back), "{ran:?}");
        assert!(goes_back || ran.code == 1, "{ran:?}");
    }
}

/// YAML quotes a name that it would take for something else; kubectl is given none of that.
#[test]
fn a_namespace_is_called_by_its_name() {
    for name in ["on", "no", "null", "shop"] {
        let place = Place::new();
        place.program("bin/kubectl", CLUSTER);
        place.build(&format!(
            "app shop {{ targets = [kubernetes] }}\ntarget kubernetes {{ namespace = \"{name}\" }}\n\
             service web {{ image = \"ex/web:2\" }}\n"
        ));
        place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        let called = place.text("called");
        assert!(called.contains(&format!("--namespace {name} ")), "{called}");
    }
}

/// Containers are files with their image.
const CONTAINERS: &str = r#"
mkdir -p "$here/containers"
name=${*: -1}
# The real one ends its output with a newline, also where it failed. A file `unanswered/NAME` is how
# often a question of that one fails.
if [ -s "$here/unanswered/$name" ] && [ "$1" = inspect ]; then
  sed -i 1d "$here/unanswered/$name"
  echo "error during connect: context deadline exceeded" >&2
  echo
  exit 1
fi
if [ -e "$here/deaf" ] && [[ $1 =~ ^(inspect|ps)$ ]]; then echo "Cannot connect to the Docker daemon" >&2; echo; exit 1; fi
case $1 in
  run)
    while [ $# -gt 0 ]; do
      if [ "$1" = --name ]; then name=$2; fi
      case $1 in ex/*) image=$1 ;; esac
      shift
    done
    [ ! -e "$here/containers/$name" ] || exit 125
    echo "$image" >"$here/containers/$name"
    ;;
  inspect)
    if [ -e "$here/containers/$name" ]; then echo true; exit 0; fi
    echo
    echo "Error: No such object: $name" >&2
    exit 1
    ;;
  stop | rm)
    if [ "$1" = stop ]; then echo "$name led to: $(cat "$here"/nginx/slots/*/*/* 2>/dev/null | tr "\n" " ")" >>"$here/stopped"; fi
    if [ -e "$here/stuck" ]; then echo "tried to kill container, but did not receive an exit event" >&2; exit 1; fi
    rm -f "$here/containers/$name"
    ;;
  exec) [ -e "$here/containers/$2" ] ;;
esac
"#;

fn host() -> Place {
    let place = Place::new();
    place.program("bin/docker", CONTAINERS);
    place.build(
        r#"app host { targets = [nginx] }
deploy TAG: string = "1"
service api {
  image = "ex/api:${TAG}"
  port http
  health exec { command = ["true"], interval = 1s, timeout = 1s, retries = 2 }
  shutdown { grace = 5s, drain = 1s }
  update blue_green { slots = [28981, 28982], monitor = 1s }
}
gateway public { listen http { port = 28980 }
  route "/" { to = api.http } }
"#,
    );
    place
}

impl Place {
    fn on_host(&self, script: &str, words: &[&str], tag: &str) -> Ran {
        self.on_host_with(script, words, &[("TAG", tag)])
    }

    fn on_host_with(&self, script: &str, words: &[&str], variables: &[(&str, &str)]) -> Ran {
        let paths = ["state", "nginx", "pid"].map(|name| self.path(name));
        let [state, nginx, pid] = paths.each_ref().map(|path| path.to_str().unwrap());
        let places = [
            ("ZDC_STATE", state),
            ("ZDC_NGINX_DIR", nginx),
            ("ZDC_SUDO", ""),
            ("ZDC_NGINX_PID", pid),
        ];
        let variables = [&places, variables].concat();
        self.run(&format!("manifests/nginx/{script}"), words, &variables)
    }
}

/// Of a new service there is nothing to go back to: it keeps the others from nothing.
#[test]
fn a_new_service_stays_where_the_others_go_back() {
    let place = host();
    let text = place.text("app.zd");
    let (service, _) = text.split_once("gateway").unwrap();
    let (_, service) = service.split_once("service").unwrap();
    let other = service.replace("api", "other").replace("2898", "2897");
    place.build(&text.replace("gateway", &format!("service {other}\ngateway")));
    assert_eq!(place.on_host("deploy.sh", &["api"], "1").code, 0);
    let release = fs::read_dir(place.path("state/releases"))
        .unwrap()
        .next()
        .unwrap();
    let release = release.unwrap().file_name().into_string().unwrap();
    place.put("state/api/previous", &format!("{release}\n"));
    // As scripts of before left it.
    for name in ["state/api/candidate", "state/.deployed"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    let ran = place.on_host("rollback.sh", &[], "2");
    assert!(
        ran.said
            .contains("other: there is no release to go back to: it stays"),
        "{ran:?}"
    );
    assert!(ran.said.contains(&format!("release {release} ")), "{ran:?}");
    let ran = place.on_host("rollback.sh", &["other"], "2");
    assert!(
        ran.code == 1 && ran.said.contains("there is no release to go back to\n"),
        "{ran:?}"
    );
}

#[test]
fn a_slot_that_does_not_stop_is_not_taken_for_the_new_release() {
    let place = host();
    let ran = place.on_host("deploy.sh", &[], "1");
    assert_eq!(ran.code, 0, "{ran:?}");
    let ran = place.on_host("deploy.sh", &[], "2");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        place.text("containers/host-api-28981"),
        "ex/api:2\n",
        "{ran:?}"
    );
    place.put("stuck", "");
    let ran = place.on_host("deploy.sh", &[], "3");
    assert!(
        ran.code == 1 && ran.said.contains("does not stop"),
        "{ran:?}"
    );
    assert!(
        ran.said.contains("did not receive an exit event"),
        "{ran:?}"
    );
    fs::remove_file(place.path("stuck")).unwrap();
    let ran = place.on_host("deploy.sh", &[], "3");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        place.text("containers/host-api-28981"),
        "ex/api:3\n",
        "{ran:?}"
    );
}

#[test]
fn a_docker_that_does_not_answer_does_not_say_that_nothing_runs() {
    let place = host();
    let ran = place.on_host("deploy.sh", &[], "1");
    assert_eq!(ran.code, 0, "{ran:?}");
    place.put("deaf", "");
    let ran = place.on_host("deploy.sh", &[], "2");
    let unknown = "docker does not answer: whether slot 28981 runs is not known";
    assert!(ran.code == 1 && ran.said.contains(unknown), "{ran:?}");
}

/// Three slots behind an nginx whose workers change with each reload, as the real one's do.
fn cluster_of_slots() -> (Place, Master) {
    let place = Place::new();
    place.program("bin/docker", CONTAINERS);
    place.program("bin/curl", "exit 0");
    place.program(
        "bin/nginx",
        "case \" $* \" in *reload*) kill -HUP \"$(cat \"$here/pid\")\" ;; esac",
    );
    fs::create_dir_all(place.path("nginx/conf.d")).unwrap();
    fs::create_dir(place.path("unanswered")).unwrap();
    place.build(
        r#"app host { targets = [nginx] }
deploy TAG: string = "1"
service api {
  image = "ex/api:${TAG}"
  replicas = 2
  port http
  health http { path = "/", interval = 1s, timeout = 1s, retries = 2 }
  shutdown { grace = 5s, drain = 1s }
  update rolling { slots = [28983, 28984, 28985], order = start_first, monitor = 1s }
}
gateway public { listen http { port = 28980 }
  route "/" { to = api.http } }
"#,
    );
    let master = Master::start(&place);
    (place, master)
}

/// A program in the place of nginx's master that ends with the test.
struct Master(std::process::Child);

impl Master {
    /// Starts one with its number in `pid`, and with another worker after each SIGHUP.
    fn start(place: &Place) -> Self {
        place.program(
            "master",
            "/bin/sleep 999 & worker=$!
trap 'kill $worker; /bin/sleep 999 & worker=$!' HUP
trap 'kill $worker; exit' TERM
echo $$ >\"$here/pid\"
while true; do wait $worker; done",
        );
        let master = Self(Command::new(place.path("master")).spawn().unwrap());
        while place.text("pid").is_empty() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        master
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

/// One question that was not answered: the slot is led to, and is not stopped before requests are led away.
#[test]
fn a_question_without_an_answer_stops_no_live_slot() {
    for failures in ["once\n", &"often\n".repeat(99)] {
        let (place, _master) = cluster_of_slots();
        for script in ["deploy.sh", "switch.sh"] {
            let ran = place.on_host(script, &[], "1");
            assert_eq!(ran.code, 0, "{ran:?}");
        }
        let ran = place.on_host("deploy.sh", &[], "2");
        assert_eq!(ran.code, 0, "{ran:?}");
        let _ = fs::remove_file(place.path("stopped"));
        place.put("unanswered/host-api-28983", failures);
        let ran = place.on_host("switch.sh", &[], "2");
        for line in place.text("stopped").lines() {
            let (name, led) = line.split_once(" led to: ").unwrap();
            let port = name.rsplit_once('-').unwrap().1;
            assert!(!led.contains(port), "{line}: {ran:?}");
        }
        if failures == "once\n" {
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(ran.said.contains("is live in slots"), "{ran:?}");
            continue;
        }
        let unknown = "docker does not answer: whether slot 28983 runs is not known";
        assert!(ran.code == 1 && ran.said.contains(unknown), "{ran:?}");
        assert!(!ran.said.contains("failed"), "{ran:?}");
        let ran = place.on_host("status.sh", &[], "2");
        let line = "slot 28983: not known, since docker does not answer, live";
        assert!(ran.code == 1 && ran.said.contains(line), "{ran:?}");
        place.put("unanswered/host-api-28983", "");
        let ran = place.on_host("switch.sh", &[], "2");
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

/// Docker's client ends as one that failed where it is interrupted, and what is left undone then is no failed release.
#[test]
fn an_interrupt_on_a_host_ends_it() {
    let (place, _master) = cluster_of_slots();
    let interrupted = "if [ -e \"$here/interrupt\" ] && [ \"$1\" = run ]; then kill -INT \"$(cat \"$here/interrupt\")\"; exit 130; fi\n";
    place.program("bin/docker", &[interrupted, CONTAINERS].concat());
    for script in ["deploy.sh", "switch.sh"] {
        let ran = place.on_host(script, &[], "1");
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let ran = place.on_host("deploy.sh", &[], "2");
    assert_eq!(ran.code, 0, "{ran:?}");
    place.put(
        "interrupted.sh",
        "echo $$ >interrupt; exec env --default-signal=INT bash manifests/nginx/switch.sh\n",
    );
    let ran = place.on_host("../../interrupted.sh", &[], "2");
    assert_eq!(ran.code, -1, "{ran:?}");
    assert!(!ran.said.contains("failed"), "{ran:?}");
}

#[test]
fn wrong_use_ends_with_two_and_help_with_none() {
    let place = host();
    for script in ["deploy.sh", "switch.sh", "rollback.sh", "status.sh"] {
        let ran = place.on_host(script, &["nosuch"], "1");
        assert!(
            ran.code == 2 && ran.said.contains("there is no service"),
            "{ran:?}"
        );
        let ran = place.on_host(script, &["--help"], "1");
        assert!(ran.code == 0 && ran.said.contains("Usage: "), "{ran:?}");
    }
    place.build(&pair("swarm, kubernetes", 1, 2, ""));
    for target in ["swarm", "kubernetes"] {
        for script in ["deploy.sh", "rollback.sh"] {
            let script = format!("manifests/{target}/{script}");
            let ran = place.run(&script, &["--help"], &[]);
            assert!(ran.code == 0 && ran.said.contains("Usage: "), "{ran:?}");
            assert!(
                ran.said.contains("Exit codes: ") && !ran.said.contains("set -e"),
                "{ran:?}"
            );
            assert_eq!(place.run(&script, &["--nosuch"], &[]).code, 2);
        }
    }
}

/// A `CDPATH` leads `cd` elsewhere, and has it print where.
#[test]
fn a_cdpath_leads_no_script_elsewhere() {
    let place = swarm();
    fs::create_dir_all(place.path("else/manifests/swarm")).unwrap();
    fs::create_dir_all(place.path("else/manifests/nginx")).unwrap();
    let elsewhere = place.path("else");
    for cdpath in [".", elsewhere.to_str().unwrap()] {
        let variables = [("CDPATH", cdpath)];
        let ran = place.run(DEPLOY, &[], &variables);
        assert_eq!(ran.code, 0, "{cdpath}: {ran:?}");
        let ran = place.run("manifests/swarm/rollback.sh", &["--dry-run"], &variables);
        assert!(ran.code == 1 && ran.said.contains("error: "), "{ran:?}");
        assert!(!ran.said.contains("No such file"), "{ran:?}");
    }
    let place = host();
    let ran = place.on_host("deploy.sh", &[], "1");
    assert_eq!(ran.code, 0, "{ran:?}");
    for script in ["deploy.sh", "switch.sh", "rollback.sh", "status.sh"] {
        let script = format!("manifests/nginx/{script}");
        let variables = [("CDPATH", ".")];
        let ran = place.run(&script, &["--help"], &variables);
        assert!(ran.code == 0 && ran.said.contains("Usage: "), "{ran:?}");
    }
}

/// A stack file that cannot be read asks for no variable, and is not deployed.
#[test]
fn a_stack_file_that_cannot_be_read_is_not_deployed() {
    let place = swarm();
    fs::remove_file(place.path("manifests/swarm/shop.yml")).unwrap();
    for words in [&[][..], &["--only", "shop_web"]] {
        let ran = place.run(DEPLOY, words, &[]);
        assert_ne!(ran.code, 0, "{ran:?}");
        let called = place.text("called");
        assert!(!called.contains("--compose-file"), "{ran:?}");
        assert!(!called.contains("network"), "{ran:?}");
    }
}

/// Bash writes down what it was told by `set` in a variable that nobody may change.
#[test]
fn what_bash_was_told_by_set_is_not_given_on_with_noise() {
    let place = swarm();
    for variables in [
        [("SHELLOPTS", "braceexpand:hashall")],
        [("BASHOPTS", "extglob")],
    ] {
        let ran = place.run(DEPLOY, &[], &variables);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(!ran.said.contains("readonly"), "{ran:?}");
    }
}

/// A script that only looks leaves nothing behind.
#[test]
fn a_status_before_the_first_deploy_makes_nothing() {
    let place = host();
    let ran = place.on_host("status.sh", &[], "1");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.said.contains("slot 28981: stopped"), "{ran:?}");
    assert!(!place.has("state"), "{ran:?}");
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
    let place = host();
    for script in ["deploy.sh", "switch.sh", "rollback.sh", "status.sh"] {
        is_clean(
            &place,
            &["--external-sources", &format!("manifests/nginx/{script}")],
        );
    }
}

/// A cluster with one workload that is not a Deployment, which has a version of before and whose new pods take their time.
const SLOW: &str = r#"
echo "$*" >>"$here/called"
line() { local IFS=$'\t'; echo "$*"; }
kind=$(cat "$here/kind")
name=$(tr '[:upper:]' '[:lower:]' <<<"$kind").apps/db
case " $* " in
  *" get "*controllerrevisions*)
    line "$kind" db u1 "" 1 1 3 3 3 3 3 a a "" "" "" "" "" "ex:1 " "{1}"
    ;;
  *" --dry-run=server "*) ;;
  *" apply "*) echo "$name" ;;
esac
"#;

/// A `StatefulSet` and a `DaemonSet` have no deadline of their own: each pod has its turn, and with each that counts the next one has.
#[test]
fn what_may_start_long_is_waited_for_on_a_cluster() {
    let kept = "volume data { size = 1GiB }\nservice db { image = \"ex/db:1\", replicas = 3\n  volume data { path = \"/data\" }";
    let each = "service db { image = \"ex/db:1\", mode = global";
    for (kind, head, more, seconds) in [
        // Where nothing says how long: the end of a pod, 30 s, and ten minutes.
        ("StatefulSet", kept, "", 630),
        ("StatefulSet", kept, "timing { startup = 1m..20m }", 1830),
        (
            "StatefulSet",
            kept,
            "timing { startup = 1m..20m }\n shutdown { grace = 5m }\n update rolling { delay = 2m }",
            2220,
        ),
        (
            "DaemonSet",
            each,
            "update canary { monitor = 15m }\n health exec { command = [\"true\"] }",
            1530,
        ),
    ] {
        let place = Place::new();
        place.program("bin/kubectl", SLOW);
        place.put("kind", kind);
        place.build(&format!(
            "app shop {{ targets = [kubernetes] }}\n{head}\n  {more}\n}}\n"
        ));
        let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        assert_eq!(ran.code, 0, "{more}: {ran:?}");
        let called = place.text("called");
        let waits = [0, 1].map(|late| format!(" --timeout {}s", seconds - late));
        assert!(
            waits.iter().any(|wait| called.contains(wait)),
            "{more}: {seconds}: {called}"
        );
    }
}

/// A cluster with a Deployment of four pods, which is one of `steps` further each time that it was waited for. Its deadline is one
/// that leaves the script a second of its own.
const STEPPING: &str = r#"
echo "$*" >>"$here/called"
line() { local IFS=$'\t'; echo "$*"; }
case " $* " in
  *" get deployments,"*)
    line ReplicaSet web-0 r0 u1 1 1 0 "" 0 0 0 "" "" "" "" 1 true "" "ex:0 " "{0}" "" 30
    line ReplicaSet web-1 r1 u1 1 1 0 "" 0 0 0 "" "" "" "" 2 true "" "ex:1 " "{1}" "" 30
    wanted=$(cat "$here/wanted" 2>/dev/null || echo 4)
    if [ -e "$here/applied" ]; then
      read -r reason updated running able <"$here/steps"
      if [ ! -e "$here/recreates" ]; then
        line ReplicaSet web-2 r2 u1 1 1 4 "" "$updated" "$updated" "$updated" "" "" "" "" 3 "" "" "ex:2 " "{2}" "" 30
      fi
      line Deployment web u1 "" 2 2 "$wanted" "$updated" "$running" "$able" "$able" "" "" "" "$reason" 3 "" "" "ex:2 " "{2}" -59
      if [ -e "$here/went" ]; then echo 'kubectl|Update||{"f:spec":{"f:template":{}}}'; fi
    elif [ -e "$here/down" ]; then
      line Deployment web u1 "" 1 1 4 4 4 0 0 "" "" "" NewReplicaSetAvailable 2 "" "" "ex:1 " "{1}" -59
    else
      line Deployment web u1 "" 1 1 4 4 4 4 4 "" "" "" NewReplicaSetAvailable 2 "" "" "ex:1 " "{1}" -59
    fi
    ;;
  *" --dry-run=server "*) ;;
  *" apply "*) [ -e "$here/down" ] || touch "$here/applied"; echo deployment.apps/web ;;
  *" rollout undo "*) if [ ! -e "$here/asked" ]; then touch "$here/asked"; exit 1; fi ;;
  *" rollout status "*)
    command -p sleep 1
    if [ -e "$here/grows" ]; then echo 12 >"$here/wanted"; fi
    if [ "$(wc -l <"$here/steps")" -gt 1 ]; then sed -i 1d "$here/steps"; fi
    exit 1
    ;;
esac
"#;

fn stepping(steps: &str) -> Place {
    let place = Place::new();
    place.program("bin/sleep", "");
    place.program("bin/kubectl", STEPPING);
    place.put("steps", steps);
    place.build(
        "app shop { targets = [kubernetes] }\nservice web { image = \"ex/web:2\", replicas = 4 }\n",
    );
    place
}

/// A Deployment is waited for as long as its controller counts a deadline and it moves forward, and no longer.
#[test]
fn what_no_longer_moves_on_a_cluster_is_late() {
    let moves = "ReplicaSetUpdated 1 5 4\nReplicaSetUpdated 1 4 3\nReplicaSetUpdated 1 4 4\n\
                 ReplicaSetUpdated 4 5 4\nNewReplicaSetAvailable 4 4 4\n";
    for (steps, code) in [
        (format!("NewReplicaSetAvailable 0 4 4\n{moves}"), 0),
        // No controller counts before the first pod is made, nor once all are new.
        ("NewReplicaSetAvailable 0 4 4\n".to_owned(), 1),
        (
            "NewReplicaSetAvailable 1 1 1\nNewReplicaSetAvailable 2 2 2\nNewReplicaSetAvailable 3 3 3\n\
             NewReplicaSetAvailable 4 4 4\n"
                .to_owned(),
            0,
        ),
        // A pod that gets ready and fails, again and again.
        (
            "ReplicaSetUpdated 2 5 4\nReplicaSetUpdated 2 5 3\n".repeat(99),
            1,
        ),
    ] {
        let place = stepping(&steps);
        let ran = place.run("manifests/kubernetes/deploy.sh", &["--keep"], &[]);
        assert_eq!(ran.code, code, "{steps}: {ran:?}");
        let failed = "these do not run what was applied: deployment.apps/web";
        assert_eq!(ran.said.contains(failed), code == 1, "{steps}: {ran:?}");
    }
}

/// A cluster with a `StatefulSet` of one pod: version 1, over it `bad`, whose pod is not ready, and 3 once it is applied. The pods' way is
/// that of `policy`; where it is `OrderedReady` the pod stays until it is deleted, which somebody does while it is waited for. A line in
/// `deaf` is a question after the change that is not answered.
const SET: &str = r#"
echo "$*" >>"$here/called"
line() { local IFS=$'\t'; echo "$*"; }
hash=b seen=1 first=1
if [ -e "$here/undone" ]; then hash=a seen=2 first=3; fi
if [ -e "$here/applied" ]; then hash=c seen=2; fi
policy=$(cat "$here/policy")
pod=$(cat "$here/pod" 2>/dev/null || echo b)
if [ "$policy" = Parallel ] || [ -e "$here/freed" ]; then pod=$hash; fi
if [ "$seen" = 2 ] && [ -s "$here/deaf" ] && [[ " $* " != *" rollout "* ]]; then
  sed -i 1d "$here/deaf"
  echo "Unable to connect to the server: connection refused" >&2
  exit 1
fi
case " $* " in
  *" get "*controllerrevisions*)
    ready=$([ "$pod" != "$hash" ] || [ "$hash" = b ] || echo 1)
    new=$([ "$pod" != "$hash" ] || echo 1)
    line StatefulSet db u1 "" $seen $seen 1 "$new" 1 "$ready" "$ready" "db-$hash" "db-$hash" RollingUpdate "" "" "" "" "ex:$hash " "{$hash}" "" 1 "$policy"
    if [ -e "$here/undone" ]; then echo 'kubectl|Update||{"f:spec":{"f:template":{}}}'; fi
    line ControllerRevision db-a r1 u1 "" "" "" "" "" "" "" "" "" "" "" "$first" true "" "ex:a " "{a}"
    line ControllerRevision db-b r2 u1 "" "" "" "" "" "" "" "" "" "" "" 2 false "" "ex:b " "{b}"
    if [ "$hash" = c ]; then line ControllerRevision db-c r3 u1 "" "" "" "" "" "" "" "" "" "" "" 3 "" "" "ex:c " "{c}"; fi
    line Pod db-0 p1 u1 "" "" "" "" "" "" "" "" "" "" "$([ -n "$ready" ] && echo True || echo False)" "" "" "db-$pod" "ex:$pod "
    ;;
  *" get statefulset.apps/db "*updateRevision*) echo "db-$hash" ;;
  *" get statefulset.apps/db "*generation*) echo "$seen" ;;
  *" get statefulset.apps/db "*template*) echo "{$hash}" ;;
  *" get pods "*"=db-$pod "*) echo "db-0 False" ;;
  *" --dry-run=server "*) ;;
  *" apply "*) touch "$here/applied"; echo statefulset.apps/db ;;
  *" rollout undo "*) touch "$here/undone" ;;
  *" delete pod "*)
    if [ -e "$here/forbidden" ]; then echo 'Error from server (Forbidden): pods "db-0" is forbidden' >&2; exit 1; fi
    touch "$here/freed"
    ;;
  *" rollout status "*) touch "$here/freed" ;;
esac
"#;

fn set(policy: &str) -> Place {
    let place = Place::new();
    place.program("bin/kubectl", SET);
    place.put("policy", policy);
    place.build(
        "app shop { targets = [kubernetes] }\nvolume data { size = 1GiB }\n\
         service db { image = \"ex/db:3\", volume data { path = \"/data\" } }\n",
    );
    place
}

/// A pod of a `StatefulSet` that never got ready is deleted where nobody else would; where it may not be, the way back goes on, as it
/// does where a question was not answered.
#[test]
fn a_pod_that_keeps_a_way_back_is_deleted_or_named() {
    const BY_HAND: &str = "once this is done: `kubectl --context production delete pod db-0`";
    for (policy, pod, forbidden, deaf) in [
        ("Parallel", "b", true, ""),
        ("OrderedReady", "b", false, ""),
        ("OrderedReady", "b", true, ""),
        ("OrderedReady", "b", false, "once\n"),
        ("OrderedReady", "b", false, "once\ntwice\n"),
        // Its pod is one of yet another version.
        ("OrderedReady", "z", false, ""),
    ] {
        let place = set(policy);
        place.put("pod", pod);
        place.put("deaf", deaf);
        if forbidden {
            place.put("forbidden", "");
        }
        let words = ["--under-way", "--", "--context", "production"];
        let ran = place.run("manifests/kubernetes/rollback.sh", &words, &[]);
        let called = place.text("called");
        assert_eq!(ran.code, 0, "{policy} {pod} {forbidden} {deaf}: {ran:?}");
        let deletes = called.contains("delete pod --ignore-not-found --wait=false db-0\n");
        assert_eq!(deletes, policy == "OrderedReady", "{pod}: {called}");
        let named = ran.said.contains(BY_HAND);
        assert_eq!(named, deletes && forbidden, "{ran:?}");
    }
    // What was cut short before it came to that.
    let place = set("OrderedReady");
    place.put("undone", "");
    let ran = place.run("manifests/kubernetes/rollback.sh", &[], &[]);
    let called = place.text("called");
    assert!(ran.code == 0 && called.contains("delete pod"), "{ran:?}");
    assert!(!called.contains("rollout undo"), "{called}");
}

/// A pod of a bad version that was kept has the good one wait that is to replace it.
#[test]
fn a_pod_that_keeps_a_deploy_is_named() {
    for (policy, named) in [("Parallel", false), ("OrderedReady", true)] {
        let place = set(policy);
        let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        let by_hand = "are ready: db-0; if they never get so: `kubectl delete pod db-0`";
        assert_eq!(ran.code, 0, "{policy}: {ran:?}");
        assert_eq!(ran.said.contains(by_hand), named, "{policy}: {ran:?}");
        assert!(!place.text("called").contains("delete"), "{ran:?}");
    }
}

/// What only lacks pods that it was to have since stays; what some pods of serve and others never do goes back.
#[test]
fn what_is_to_have_more_pods_on_a_cluster_is_not_taken_back() {
    for (steps, grows) in [
        ("NewReplicaSetAvailable 4 4 4\n", true),
        ("NewReplicaSetAvailable 4 4 3\n", false),
    ] {
        let place = stepping(steps);
        if grows {
            place.put("grows", "");
        }
        let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
        assert_eq!(ran.code, 1, "{steps}: {ran:?}");
        let called = place.text("called");
        assert_eq!(called.contains("rollout undo"), !grows, "{called}: {ran:?}");
        assert_eq!(called.contains("ready=false"), !grows, "{called}");
        assert_eq!(
            ran.said.contains("has rolled out, and some"),
            grows,
            "{ran:?}"
        );
    }
}

/// Until the last pod of before has ended there is no revision of what is recreated: the way back is to the newest that there is.
#[test]
fn what_has_no_revision_yet_on_a_cluster_goes_back_to_the_newest() {
    let place = stepping("ReplicaSetUpdated 0 0 0\n");
    place.put("recreates", "");
    let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
    assert!(
        ran.code == 1 && ran.said.contains("ex:2 -> ex:1"),
        "{ran:?}"
    );
    let called = place.text("called");
    // Asked for once more where it is not answered.
    let undone = "rollout undo deployment.apps/web --to-revision 2";
    assert_eq!(called.matches(undone).count(), 2, "{called}");
    assert!(!called.contains("ready=false"), "{called}");
    let back = ["--under-way", "--dry-run"];
    let ran = place.run("manifests/kubernetes/rollback.sh", &back, &[]);
    assert!(
        ran.code == 0 && ran.said.contains("ex:2 -> ex:1"),
        "{ran:?}"
    );
}

/// A way back that was cut short, or whose version does not get ready either, is waited for where it is asked for again.
#[test]
fn a_way_back_that_has_not_ended_on_a_cluster_is_waited_for() {
    for (steps, code, said) in [
        (
            "ReplicaSetUpdated 2 5 4\nNewReplicaSetAvailable 4 4 4\n",
            0,
            "what was changed runs the revision before",
        ),
        (
            "ReplicaSetUpdated 2 5 4\n",
            1,
            "these do not run the revision before: deployment.apps/web",
        ),
        ("NewReplicaSetAvailable 4 4 4\n", 0, "went back already"),
    ] {
        for words in [&[][..], &["--under-way"]] {
            let place = stepping(steps);
            place.put("applied", "");
            place.put("went", "");
            let ran = place.run("manifests/kubernetes/rollback.sh", words, &[]);
            assert!(ran.code == code && ran.said.contains(said), "{ran:?}");
            assert!(!place.text("called").contains("rollout undo"), "{ran:?}");
        }
    }
}

/// A deploy that changes nothing while all pods are down is no word on the version that ran well.
#[test]
fn what_was_ready_on_a_cluster_is_not_called_bad_afterwards() {
    let place = stepping("");
    place.put("down", "");
    let ran = place.run("manifests/kubernetes/deploy.sh", &[], &[]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.said.contains("got ready then"), "{ran:?}");
    let called = place.text("called");
    assert!(!called.contains("ready=false"), "{called}");
    assert!(!called.contains("rollout undo"), "{called}");
}

/// Who interrupts it has it end, whatever the command says that was interrupted with it.
#[test]
fn an_interrupt_on_a_cluster_ends_it() {
    let place = stepping("ReplicaSetUpdated 1 5 4\n");
    place.program(
        "bin/kubectl",
        &[
            "case \" $* \" in *\" rollout status \"*) kill -INT $PPID; exit 1 ;; esac\n",
            STEPPING,
        ]
        .concat(),
    );
    // What began in the background ignores it, and so would what that begins.
    place.put(
        "interrupted.sh",
        "exec env --default-signal=INT bash manifests/kubernetes/deploy.sh\n",
    );
    let ran = place.run("interrupted.sh", &[], &[]);
    // By the signal, so that a loop around it ends as well.
    assert_eq!(ran.code, -1, "{ran:?}");
    assert!(!place.text("called").contains("rollout undo"), "{ran:?}");
}

/// Who names a namespace is not led to another one: `kubectl` takes the last one.
#[test]
fn a_namespace_of_ones_own_comes_last() {
    let place = Place::new();
    place.program("bin/kubectl", "echo \"$*\" >>\"$here/called\"");
    place.build(
        "app shop { targets = [kubernetes] }\ntarget kubernetes { namespace = \"shop\" }\nservice web { image = \"ex/web:1\" }\n",
    );
    let script = "manifests/kubernetes/deploy.sh";
    place.run(script, &["--", "--namespace", "staging"], &[]);
    let called = place.text("called");
    assert!(
        called.starts_with("--namespace shop --namespace staging "),
        "{called}"
    );
}

/// Two names in one word are no service, and neither is none.
#[test]
fn only_a_whole_name_is_one() {
    let place = swarm();
    place.build(&pair("swarm, kubernetes", 1, 2, ""));
    place.program("bin/kubectl", "echo \"$*\" >>\"$here/called\"");
    let scripts = [
        ("swarm", "shop_front shop_side"),
        ("kubernetes", "front side"),
    ];
    for (target, two) in scripts {
        for script in ["deploy.sh", "rollback.sh"] {
            let script = format!("manifests/{target}/{script}");
            for name in [two, "", "*", " ", two.split_at(4).0] {
                let ran = place.run(&script, &["--only", name], &[]);
                assert!(
                    ran.code == 2 && ran.said.contains("no such "),
                    "{script} {name}: {ran:?}"
                );
            }
        }
    }
    let ran = place.run(
        "manifests/swarm/rollback.sh",
        &["--also", scripts[0].1],
        &[],
    );
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(!place.text("called").contains("--compose-file"));
}

/// A task is another one each second, and what is said of the update goes by the time since: first six seconds of one
/// that somebody else began, later seven of one that goes back after three.
const MOVING: &str = r#"
clock=$here/began
if grep -- --compose-file "$here/called" >/dev/null 2>&1; then clock=$here/deployed; fi
[ -e "$clock" ] || date +%s >"$clock"
step=$(($(date +%s) - $(cat "$clock")))
case "$1 $2" in
  "stack ps")
    for task in 1 2 3 4 5 6; do
      run=old
      if [ "$task" -le "$step" ]; then run=new; fi
      if [ "$clock" = "$here/deployed" ]; then
        if [ "$task" -gt 3 ]; then run=old; elif [ "$step" -gt 3 ] && [ "$task" -gt $((6 - step)) ]; then run=back; fi
      fi
      echo "$run-$task"
    done
    exit 0
    ;;
  "service inspect")
    if [[ $* == *UpdateStatus* ]]; then
      case $clock:$step in
        *began:[0-5] | *deployed:[0-2]) state=updating ;;
        *deployed:[3-6]) state=rollback_started ;;
        *began:*) state=completed ;;
        *) state=rollback_completed ;;
      esac
      # What goes back has the label of before again.
      if [[ $state == rollback_* ]]; then rm -f "$here"/now/*; fi
      for name in "${@:5}"; do echo "$state|so"; done
      exit 0
    fi
    ;;
esac
"#;

#[test]
fn an_update_that_moves_is_seen_to() {
    let place = swarm();
    place.program("bin/docker", &[MOVING, SWARM].concat());
    fs::create_dir(place.path("services")).unwrap();
    place.put("services/shop_web", "more\n");
    let ran = place.run(DEPLOY, &["--patience", "3"], &[]);
    for line in [
        "waits for what is under way",
        "went back to the version before",
    ] {
        assert!(ran.code == 1 && ran.said.contains(line), "{line}: {ran:?}");
    }
    assert!(!ran.said.contains("nothing has moved"), "{ran:?}");
}
