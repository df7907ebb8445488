//! Where a gateway listens: one server for each set of host names.

use super::gateway::Scene;
use super::names::Names;
use super::plan::Directive;
use super::values;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::Ledger;
use crate::vocabulary::{Listen, Node, Protocol};

/// The first directives of each server.
pub(super) fn lower(
    scene: Scene<'_>,
    names: &mut Names,
    ledger: &mut Ledger<'_>,
) -> Vec<Vec<Directive>> {
    let mut servers: Vec<(Vec<String>, Vec<u64>)> = Vec::new();
    for listen in &scene.gateway.listen {
        if let Some((hosts, port)) = listener(scene, listen, names, ledger) {
            match servers.iter_mut().find(|(known, _)| *known == hosts) {
                Some((_, ports)) => ports.push(port),
                None => servers.push((hosts, vec![port])),
            }
        }
    }
    if scene.gateway.listen.is_empty() {
        ledger.report(listens_nowhere(scene));
    }
    servers
        .into_iter()
        .map(|(hosts, ports)| {
            let mut out: Vec<Directive> = ports.iter().map(|port| listen(*port, &hosts)).collect();
            out.push(match hosts.as_slice() {
                [] => Directive::new("server_name", ["_"]),
                hosts => Directive::new("server_name", hosts.iter().map(String::as_str)),
            });
            out
        })
        .collect()
}

/// A server for all host names must say that it is the default: else nginx takes the first server
/// it reads of the port, whichever file that stands in.
fn listen(port: u64, hosts: &[String]) -> Directive {
    let port = port.to_string();
    if hosts.is_empty() {
        Directive::new("listen", [port.as_str(), "default_server"])
    } else {
        Directive::new("listen", [port])
    }
}

/// The host names of a listener, none for all, and its port; `None` where it cannot be had.
fn listener(
    scene: Scene<'_>,
    listen: &Node<Listen>,
    names: &mut Names,
    ledger: &mut Ledger<'_>,
) -> Option<(Vec<String>, u64)> {
    let about = scene.service.name();
    let body = ledger.enter(listen);
    ledger.take_from(body.port.as_ref());
    ledger.take_from(body.protocol.as_ref());
    ledger.take_from(body.hosts.as_ref());
    let port = body.port.as_ref().map_or(80, |port| port.value.get());
    if let Some(protocol) = body
        .protocol
        .as_ref()
        .filter(|it| it.value != Protocol::Http)
    {
        ledger.report(unspoken(protocol.value, protocol.span).about(about));
        return None;
    }
    let Some(written) = &body.hosts else {
        return take(names, port, "", listen.span, ledger, about).map(|()| (Vec::new(), port));
    };
    let mut hosts = Vec::new();
    for host in &written.value {
        match values::server_name(&host.value, host.span) {
            Ok(name) => {
                take(names, port, &name, host.span, ledger, about)?;
                hosts.push(name);
            }
            Err(fault) => ledger.report(fault.about(about)),
        }
    }
    if written.value.is_empty() {
        let why = "leave it out to answer to all";
        let fault = values::unwritable("list of host names", "[]", written.span, why);
        ledger.report(fault.about(about));
    }
    (!hosts.is_empty()).then_some((hosts, port))
}

fn take(
    names: &mut Names,
    port: u64,
    host: &str,
    span: Span,
    ledger: &mut Ledger<'_>,
    about: &str,
) -> Option<()> {
    let taken = names.listen(port, host, span);
    taken
        .map_err(|first| ledger.report(taken_twice(port, host, first, span).about(about)))
        .ok()
}

/// Two servers for one host name on one port: nginx would keep the first and only warn.
fn taken_twice(port: u64, host: &str, first: Span, span: Span) -> Diagnostic {
    let what = match host {
        "" => "requests of all host names".to_owned(),
        host => format!("requests for `{host}`"),
    };
    Diagnostic::new(
        &catalogue::LISTENER_TAKEN,
        format!("{what} on port {port} would have two servers"),
        span,
    )
    .and(first, "the first is here")
    .help("tell them apart by `port` or by `hosts`")
}

/// What a listener cannot speak.
fn unspoken(protocol: Protocol, span: Span) -> Diagnostic {
    let word = protocol.word();
    match protocol {
        Protocol::Tcp | Protocol::Udp => Diagnostic::new(
            &catalogue::NOT_HTTP,
            format!("a gateway passes on HTTP, not {word}"),
            span,
        )
        .help("publish the port of the service itself: `port NAME { number = …, publish = … }`"),
        Protocol::Http | Protocol::Https | Protocol::Grpc => Diagnostic::new(
            &catalogue::NOT_YET,
            format!("a gateway cannot listen for {word} yet"),
            span,
        )
        .help("listen for http, and let what stands in front speak TLS"),
    }
}

/// A gateway without a `listen`.
fn listens_nowhere(scene: Scene<'_>) -> Diagnostic {
    let name = scene.service.name();
    Diagnostic::new(
        &catalogue::NO_LISTENER,
        format!("gateway `{name}` listens nowhere"),
        scene.service.span(),
    )
    .labelled("no request can reach it")
    .help("write `listen http { port = 80 }` in it")
    .about(name)
}
