//! The names of objects: which one a service gets, and what the API takes for a name.
//!
//! The rules are those of `kubernetes.io/docs/concepts/overview/working-with-objects/names` and
//! `labels`; every refusal was seen on an API server.

use super::lowering::{SAID, different};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::{Graph, ServiceView};
use crate::source::Span;
use crate::targets::Ledger;
use crate::vocabulary::TargetId;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// The names services are written under, by id: `name`, else the zd name.
///
/// Where two services ask for one name, each goes by its zd name. `name` is one per stack, and
/// Kubernetes has no stacks: the three `app`s of three stacks would be one Service.
pub(super) fn choose<'g>(graph: &'g Graph, ledger: &mut Ledger<'g>) -> Vec<&'g str> {
    let mut names: Vec<&str> = graph.services().map(ServiceView::emitted_name).collect();
    let mut renamed = vec![false; names.len()];
    let here: Vec<ServiceView<'g>> = graph.services_on(TargetId::Kubernetes).collect();
    loop {
        let name = |names: &[&'g str], service: &ServiceView<'_>| {
            names.get(service.id.0).copied().unwrap_or_default()
        };
        let mut askers: FxHashMap<&str, usize> = FxHashMap::default();
        for service in &here {
            *askers.entry(name(&names, service)).or_default() += 1;
        }
        let mut settled = true;
        for service in &here {
            let asked = name(&names, service);
            let gives_way = askers.get(asked).is_some_and(|askers| *askers > 1);
            if gives_way
                && asked != service.name()
                && let (Some(name), Some(renamed)) =
                    (names.get_mut(service.id.0), renamed.get_mut(service.id.0))
            {
                (*name, *renamed, settled) = (service.name(), true, false);
            }
        }
        if settled {
            break;
        }
    }
    let mut shared: BTreeMap<&str, Vec<ServiceView<'g>>> = BTreeMap::new();
    for service in here {
        let name = names.get(service.id.0).copied().unwrap_or_default();
        let written = service.node.service.name.as_ref();
        if let (Some(written), Some(true)) = (written, renamed.get(service.id.0)) {
            ledger.declare(written.id, SAID);
            shared.entry(&written.value).or_default().push(service);
        } else {
            ledger.take_from(written);
        }
        if !is_label(name) {
            let span = written.map_or(service.span(), |written| written.span);
            ledger.report(invalid("service", name, span));
        }
    }
    for (name, services) in shared {
        if let Some(first) = services
            .first()
            .and_then(|first| first.node.service.name.as_ref())
        {
            ledger.decline(first.id, own_names(name, &services, first.span));
        }
    }
    names
}

/// A DNS label that starts with a letter (RFC 1035), at most 63 long: what a Service must be.
pub(super) fn is_label(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && ends_in_alphanumeric(name)
        && name.bytes().all(is_label_byte)
}

/// A DNS subdomain (RFC 1123), at most 253 long: what most objects' names must be.
pub(super) fn is_subdomain(name: &str) -> bool {
    name.len() <= 253
        && name.split('.').all(|part| {
            part.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
                && ends_in_alphanumeric(part)
                && part.bytes().all(is_label_byte)
        })
}

/// A port's name: at most 15 of a-z, 0-9 and `-`, with a letter, no `-` at an end and no two in a
/// row.
pub(super) fn is_port(name: &str) -> bool {
    name.len() <= 15
        && name.bytes().all(is_label_byte)
        && name.contains(|c: char| c.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--")
}

/// The key of a `ConfigMap`.
pub(super) fn is_config_key(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 253
        && key != "."
        && key != ".."
        && key.bytes().all(is_name_byte)
}

/// The value of a label.
pub(super) fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_qualified_part(value)
}

/// The key of a label or an annotation: a name, perhaps after a DNS subdomain and `/`.
pub(super) fn is_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_qualified_part(name),
        None => is_qualified_part(key),
    }
}

fn is_qualified_part(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && ends_in_alphanumeric(name)
        && name.bytes().all(is_name_byte)
}

fn ends_in_alphanumeric(name: &str) -> bool {
    name.ends_with(|c: char| c.is_ascii_alphanumeric())
}

fn is_label_byte(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// The API refuses this name.
pub(super) fn invalid(kind: &str, name: &str, span: Span) -> Diagnostic {
    let rule = match kind {
        "port" => "at most 15 of `a-z`, `0-9` and `-`, with a letter and no `-` at either end",
        "config key" => "letters, digits, `-`, `_` and `.`, at most 253",
        "environment variable" => "visible ASCII characters other than `=`",
        "config" | "volume" | "secret" | "host" => {
            "`a-z`, `0-9`, `-` and `.`, starting and ending with a letter or digit"
        }
        _ => "at most 63 of `a-z`, `0-9` and `-`, starting with a letter, no `-` at the end",
    };
    Diagnostic::new(
        &catalogue::KUBERNETES_NAME,
        format!("`{name}` is no name for a {kind} on Kubernetes"),
        span,
    )
    .labelled("the API server refuses it")
    .help(format!("Kubernetes takes {rule}"))
}

/// Several services have one `name`.
fn own_names(name: &str, services: &[ServiceView<'_>], span: Span) -> Diagnostic {
    let who: Vec<String> = services
        .iter()
        .map(|service| format!("`{}`", service.name()))
        .collect();
    different(
        &format!(
            "{} keep their own names on Kubernetes: `{name}` can be only one of them",
            who.join(", ")
        ),
        "two stacks keep two of one name apart on swarm; a namespace has one Service of a name",
        span,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_the_api_server_takes() {
        assert!(is_label("front") && is_label("a") && is_label("a-1"));
        for refused in ["", "1web", "-a", "a-", "My_App", "a.b", &"a".repeat(64)] {
            assert!(!is_label(refused), "{refused}");
        }
        assert!(is_subdomain("my.web-1") && is_subdomain("1web"));
        assert!(!is_subdomain("a..b") && !is_subdomain("A.example") && !is_subdomain(""));
        assert!(is_port("http") && is_port("a1-b"));
        for refused in ["this-is-too-long-name", "HTTP", "8080", "a--b", "-a", ""] {
            assert!(!is_port(refused), "{refused}");
        }
        assert!(is_config_key("a_B.c-1") && !is_config_key("a/b") && !is_config_key("a b"));
    }

    #[test]
    fn labels_are_what_the_api_server_takes() {
        assert!(is_label_value("") && is_label_value("My_value.1"));
        for refused in ["hello world!", "abc-", &"x".repeat(64)] {
            assert!(!is_label_value(refused), "{refused}");
        }
        assert!(is_key("team") && is_key("shop.example/team"));
        assert!(!is_key("a/b/c") && !is_key("/a") && !is_key("") && !is_key("a/"));
    }
}
