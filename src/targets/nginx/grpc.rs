//! gRPC behind a gateway: `grpc_pass` and its siblings instead of `proxy_pass`, and HTTP/2 where
//! clients connect.
//!
//! The directives of `ngx_http_grpc_module` are those of `ngx_http_proxy_module` under other names, and
//! are inherited on their own: a location with `grpc_pass` sees no `proxy_read_timeout`. The body of a call
//! is never held (`ngx_http_grpc_handler` sets `request_body_no_buffering`), so that nginx tries a call at
//! another server only where no connection came about (`ngx_http_upstream_next`).

use super::gateway::{Draft, Scene};
use super::plan::{Directive, Server};
use super::values;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::vocabulary::{Node, Retry, RetryOn, Route};
use std::collections::BTreeSet;

/// The scheme of a port that speaks gRPC without TLS.
pub(super) const SCHEME: &str = "grpc";

/// What both modules have, by the part of the name after theirs.
const SHARED: &[&str] = &[
    "connect_timeout",
    "send_timeout",
    "read_timeout",
    "next_upstream",
    "next_upstream_tries",
    "next_upstream_timeout",
    "set_header",
    "hide_header",
];

/// A directive of the other module as this one's; `None` for one that it does not have.
fn of_grpc(directive: &Directive) -> Option<Directive> {
    let name = directive.name().strip_prefix("proxy_")?;
    let shared = SHARED.contains(&name);
    shared.then(|| directive.clone().called(&format!("grpc_{name}")))
}

/// The directives of a route whose requests are calls.
pub(super) fn of_route(
    scene: Scene<'_>,
    route: &Node<Route>,
    directives: Vec<Directive>,
    draft: &mut Draft<'_, '_>,
) -> Vec<Directive> {
    let mut out = Vec::with_capacity(directives.len() + 1);
    for directive in directives {
        if !directive.name().starts_with("proxy_") {
            out.push(directive);
        } else if let Some(directive) = of_grpc(&directive) {
            out.push(directive);
        } else if let Some(fault) = not_of_calls(directive.name(), route) {
            draft.report(scene, fault);
        }
    }
    out.extend(silence(scene, route));
    let retry = route.retry.as_deref().or(scene.gateway.retry.as_deref());
    let vain = retry.and_then(in_vain);
    if let Some(vain) = vain.filter(|vain| draft.ledger.is_news("calls", *vain)) {
        draft.report(scene, not_tried_again(vain, route));
    }
    out
}

/// What of a `retry` is about calls that were sent already.
fn in_vain(retry: &Node<Retry>) -> Option<Span> {
    let non_idempotent = retry.non_idempotent.as_ref().filter(|it| it.value);
    let mut on = retry.on.iter().flat_map(|on| &on.value);
    on.find(|on| !matches!(on.value, RetryOn::Error | RetryOn::Timeout))
        .map(|on| on.span)
        .or(non_idempotent.map(|it| it.key_span))
}

/// A client that streams may be silent for as long as the service: each `DATA` frame of its is part of a
/// body to nginx, and `client_body_timeout`, a minute by default, is what it waits for the next.
fn silence(scene: Scene<'_>, route: &Route) -> Option<Directive> {
    let written = route.read_timeout.as_ref();
    let written = written.or(scene.gateway.read_timeout.as_ref())?;
    let word = values::time("timeout", written.value, written.span).ok()?;
    Some(Directive::new("client_body_timeout", [word]))
}

/// Has the servers of a gateway that pass calls on take them: HTTP/2 where they listen, and what their
/// locations inherit.
pub(super) fn serve(scene: Scene<'_>, servers: &mut [Server], draft: &mut Draft<'_, '_>) {
    let mut plain = false;
    let mut by_variable = false;
    for server in servers {
        if !passes(server, "grpc_pass") {
            continue;
        }
        by_variable |= passes_by_variable(server);
        plain |= listens(server).any(|listen| !listen.has("ssl"));
        inherit(server);
        if scene.version.has_http2_directive() {
            choose_http2(server);
        } else {
            server.directives.iter_mut().for_each(listen_for_http2);
        }
    }
    if by_variable && scene.version.lacks_grpc_variables() {
        draft.report(scene, too_old(scene));
    } else if plain && !scene.version.has_http2_directive() {
        draft.report(scene, needs_newer(scene));
    }
}

/// Has all servers of one port speak HTTP/2 where one does. Without TLS nginx asks the first server of a
/// port, before it knows the host name (`ngx_http_init_connection`); and other options for one port
/// are a warning.
pub(super) fn share(servers: &mut [Server]) {
    let speaks = |server: &Server| server.directives.iter().any(|it| it.name() == "http2");
    let chosen = servers.iter().filter(|server| speaks(server));
    let chosen: BTreeSet<String> = chosen.flat_map(listens).map(port).collect();
    let listened = servers.iter().flat_map(listens);
    let listened = listened.filter(|listen| listen.has("http2"));
    let listened: BTreeSet<String> = listened.map(port).collect();
    for server in servers {
        if !speaks(server) && listens(server).any(|listen| chosen.contains(&port(listen))) {
            choose_http2(server);
        }
        let mut directives = server.directives.iter_mut();
        directives
            .by_ref()
            .filter(|it| it.name() == "listen" && listened.contains(&port(it)))
            .for_each(listen_for_http2);
    }
}

fn passes(server: &Server, by: &str) -> bool {
    in_locations(server).any(|directive| directive.name() == by)
}

fn passes_by_variable(server: &Server) -> bool {
    in_locations(server).any(|it| it.name() == "grpc_pass" && it.first().contains('$'))
}

fn in_locations(server: &Server) -> impl Iterator<Item = &Directive> {
    let locations = server.locations.iter();
    locations.flat_map(|location| &location.directives)
}

fn listens(server: &Server) -> impl Iterator<Item = &Directive> {
    let directives = server.directives.iter();
    directives.filter(|directive| directive.name() == "listen")
}

fn port(listen: &Directive) -> String {
    listen.first().to_owned()
}

/// What the locations of a server inherit.
fn inherit(server: &mut Server) {
    let proxies = passes(server, "proxy_pass");
    for group in &mut server.groups {
        let calls: Vec<Directive> = group.iter().filter_map(of_grpc).collect();
        if !proxies {
            group.retain(|directive| of_grpc(directive).is_none());
        }
        group.extend(calls);
    }
}

fn choose_http2(server: &mut Server) {
    let is_listen = |directive: &Directive| directive.name() == "listen";
    let last = server.directives.iter().rposition(is_listen);
    let after = last.map_or(0, |last| last + 1);
    let on = Directive::new("http2", ["on"]);
    server.directives.insert(after, on);
}

fn listen_for_http2(directive: &mut Directive) {
    if directive.name() == "listen" && !directive.has("http2") {
        directive.push("http2");
    }
}

/// What a call cannot have; nothing is said of what only serves another word.
fn not_of_calls(directive: &str, route: &Node<Route>) -> Option<Diagnostic> {
    let (span, what) = match directive {
        "proxy_http_version" => {
            let websocket = route.websocket.as_ref();
            let headers = route.request_headers.as_ref();
            let written = websocket.map(|it| it.key_span);
            let span = written.or_else(|| headers.map(|it| it.span))?;
            (span, "an upgrade of the connection is HTTP/1.1's")
        }
        "proxy_headers_hash_bucket_size" => {
            let headers = route.request_headers.as_ref()?;
            (
                headers.span,
                "nginx has no room for so long a name of a header in calls",
            )
        }
        _ => return None,
    };
    let to = route.to.as_ref().map_or(route.span, |to| to.span);
    Some(not_for_calls(span, to, what))
}

fn not_for_calls(span: Span, to: Span, what: &str) -> Diagnostic {
    Diagnostic::new(
        &catalogue::NOT_FOR_CALLS,
        "nginx cannot do this for gRPC",
        span,
    )
    .labelled(what)
    .and(to, "this port speaks gRPC")
    .help("take it out, or route what needs it to a port that speaks http")
}

/// A retry that no call gets.
fn not_tried_again(span: Span, route: &Route) -> Diagnostic {
    let diagnostic = Diagnostic::new(
        &catalogue::CALLS_NOT_TRIED_AGAIN,
        "nginx tries no gRPC call again once it was sent",
        span,
    );
    let diagnostic = diagnostic
        .labelled("of no effect: nginx passes a call on as it comes and keeps nothing of it");
    let diagnostic = match &route.to {
        Some(to) => diagnostic.and(to.span, "this port speaks gRPC"),
        None => diagnostic,
    };
    diagnostic.help(
        "leave it out: a server that takes no connection is passed over by `on = [error, timeout]`; \
         what fails later is for the client's own retry policy",
    )
}

/// On a port without TLS an older nginx reads either HTTP/2 or HTTP/1.1.
fn needs_newer(scene: Scene<'_>) -> Diagnostic {
    let message = "gRPC without TLS, beside anything that speaks HTTP/1.1, needs nginx 1.25.1";
    older(scene, message).help(
        "name a newer nginx (`target nginx { version = \"1.28\" }`, or the tag of the gateway's \
         image), or listen with TLS, where client and server agree on what they speak",
    )
}

/// `grpc_pass` to what stands in a variable.
fn too_old(scene: Scene<'_>) -> Diagnostic {
    let message = "gRPC to a name that is looked up at request time needs nginx 1.17.8";
    older(scene, message).help("name a newer nginx: `target nginx { version = \"1.28\" }`")
}

fn older(scene: Scene<'_>, message: &str) -> Diagnostic {
    let version = format!("this nginx is {}", scene.version);
    let diagnostic = Diagnostic::new(
        &catalogue::CALLS_NEED_NEWER_NGINX,
        message,
        scene.service.span(),
    );
    match scene.version_span {
        Some(span) => diagnostic.and(span, version),
        None => diagnostic.labelled(format!("{version}, as nothing else is said")),
    }
}
