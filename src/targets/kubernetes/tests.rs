//! Plans held to the API's own types, and what is said of a program once.

use super::lowering;
use super::order::{InOrder, Ordered};
use crate::diagnostics::{Diagnostic, Severity};
use crate::graph::Graph;
use crate::source::MemoryWorld;
use crate::vocabulary::TargetId;
use crate::{Options, compile};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json, to_value};

fn graph(text: &str) -> Graph {
    let options = Options {
        targets: vec![TargetId::Kubernetes],
        ..Options::default()
    };
    let text = format!("app shop {{ targets = [kubernetes] }}\n{text}");
    let compilation = compile(&MemoryWorld::single("app.zd", text), "app.zd", &options);
    let said = format!("{:#?}", compilation.diagnostics);
    compilation.graph.expect(&said)
}

/// What is said of a program, but for what stands in its `app` line.
fn said(text: &str) -> Vec<Diagnostic> {
    let graph = graph(text);
    let (_, diagnostics, _) = lowering::lower(&graph);
    diagnostics.into_sorted()
}

pub(super) fn codes(text: &str) -> Vec<&'static str> {
    said(text).iter().map(|found| found.code.id).collect()
}

/// Every object of a program as JSON, by kind and name.
fn objects(text: &str) -> Vec<Value> {
    let graph = graph(text);
    let (plan, ..) = lowering::lower(&graph);
    let documents = plan
        .files
        .values()
        .flat_map(|text| serde_yaml::Deserializer::from_str(text));
    documents
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

pub(super) fn object(text: &str, kind: &str, name: &str) -> Value {
    objects(text)
        .into_iter()
        .find(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .unwrap_or_else(|| panic!("there is no {kind} {name}"))
}

const WEB: &str = r#"
    image = "example/web:1.0.0"
    port http { number = 8080 }
    health http { path = "/health", interval = 5s }
"#;

/// A service with what every one has, and more.
fn web(more: &str) -> String {
    format!("service web {{ {WEB}\n{more}\n}}")
}

/// Called with every object that a test of this crate makes.
pub(super) fn all_is_in_order(object: &(impl InOrder + Serialize)) {
    let own = to_value(object).unwrap();
    assert_eq!(to_value(Ordered(object)).unwrap(), own);
}

#[test]
fn every_property_is_written_in_order() {
    let text = include_str!("../../../tests/cases/ledger/app.zd");
    let world = MemoryWorld::single("app.zd", text).with("settings.yml", "greeting: hello\n");
    let graph = compile(&world, "app.zd", &Options::default()).graph;
    let (plan, ..) = lowering::lower(&graph.unwrap());
    let all: Vec<String> = plan
        .files
        .into_values()
        .map(|text| text.to_string())
        .collect();
    let all = all.concat();
    for kind in [
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "Ingress",
        "NetworkPolicy",
        "PersistentVolumeClaim",
        "PodDisruptionBudget",
        "Service",
    ] {
        assert!(all.contains(&format!("kind: {kind}\n")), "{kind}");
    }
}

#[test]
fn one_on_each_node_has_no_number() {
    assert_eq!(codes(&web("mode = global, replicas = 3")), ["ZD5009"]);
    let scale = "mode = global, scale { min = 1, max = 3, cpu = 70% }";
    assert_eq!(codes(&web(scale)), ["ZD5009"]);
    let volume = "volume data { size = 1GiB }\n";
    let own = web("mode = global, volume data { path = \"/data\" }");
    assert_eq!(codes(&format!("{volume}{own}")), ["ZD5021"]);
    let set = object(&web("mode = global"), "DaemonSet", "web");
    assert_eq!(set["spec"]["replicas"], Value::Null);
    let budgets = objects(&web("mode = global, availability { min_available = 1 }"));
    assert!(budgets.iter().all(|it| it["kind"] != "PodDisruptionBudget"));
}

#[test]
fn one_on_each_node_is_replaced_one_way() {
    let rolling = |update: &str| {
        let set = object(
            &web(&format!("mode = global\n{update}")),
            "DaemonSet",
            "web",
        );
        let rolling = &set["spec"]["updateStrategy"]["rollingUpdate"];
        (
            rolling["maxSurge"].clone(),
            rolling["maxUnavailable"].clone(),
        )
    };
    let start_first = "update rolling { order = start_first, parallelism = 2 }";
    assert_eq!(rolling(start_first), (json!(2), json!(0)));
    assert_eq!(
        rolling("update rolling { parallelism = 2 }"),
        (json!(0), json!(2))
    );
    assert_eq!(rolling("update recreate"), (json!(0), json!("100%")));
    assert_eq!(rolling(""), (Value::Null, Value::Null));
}

#[test]
fn nothing_absent_is_written() {
    fn empty(value: &Value) -> bool {
        match value {
            Value::Null => true,
            Value::Object(map) => map.is_empty() || map.values().any(empty),
            Value::Array(items) => items.is_empty() || items.iter().any(empty),
            _ => false,
        }
    }
    for object in objects(&web("port grpc { number = 9000, publish = 443 }")) {
        assert!(!empty(&object), "{object:#}");
    }
    assert!(None::<String>.is_absent());
}

#[test]
fn the_policy_is_a_strategy() {
    let strategy = |update: &str| {
        let text = web(&format!(
            "replicas = 4\nallow downtime {{ because = \"a test\" }}\n{update}"
        ));
        object(&text, "Deployment", "web")["spec"].clone()
    };
    for (update, surge, unavailable) in [
        ("update rolling {}", json!(0), json!(1)),
        (
            "update rolling { order = start_first, parallelism = 2 }",
            json!(2),
            json!(0),
        ),
        (
            "update rolling { order = stop_first, parallelism = 2 }",
            json!(0),
            json!(2),
        ),
        (
            "update rolling { order = start_first, parallelism = 0 }",
            json!("100%"),
            json!(0),
        ),
        (
            "update rolling { order = stop_first, parallelism = 0 }",
            json!(0),
            json!("100%"),
        ),
    ] {
        let rolling = &strategy(update)["strategy"]["rollingUpdate"];
        assert_eq!(rolling["maxSurge"], surge, "{update}");
        assert_eq!(rolling["maxUnavailable"], unavailable, "{update}");
    }
    assert_eq!(
        strategy("update recreate")["strategy"],
        json!({"type": "Recreate"})
    );
    assert_eq!(strategy("")["strategy"], Value::Null);
    let delayed = strategy("update rolling { delay = 11s }");
    assert_eq!(delayed["minReadySeconds"], 11);
    assert_eq!(delayed["progressDeadlineSeconds"], Value::Null);
    // The API refuses a deadline that is not longer than the wait.
    let long = strategy("update rolling { delay = 15m }");
    assert_eq!(long["minReadySeconds"], 900);
    assert_eq!(long["progressDeadlineSeconds"], 1500);
    // A start is as long where all pods are replaced at once, and where nothing is promised.
    let slow = "timing { startup = 20m }";
    for update in [
        "",
        "update recreate",
        "update rolling { order = stop_first }",
    ] {
        let deadline = &strategy(&format!("{slow}\n{update}"))["progressDeadlineSeconds"];
        assert!(deadline.as_u64() >= Some(1800), "{update}: {deadline}");
    }
    let recreated = strategy("update recreate { delay = 15m }");
    assert_eq!(recreated["minReadySeconds"], 900);
    // All old pods end first, within 30 s.
    assert_eq!(recreated["progressDeadlineSeconds"], 1530);
}

#[test]
fn a_start_probe_lasts_as_long_as_failures_do_not_count() {
    let probes = |health: &str| {
        let text = format!(
            "service web {{ image = \"example/web:1.0.0\", port http {{ number = 8080 }}, {health} }}"
        );
        object(&text, "Deployment", "web")["spec"]["template"]["spec"]["containers"][0].clone()
    };
    let some = probes("health http { interval = 10s, retries = 4, start_period = 25s }");
    assert_eq!(some["startupProbe"]["failureThreshold"], 7);
    assert_eq!(some["readinessProbe"]["failureThreshold"], 4);
    assert_eq!(some["livenessProbe"], Value::Null);
    let none = probes("health http { interval = 10s }");
    assert_eq!(none["startupProbe"], Value::Null);
    assert_eq!(none["readinessProbe"]["timeoutSeconds"], 5);
}

#[test]
fn a_long_drain_brings_a_longer_end() {
    let pod = |shutdown: &str| {
        object(&web(shutdown), "Deployment", "web")["spec"]["template"]["spec"].clone()
    };
    let grace = |shutdown: &str| pod(shutdown)["terminationGracePeriodSeconds"].clone();
    assert_eq!(grace("shutdown { drain = 5s }"), Value::Null);
    assert_eq!(grace("shutdown { drain = 30s }"), 60);
    assert_eq!(grace("shutdown { drain = 5s, grace = 20s }"), 20);
    let container = &pod("shutdown { drain = 5s }")["containers"][0];
    assert_eq!(container["lifecycle"]["preStop"]["sleep"]["seconds"], 5);
}

#[test]
fn a_template_is_said_once() {
    let text = format!(
        "template t {{ {WEB}\n update rolling {{ monitor = 5s, on_failure = rollback }} }}
         service a {{ use t() }}
         service b {{ use t() }}
         service c {{ use t() }}"
    );
    assert_eq!(codes(&text), ["ZD5053"]);
    // What two attributes have from one argument is two things to say.
    let text = format!(
        "template t(d: duration) {{ {WEB}\n shutdown {{ grace = d, drain = d }} }}
         service a {{ use t(500ms) }}"
    );
    assert_eq!(codes(&text), ["ZD5052"]);
}

#[test]
fn resources_of_a_loop_are_each_their_own() {
    let text = r#"
        for x in ["a", "b"] {
          volume "data-${x}" { size = 1GiB, access = many_writers }
        }
        service store {
          image = "example/store:1.0.0"
          volume data-a { path = "/a" }
          volume data-b { path = "/b" }
        }
    "#;
    object(text, "PersistentVolumeClaim", "data-a");
    object(text, "PersistentVolumeClaim", "data-b");
}

#[test]
fn one_config_under_two_names_is_one_object() {
    let text = r#"
        config a { name = "same", data { x = "1" } }
        config b { name = "same", data { x = "1" } }
        config c { name = "same", data { x = "2" } }
        service web {
          image = "example/web:1.0.0"
          config a { path = "/a" }
          config b { path = "/b" }
          config c { path = "/c" }
        }
    "#;
    let maps = objects(text);
    let maps = maps.iter().filter(|object| object["kind"] == "ConfigMap");
    assert_eq!(maps.count(), 2);
}

#[test]
fn two_names_alike_are_two_zd_names() {
    // `a` gives way to `b`'s name, which makes `c` give way to `a`.
    let text = r#"
        service a { image = "example/a:1.0.0", name = "x" }
        service b { image = "example/b:1.0.0", name = "x" }
        service c { image = "example/c:1.0.0", name = "a" }
    "#;
    for name in ["a", "b", "c"] {
        object(text, "Deployment", name);
    }
}

#[test]
fn what_the_api_refuses_is_an_error() {
    for (text, code) in [
        (web("name = \"Web\""), "ZD5050"),
        (web("port this-is-too-long { number = 1 }"), "ZD5050"),
        (web("labels { \"a/b/c\" = \"x\" }"), "ZD5051"),
        (
            web("labels { \"app.kubernetes.io/name\" = \"x\" }"),
            "ZD5051",
        ),
        (web("port a { number = 1, node_port = 80 }"), "ZD5058"),
        (web("mount \"/a\" { bind = \"./a\" }"), "ZD5066"),
        (
            format!("volume v {{}}\n{}", web("volume v { path = \"/v\" }")),
            "ZD5065",
        ),
        (
            format!(
                "secret s {{ external = true }}\nconfig c {{ data {{ a = s }} }}\n{}",
                web("config c { path = \"/c\" }")
            ),
            "ZD5063",
        ),
        (web("env { PORT = \"${slot.index}\" }"), "ZD5005"),
        (
            format!(
                "service web-public {{ image = \"example/web:1.0.0\" }}\n{}",
                web("port open { number = 1, publish = 80 }")
            ),
            "ZD5050",
        ),
    ] {
        let found = said(&text);
        let errors: Vec<&str> = found
            .iter()
            .filter(|found| found.severity == Severity::Error)
            .map(|found| found.code.id)
            .collect();
        assert_eq!(errors, [code], "{text}\n{found:#?}");
    }
}

#[test]
fn a_config_larger_than_an_object_is_refused() {
    let config = |bytes: usize| {
        let content = "x".repeat(bytes);
        format!(
            "config c {{ data {{ a = \"{content}\" }} }}\n{}",
            web("config c { path = \"/c\" }")
        )
    };
    assert_eq!(codes(&config(1 << 20)), ["ZD5052"]);
    assert_eq!(codes(&config((1 << 20) + 1)), ["ZD5062"]);
    assert!(codes(&config(200 << 10)).is_empty());
}

#[test]
fn variables_are_left_to_flux_where_that_is_asked_for() {
    let text = format!(
        "deploy TAG: string = \"1.0\"
         deploy REGION: string
         target kubernetes {{ deploy_variables = substitute }}
         {}",
        web("env { IMAGE = \"${TAG}-${REGION}\", OTHER = \"\\${TAG}\" }")
    );
    let env =
        object(&text, "Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["env"]
            .clone();
    assert_eq!(env[0]["value"], "${TAG:=1.0}-${REGION}");
    assert_eq!(env[1]["value"], "$$${TAG}");
}

/// A second pod on a node whose port is taken waits for ever.
#[test]
fn a_port_of_each_node_leaves_no_place_for_two() {
    let never = |entry: &str, more: &str| {
        let text = format!(
            "service agent {{ {WEB} mode = global\n {more}\n on kubernetes {{ patch daemon_set {{ {entry} }} }} }}"
        );
        codes(&text).contains(&"ZD4014")
    };
    let network = "spec.template.spec.hostNetwork = true";
    let port = "spec.template.spec.containers[0].ports[0].hostPort = 8080";
    let first = "availability { min_available = 1 }";
    let in_place = "update rolling { order = stop_first }";
    assert!(never(network, first) && never(port, first));
    assert!(!never(network, in_place) && !never(port, in_place));
    assert!(!never(network, "") && !never(port, ""));
    assert!(!never(
        "spec.template.spec.priorityClassName = \"high\"",
        first
    ));
}
