//! What the scripts of a plain host do where they are run once more: after one that failed, was killed, or did all of it.

use super::hosts::{BLUE_GREEN, Host, ROLLING, STRAIGHT};
use std::fs;
use std::path::Path;
use std::process::Command;

/// Kills a script before its command of this number, of those that change something: between two of them it makes no
/// difference when.
const KILL: &str = r#"case $0 in */"$KILL_IN")
  set -o functrace
  trap 'case $BASH_COMMAND in
    "rm "* | *" rm "* | "mv "* | *" mv "* | *" cp "* | *"record "* | *"{nginx["* | *" stop "*)
      printf . >>"$KILL_FILE"
      zdc_commands=$(<"$KILL_FILE")
      if [ "${#zdc_commands}" = "$KILL_AT" ]; then kill -KILL $$ "$BASHPID"; fi
      ;;
  esac' DEBUG
  ;;
esac
"#;

/// Copies a folder as it is, or a file.
fn copy(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    assert!(copy.arg("-a").args([from, to]).status().unwrap().success());
}

/// What is on a host, to be put back as it was.
const KEPT: [&str; 4] = ["state", "nginx", "containers", "led"];

fn keep(host: &Host) {
    fs::create_dir(host.place.path("kept")).unwrap();
    for name in KEPT {
        copy(&host.place.path(name), &host.place.path("kept"));
    }
}

fn put_back(host: &Host) {
    for name in KEPT {
        let path = host.place.path(name);
        let _ = fs::remove_dir_all(&path);
        let _ = fs::remove_file(&path);
        copy(&host.place.path("kept").join(name), &path);
    }
    let _ = fs::remove_file(host.place.path("kills"));
}

/// Kills a script at each of its commands, and looks each time.
fn killed_at_each(host: &Host, script: &str, look: impl Fn(usize)) {
    host.place.put("kill.sh", KILL);
    let paths = ["kill.sh", "kills"].map(|name| host.place.path(name));
    let [trap, kills] = paths.each_ref().map(|path| path.to_str().unwrap());
    keep(host);
    for at in 1.. {
        put_back(host);
        let number = at.to_string();
        let variables = [
            ("BASH_ENV", trap),
            ("KILL_IN", script),
            ("KILL_FILE", kills),
            ("KILL_AT", &number),
        ];
        let ran = host.place.on_host_with(script, &[], &variables);
        if ran.code == 0 {
            assert!(at > 10, "it has {at} commands only");
            return;
        }
        assert_eq!(ran.code, -1, "{at}: {ran:?}");
        look(at);
    }
}

/// What a killed run began may hold the lock a moment longer.
const PATIENT: [(&str, &str); 1] = [("ZDC_LOCK_WAIT", "30")];

/// The owner's site is back, whole, and nothing of the release runs, wherever the way back to it was cut short.
#[test]
fn the_way_back_to_what_was_found_is_ended_by_the_next_run() {
    let host = Host::new();
    let site = host.place.path("nginx/conf.d/site.conf");
    // One that stands where ours is put, too.
    let there = host.place.path("nginx/conf.d/demo.conf");
    fs::write(&site, "# site\n").unwrap();
    fs::write(&there, "# there\n").unwrap();
    host.build(1, BLUE_GREEN, STRAIGHT);
    assert_eq!(host.run("deploy.sh").code, 0);
    let replaces = [("ZDC_REPLACES", site.to_str().unwrap())];
    let ran = host.place.on_host_with("switch.sh", &[], &replaces);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!site.exists(), "{ran:?}");
    killed_at_each(&host, "rollback.sh", |at| {
        let ran = host.place.on_host_with("deploy.sh", &[], &PATIENT);
        assert!(
            ran.code == 0 || ran.said.contains("run it again first"),
            "{at}: {ran:?}"
        );
        let ran = host.place.on_host_with("rollback.sh", &[], &PATIENT);
        assert_eq!(ran.code, 0, "{at}: {ran:?}");
        assert_eq!(fs::read_to_string(&site).unwrap(), "# site\n", "{at}");
        assert_eq!(fs::read_to_string(&there).unwrap(), "# there\n", "{at}");
        let runs = fs::read_dir(host.place.path("containers")).unwrap().count();
        assert_eq!(runs, 0, "{at}: {ran:?}");
        let left = [
            "state/conf-before",
            "state/conf-ours",
            "state/api/hand-back",
            "nginx/slots/demo/api",
            "cut",
        ];
        let left = left.map(|name| host.place.has(name));
        assert_eq!(left, [false; 5], "{at}: {ran:?}");
    });
}

/// All of them are back, and none has gone forth again, wherever the way back was cut short.
#[test]
fn the_way_back_of_several_is_ended_by_the_next_run() {
    let host = Host::new();
    for version in [1, 2] {
        host.build_pair(version, ["coupon", "front"]);
        assert_eq!(host.run("deploy.sh").code, 0);
        assert_eq!(host.run("switch.sh").code, 0);
    }
    killed_at_each(&host, "rollback.sh", |at| {
        let ran = host.place.on_host_with("rollback.sh", &[], &PATIENT);
        assert_eq!(ran.code, 0, "{at}: {ran:?}");
        assert_eq!(
            images(&host),
            ["ex/coupon:1", "ex/front:1"],
            "{at}: {ran:?}"
        );
        assert!(!host.place.has("cut"), "{at}: {ran:?}");
    });
}

/// Which images run.
fn images(host: &Host) -> Vec<String> {
    let all = fs::read_dir(host.place.path("containers")).unwrap();
    let image = |it: fs::DirEntry| fs::read_to_string(it.path()).unwrap().trim().to_owned();
    let mut images: Vec<String> = all.map(|it| image(it.unwrap())).collect();
    images.sort();
    images
}

/// What went back by itself, or never went live, is not taken further back: neither what the deploy had changed
/// already, nor what it had not come to.
#[test]
fn a_deploy_that_failed_is_taken_back_and_no_other() {
    let host = Host::new();
    let before = ["ex/coupon:2", "ex/front:2"];
    for version in [1, 2] {
        host.build_pair(version, ["coupon", "front"]);
        assert_eq!(host.run("deploy.sh").code, 0);
        assert_eq!(host.run("switch.sh").code, 0);
    }
    // The second service does not start.
    host.build_pair(3, ["coupon", "front"]);
    host.place.put("sick", "ex/front:3\n");
    assert_eq!(host.run("deploy.sh").code, 1);
    for said in [
        "it is dropped",
        "it stays: the last deploy is not live there",
    ] {
        let ran = host.run("rollback.sh");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(ran.said.contains(said), "{ran:?}");
        assert_eq!(images(&host), before, "{ran:?}");
    }
    // The second service fails once it is live.
    host.build_pair(4, ["coupon", "front"]);
    host.place.put("broken", "ex/front:4\n");
    assert_eq!(host.run("deploy.sh").code, 0);
    let ran = host.run("switch.sh");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(images(&host), ["ex/coupon:4", "ex/front:2"], "{ran:?}");
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(images(&host), before, "{ran:?}");
    // Forth again, of what went back, and once more.
    for runs in [["ex/coupon:4", "ex/front:2"], before] {
        let ran = host.run("rollback.sh");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(images(&host), runs, "{ran:?}");
    }
    // With its name a service goes to the release before.
    let ran = host.place.on_host("rollback.sh", &["front"], "1");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(images(&host), ["ex/coupon:2", "ex/front:1"], "{ran:?}");
}

/// The same of one service, and in two deploys of one release.
#[test]
fn the_services_of_one_release_are_one_deploy() {
    let host = Host::new();
    for version in [1, 2] {
        host.build_pair(version, ["coupon", "front"]);
        for service in ["coupon", "front"] {
            assert_eq!(host.place.on_host("deploy.sh", &[service], "1").code, 0);
        }
        assert_eq!(host.run("switch.sh").code, 0);
    }
    host.build_pair(3, ["coupon", "front"]);
    for script in ["deploy.sh", "switch.sh"] {
        assert_eq!(host.place.on_host(script, &["front"], "1").code, 0);
    }
    for runs in [["ex/coupon:2", "ex/front:2"], ["ex/coupon:2", "ex/front:3"]] {
        let ran = host.run("rollback.sh");
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(images(&host), runs, "{ran:?}");
    }
    host.build_pair(2, ["coupon", "front"]);
    for service in ["coupon", "front"] {
        assert_eq!(host.place.on_host("deploy.sh", &[service], "1").code, 0);
    }
    let ran = host.run("switch.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(images(&host), ["ex/coupon:2", "ex/front:2"], "{ran:?}");
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(images(&host), ["ex/coupon:1", "ex/front:3"], "{ran:?}");
}

/// Nothing is begun that nobody would take.
#[test]
fn an_nginx_that_does_not_run_is_told_before_anything_changes() {
    let host = Host::new();
    host.live(1, ROLLING, STRAIGHT);
    host.build(2, ROLLING, STRAIGHT);
    assert_eq!(host.run("deploy.sh").code, 0);
    let runs = images(&host);
    let master = host.place.text("pid");
    for found in ["", "999999999\n"] {
        host.place.put("pid", found);
        let ran = host.run("switch.sh");
        assert!(
            ran.code == 1 && ran.said.contains("nginx does not run"),
            "{ran:?}"
        );
        assert_eq!(images(&host), runs, "{ran:?}");
    }
    host.place.put("pid", &master);
    let ran = host.run("switch.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.runs(&[2, 2], &ran.said);
}
