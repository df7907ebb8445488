//! A message broker whose data is in a folder called after its host: the node of `RabbitMQ` is `rabbit@HOSTNAME` unless `RABBITMQ_NODENAME` says
//! another, and reads the data of no other (hub.docker.com/_/rabbitmq, Running the daemon; rabbitmq.com/docs/configure, `RABBITMQ_NODENAME`).

use super::data::{data, text};
use super::homes::found;
use crate::change::{Loss, images};
use serde_json::Value;

const FOLDER: &str = "/var/lib/rabbitmq/mnesia";

/// Whether a part of a service says which node it is.
pub(super) fn is_of_node(path: &str) -> bool {
    path == "hostname" || path.starts_with("environment")
}

/// What a service loses that keeps its volume and is another node, both sides of all of it as the engine sees them.
pub(super) fn renamed(service: &str, (before, after): (&Value, &Value)) -> Option<Loss> {
    let is_broker = |it: &Value| images::name(text(it, "image")).contains("rabbitmq");
    if !is_broker(before) || !is_broker(after) {
        return None;
    }
    let volume = volume(before)?;
    // One that has the name of its container is another one with each task anyway.
    let (Node::Named(was), is) = (Node::of(before), Node::of(after)) else {
        return None;
    };
    let now = match &is {
        Node::Named(is) if *is != was => format!("its node is `{is}` now"),
        Node::OfItsContainer => {
            "its node is called after its container now, which is another one each time".to_owned()
        }
        _ => return None,
    };
    if self::volume(after) != Some(volume) {
        return None;
    }
    let host = text(before, "hostname");
    let keep = if variable(before).is_some() || host.is_empty() {
        format!("keep `RABBITMQ_NODENAME` at `{was}`")
    } else {
        format!("keep `hostname` at `{host}`")
    };
    Some(Loss {
        about: data(true),
        what: format!(
            "`{service}` starts without its data: {now}, and what it has in `{volume}` is of `{was}`"
        ),
        way: format!(
            "{keep}; or empty its queues first, and load its definitions into the new one"
        ),
    })
}

/// What a broker calls itself.
enum Node {
    Named(String),
    OfItsContainer,
    /// As something says that is not known here.
    Unknown,
}

impl Node {
    fn of(service: &Value) -> Self {
        let told = |name: &str| service.get("environment").and_then(|it| it.get(name));
        let is_elsewhere = ["RABBITMQ_MNESIA_BASE", "RABBITMQ_MNESIA_DIR"]
            .iter()
            .any(|name| told(name).is_some());
        let is_open = |text: &str| text.contains('$') || text.contains("{{");
        if is_elsewhere || service.get("env_file").is_some() {
            return Self::Unknown;
        }
        let host = text(service, "hostname");
        match variable(service) {
            Some(name) => match name.as_str() {
                Some(name) if !is_open(name) && name.contains('@') => Self::Named(name.to_owned()),
                _ => Self::Unknown,
            },
            None if host.is_empty() => Self::OfItsContainer,
            None if is_open(host) => Self::Unknown,
            // Without `RABBITMQ_USE_LONGNAME` it is the first word.
            None => Self::Named(format!("rabbit@{}", host.split('.').next().unwrap_or(host))),
        }
    }
}

fn variable(service: &Value) -> Option<&Value> {
    service.get("environment")?.get("RABBITMQ_NODENAME")
}

/// The volume in which it has its data.
fn volume(service: &Value) -> Option<&str> {
    let (_, nearest, _) = found(service, FOLDER)?;
    Some(text(nearest, "from")).filter(|it| !it.is_empty())
}
