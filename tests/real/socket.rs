//! The engine's API over its socket, for what is asked again and again: a `docker` program started for each answer
//! keeps a processor busy that the updates need.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::Value;

use crate::machine::state;

/// What the engine answers to `GET PATH`.
pub(crate) fn get(path: &str) -> Result<Value, String> {
    let fail = |error: std::io::Error| format!("GET {path}: {error}");
    let mut engine = UnixStream::connect(state().join("docker/socket")).map_err(fail)?;
    let bound = Some(Duration::from_secs(30));
    engine.set_read_timeout(bound).map_err(fail)?;
    // Of version 1.0, so that the answer comes in one piece and ends the connection.
    write!(engine, "GET {path} HTTP/1.0\r\nHost: engine\r\n\r\n").map_err(fail)?;
    let mut said = String::new();
    engine.read_to_string(&mut said).map_err(fail)?;
    let status = said.split(' ').nth(1).unwrap_or_default();
    match said.split_once("\r\n\r\n") {
        Some((_, body)) if status == "200" => {
            serde_json::from_str(body).map_err(|error| format!("GET {path}: {error}"))
        }
        _ => Err(format!("GET {path}: {said}")),
    }
}

/// What the engine has of a kind that belongs to a stack.
pub(crate) fn of_stack(kind: &str, stack: &str) -> Result<Vec<Value>, String> {
    let filter = format!(r#"{{"label":["com.docker.stack.namespace={stack}"]}}"#);
    // Of services how many tasks run, of containers those that ended too.
    let found = get(&format!(
        "/{kind}?status=true&all=true&filters={}",
        encoded(&filter)
    ))?;
    match found {
        Value::Array(found) => Ok(found),
        other => Err(other.to_string()),
    }
}

/// For a query.
pub(crate) fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        let _ = write!(encoded, "%{byte:02x}");
    }
    encoded
}
