//! gRPC behind a gateway: `grpc_pass` and its siblings instead of `proxy_pass`, and HTTP/2 where
//! clients connect.
//!
//! The directives of `ngx_http_grpc_module` are those of `ngx_http_proxy_module` under other names, and
//! are inherited on their own: a location with `grpc_pass` sees no `proxy_read_timeout`. Calls are
//! POSTs, so that one is tried again only where no server had it yet, or with `non_idempotent`.

use super::gateway::{Draft, Scene};
use super::plan::{Directive, Location, Server};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::vocabulary::{Node, Route};

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
    let mut out = Vec::with_capacity(directives.len());
    for directive in directives {
        if !directive.name().starts_with("proxy_") {
            out.push(directive);
        } else if let Some(directive) = of_grpc(&directive) {
            out.push(directive);
        } else if let Some(fault) = not_of_calls(directive.name(), route) {
            draft.report(scene, fault);
        }
    }
    out
}

/// Whether a server passes calls on.
fn passes_calls(locations: &[Location]) -> bool {
    let mut directives = locations.iter().flat_map(|location| &location.directives);
    directives.any(|directive| directive.name() == "grpc_pass")
}

/// Has a server take calls: HTTP/2 where it listens, and what its locations inherit.
pub(super) fn serve(scene: Scene<'_>, server: &mut Server, draft: &mut Draft<'_, '_>) {
    if !passes_calls(&server.locations) {
        return;
    }
    let proxies = server.locations.iter().any(|location| {
        let mut directives = location.directives.iter();
        directives.any(|directive| directive.name() == "proxy_pass")
    });
    for group in &mut server.groups {
        let calls: Vec<Directive> = group.iter().filter_map(of_grpc).collect();
        if !proxies {
            group.retain(|directive| of_grpc(directive).is_none());
        }
        group.extend(calls);
    }
    if scene.version.has_http2_directive() {
        let at = server
            .directives
            .iter()
            .rposition(|directive| directive.name() == "listen")
            .map_or(0, |last| last + 1);
        server
            .directives
            .insert(at, Directive::new("http2", ["on"]));
        return;
    }
    let is_plain = |directive: &Directive| !directive.has("ssl");
    let listens = server
        .directives
        .iter_mut()
        .filter(|directive| directive.name() == "listen");
    let mut plain = false;
    for listen in listens {
        plain |= is_plain(listen);
        *listen = listen.clone().with("http2");
    }
    if plain {
        draft.report(scene, needs_newer(scene));
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
            (headers.span, "nginx has no room for so long a name of a header in calls")
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

/// On a port without TLS an older nginx reads either HTTP/2 or HTTP/1.1.
fn needs_newer(scene: Scene<'_>) -> Diagnostic {
    let version = format!("this nginx is {}", scene.version);
    let diagnostic = Diagnostic::new(
        &catalogue::CALLS_NEED_NEWER_NGINX,
        "gRPC without TLS, beside anything that speaks HTTP/1.1, needs nginx 1.25.1",
        scene.service.span(),
    );
    let diagnostic = match scene.version_span {
        Some(span) => diagnostic.and(span, version),
        None => diagnostic.labelled(format!("{version}, as nothing else is said")),
    };
    diagnostic.help(
        "name a newer nginx (`target nginx { version = \"1.28\" }`, or the tag of the gateway's \
         image), or listen with TLS, where client and server agree on what they speak",
    )
}
