//! A recording's parameters as a stack file. Their words are told in `src/traces/swarm.rs`, which reads them into a
//! scenario.

use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// The keys of a policy: of the parameters, and of a stack file.
const POLICY: [(&str, &str); 6] = [
    ("order", "order"),
    ("par", "parallelism"),
    ("delay", "delay"),
    ("monitor", "monitor"),
    ("fa", "failure_action"),
    ("ratio", "max_failure_ratio"),
];

/// The stack of one version with one service, `app`.
pub(super) fn stack(params: &Object, version: &str, environment: &Object) -> Value {
    let get = |key: &str| params.get(key).filter(|value| !value.is_null());
    let mut environment = environment.clone();
    environment.insert("VER".to_owned(), json!(version));
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let environment: Object = environment
        .iter()
        .map(|(key, value)| (key.clone(), json!(text(value))))
        .collect();
    let image = if version == "v1" {
        "demo:v1"
    } else {
        "demo:v2"
    };
    let mut service = json!({
        "image": image,
        "environment": environment,
        "networks": ["net"],
        "deploy": deploy(params, version),
    });
    let set = |service: &mut Value, key: &str, value: Value| service[key] = value;
    if let Some(check) = health(get("hc")) {
        set(&mut service, "healthcheck", check);
    }
    if let Some(grace) = get("grace") {
        set(&mut service, "stop_grace_period", grace.clone());
    }
    if let Some(port) = get("hostport") {
        let port = json!([{ "target": 8080, "published": port, "mode": "host" }]);
        set(&mut service, "ports", port);
    }
    json!({
        "version": "3.8",
        "services": { "app": service },
        "networks": { "net": { "driver": "overlay" } },
    })
}

fn deploy(params: &Object, version: &str) -> Value {
    let get = |key: &str| params.get(key).filter(|value| !value.is_null());
    let mut deploy = json!({ "endpoint_mode": "dnsrr" });
    if get("mode").and_then(Value::as_str) == Some("global") {
        deploy["mode"] = json!("global");
    } else {
        let later = get("replicas2").filter(|_| version != "v1");
        deploy["replicas"] = later.or(get("replicas")).cloned().unwrap_or(json!(1));
    }
    let policy: Object = POLICY
        .iter()
        .filter_map(|(key, name)| Some(((*name).to_owned(), get(key)?.clone())))
        .collect();
    for (name, value) in [
        ("update_config", Some(Value::Object(policy))),
        ("rollback_config", get("rb").cloned()),
        ("restart_policy", get("rp").cloned()),
        (
            "placement",
            get("maxper").map(|most| json!({ "max_replicas_per_node": most })),
        ),
        (
            "resources",
            get("resv").map(|it| json!({ "reservations": it })),
        ),
    ] {
        if let Some(value) = value.filter(|value| value.as_object().is_none_or(|it| !it.is_empty()))
        {
            deploy[name] = value;
        }
    }
    deploy
}

/// Each second, three failures in a row, unless it says otherwise.
fn health(written: Option<&Value>) -> Option<Value> {
    let written = written.filter(|written| **written != json!(false))?;
    let mut check = json!({
        "test": ["CMD", "/subject", "check", "http://127.0.0.1:8080/health"],
        "interval": "1s",
        "timeout": "2s",
        "retries": 3,
    });
    if let (Some(check), Some(written)) = (check.as_object_mut(), written.as_object()) {
        let given = written.iter().filter(|(key, _)| *key != "test");
        check.extend(given.map(|(key, value)| (key.clone(), value.clone())));
    }
    Some(check)
}

/// Two environments as one; the second's values count.
pub(super) fn merged(first: Option<&Value>, second: Option<&Value>) -> Object {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned();
    let mut merged = object(first).unwrap_or_default();
    merged.extend(object(second).unwrap_or_default());
    merged
}
