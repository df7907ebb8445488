//! Addresses of services that stand as text in what others are given: the graph has no call of it, so nobody promises anything for its sake,
//! no update waits for it, and no plan sees who asks.

use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{EdgeKind, Graph, ServiceView, port_number, protocol, scheme};
use crate::source::Span;
use crate::types::authorities::{asks_nobody, hosts};
use crate::types::{Piece, Text};
use crate::vocabulary::EntryValue;
use std::collections::BTreeMap;

/// Services that are called by a text in an environment, a command or its arguments.
pub(super) fn calls(graph: &Graph, diagnostics: &mut Diagnostics) {
    let named = named(graph);
    for caller in graph.services() {
        let mut told = Vec::new();
        for (text, span) in texts(caller) {
            for literal in literals(text) {
                for (host, number) in hosts(literal) {
                    let called = named.get(host).into_iter().flatten();
                    let mut called = called.copied().filter(|it| it.id != caller.id);
                    let is_led = ["//", "@"]
                        .iter()
                        .any(|it| literal.contains(&format!("{it}{host}:")));
                    let found = called.find_map(|callee| {
                        let asked = meant(graph, caller, callee, number)?;
                        // What only looks like an address may be something else: `mail:2`.
                        let is_one = is_led || !matches!(asked, Asked::Nowhere(_));
                        is_one.then_some((callee, asked))
                    });
                    let found = found.filter(|(it, port)| !told.contains(&(it.name(), *port)));
                    if let Some((callee, port)) = found {
                        let at = Place {
                            host,
                            literal,
                            span,
                        };
                        diagnostics.push(written((caller, callee), port, &at));
                        told.push((callee.name(), port));
                    }
                }
            }
        }
    }
}

/// The services by the names that answer for them.
fn named(graph: &Graph) -> BTreeMap<&str, Vec<ServiceView<'_>>> {
    let mut named: BTreeMap<&str, Vec<ServiceView<'_>>> = BTreeMap::new();
    for service in graph.services() {
        let joined = graph
            .joins(service)
            .filter_map(|(_, join)| join.aliases.as_ref());
        let aliases = joined.flat_map(|aliases| &aliases.value);
        let mut names: Vec<&str> = aliases.map(|alias| &*alias.value).collect();
        names.extend([service.name(), service.emitted_name()]);
        names.sort_unstable();
        names.dedup();
        for name in names {
            named.entry(name).or_default().push(service);
        }
    }
    named
}

/// Where an address stands.
struct Place<'t> {
    host: &'t str,
    literal: &'t str,
    span: Span,
}

impl Place<'_> {
    /// What of the text a reference takes the place of, and its last word: with what stands before a host and behind it a program may be told
    /// more, such as a user, and of a protocol that zdc does not write.
    fn replaced(&self, number: u64, scheme: &str) -> (String, &'static str) {
        let address = format!("{}:{number}", self.host);
        let whole = format!("{scheme}://{address}");
        if self.literal.contains(&whole) {
            return (whole, "url");
        }
        if self.literal.contains(&address) {
            return (address, "address");
        }
        (self.host.to_owned(), "address")
    }
}

/// What is asked for of a service.
#[derive(Clone, Copy, PartialEq)]
enum Asked<'g> {
    /// A port, with its number and what an address of it begins with.
    Port(&'g str, u64, &'static str),
    /// A number that none of its ports has.
    Nowhere(u64),
}

/// What is asked for, where both meet and no call of it is known. On a plain host names are not looked up.
fn meant<'g>(
    graph: &'g Graph,
    caller: ServiceView<'g>,
    callee: ServiceView<'g>,
    number: Option<u64>,
) -> Option<Asked<'g>> {
    let number = number?;
    let mut known = graph.edges_to(callee.id);
    let is_known = known.any(|(edge, from)| from.id == caller.id && edge.kind != EdgeKind::After);
    if is_known || graph.shared_network(caller, callee).is_none() || graph.is_on_host(callee) {
        return None;
    }
    let mut ports = callee.ports();
    let port = ports.find(|it| port_number(it).map(u64::from) == Some(number));
    Some(port.map_or(Asked::Nowhere(number), |it| {
        Asked::Port(it.label.name(), number, scheme(protocol(it)))
    }))
}

/// What a service is given, each with where it stands.
fn texts(service: ServiceView<'_>) -> impl Iterator<Item = (&Text, Span)> {
    let body = &service.node.service;
    let env = body.env.iter().flat_map(|env| &env.entries);
    let env = env.filter(|entry| !asks_nobody(&entry.key));
    let env = env.filter_map(|entry| match &entry.attribute.value {
        EntryValue::Text(text) => Some((text, entry.attribute.span)),
        _ => None,
    });
    let words = [&body.command, &body.args].into_iter().flatten();
    let words = words.flat_map(|words| &words.value);
    env.chain(words.map(|word| (&word.value, word.span)))
}

/// The parts of a text that are written there.
fn literals(text: &Text) -> Vec<&str> {
    match text {
        Text::Known(text) => vec![text],
        Text::Pieces(pieces) => {
            let literals = pieces.iter().filter_map(|piece| match piece {
                Piece::Literal(text) => Some(&**text),
                _ => None,
            });
            literals.collect()
        }
    }
}

fn written(
    (caller, callee): (ServiceView<'_>, ServiceView<'_>),
    asked: Asked<'_>,
    at: &Place<'_>,
) -> Diagnostic {
    let (from, to) = (caller.name(), callee.name());
    let (label, help) = match asked {
        Asked::Port(port, number, scheme) => {
            let (text, part) = at.replaced(number, scheme);
            let name = format!("{to}.{port}.{part}");
            let (what, write) = if text == at.literal {
                ("this".to_owned(), format!("write `{name}`"))
            } else {
                (
                    format!("`{text}`"),
                    format!("write `${{{name}}}` in the place of `{text}`"),
                )
            };
            (
                format!("{what} is `{name}`"),
                format!(
                    "{write}, which stays right when the name or the port changes; or say it beside the text: `needs {to}.{port}`"
                ),
            )
        }
        Asked::Nowhere(number) => (
            format!("`{to}` says of no port that it has number {number}"),
            format!(
                "write the port in `{to}`, and its `address` here, which stays right when the name or the number changes"
            ),
        ),
    };
    Diagnostic::new(
        &catalogue::CALL_AS_TEXT,
        format!(
            "`{from}` is given the address of `{to}` as a text, which zdc does not take for a call"
        ),
        at.span,
    )
    .labelled(label)
    .note(format!(
        "nothing is promised for its sake: `{to}` is not kept serving while it is updated, and no plan says that `{from}` asks for it"
    ))
    .help(help)
    .about(from)
}
