//! What the scripts of a plain host do where they are run once more: after one that failed, was killed, or did all of it.

use super::hosts::{BLUE_GREEN, Host, STRAIGHT};
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
      if [ "${#zdc_commands}" = "$KILL_AT" ]; then kill -KILL $$; fi
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
