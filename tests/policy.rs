//! Policies: what is explained is what is written, and what is derived keeps its own conditions.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests read what they compare from the disk, and fail where they cannot"
)]

use proptest::prelude::*;
use serde_yaml::Value;
use std::fs;
use std::path::{Path, PathBuf};
use zdc::graph::{Graph, ServiceView};
use zdc::rollout::derivation::{self, Origin, Setting};
use zdc::source::MemoryWorld;
use zdc::targets::Artifact;
use zdc::types::Duration;
use zdc::vocabulary::TargetId;
use zdc::{Compilation, Options};

fn compile(text: &str) -> Compilation {
    let world = MemoryWorld::single("app.zd", text);
    zdc::compile(&world, "app.zd", &Options::default())
}

/// Every program of the examples and of the targets' cases that is one file and sound.
fn programs() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    for parent in ["examples", "tests/cases/swarm", "tests/cases/kubernetes"] {
        for entry in fs::read_dir(root.join(parent)).unwrap() {
            let path = entry.unwrap().path().join("app.zd");
            if let Ok(text) = fs::read_to_string(&path) {
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// A service of each kind of policy, on each target.
const KINDS: &str = r#"
app kinds { targets = [swarm, kubernetes] }
template web() {
  image    = "example/web:1.0.0"
  replicas = 3
  port http { number = 8080, publish = 80 }
  health http { path = "/health", interval = 7s, timeout = 2s }
}
service all    { use web(), availability { min_available = 100% } }
service spare  { use web(), port http { publish = 81 }, availability { min_available = 2 } }
service silent { use web(), port http { publish = 82 } }
service slow {
  use web()
  port http { publish = 83 }
  timing   { startup = 30s..5m, longest_request = 50s, pool_idle = 1s, dns_cache = 0s }
  liveness http { path = "/health" }
}
service written {
  use web()
  port http { publish = 84 }
  shutdown { grace = 70s, drain = 5s }
  timing { longest_request = 1m, startup = 1s..2s }
  update rolling { order = start_first, parallelism = 2, delay = 90s, rollback { order = start_first, monitor = 1m } }
}
service recreated {
  use web()
  port http { publish = 85 }
  update recreate {}
  allow downtime { because = "a test" }
}
service unchecked {
  image = "example/job:1.0.0"
}
"#;

fn on(graph: &Graph, target: TargetId) -> Vec<(ServiceView<'_>, Vec<Setting>)> {
    graph
        .services_on(target)
        .map(|service| (service, derivation::explain(graph, service, target)))
        .collect()
}

#[test]
fn what_is_explained_is_what_is_written() {
    let mut compared = 0;
    let kinds = (PathBuf::from("KINDS"), KINDS.to_owned());
    for (path, text) in programs().into_iter().chain([kinds]) {
        let compilation = compile(&text);
        let (Some(graph), Some(files)) = (compilation.graph, compilation.artifacts) else {
            assert!(!path.ends_with("KINDS"), "{:#?}", compilation.diagnostics);
            continue;
        };
        for target in graph.targets() {
            for (service, settings) in on(&graph, target) {
                for setting in &settings {
                    let place = format!("{} {}: {setting:?}", path.display(), service.name());
                    compared +=
                        usize::from(compare(&files, &graph, service, target, setting, &place));
                }
            }
        }
    }
    assert!(compared > 400, "only {compared} settings were compared");
}

/// Whether the setting stands in a file at all; it fails where it stands there differently.
fn compare(
    files: &[Artifact],
    graph: &Graph,
    service: ServiceView<'_>,
    target: TargetId,
    setting: &Setting,
    place: &str,
) -> bool {
    if setting.name.contains(": ") {
        return compare_nginx(files, setting, place);
    }
    if target == TargetId::Nginx {
        return compare_host(files, service, setting, place);
    }
    let (document, path) = match target {
        TargetId::Swarm => {
            let name = format!("swarm/{}.yml", graph.stack(service));
            let text = &files.iter().find(|file| file.path == name).unwrap().text;
            let stack: Value = serde_yaml::from_str(text).unwrap();
            let document = stack["services"][service.emitted_name()].clone();
            let path = match setting.name.as_str() {
                "shutdown.drain" | "timing.pool_idle" => return false,
                name if name.contains("_config.") => format!("deploy.{name}"),
                name => name.to_owned(),
            };
            (document, path)
        }
        _ => in_its_object(deployment(files, service), &setting.name),
    };
    assert!(!document.is_null(), "{place}");
    let found = path.split('.').fold(&document, |value, key| match key {
        "container" => &value["containers"][0],
        key => &value[key],
    });
    let found = match found {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Null => String::new(),
        other => panic!("{place}: {other:?}"),
    };
    let expected = match setting.origin {
        Origin::Engine => "",
        _ => setting.value.as_str(),
    };
    // `1` and `1.0` are one share.
    let same = match (found.parse::<f64>(), expected.parse::<f64>()) {
        (Ok(found), Ok(expected)) => (found - expected).abs() < f64::EPSILON,
        _ => found == expected,
    };
    assert!(same, "{place}\nis {found:?} in the file");
    true
}

fn deployment(files: &[Artifact], service: ServiceView<'_>) -> Value {
    let objects = files
        .iter()
        .filter(|file| file.path.starts_with("kubernetes/"))
        .filter(|file| {
            !["deploy.sh", "rollback.sh"]
                .iter()
                .any(|name| file.path.ends_with(name))
        })
        .flat_map(|file| serde_yaml::Deserializer::from_str(&file.text))
        .map(|document| serde::Deserialize::deserialize(document).unwrap());
    let kinds = ["Deployment", "StatefulSet", "DaemonSet"];
    let mut deployments =
        objects.filter(|object: &Value| kinds.iter().any(|kind| object["kind"] == *kind));
    deployments
        .find(|object| {
            let name = &object["metadata"]["name"];
            // Three stacks' `app` are told apart on Kubernetes.
            let labels = &object["metadata"]["labels"];
            let label = &labels["app.kubernetes.io/name"];
            name == service.emitted_name() || name == service.name() || label == service.name()
        })
        .unwrap_or_default()
}

fn in_its_object(object: Value, name: &str) -> (Value, String) {
    let path = kubernetes(name);
    let path = if object["kind"] == "DaemonSet" {
        path.replace("spec.strategy.", "spec.updateStrategy.")
    } else {
        path
    };
    (object, path)
}

/// Where it stands in a Deployment.
fn kubernetes(name: &str) -> String {
    match name {
        "maxSurge" | "maxUnavailable" => format!("spec.strategy.rollingUpdate.{name}"),
        "strategy.type" | "updateStrategy.type" | "minReadySeconds" | "progressDeadlineSeconds" => {
            format!("spec.{name}")
        }
        "terminationGracePeriodSeconds" => format!("spec.template.spec.{name}"),
        "preStop.sleep" => {
            "spec.template.spec.container.lifecycle.preStop.sleep.seconds".to_owned()
        }
        probe => format!("spec.template.spec.container.{probe}"),
    }
}

fn compare_nginx(files: &[Artifact], setting: &Setting, place: &str) -> bool {
    let last = setting.name.rsplit(": ").next().unwrap();
    let value = &setting.value;
    let words = match last {
        _ if setting.origin == Origin::Engine => return false,
        "resolver valid" if setting.origin == Origin::Written => return false,
        "resolver valid" => format!(" valid={value} "),
        "proxy_connect_timeout" | "proxy_read_timeout" => format!("{last} {value};"),
        "max_fails" | "fail_timeout" => format!(" {last}={value}"),
        other => panic!("{other}"),
    };
    let configuration =
        |file: &&Artifact| Path::new(&file.path).extension() == Some("conf".as_ref());
    let configurations = || files.iter().filter(configuration);
    // A proxy without names to look up needs no resolver.
    let looks_up = configurations().any(|file| file.text.contains("resolver "));
    if last == "resolver valid" && !looks_up {
        return false;
    }
    assert!(
        configurations().any(|file| file.text.contains(&words)),
        "{place}: no `{words}` in any configuration"
    );
    true
}

/// What the scripts of a plain host read, where times are in milliseconds.
fn compare_host(
    files: &[Artifact],
    service: ServiceView<'_>,
    setting: &Setting,
    place: &str,
) -> bool {
    let key = match setting.name.as_str() {
        "update" => "kind",
        // There with the time that nginx's old workers take.
        "shutdown.drain" => return false,
        name => name.rsplit('.').next().unwrap(),
    };
    let name = format!("nginx/hosts/services/{}.sh", service.name());
    let text = &files.iter().find(|file| file.path == name).unwrap().text;
    let lines = text.lines().filter_map(|line| line.split_once('='));
    let (_, found) = lines.into_iter().find(|(word, _)| *word == key).unwrap();
    let found = found
        .parse()
        .map_or(found.to_owned(), |it| Duration::from_millis(it).to_string());
    assert_eq!(found, setting.value, "{place}");
    true
}

#[test]
fn every_number_says_why_and_where_from() {
    for (path, text) in programs() {
        let Some(graph) = compile(&text).graph else {
            continue;
        };
        for target in graph.targets() {
            for (_, settings) in on(&graph, target) {
                for setting in settings {
                    let told = !setting.because.is_empty() && !setting.source.is_empty();
                    assert!(told, "{}: {setting:?}", path.display());
                }
            }
        }
    }
}

fn program(body: &str) -> String {
    format!(
        "app web {{ targets = [swarm, kubernetes] }}\nservice web {{\n  image = \"example/web:1.0.0\"\n  \
         port http {{ number = 8080, publish = 80 }}\n{body}}}\n"
    )
}

fn value(text: &str, target: TargetId, name: &str) -> (String, Origin) {
    let compilation = compile(text);
    let graph = compilation.graph.unwrap();
    let service = graph.find("web").unwrap();
    let settings = derivation::explain(&graph, service, target);
    let found = settings.iter().find(|setting| setting.name == name);
    let found = found.unwrap_or_else(|| panic!("no {name}"));
    (found.value.clone(), found.origin)
}

const CHECK: &str =
    "  health http { path = \"/health\", interval = 5s, timeout = 2s, retries = 3 }\n";

#[test]
fn the_least_surge_that_keeps_the_promise_is_chosen() {
    for (replicas, promise, order, surge) in [
        (
            3,
            "availability { min_available = 100% }",
            "start-first",
            "1",
        ),
        (3, "availability { min_available = 2 }", "stop-first", "0"),
        (
            3,
            "availability { min_available = 67% }",
            "start-first",
            "1",
        ),
        (2, "availability { min_available = 50% }", "stop-first", "0"),
        (
            1,
            "availability { min_available = 50% }",
            "start-first",
            "1",
        ),
        // Nobody said that one may be missing.
        (3, "", "start-first", "1"),
    ] {
        let text = program(&format!("{CHECK}  replicas = {replicas}\n  {promise}\n"));
        let (found, _) = value(&text, TargetId::Swarm, "update_config.order");
        assert_eq!(found, order, "{replicas} {promise}");
        let (found, _) = value(&text, TargetId::Kubernetes, "maxSurge");
        assert_eq!(found, surge, "{replicas} {promise}");
        // One may be missing already when a failed update goes back.
        let (found, _) = value(&text, TargetId::Swarm, "rollback_config.order");
        assert_eq!(found, "start-first", "{replicas} {promise}");
    }
}

#[test]
fn the_nodes_own_port_is_updated_in_place_where_one_may_be_missing() {
    let text = |replicas| {
        program(&format!("{CHECK}  replicas = {replicas}\n"))
            .replace("publish = 80", "publish = 80, mode = host")
    };
    let order = |replicas| value(&text(replicas), TargetId::Swarm, "update_config.order").0;
    assert_eq!([order(2), order(1)], ["stop-first", "start-first"]);
}

/// A node has one of a global service, and never a place for a second one; without a port of its own it has.
#[test]
fn the_nodes_own_port_of_a_global_service_is_always_updated_in_place() {
    let ingress = program(&format!("{CHECK}  mode = global\n"));
    let own = ingress.replace("publish = 80", "publish = 80, mode = host");
    for name in ["update_config.order", "rollback_config.order"] {
        assert_eq!(value(&own, TargetId::Swarm, name).0, "stop-first", "{name}");
        assert_eq!(
            value(&ingress, TargetId::Swarm, name).0,
            "start-first",
            "{name}"
        );
    }
    // On Kubernetes a port is published by a Service, and no node's.
    assert_eq!(value(&own, TargetId::Kubernetes, "maxSurge").0, "1");
}

#[test]
fn the_times_are_those_of_the_check_and_of_the_program() {
    let text = program(&format!(
        "{CHECK}  replicas = 2\n  timing {{ startup = 1s..40s, longest_request = 20s }}\n"
    ));
    for (target, name, expected, origin) in [
        // 3 * (5s + 2s) + 2s + 21s + 3s
        (
            TargetId::Swarm,
            "update_config.delay",
            "47s",
            Origin::Derived,
        ),
        (
            TargetId::Swarm,
            "update_config.monitor",
            "47s",
            Origin::Derived,
        ),
        // 0s + 20s + 1s
        (TargetId::Swarm, "stop_grace_period", "21s", Origin::Derived),
        // 40s - 2 * 5s
        (
            TargetId::Swarm,
            "healthcheck.start_period",
            "30s",
            Origin::Derived,
        ),
        (
            TargetId::Swarm,
            "rollback_config.delay",
            "0s",
            Origin::Engine,
        ),
        // 3 * 5s + 2s + 1s
        (
            TargetId::Kubernetes,
            "minReadySeconds",
            "18",
            Origin::Derived,
        ),
        (TargetId::Kubernetes, "preStop.sleep", "2", Origin::Derived),
        (
            TargetId::Kubernetes,
            "terminationGracePeriodSeconds",
            "30",
            Origin::Engine,
        ),
        (
            TargetId::Kubernetes,
            "progressDeadlineSeconds",
            "600",
            Origin::Engine,
        ),
    ] {
        let found = value(&text, target, name);
        assert_eq!(found, (expected.to_owned(), origin), "{target:?} {name}");
    }
}

#[test]
fn old_pods_may_end_before_a_recreated_one_is_made() {
    let program = |update: &str| {
        program(&format!(
            "{CHECK}  replicas = 2\n  shutdown {{ grace = 15m }}\n  {update}\n  allow downtime {{ because = \"a test\" }}\n"
        ))
    };
    let deadline = |update| {
        value(
            &program(update),
            TargetId::Kubernetes,
            "progressDeadlineSeconds",
        )
    };
    let (seconds, origin) = deadline("update recreate {}");
    assert!(seconds.parse::<u64>().unwrap() > 15 * 60, "{seconds}");
    assert_eq!(origin, Origin::Derived);
    // One at a time, nothing waits for a pod that ends.
    let rolls = deadline("update rolling { order = stop_first }");
    assert_eq!(rolls, ("600".to_owned(), Origin::Engine));
}

#[test]
fn a_missing_fact_is_named() {
    let text = program(&format!("{CHECK}  replicas = 2\n"));
    let graph = compile(&text).graph.unwrap();
    let settings = derivation::explain(&graph, graph.find("web").unwrap(), TargetId::Swarm);
    let wanted: Vec<&str> = settings
        .iter()
        .filter_map(|setting| setting.wants)
        .collect();
    assert!(
        wanted.iter().any(|fact| fact.contains("startup")),
        "{wanted:?}"
    );
    assert!(
        wanted.iter().any(|fact| fact.contains("longest_request")),
        "{wanted:?}"
    );
}

#[test]
fn a_written_policy_is_held_to_the_same_conditions() {
    let text = program(&format!(
        "{CHECK}  replicas = 2\n  update rolling {{ parallelism = 2, delay = 1s }}\n"
    ));
    let graph = compile(&text).graph.unwrap();
    let settings = derivation::explain(&graph, graph.find("web").unwrap(), TargetId::Swarm);
    let broken: Vec<String> = settings
        .iter()
        .flat_map(|setting| &setting.must)
        .filter(|must| !must.holds())
        .map(|must| format!("{}: {}", must.law(), must.numbers()))
        .collect();
    insta::assert_snapshot!(broken.join("\n"), @r"
    replicas - parallelism >= min_available: 2 - 2 = 0 >= 1
    delay >= retries * (interval + timeout) + 2s + stop_grace_period + 3s: 1s >= 3 * (5s + 2s) + 2s + 10s + 3s = 36s
    monitor >= retries * (interval + timeout) + 2s + stop_grace_period + 3s: 5s >= 3 * (5s + 2s) + 2s + 10s + 3s = 36s
    ");
}

/// A gateway's check passes before its pool has members: nginx answers it alone.
#[test]
fn a_gateways_first_probe_comes_when_its_pool_is_known() {
    for (interval, holds) in [("1s", false), ("4s", false), ("5s", true)] {
        let text = format!(
            "app web {{ targets = [swarm] }}\nnetwork net {{}}\n\
             service web {{ image = \"example/web:1.0.0\", join net, port http {{ number = 8080 }}\n{CHECK} }}\n\
             gateway edge {{ image = \"nginx:1.28.0\", replicas = 2, join net, listen http {{ port = 80 }}\n  \
             upstream pool {{ server web.http }}\n  route \"/\" {{ to = pool }}\n  \
             health http {{ path = \"/healthz\", interval = {interval} }} }}\n"
        );
        let graph = compile(&text).graph.unwrap();
        let settings = derivation::explain(&graph, graph.find("edge").unwrap(), TargetId::Swarm);
        let probe = settings
            .iter()
            .find(|setting| setting.name == "healthcheck.interval")
            .unwrap();
        let law = &probe.must[0];
        assert_eq!(law.holds(), holds, "{}", law.numbers());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever a service says, what is derived keeps its own conditions, and the verifier agrees.
    #[test]
    fn what_is_derived_holds(
        replicas in 1_u64..12,
        spread in 0_u64..4,
        // More than there are cannot be kept.
        (is_share, promised) in (any::<bool>(), 1_u64..=100),
        interval in 1_u64..60,
        timeout in 1_u64..60,
        retries in 1_u64..6,
        startup in 0_u64..400,
        longest in 0_u64..90,
    ) {
        let promise = if is_share {
            format!("{promised}%")
        } else {
            promised.min(replicas).to_string()
        };
        let text = program(&format!(
            "  health http {{ interval = {interval}s, timeout = {timeout}s, retries = {retries} }}\n  \
             replicas = REPLICAS\n  availability {{ min_available = {promise} }}\n  \
             timing {{ startup = 0s..{startup}s, longest_request = {longest}s }}\n"
        ));
        let most = replicas + spread;
        let text = format!("deploy REPLICAS: int({replicas}..{most}) = {replicas}\n{text}");
        let compilation = compile(&text);
        prop_assert!(compilation.artifacts.is_some(), "{:#?}", compilation.diagnostics);
        let graph = compilation.graph.unwrap();
        for target in graph.targets() {
            for (_, settings) in on(&graph, target) {
                for setting in settings {
                    // What the engine does anyway is left only where it is enough.
                    for must in &setting.must {
                        prop_assert!(must.holds(), "{target:?} {}: {}", setting.name, must.numbers());
                    }
                }
            }
        }
    }
}
