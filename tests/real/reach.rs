//! Whether callers reach what they call, by its name, while both are replaced: each running container of a service that
//! was given an address asks there again and again.
//!
//! For one node whose kernel may have no IPVS, names answer with every task's address (`dnsrr`). A caller takes longer
//! to be replaced than what it calls, so that its old version meets the new one of the other.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::Duration;

use regex_lite::Regex;
use serde_yaml::Value as Yaml;

use crate::machine::wait;
use crate::swarm::Engine;
use crate::{Failure, Verdict, ensure, socket};

/// The cases in which callers ask.
pub(crate) const ASKED: [&str; 2] = ["network-left-by-both", "network-left-in-use"];

/// An address that a service was given: the service's full name, and the address.
pub(crate) type Call = (String, String);

/// Makes a stack file one in which callers can be heard; what they call.
pub(crate) fn audible(file: &Path) -> Result<Vec<Call>, Failure> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let mut yaml: Yaml = serde_yaml::from_str(&text).map_err(|error| error.to_string())?;
    let stack = file.file_stem().unwrap_or_default().display().to_string();
    let address = Regex::new(r"^http://[a-z-]+:[0-9]+").unwrap();
    let mut calls = Vec::new();
    let services = yaml["services"].as_mapping_mut();
    for (name, service) in services.into_iter().flatten() {
        service["deploy"]["endpoint_mode"] = "dnsrr".into();
        let given = service["environment"].as_mapping();
        let given = given.into_iter().flat_map(serde_yaml::Mapping::values);
        let given = given.filter_map(|value| address.find(value.as_str()?));
        let given: Vec<String> = given.map(|found| found.as_str().to_owned()).collect();
        if !given.is_empty() {
            service["deploy"]["update_config"]["delay"] = "15s".into();
        }
        let full = format!("{stack}_{}", name.as_str().unwrap_or_default());
        calls.extend(given.into_iter().map(|address| (full.clone(), address)));
    }
    let text = serde_yaml::to_string(&yaml).map_err(|error| error.to_string())?;
    std::fs::write(file, text).map_err(|error| error.to_string())?;
    Ok(calls)
}

/// What became of each call while something was done: `answered`, or `not always`.
pub(crate) fn heard(
    engine: &Engine,
    calls: &[Call],
    work: impl FnOnce() -> Verdict,
) -> Result<BTreeMap<String, String>, Failure> {
    let done = AtomicBool::new(false);
    scope(|scope| {
        let asking = calls.iter().map(|call| {
            let done = &done;
            (call, scope.spawn(move || asked(engine, call, done)))
        });
        let asking: Vec<_> = asking.collect();
        let worked = work();
        done.store(true, Ordering::SeqCst);
        let mut heard = BTreeMap::new();
        for ((caller, address), asking) in asking {
            let panicked = || Err("the caller panicked".to_owned());
            let (asked, lost) = asking.join().unwrap_or_else(|_| panicked())?;
            println!("  {caller} asked {address} {asked} times, {lost} in vain");
            ensure(asked > 20, || format!("{caller} asked only {asked} times"))?;
            let what = if lost == 0 { "answered" } else { "not always" };
            heard.insert(format!("{caller} -> {address}"), what.to_owned());
        }
        worked.map(|()| heard)
    })
}

/// How often was asked, and how often in vain: three times in a row, by a container that ran on. One request may
/// meet an instance that ends.
fn asked(
    engine: &Engine,
    (caller, address): &Call,
    done: &AtomicBool,
) -> Result<(u32, u32), String> {
    let (mut asked, mut lost) = (0, 0);
    while !done.load(Ordering::SeqCst) {
        for container in running(caller)? {
            // A name that is not known is asked for elsewhere, which takes its time.
            let curl = ["/bin/busybox", "timeout", "1", "curl", "-f", address];
            let ask = || engine.docker(&[&["exec", &container], &curl[..]].concat());
            let again = || {
                sleep(Duration::from_millis(400));
                ask().is_ok()
            };
            asked += 1;
            let answered = ask().is_ok() || again() || again();
            lost += u32::from(!answered && running(caller)?.contains(&container));
        }
        sleep(Duration::from_millis(200));
    }
    Ok((asked, lost))
}

/// The containers of tasks that are to run, and do.
fn running(service: &str) -> Result<Vec<String>, String> {
    let filter = format!(r#"{{"service":["{service}"],"desired-state":["running"]}}"#);
    let tasks = socket::get(&format!("/tasks?filters={}", socket::encoded(&filter)))?;
    let tasks = tasks.as_array().into_iter().flatten();
    let running = tasks.filter(|task| task["Status"]["State"] == "running");
    let containers =
        running.filter_map(|task| task["Status"]["ContainerStatus"]["ContainerID"].as_str());
    Ok(containers.map(str::to_owned).collect())
}

/// Waits until no update of a stack is under way.
pub(crate) fn updated(stack: &str) -> Verdict {
    wait(Duration::from_secs(120), || {
        let services = socket::of_stack("services", stack)?;
        let states = services.iter().map(|it| &it["UpdateStatus"]["State"]);
        let under_way: Vec<_> = states.filter(|state| *state != "completed").collect();
        if under_way.is_empty() {
            Ok(())
        } else {
            Err(format!("{under_way:?}"))
        }
    })?;
    Ok(())
}
