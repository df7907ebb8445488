//! Host names and routes of a gateway that are gone, while clients still ask for them.

use super::Step;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::routing::{self, VirtualHost};
use crate::source::Span;
use crate::vocabulary::Gateway;
use std::collections::BTreeSet;

/// What a gateway answered and answers no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let Some(new) = step.new else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (was, is) = (&both.old.node.gateway, &both.new.node.gateway);
        if let (Some(was), Some(is)) = (was, is) {
            for what in gone(was, is) {
                found.push(removal(both.new.name(), &what, both.new.span()));
            }
        }
    }
}

/// In words, each once, in the order written.
fn gone(was: &Gateway, is: &Gateway) -> Vec<String> {
    let (before, after) = (routing::virtual_hosts(was), routing::virtual_hosts(is));
    let mut found = Vec::new();
    for host in &before {
        for name in names(host) {
            let Some(now) = answering(&after, name) else {
                found.push(match name {
                    "" => "for names that it does not list".to_owned(),
                    name => format!("`{name}`"),
                });
                continue;
            };
            for (paths, candidates) in &host.paths {
                for candidate in VirtualHost::asked(candidates) {
                    let covering = now.paths.iter().filter(|(now, _)| now.cover(paths));
                    let mut now = covering.flat_map(|(_, candidates)| candidates).peekable();
                    let (pattern, _) = routing::pattern(candidate.route);
                    if now.peek().is_none() {
                        found.push(format!("`{pattern}`"));
                    } else if !now.any(|now| routing::takes_all_of(now.route, candidate.route)) {
                        found.push(format!("every request for `{pattern}` that it did"));
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    found.retain(|what| seen.insert(what.clone()));
    found
}

/// The names of a host; an empty one for all that no other has.
fn names<'h>(host: &'h VirtualHost<'_>) -> impl Iterator<Item = &'h str> {
    let all = host.hosts.is_empty().then_some("");
    host.hosts.iter().map(String::as_str).chain(all)
}

/// Who answers for a name: who says it, else the nearest above it, else who answers for all.
fn answering<'h, 'g>(hosts: &'h [VirtualHost<'g>], name: &str) -> Option<&'h VirtualHost<'g>> {
    let covering = hosts.iter().filter_map(|host| {
        let covers = names(host).filter(|own| own.is_empty() || routing::host_covers(own, name));
        Some((covers.map(str::len).max()?, host))
    });
    let nearest = covering.max_by_key(|(length, _)| *length);
    nearest.map(|(_, host)| host)
}

fn removal(gateway: &str, what: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers {what}"),
        span,
    )
    .help("keep the route and its names until no client asks for them, or answer with `redirect`")
    .about(gateway)
}
