//! What the scripts of a plain host do where a release has other slots, other includes or another way of being replaced
//! than the one before: nginx leads to what runs at every moment.

use super::{CONTAINERS, Master, Place, Ran};
use std::fs;

/// A slot that nginx leads to is not to be stopped.
const WATCHED: &str = r#"
name=${*: -1}
if [ "$1" = stop ] && grep -xF "${name##*-}" "$here/led" >/dev/null 2>&1; then echo "$name" >>"$here/cut"; fi
"#;

/// Leads to what the files say that the configuration includes, once it has read them.
const NGINX: &str = r#"
files() { grep -ohE 'slots/[^; ]+' "$here"/nginx/conf.d/*.conf; }
case " $* " in
  *" -t "*)
    for file in $(files); do
      [ -f "$here/nginx/$file" ] || { echo "open() $file failed" >&2; exit 1; }
    done
    ;;
  *" reload "*)
    for file in $(files); do grep -ohE '127[.]0[.]0[.]1:[0-9]+' "$here/nginx/$file"; done |
      cut -d : -f 2 | sort -u >"$here/led"
    kill -HUP "$(cat "$here/pid")"
    ;;
esac
"#;

/// Behind nginx everybody answers who is led to, unless the image is in `broken`; by itself, unless it is in `sick`.
const CURL: &str = r#"
port=${*: -1}
port=${port##*:}
port=${port%%/*}
ports=$port
if [ "$port" = 28080 ]; then ports=$(cat "$here/led"); fi
for each in $ports; do
  image=$(cat "$here"/containers/demo-*-"$each" 2>/dev/null) || exit 7
  if [ "$port" = 28080 ] && grep -xF "$image" "$here/broken" >/dev/null 2>&1; then exit 22; fi
  if [ "$port" != 28080 ] && grep -xF "$image" "$here/sick" >/dev/null 2>&1; then exit 22; fi
done
"#;

pub(super) const BLUE_GREEN: &str = "update blue_green { slots = [28081, 28082], monitor = 1s }";
pub(super) const ROLLING: &str = "replicas = 2
  update rolling { slots = [28081, 28082, 28083], order = start_first, monitor = 1s }";
pub(super) const STRAIGHT: &str = "route \"/\" { to = api.http }";
const POOL: &str = "upstream pool { server api.http { weight = 5 } }\n  route \"/\" { to = pool }";

pub(super) struct Host {
    pub(super) place: Place,
    _nginx: Master,
}

impl Host {
    pub(super) fn new() -> Self {
        let place = Place::new();
        place.program("bin/docker", &[WATCHED, CONTAINERS].concat());
        place.program("bin/curl", CURL);
        place.program("bin/nginx", NGINX);
        let nginx = Master::start(&place);
        fs::create_dir_all(place.path("nginx/conf.d")).unwrap();
        Self {
            place,
            _nginx: nginx,
        }
    }

    /// Has this version in `manifests`.
    pub(super) fn build(&self, version: u8, update: &str, route: &str) {
        let gateway =
            format!("gateway public {{\n  listen http {{ port = 28080 }}\n  {route}\n}}\n");
        self.build_behind(version, update, &gateway);
    }

    /// The same behind this gateway, or behind none.
    pub(super) fn build_behind(&self, version: u8, update: &str, gateway: &str) {
        self.place.build(&format!(
            r#"app demo {{ targets = [nginx] }}
service api {{
  image = "ex/api:{version}"
  port http {{ number = 8080 }}
  health http {{ path = "/", interval = 1s, timeout = 1s }}
  shutdown {{ grace = 5s, drain = 1s }}
  {update}
}}
{gateway}"#
        ));
    }

    /// Has this version of a callee and of its caller in `manifests`, declared in this order.
    pub(super) fn build_pair(&self, version: u8, names: [&str; 2]) {
        let service = |name: &str| {
            let (slots, needs) = match name {
                "front" => (
                    "28083, 28084",
                    format!("needs coupon.http {{ version = {version} }}"),
                ),
                _ => (
                    "28081, 28082",
                    format!("provides http {{ version = {version} }}"),
                ),
            };
            format!(
                r#"service {name} {{
  image = "ex/{name}:{version}"
  port http {{ number = 8080 }}
  {needs}
  health http {{ path = "/", interval = 1s, timeout = 1s }}
  shutdown {{ grace = 5s, drain = 1s }}
  update blue_green {{ slots = [{slots}], monitor = 1s }}
}}
"#
            )
        };
        self.place.build(&format!(
            r#"app demo {{ targets = [nginx] }}
{}gateway public {{
  listen http {{ port = 28080 }}
  route "/coupon" {{ to = coupon.http }}
  route "/" {{ to = front.http }}
}}"#,
            names.map(service).concat()
        ));
    }

    /// The services in the order in which this run made them live.
    pub(super) fn went_live(ran: &Ran) -> Vec<&str> {
        let lines = ran
            .said
            .lines()
            .filter(|line| line.contains(" is live in slot "));
        lines
            .filter_map(|line| Some(line.split_once(':')?.0))
            .collect()
    }

    /// Builds a version, deploys it and makes it live.
    pub(super) fn live(&self, version: u8, update: &str, route: &str) {
        self.build(version, update, route);
        for script in ["deploy.sh", "switch.sh"] {
            let ran = self.run(script);
            assert_eq!(ran.code, 0, "{version}: {ran:?}");
        }
        self.runs(&vec![version; self.serving().len()], "");
    }

    pub(super) fn run(&self, script: &str) -> Ran {
        let ran = self.place.on_host(script, &[], "1");
        assert!(!self.place.has("cut"), "a live slot was stopped: {ran:?}");
        ran
    }

    /// The slots that nginx leads to.
    pub(super) fn serving(&self) -> Vec<u64> {
        let led = self.place.text("led");
        led.lines().map(|line| line.parse().unwrap()).collect()
    }

    /// Whether just these versions run, and all of them serve.
    pub(super) fn runs(&self, versions: &[u8], what: &str) {
        let slots = self.serving();
        let image = |slot: &u64| self.place.text(&format!("containers/demo-api-{slot}"));
        let serve: Vec<String> = slots.iter().map(image).collect();
        let wanted: Vec<String> = versions
            .iter()
            .map(|version| format!("ex/api:{version}\n"))
            .collect();
        assert_eq!(serve, wanted, "{slots:?}: {what}");
        let all = fs::read_dir(self.place.path("containers")).unwrap();
        assert_eq!(all.count(), versions.len(), "{what}");
    }
}

/// The file that says what is live has another name; the one of before may still lie there.
#[test]
fn an_upstream_that_comes_or_goes_leaves_what_is_live() {
    for (update, two) in [(BLUE_GREEN, false), (ROLLING, true)] {
        let of = |version: u8| vec![version; if two { 2 } else { 1 }];
        let host = Host::new();
        host.live(1, update, STRAIGHT);
        host.live(5, update, POOL);
        let ran = host.run("rollback.sh");
        assert_eq!(ran.code, 0, "{ran:?}");
        host.runs(&of(1), &ran.said);
        host.live(5, update, POOL);
        // As scripts of before left it.
        let folder = host.place.path("nginx/slots/demo/api");
        let stale = format!(
            "{} 127.0.0.1:28083;\n",
            if two { "server" } else { "set $api_url" }
        );
        for name in ["service-url.inc", "api.inc"] {
            if !folder.join(name).exists() {
                fs::write(folder.join(name), &stale).unwrap();
            }
        }
        host.live(6, update, STRAIGHT);
        host.runs(&of(6), "");
        let left = fs::read_dir(&folder).unwrap().count();
        assert_eq!(left, 1, "includes of other releases");
    }
}

/// What is live is judged in whatever slot it is, and none of before is left running.
#[test]
fn ports_that_move_are_moved() {
    let host = Host::new();
    host.live(1, ROLLING, STRAIGHT);
    let moved = ROLLING.replace("2808", "2809");
    host.build(2, &moved, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert!(!ran.said.contains("live in every slot already"), "{ran:?}");
    let ran = host.run("switch.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.runs(&[2, 2], &ran.said);
    let ran = host.run("deploy.sh");
    assert!(ran.said.contains("live in every slot already"), "{ran:?}");
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.runs(&[1, 1], &ran.said);
    // One that has ended meanwhile is not started again where it was.
    let ended = format!("containers/demo-api-{}", host.serving().first().unwrap());
    fs::remove_file(host.place.path(&ended)).unwrap();
    host.live(3, &moved, STRAIGHT);
    host.runs(&[3, 3], "");
    // Nor where none of them runs, as after the host was started anew.
    for slot in host.serving() {
        let ended = format!("containers/demo-api-{slot}");
        fs::remove_file(host.place.path(&ended)).unwrap();
    }
    host.live(4, ROLLING, STRAIGHT);
    host.runs(&[4, 4], "");
}

/// The slot that is replaced is the one that is live, and the release in it is what one goes back to.
#[test]
fn a_pair_of_slots_that_moves_replaces_what_is_live() {
    let host = Host::new();
    host.live(1, BLUE_GREEN, STRAIGHT);
    host.live(2, BLUE_GREEN, STRAIGHT);
    let moved = BLUE_GREEN.replace("28081, 28082", "28083, 28084");
    host.live(3, &moved, STRAIGHT);
    host.runs(&[3], "");
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.runs(&[2], &ran.said);
    let before = host.serving();
    host.build(4, &moved, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.place.put("broken", "ex/api:4\n");
    let ran = host.run("switch.sh");
    assert!(ran.code == 1 && ran.said.contains("again"), "{ran:?}");
    host.runs(&[2], &ran.said);
    assert_eq!(host.serving(), before);
    // What waits in slots that the next release does not have waits no more.
    host.build(5, &moved, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.live(6, BLUE_GREEN, STRAIGHT);
    host.runs(&[6], "");
}

/// Scripts of before leave in other slots what they do not know; here a stub of them.
#[test]
fn what_the_scripts_of_before_leave_is_said_or_stopped() {
    let host = Host::new();
    host.live(1, ROLLING, STRAIGHT);
    host.live(2, &ROLLING.replace("2808", "2809"), STRAIGHT);
    let previous = host.place.text("state/api/previous");
    let script = format!("state/releases/{}/deploy.sh", previous.trim());
    host.place.program(&script, "exit 0");
    let ran = host.run("rollback.sh");
    assert!(
        ran.code == 1 && ran.said.contains("still serves release"),
        "{ran:?}"
    );
    host.runs(&[2, 2], &ran.said);
}

/// No slot that serves makes room for the new version.
#[test]
fn two_slots_that_both_serve_are_not_taken_for_blue_and_green() {
    let host = Host::new();
    host.live(1, ROLLING, STRAIGHT);
    host.build(2, BLUE_GREEN, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert!(
        ran.code == 1 && ran.said.contains("none is free"),
        "{ran:?}"
    );
    let ran = host.run("switch.sh");
    host.runs(&[1, 1], &ran.said);
    // One that is free is used, and both go once it serves, or both go on.
    let half = BLUE_GREEN.replace("28082", "28083");
    host.build(3, &half, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.place.put("broken", "ex/api:3\n");
    let ran = host.run("switch.sh");
    assert_eq!(ran.code, 1, "{ran:?}");
    host.runs(&[1, 1], &ran.said);
    host.live(4, &half, STRAIGHT);
    host.runs(&[4], "");
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.runs(&[1, 1], &ran.said);
}

/// While nothing leads to a service its slots are still written down; what led there before says nothing of them.
#[test]
fn what_nothing_leads_to_for_a_while_is_known() {
    let host = Host::new();
    let away = "route \"/\" { redirect { host = \"other.example\" } }";
    host.live(1, BLUE_GREEN, STRAIGHT);
    host.build(2, BLUE_GREEN, away);
    for script in ["deploy.sh", "switch.sh"] {
        let ran = host.run(script);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let slots = host.place.path("nginx/slots/demo/api");
    let left = fs::read_dir(&slots).unwrap().count();
    assert_eq!(left, 1, "includes of other releases");
    host.live(3, BLUE_GREEN, STRAIGHT);
    host.runs(&[3], "");
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    let image = |slot: u16| host.place.text(&format!("containers/demo-api-{slot}"));
    let runs = [image(28081), image(28082)].concat();
    assert_eq!(runs, "ex/api:2\n", "{ran:?}");
}

/// Once a release is live, another one that still waits beside it is not left running.
#[test]
fn what_waits_no_more_is_stopped() {
    let host = Host::new();
    host.live(1, ROLLING, STRAIGHT);
    host.build(2, ROLLING, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.build(1, ROLLING, STRAIGHT);
    let ran = host.run("deploy.sh");
    assert!(ran.said.contains("live in every slot already"), "{ran:?}");
    host.runs(&[1, 1], &ran.said);
}

/// Somebody else leads requests to it from now on, or nobody.
#[test]
fn a_gateway_that_goes_leaves_what_is_new_running() {
    for update in [BLUE_GREEN, ROLLING] {
        let host = Host::new();
        host.live(1, update, STRAIGHT);
        host.build_behind(2, update, "");
        for script in ["deploy.sh", "switch.sh"] {
            let ran = host.run(script);
            assert_eq!(ran.code, 0, "{update}: {ran:?}");
        }
        assert!(!host.place.has("nginx/conf.d/demo.conf"), "{update}");
        let all = fs::read_dir(host.place.path("containers")).unwrap();
        let images: Vec<String> = all
            .map(|it| fs::read_to_string(it.unwrap().path()).unwrap())
            .collect();
        let replicas = if update == ROLLING { 2 } else { 1 };
        assert_eq!(images, vec!["ex/api:2\n"; replicas], "{update}");
        host.live(3, update, STRAIGHT);
    }
}

/// What somebody has mended is not a reason to stay.
#[test]
fn a_way_back_that_was_refused_is_the_way_back_still() {
    let host = Host::new();
    host.live(1, BLUE_GREEN, STRAIGHT);
    host.live(2, BLUE_GREEN, STRAIGHT);
    let other = host.place.path("nginx/conf.d/other.conf");
    fs::write(&other, "include slots/other/none.inc;\n").unwrap();
    let ran = host.run("rollback.sh");
    assert_ne!(ran.code, 0, "{ran:?}");
    fs::remove_file(&other).unwrap();
    let ran = host.run("rollback.sh");
    assert_eq!(ran.code, 0, "{ran:?}");
    host.runs(&[1], "after a way back that was refused");
}

#[test]
fn a_full_disk_leaves_what_nginx_reads_as_it_was() {
    let host = Host::new();
    host.live(1, BLUE_GREEN, STRAIGHT);
    let file = "nginx/slots/demo/api/service-url.inc";
    let before = host.place.text(file);
    host.build(2, BLUE_GREEN, STRAIGHT);
    assert_eq!(host.run("deploy.sh").code, 0);
    host.place
        .program("bin/tee", "cat >/dev/null\n: >\"$1\"\nexit 1");
    let ran = host.run("switch.sh");
    assert_ne!(ran.code, 0, "{ran:?}");
    assert_eq!(host.place.text(file), before, "{ran:?}");
    fs::remove_file(host.place.path("bin/tee")).unwrap();
    host.live(2, BLUE_GREEN, STRAIGHT);
}

/// Who is called goes first, whatever the order they are declared in, and the way back is that of the deploy turned
/// round: so a second way back, which goes forward again, has who is called first once more.
#[test]
fn callers_go_back_before_those_they_call() {
    for names in [["front", "coupon"], ["coupon", "front"]] {
        let host = Host::new();
        for version in [1, 2] {
            host.build_pair(version, names);
            assert_eq!(host.run("deploy.sh").code, 0);
            let ran = host.run("switch.sh");
            assert_eq!(
                Host::went_live(&ran),
                ["coupon", "front"],
                "{names:?}: {ran:?}"
            );
        }
        for order in [
            ["front", "coupon"],
            ["coupon", "front"],
            ["front", "coupon"],
        ] {
            let ran = host.run("rollback.sh");
            assert_eq!(ran.code, 0, "{ran:?}");
            assert_eq!(Host::went_live(&ran), order, "{names:?}: {ran:?}");
        }
    }
}

/// Where a plan has the caller first, the callee goes back first.
#[test]
fn what_went_live_last_goes_back_first() {
    let host = Host::new();
    host.build_pair(1, ["coupon", "front"]);
    for script in ["deploy.sh", "switch.sh"] {
        assert_eq!(host.run(script).code, 0);
    }
    host.build_pair(2, ["coupon", "front"]);
    for service in ["front", "coupon"] {
        for script in ["deploy.sh", "switch.sh"] {
            let ran = host.place.on_host(script, &[service], "1");
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    }
    for words in [&[][..], &["front", "coupon"]] {
        let ran = host.place.on_host("rollback.sh", words, "1");
        assert_eq!(ran.code, 0, "{ran:?}");
        let order = if words.is_empty() {
            ["coupon", "front"]
        } else {
            ["front", "coupon"]
        };
        assert_eq!(Host::went_live(&ran), order, "{ran:?}");
    }
}

/// What was started as a process is stopped as one, though the release that takes its place runs in a container.
#[test]
fn a_process_ends_where_a_container_takes_its_place() {
    let host = Host::new();
    host.place.program("bin/curl", "exit 0");
    let route = "upstream pool { server api.http }\n  route \"/\" { to = pool }";
    for update in [
        "update blue_green { slots = [28081, 28082], monitor = 1s }",
        "replicas = 2\n  update rolling { slots = [28083, 28084, 28085], order = start_first, monitor = 1s }",
    ] {
        let program = |runs: &str| {
            format!(
                "app demo {{ targets = [nginx] }}\nservice api {{\n  {runs}\n  \
                 health http {{ path = \"/\", interval = 1s, timeout = 1s }}\n  \
                 shutdown {{ grace = 5s, drain = 1s }}\n  {update}\n}}\n\
                 gateway public {{\n  listen http {{ port = 28080 }}\n  {route}\n}}\n"
            )
        };
        host.place.build(&program(
            "command = [\"tail\", \"-f\", \"/dev/null\"]\n  port http",
        ));
        for script in ["deploy.sh", "switch.sh"] {
            let ran = host.place.on_host(script, &[], "1");
            assert_eq!(ran.code, 0, "{update}: {ran:?}");
        }
        let processes = |place: &Place| -> Vec<String> {
            let slots = fs::read_dir(place.path("state/api/slots")).unwrap();
            let pids = slots.map(|slot| slot.unwrap().path().join("pid"));
            let pids = pids.filter_map(|pid| fs::read_to_string(pid).ok());
            let pids = pids.map(|pid| pid.split_whitespace().next().unwrap().to_owned());
            // What has ended and nobody asked about yet has no command line.
            pids.filter(|pid| {
                fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|it| !it.is_empty())
            })
            .collect()
        };
        let before = processes(&host.place);
        assert!(!before.is_empty(), "{update}");
        host.place.build(&program(
            "image = \"ex/api:2\"\n  port http { number = 8080 }",
        ));
        for script in ["deploy.sh", "switch.sh"] {
            let ran = host.place.on_host(script, &[], "1");
            assert_eq!(ran.code, 0, "{update}: {ran:?}");
        }
        assert_eq!(processes(&host.place), Vec::<String>::new(), "{update}");
        let state = host.place.path("state");
        fs::remove_dir_all(state).unwrap();
    }
}
