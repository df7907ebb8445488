//! What it means to write nothing, as far as that is the same as to write something.
//!
//! docker/cli `cli/compose/convert/service.go` (`convertDeployMode`, `convertUpdateConfig`), the daemon's
//! `daemon/cluster/convert/service.go` (an endpoint without a mode is `vip`) and swarmkit
//! `api/defaults/service.go` (what an update without a value goes by).

use super::forms::FORMS;
use crate::change::difference::value;
use crate::change::short::{labels, pairs};
use crate::targets::Object;
use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// Takes out of both sides what means the same to the engine as what the other one has there.
pub(super) fn settle(was: &mut Value, is: &mut Value) {
    for (keys, default) in VALUES.iter() {
        let is_same = {
            let known = |side| at(side, keys).unwrap_or(default);
            known(was) == known(is)
        };
        if is_same {
            take_both(was, is, keys);
        }
    }
    for (path, read, default) in FORMS {
        let keys: Vec<&str> = path.split('.').collect();
        let known = |side: &Value| match at(side, &keys) {
            Some(written) => read(written),
            None => default.map(Value::from),
        };
        if let (Some(before), Some(after)) = (known(was), known(is))
            && before == after
        {
            take_both(was, is, &keys);
        }
    }
}

/// A value that may be left out, by its path. Made once: it is gone through for each service that changes.
static VALUES: LazyLock<Vec<(Vec<&str>, Value)>> = LazyLock::new(|| {
    let values = [
        ("read_only", json!(false)),
        ("tty", json!(false)),
        ("stdin_open", json!(false)),
        ("healthcheck.disable", json!(false)),
        ("command", json!([])),
        ("entrypoint", json!([])),
        ("deploy.mode", json!("replicated")),
        ("deploy.replicas", json!(1)),
        ("deploy.endpoint_mode", json!("vip")),
        ("deploy.update_config.parallelism", json!(1)),
        ("deploy.update_config.order", json!("stop-first")),
        ("deploy.update_config.failure_action", json!("pause")),
        ("deploy.update_config.max_failure_ratio", json!(0)),
        ("deploy.rollback_config.parallelism", json!(1)),
        ("deploy.rollback_config.order", json!("stop-first")),
        ("deploy.rollback_config.failure_action", json!("pause")),
        ("deploy.rollback_config.max_failure_ratio", json!(0)),
    ];
    values
        .map(|(path, default)| (path.split('.').collect(), default))
        .into()
});

/// What is made of a network or volume, but for its name, by which it was found: without what docker writes there itself. A network of
/// a stack is an `overlay` (docker/cli `cli/command/stack/swarm/common.go`, `defaultNetworkDriver`) whose addresses the `default` driver
/// gives (moby `libnetwork/ipamapi`, `DefaultIPAM`), a volume is `local` (moby `volume`, `DefaultDriverName`).
pub(super) fn made(section: &str, object: &Object) -> Value {
    let mut entry = match value(&object.content).into_owned() {
        Value::Object(fields) => fields,
        // Nothing is written of it but its name.
        Value::Null => Map::new(),
        other => return other,
    };
    for (key, field) in &mut entry {
        match &**key {
            "labels" => labels(field),
            "driver_opts" => pairs(field),
            _ => {}
        }
    }
    if let Some(Value::Object(ipam)) = entry.get_mut("ipam") {
        ipam.retain(|key, field| !(is_nothing(field) || key == "driver" && field == "default"));
    }
    let driver = match section {
        "networks" => "overlay",
        _ => "local",
    };
    entry.retain(|key, field| {
        let is_name = matches!(&**key, "name" | "external");
        let is_default = key == "driver" && field == driver;
        !(is_name || is_default || is_nothing(field) || key.starts_with("x-"))
    });
    Value::Object(entry)
}

fn is_nothing(field: &Value) -> bool {
    match field {
        Value::Null | Value::Bool(false) => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

fn at<'v>(side: &'v Value, keys: &[&str]) -> Option<&'v Value> {
    let found = keys.iter().try_fold(side, |value, key| value.get(key))?;
    (!found.is_null()).then_some(found)
}

/// Takes a value out of both, with the blocks that hold nothing else.
fn take_both(was: &mut Value, is: &mut Value, keys: &[&str]) {
    for side in [was, is] {
        if let Value::Object(fields) = side {
            take(fields, keys);
        }
    }
}

fn take(fields: &mut Map<String, Value>, keys: &[&str]) {
    let Some((key, inside)) = keys.split_first() else {
        return;
    };
    let is_empty = match fields.get_mut(*key) {
        Some(Value::Object(block)) if !inside.is_empty() => {
            take(block, inside);
            block.is_empty()
        }
        Some(_) => inside.is_empty(),
        None => false,
    };
    if is_empty {
        fields.remove(*key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(mut was: Value, mut is: Value) -> (Value, Value) {
        settle(&mut was, &mut is);
        (was, is)
    }

    #[test]
    fn a_default_that_is_written_is_nothing() {
        let none = json!({});
        let written = json!({
            "tty": false,
            "deploy": {"mode": "replicated", "endpoint_mode": "vip", "replicas": 1, "update_config": {"delay": "0s"}},
        });
        assert_eq!(
            settled(none.clone(), written.clone()),
            (none.clone(), none.clone())
        );
        assert_eq!(settled(written, none.clone()), (none.clone(), none));
    }

    #[test]
    fn what_is_no_default_stays() {
        let was = json!({"deploy": {"replicas": 2}});
        let is = json!({"deploy": {"mode": "global"}});
        assert_eq!(settled(was.clone(), is.clone()), (was, is));
    }

    #[test]
    fn time_is_the_same_in_every_form() {
        let minute = (
            json!({"stop_grace_period": "60s"}),
            json!({"stop_grace_period": "1m"}),
        );
        assert_eq!(settled(minute.0, minute.1), (json!({}), json!({})));
    }
}
