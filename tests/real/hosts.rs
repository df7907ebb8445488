//! Plain hosts: the scripts of a bundle replace real processes behind a real nginx, under load, with versions that
//! fail, two at once, and killed anywhere. The programs are the examples, with our own program in the slots and
//! shorter waits.

use std::process::{Command, Stdio};

use crate::host::{Host, Seen, answer, end};
use crate::machine::{installed, run};
use crate::nginx::modern;
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, test};

pub(crate) fn tests(_: &[Program]) -> Vec<Test> {
    vec![
        test("hosts::blue_green_loses_nothing", blue_green_loses_nothing),
        test("hosts::rolling_loses_nothing", rolling_loses_nothing),
        test(
            "hosts::rolling_in_place_loses_nothing",
            rolling_in_place_loses_nothing,
        ),
        test("hosts::canary_loses_nothing", canary_loses_nothing),
        test(
            "hosts::a_failing_canary_goes_back",
            a_failing_canary_goes_back,
        ),
        test("hosts::by_hand_some_are_lost", by_hand_some_are_lost),
        test(
            "hosts::a_failing_version_never_stays",
            a_failing_version_never_stays,
        ),
        test("hosts::a_failing_slot_goes_back", a_failing_slot_goes_back),
        test(
            "hosts::a_refused_configuration_changes_nothing",
            a_refused_configuration_changes_nothing,
        ),
        test(
            "hosts::of_two_deploys_one_waits_or_is_refused",
            of_two_deploys_one_waits_or_is_refused,
        ),
        test(
            "hosts::blue_green_killed_anywhere",
            blue_green_killed_anywhere,
        ),
        test("hosts::rolling_killed_anywhere", rolling_killed_anywhere),
        test(
            "hosts::a_deploy_killed_while_a_slot_starts_is_taken_up",
            a_deploy_killed_while_a_slot_starts_is_taken_up,
        ),
        test(
            "hosts::rollback_is_the_release_before",
            rollback_is_the_release_before,
        ),
        test("hosts::systemd_takes_the_unit", systemd_takes_the_unit),
    ]
}

/// Our own program, which reads its version from the bundle.
const PROGRAM: &str = r#"command = ["./load", "serve", "--port=${slot.port}", "--version=@version", "--start=200ms"]"#;

pub(crate) fn example(name: &str) -> Result<String, String> {
    let path = format!("{}/examples/{name}/app.zd", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).map_err(|error| error.to_string())
}

/// With one text in place of another that must be there.
pub(crate) fn with(text: &str, from: &str, to: &str) -> Result<String, String> {
    if text.contains(from) {
        Ok(text.replace(from, to))
    } else {
        Err(format!("the example has no {from:?} any more"))
    }
}

/// The example, on a host without its user, judged in tenths of a second.
pub(crate) fn blue_green() -> Result<String, String> {
    let text = example("blue-green")?;
    let java = r#"command = ["java", "-jar", "api.jar", "--server.port=${slot.port}"]"#;
    let text = with(&text, java, PROGRAM)?;
    let text = with(&text, "  user    = \"ubuntu\"\n", "")?;
    let text = with(&text, "interval = 2s", "interval = 200ms")?;
    let text = with(&text, "monitor = 5s", "monitor = 1s")?;
    with(
        &text,
        "target nginx {",
        "target nginx {\n  version = \"1.28\"",
    )
}

/// The example, with processes in the place of containers: slots and steps are the same.
pub(crate) fn node_cluster() -> Result<String, String> {
    let text = example("node-cluster")?;
    let text = with(&text, r#"image    = "example/node-cluster:2.1.0""#, PROGRAM)?;
    let text = with(&text, "interval = 2s", "interval = 200ms")?;
    let text = with(&text, "delay = 6s", "delay = 500ms")?;
    // One client address would be one slot.
    let text = with(&text, "balance = ip_hash", "balance = least_conn")?;
    Ok(text + "\ntarget nginx { version = \"1.28\" }\n")
}

/// Without a free slot.
fn in_place() -> Result<String, String> {
    let text = with(&node_cluster()?, "3000..3002", "3000..3001")?;
    with(&text, "order = start_first", "order = stop_first")
}

/// The versions that come after the first.
fn versions() -> Vec<String> {
    let last = crate::updates() + 1;
    (2..=last).map(|version| version.to_string()).collect()
}

/// Updates under load: nothing is lost, nothing comes twice, every version served.
pub(crate) fn loses_nothing(
    host: &Host,
    port: u16,
    updates: &[String],
    mut update: impl FnMut(&str) -> Verdict,
) -> Verdict {
    update("1")?;
    let seen = host.under_load(port, || {
        updates.iter().try_for_each(|version| update(version))
    })?;
    println!(
        "  {} lost and {} twice of {}, {} updates {}",
        seen.lost,
        seen.twice,
        seen.total,
        updates.len(),
        seen.faults
    );
    ensure(
        seen.lost == 0 && seen.twice == 0 && seen.total > 300,
        || format!("{seen:?}"),
    )?;
    let served = updates
        .iter()
        .all(|version| seen.versions.iter().any(|seen| seen == version));
    ensure(served, || format!("not every version served: {seen:?}"))
}

fn blue_green_loses_nothing() -> Verdict {
    let host = Host::new("host", &blue_green()?, modern()?)?;
    loses_nothing(&host, 80, &versions(), |version| host.update(version))
}

fn rolling_loses_nothing() -> Verdict {
    let host = Host::new("host", &node_cluster()?, modern()?)?;
    loses_nothing(&host, 3333, &versions(), |version| host.update(version))
}

fn rolling_in_place_loses_nothing() -> Verdict {
    let host = Host::new("host", &in_place()?, modern()?)?;
    loses_nothing(&host, 3333, &["2".to_owned()], |version| {
        host.update(version)
    })
}

/// The first new slot is watched beside the others.
fn canary() -> Result<String, String> {
    let rolling = "update rolling { order = start_first, parallelism = 1, delay = 500ms, on_failure = rollback }";
    with(
        &node_cluster()?,
        rolling,
        "update canary { monitor = 4s, delay = 500ms }",
    )
}

fn canary_loses_nothing() -> Verdict {
    let host = Host::new("host", &canary()?, modern()?)?;
    loses_nothing(&host, 3333, &versions(), |version| host.update(version))
}

/// One that fails while it is watched is taken back, and no old slot was touched.
fn a_failing_canary_goes_back() -> Verdict {
    let source = with(&canary()?, "start_period = 5s", "start_period = 1s")?;
    let source = with(
        &source,
        "startup         = 1s..4s",
        "startup         = 0s..1s",
    )?;
    let host = Host::new("host", &source, modern()?)?;
    host.update("1")?;
    let pids = || -> Result<Vec<String>, String> {
        let slots =
            [3000, 3001, 3002].map(|slot| host.path(&format!("state/node/slots/{slot}/pid")));
        Ok(slots
            .iter()
            .filter_map(|pid| std::fs::read_to_string(pid).ok())
            .collect())
    };
    let before = pids()?;
    host.version("faint")?;
    let done = host.run("deploy.sh").and_then(|_| host.run("switch.sh"));
    ensure(done.is_err(), || format!("it went live: {done:?}"))?;
    let (well, status) = host.status();
    ensure(well && status.matches("healthy, live").count() == 2, || {
        status
    })?;
    let after = pids()?;
    ensure(
        before.len() == 2 && before.iter().all(|pid| after.contains(pid)),
        || format!("{before:?} became {after:?}"),
    )?;
    host.update("2")?;
    ensure(answer(3333)? == "2", || "2 is not live".to_owned())
}

/// What the scripts replace: the steps as they were done by hand.
fn by_hand_some_are_lost() -> Verdict {
    let host = Host::new("host", &blue_green()?, modern()?)?;
    let seen = blue_green_by_hand(&host)?;
    println!(
        "  blue/green by hand: {} lost and {} twice of {}",
        seen.lost, seen.twice, seen.total
    );
    ensure(seen.lost > 0, || {
        format!("nothing is lost by hand: {seen:?}")
    })?;
    drop(host);
    let host = Host::new("host", &node_cluster()?, modern()?)?;
    let seen = node_cluster_by_hand(&host)?;
    println!(
        "  node cluster by hand: {} lost and {} twice of {}",
        seen.lost, seen.twice, seen.total
    );
    ensure(seen.lost > 0, || {
        format!("nothing is lost by hand: {seen:?}")
    })
}

/// Start the idle slot, ask for its health, write the include, reload, and stop the old slot at once, whose shutdown
/// waits for less than its longest request: 50 ms and 200 ms for 10 s and 30 s.
fn blue_green_by_hand(host: &Host) -> Result<Seen, Failure> {
    let short = ["--graceful=50ms"];
    let conf = "include url.inc;\nserver { listen 80; location / { proxy_pass $service_url; } }\n";
    let conf = conf.replace("include url.inc;\nserver {", "server { include url.inc;");
    write(host, "nginx/conf.d/found.conf", &conf)?;
    let point = |port: u16| {
        let text = format!("set $service_url http://127.0.0.1:{port};\n");
        write(host, "nginx/url.inc", &text)?;
        host.reload()
    };
    let mut old = host.by_hand(8081, "1", &short)?;
    healthy(8081)?;
    point(8081)?;
    healthy(80)?;
    let mut running = None;
    let seen = host.under_load(80, || {
        let mut last = old;
        for (port, version) in [(8082, "2"), (8081, "3"), (8082, "4")] {
            let new = host.by_hand(port, version, &short)?;
            healthy(port)?;
            point(port)?;
            end(last)?;
            last = new;
        }
        running = Some(last);
        Ok(())
    });
    if let Some(last) = running {
        old = last;
        end(old)?;
    }
    seen
}

/// Stop, start, the next: nginx is not told, and nobody waits until the program listens.
fn node_cluster_by_hand(host: &Host) -> Result<Seen, Failure> {
    let slow = ["--start=1s"];
    let server =
        |port: u16| format!("server 127.0.0.1:{port} weight=10 max_fails=3 fail_timeout=10s;");
    let conf = format!(
        "upstream nodejs_server {{ least_conn; {} {} }}\nserver {{ listen 3333; location / {{ proxy_pass \
         http://nodejs_server; }} }}\n",
        server(3000),
        server(3001)
    );
    write(host, "nginx/conf.d/found.conf", &conf)?;
    host.reload()?;
    let mut running = vec![
        (3000, host.by_hand(3000, "1", &slow)?),
        (3001, host.by_hand(3001, "1", &slow)?),
    ];
    healthy(3000)?;
    healthy(3001)?;
    healthy(3333)?;
    let seen = host.under_load(3333, || {
        for version in ["2", "3", "4"] {
            let old = std::mem::take(&mut running);
            for (port, child) in old {
                end(child)?;
                running.push((port, host.by_hand(port, version, &slow)?));
            }
            healthy(3001)?;
        }
        Ok(())
    });
    for (_, child) in running {
        end(child)?;
    }
    seen
}

/// Through nginx it may take eleven seconds by itself: `fail_timeout` is ten unless told, and whole seconds are compared.
pub(crate) fn healthy(port: u16) -> Verdict {
    let bound = std::time::Duration::from_secs(30);
    crate::machine::wait(bound, || answer(port))?;
    Ok(())
}

fn write(host: &Host, path: &str, text: &str) -> Verdict {
    std::fs::write(host.path(path), text).map_err(|error| error.to_string().into())
}

/// A version that does not run or is not healthy never goes live; one that fails under requests is swapped back.
fn a_failing_version_never_stays() -> Verdict {
    let source = with(&blue_green()?, "start_period = 60s", "start_period = 1s")?;
    let source = with(
        &source,
        "startup         = 10s..40s",
        "startup         = 0s..1s",
    )?;
    let host = Host::new("host", &source, modern()?)?;
    host.update("1")?;
    for version in ["broken", "sick"] {
        host.version(version)?;
        let said = host.run("deploy.sh");
        ensure(said.is_err(), || {
            format!("{version} was deployed: {said:?}")
        })?;
        let said = host.run("switch.sh");
        ensure(said.is_ok(), || {
            format!("nothing to switch is an error: {said:?}")
        })?;
        ensure(answer(80)? == "1", || format!("{version} is live"))?;
    }
    host.version("faint")?;
    host.run("deploy.sh")?;
    let said = host.run("switch.sh").err().unwrap_or_default();
    ensure(said.contains("requests go to slot 8081 again"), || said)?;
    ensure(answer(80)? == "1", || {
        "the failing version is live".to_owned()
    })?;
    let (well, status) = host.status();
    ensure(well && status.contains("slot 8082: stopped"), || status)?;
    // And the next good one goes live as ever.
    host.update("2")?;
    ensure(answer(80)? == "2", || "2 is not live".to_owned())
}

/// The same slot by slot: with a free slot and without, what was replaced comes back.
fn a_failing_slot_goes_back() -> Verdict {
    for source in [node_cluster()?, in_place()?] {
        let source = with(&source, "start_period = 5s", "start_period = 1s")?;
        // Long enough for a few requests through nginx to meet the new slot.
        let source = with(&source, "delay = 500ms", "delay = 4s")?;
        let source = with(
            &source,
            "startup         = 1s..4s",
            "startup         = 0s..1s",
        )?;
        let host = Host::new("host", &source, modern()?)?;
        host.update("1")?;
        for version in ["broken", "faint"] {
            host.version(version)?;
            let done = host.run("deploy.sh").and_then(|_| host.run("switch.sh"));
            ensure(done.is_err(), || format!("{version} went live: {done:?}"))?;
            for _ in 0..8 {
                let found = answer(3333);
                ensure(found.as_deref() == Ok("1"), || {
                    format!("{version}: {found:?}")
                })?;
            }
            let (well, status) = host.status();
            ensure(well && status.matches("healthy, live").count() == 2, || {
                status
            })?;
        }
        host.update("2")?;
        ensure(answer(3333)? == "2", || "2 is not live".to_owned())?;
    }
    Ok(())
}

/// Someone else's broken file: nothing is switched, and what is live stays.
fn a_refused_configuration_changes_nothing() -> Verdict {
    let host = Host::new("host", &blue_green()?, modern()?)?;
    host.update("1")?;
    write(&host, "nginx/conf.d/theirs.conf", "nonsense;\n")?;
    host.version("2")?;
    host.run("deploy.sh")?;
    let said = host.run("switch.sh").err().unwrap_or_default();
    ensure(said.contains("nothing was switched"), || said)?;
    ensure(answer(80)? == "1", || "2 is live".to_owned())?;
    std::fs::remove_file(host.path("nginx/conf.d/theirs.conf"))
        .map_err(|error| error.to_string())?;
    host.run("switch.sh")?;
    ensure(answer(80)? == "2", || "2 is not live".to_owned())
}

fn of_two_deploys_one_waits_or_is_refused() -> Verdict {
    let source = with(&blue_green()?, "--start=200ms", "--start=3s")?;
    let host = Host::new("host", &source, modern()?)?;
    host.version("1")?;
    let fail = |error: std::io::Error| error.to_string();
    let mut first = host.script("deploy.sh");
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(fail)?;
    let lock = host.path("state/api/slots/8081/pid");
    let bound = std::time::Duration::from_secs(10);
    crate::machine::wait(bound, || {
        lock.exists().then_some(()).ok_or("not started".to_owned())
    })?;
    let second = host.script("deploy.sh").output().map_err(fail)?;
    ensure(second.status.code() == Some(75), || format!("{second:?}"))?;
    let mut third = host.script("deploy.sh");
    let third = third.env("ZDC_LOCK_WAIT", "30").output().map_err(fail)?;
    ensure(third.status.success(), || format!("{third:?}"))?;
    let said = String::from_utf8_lossy(&third.stderr).into_owned();
    ensure(said.contains("waits in slot 8081 already"), || said)?;
    ensure(first.wait().map_err(fail)?.success(), || {
        "the first deploy failed".to_owned()
    })
}

/// Ends a script by SIGKILL before its command of this number, or writes down how many there are.
pub(crate) const KILL: &str = r#"case $0 in */${KILL_IN:-switch.sh})
  set -o functrace
  zdc_count=0
  trap 'zdc_count=$((zdc_count + 1)); if [ "$zdc_count" = "${KILL_AT:-0}" ]; then kill -KILL $$; fi' DEBUG
  if [ -n "${KILL_COUNT:-}" ]; then trap 'echo "$zdc_count" >"$KILL_COUNT"' EXIT; fi
esac
"#;

/// `switch.sh` is killed at each of these points of its run; the site serves, and the next run ends what it began.
fn killed_anywhere(host: &Host, port: u16, live: usize, points: usize) -> Verdict {
    let kill = host.path("kill.sh");
    std::fs::write(&kill, KILL).map_err(|error| error.to_string())?;
    let switch = |name: &str, value: &str| {
        let mut command = host.script("switch.sh");
        command.env("BASH_ENV", &kill).env(name, value);
        command
    };
    host.update("0")?;
    host.version("1")?;
    host.run("deploy.sh")?;
    let count = host.path("count");
    run(switch("KILL_COUNT", &count.display().to_string()))?;
    let count = std::fs::read_to_string(count).map_err(|error| error.to_string())?;
    let count: usize = count
        .trim()
        .parse()
        .map_err(|_| format!("no count: {count}"))?;
    ensure(count > 100, || format!("only {count} commands"))?;
    let mut killed = 0;
    for point in 1..=points {
        let version = format!("v{point}");
        let at = 1 + (count - 1) * (point - 1) / (points - 1);
        host.version(&version)?;
        host.run("deploy.sh")?;
        let cut = run(switch("KILL_AT", &at.to_string()));
        killed += usize::from(cut.is_err());
        let found = answer(port);
        ensure(found.is_ok(), || {
            format!("killed at {at} of {count}: {found:?}")
        })?;
        run(patient(host, "switch.sh")).map_err(|why| format!("after {at} of {count}: {why}"))?;
        let found = answer(port)?;
        ensure(found == version, || {
            format!("after {at} of {count}: {found}, not {version}")
        })?;
        let (well, status) = host.status();
        let running = status.matches("healthy").count();
        ensure(well && running == live, || {
            format!("after {at} of {count}: {status}")
        })?;
    }
    println!("  killed {killed} times within {count} commands");
    // The last point may lie behind the end of a shorter run.
    ensure(killed + 4 >= points, || {
        format!("killed {killed} of {points} times")
    })
}

fn blue_green_killed_anywhere() -> Verdict {
    let source = with(&blue_green()?, "monitor = 1s", "monitor = 0s")?;
    let host = Host::new("host", &source, modern()?)?;
    killed_anywhere(&host, 80, 1, 12)
}

fn rolling_killed_anywhere() -> Verdict {
    let source = with(&node_cluster()?, "delay = 500ms", "delay = 0s")?;
    let host = Host::new("host", &source, modern()?)?;
    killed_anywhere(&host, 3333, 2, 10)
}

/// What a killed run was starting may hold the lock a moment longer than the run itself.
pub(crate) fn patient(host: &Host, script: &str) -> Command {
    let mut command = host.script(script);
    command.env("ZDC_LOCK_WAIT", "30");
    command
}

/// Between the start of a slot and its process id in a file nobody knows of the process but itself: another run in
/// that moment must not start a second one, of which one would get the port and the other be written down.
fn a_deploy_killed_while_a_slot_starts_is_taken_up() -> Verdict {
    let host = Host::new("host", &blue_green()?, modern()?)?;
    let slow = "case $0 in */run.sh) sleep 2 ;; esac\n";
    let settings = host.bundle().join("hosts/app.sh");
    let text = std::fs::read_to_string(&settings).map_err(|error| error.to_string())?;
    std::fs::write(&settings, text + slow).map_err(|error| error.to_string())?;
    host.version("1")?;
    let mut first = host.script("deploy.sh");
    let mut first = first
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| error.to_string())?;
    let begun = host.path("state/api/slots/8081/log");
    crate::machine::wait(std::time::Duration::from_secs(10), || {
        begun.exists().then_some(()).ok_or("not begun".to_owned())
    })?;
    first.kill().map_err(|error| error.to_string())?;
    first.wait().map_err(|error| error.to_string())?;
    let known = host.path("state/api/slots/8081/pid");
    ensure(!known.exists(), || "killed too late".to_owned())?;
    run(patient(&host, "deploy.sh"))?;
    host.run("switch.sh")?;
    ensure(answer(80)? == "1", || "1 is not live".to_owned())?;
    let log = std::fs::read_to_string(&begun).map_err(|error| error.to_string())?;
    ensure(log.is_empty(), || {
        format!("a second one was started: {log}")
    })?;
    host.update("2")?;
    host.update("3")?;
    ensure(answer(80)? == "3", || "3 is not live".to_owned())
}

fn rollback_is_the_release_before() -> Verdict {
    for (source, port) in [(blue_green()?, 80), (node_cluster()?, 3333)] {
        let host = Host::new("host", &source, modern()?)?;
        host.update("1")?;
        host.update("2")?;
        host.run("rollback.sh")?;
        ensure(answer(port)? == "1", || "1 is not back".to_owned())?;
        // And forth: the release before is now 2.
        host.run("rollback.sh")?;
        ensure(answer(port)? == "2", || "2 is not back".to_owned())?;
        host.version("3")?;
        host.run("deploy.sh")?;
        host.run("rollback.sh")?;
        let said = host.run("switch.sh")?;
        ensure(said.contains("nothing waits"), || said)?;
        ensure(answer(port)? == "2", || {
            "what was not live yet was not dropped".to_owned()
        })?;
    }
    Ok(())
}

fn systemd_takes_the_unit() -> Verdict {
    installed("systemd", "systemd-analyze")?;
    let resources = "  resources { limits { memory = 200MiB, cpu = 1.5cpu }, reservations { memory = 100MiB } }\n  \
                     restart { condition = on_failure, delay = 2s, max_attempts = 3 }\n  user = \"root\"\n";
    let source = with(
        &blue_green()?,
        "  port http\n",
        &format!("  port http\n{resources}"),
    )?;
    let host = Host::new("host", &source, modern()?)?;
    let unit = host.bundle().join("systemd/api-host-api@.service");
    let instance = host.path("api-host-api@8081.service");
    std::fs::copy(unit, &instance).map_err(|error| error.to_string())?;
    let mut command = Command::new("systemd-analyze");
    command.args(["verify", "--man=no"]).arg(&instance);
    let said = run(command)?;
    ensure(!said.contains("api-host-api@"), || said)
}
