//! Gateway API objects against the definitions that their module carries: every field is known, of its type, among its
//! values and within its limits. And against a real API server that has these definitions, with strict field validation: it
//! judges the rules in CEL too.

use std::path::Path;
use std::time::Duration;

use regex_lite::Regex;
use serde_json::{Value, json};

use crate::machine::{built, folder, wait};
use crate::programs::Program;
use crate::{Failure, Test, Verdict, ensure, kubernetes, test};

pub(crate) fn tests() -> Vec<Test> {
    vec![
        test("gateway_api::definitions", definitions_take_what_is_written),
        test("gateway_api::judge_can_refuse", judge_can_refuse),
        test(
            "gateway_api::api_server",
            an_api_server_takes_what_is_written,
        ),
    ]
}

/// Has an API server know the kinds of the Gateway API.
pub(crate) fn define(cluster: &kubernetes::Cluster) -> Verdict {
    let definitions = built("gateway-api", "gateway-api")?;
    // A definition is too large for the annotation that `kubectl apply` keeps on its side.
    let definitions = definitions.to_string_lossy().into_owned();
    cluster.kubectl(&["apply", "--server-side", "-f", &definitions])?;
    cluster.kubectl(&[
        "wait",
        "--for=condition=Established",
        "--timeout=60s",
        "-f",
        &definitions,
    ])?;
    // A client learns of new kinds a moment after the server.
    wait(Duration::from_secs(30), || {
        cluster.kubectl(&["get", "httproutes,grpcroutes,gateways"])
    })?;
    Ok(())
}

/// An API server with the definitions takes every object, and refuses a route with a field it does not know and one that
/// breaks a rule in CEL.
fn an_api_server_takes_what_is_written() -> Verdict {
    let cluster = kubernetes::cluster()?;
    define(cluster)?;
    let program = program()?;
    let all = program
        .output
        .join("kubernetes")
        .to_string_lossy()
        .into_owned();
    cluster.apply("site", &["-k", &all])?;
    let object = objects()?.into_iter().find(|it| it["kind"] == "HTTPRoute");
    let mut route = object.ok_or_else(|| Failure::Wrong("no HTTPRoute".to_owned()))?;
    let folder = folder("gateway-api-refused");
    for (name, key, value, refusal) in [
        (
            "unknown-field",
            "matchs",
            json!([]),
            "unknown field \"spec.rules[0].matchs\"",
        ),
        (
            "broken-rule",
            "matches",
            json!([{"path": {"type": "PathPrefix", "value": "no-slash"}}]),
            "must be an absolute path",
        ),
    ] {
        let before = route.clone();
        if let Some(Value::Object(rule)) = route.pointer_mut("/spec/rules/0") {
            rule.insert(key.to_owned(), value);
        }
        let file = folder.join(format!("{name}.json"));
        std::fs::write(&file, route.to_string()).map_err(|error| error.to_string())?;
        let taken = cluster.apply("site", &["-f", &file.to_string_lossy()]);
        match taken {
            Err(Failure::Wrong(why)) => ensure(why.contains(refusal), || why)?,
            Err(absent) => return Err(absent),
            Ok(()) => return Err(Failure::Wrong(format!("{name} was taken"))),
        }
        route = before;
    }
    Ok(())
}

/// `tests/cases/kubernetes/gateway-api/app.zd`, built.
fn program() -> Result<Program, Failure> {
    let source =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kubernetes/gateway-api/app.zd");
    let program = Program::new("gateway-api-objects".to_owned(), source);
    program.build()?;
    Ok(program)
}

/// What is written for it.
fn objects() -> Result<Vec<Value>, Failure> {
    let program = program()?;
    let mut found = Vec::new();
    for file in program.files("kubernetes", &["yaml"]) {
        found.extend(read(&file)?);
    }
    found.retain(|object| {
        object["apiVersion"]
            .as_str()
            .is_some_and(|it| it.starts_with("gateway."))
    });
    Ok(found)
}

fn read(file: &Path) -> Result<Vec<Value>, Failure> {
    use serde::Deserialize;
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let documents = serde_yaml::Deserializer::from_str(&text);
    let values: Result<Vec<Value>, _> = documents.map(Value::deserialize).collect();
    values.map_err(|error| Failure::Wrong(format!("{}: {error}", file.display())))
}

/// The schema of each kind, v1.
fn schema(definitions: &[Value], kind: &str) -> Result<Value, Failure> {
    let found = definitions
        .iter()
        .find(|it| it["spec"]["names"]["kind"] == kind);
    let versions = found.and_then(|it| it["spec"]["versions"].as_array());
    let version = versions.into_iter().flatten().find(|it| it["name"] == "v1");
    let schema = version.map(|it| it["schema"]["openAPIV3Schema"].clone());
    schema.ok_or_else(|| Failure::Wrong(format!("no definition of {kind}")))
}

fn judge(object: &Value) -> Result<Vec<String>, Failure> {
    let definitions = read(&built("gateway-api", "gateway-api")?)?;
    let kind = object["kind"].as_str().unwrap_or_default();
    let schema = schema(&definitions, kind)?;
    let mut faults = Vec::new();
    check(
        &schema["properties"]["spec"],
        &object["spec"],
        "spec",
        &mut faults,
    );
    Ok(faults)
}

/// What a value has that its schema does not allow.
fn check(schema: &Value, value: &Value, at: &str, faults: &mut Vec<String>) {
    let mut fault = |why: String| faults.push(format!("{at}: {why}"));
    let is_type = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !is_type {
        return fault(format!("{value} is no {}", schema["type"]));
    }
    if schema["enum"]
        .as_array()
        .is_some_and(|words| !words.contains(value))
    {
        fault(format!("{value} is none of {}", schema["enum"]));
    }
    let limits = [
        ("minItems", value.as_array().map(Vec::len), true),
        ("maxItems", value.as_array().map(Vec::len), false),
        ("minLength", value.as_str().map(str::len), true),
        ("maxLength", value.as_str().map(str::len), false),
        (
            "minimum",
            value.as_u64().and_then(|it| it.try_into().ok()),
            true,
        ),
        (
            "maximum",
            value.as_u64().and_then(|it| it.try_into().ok()),
            false,
        ),
    ];
    for (name, size, least) in limits {
        let limit = schema[name]
            .as_u64()
            .and_then(|it| usize::try_from(it).ok());
        if let (Some(limit), Some(size)) = (limit, size)
            && (if least { size < limit } else { size > limit })
        {
            fault(format!("{size} is beyond {name} {limit}"));
        }
    }
    if let (Some(pattern), Some(text)) = (schema["pattern"].as_str(), value.as_str())
        && !Regex::new(pattern).unwrap().is_match(text)
    {
        fault(format!("{text:?} is not like {pattern}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        if value.get(name.as_str().unwrap()).is_none() {
            fault(format!("{name} is missing"));
        }
    }
    for (name, value) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        match schema["properties"].get(name) {
            Some(schema) => check(schema, value, &at, faults),
            None => faults.push(format!("{at}: unknown field")),
        }
    }
    for (number, value) in value.as_array().into_iter().flatten().enumerate() {
        check(&schema["items"], value, &format!("{at}[{number}]"), faults);
    }
}

fn definitions_take_what_is_written() -> Verdict {
    let objects = objects()?;
    for kind in ["Gateway", "HTTPRoute", "GRPCRoute"] {
        ensure(objects.iter().any(|it| it["kind"] == kind), || {
            format!("no {kind} was written")
        })?;
    }
    for object in &objects {
        let faults = judge(object)?;
        ensure(faults.is_empty(), || {
            format!("{}: {}", object["metadata"]["name"], faults.join("\n"))
        })?;
    }
    Ok(())
}

fn judge_can_refuse() -> Verdict {
    let objects = objects()?;
    let route = objects.iter().find(|it| it["kind"] == "HTTPRoute").unwrap();
    for (pointer, wrong, refusal) in [
        ("/spec/rules/0/filters/0/type", "Rewrite", "is none of"),
        (
            "/spec/rules/0/filters/0/requestRedirect/scheme",
            "ftp",
            "is none of",
        ),
        ("/spec/parentRefs/0/name", "", "minLength"),
        ("/spec/parentRefs/0/sectionName", "a b", "is not like"),
    ] {
        let mut object = route.clone();
        *object.pointer_mut(pointer).unwrap() = Value::from(wrong);
        let faults = judge(&object)?.join("\n");
        ensure(faults.contains(refusal), || {
            format!("{pointer} = {wrong:?} was taken: {faults}")
        })?;
    }
    let mut object = route.clone();
    object["spec"]["rulez"] = Value::from(1);
    ensure(judge(&object)?.join("\n").contains("unknown field"), || {
        "an unknown field was taken".to_owned()
    })
}
