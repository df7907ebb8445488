//! What a route does with its requests: passes them on, answers with files, or sends clients
//! elsewhere.

use super::gateway::{self, Draft, Scene};
use super::hosts;
use super::pattern::Pattern;
use super::plan::Directive;
use super::pools;
use super::routes::{self, Body};
use super::{grpc, headers, limits, rewrites, splits, values};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::types::Reference;
use crate::vocabulary::{Label, Node, Redirect, Resolve, Route, RouteTarget, Scheme};

/// Lowers a route; `name` is the name of its location.
pub(super) fn lower(
    scene: Scene<'_>,
    route: &Node<Route>,
    name: String,
    draft: &mut Draft<'_, '_>,
) -> Option<Body> {
    let body = draft.ledger.enter(route);
    routes::conditions(scene, route, draft);
    let mut directives = Vec::new();
    let rewrite = body
        .rewrite
        .as_ref()
        .and_then(|node| rewrites::lower(scene, route, node, draft.ledger));
    let (rewrite, pattern) = rewrite.unzip();
    let pattern: Option<Pattern> = pattern;
    directives.extend(rewrite);
    let passes = body.to.is_some();
    let said = "refused with a diagnostic: a route leads to one place";
    if body.redirect.is_some() || body.root.is_some() {
        draft.ledger.declare_from(body.to.as_ref(), said);
        splits::declare(route, draft);
    }
    if let Some(redirect) = &body.redirect {
        draft.ledger.declare_from(body.root.as_ref(), said);
        directives.extend(redirection(scene, redirect, draft));
    } else if let Some(root) = &body.root {
        directives.extend(files(scene, root, draft));
    } else {
        directives.extend(pass(scene, route, draft)?);
    }
    directives.extend(limits::timeouts(scene, body, draft));
    directives.extend(limits::retries(scene, body.retry.as_deref(), draft));
    if let (Some(retry), Some(to)) = (&body.retry, &body.to) {
        nowhere_to_retry(scene, retry.span, &to.value, to.span, draft);
    }
    let body_size = body.body_size.as_ref();
    let body_size = body_size.and_then(|size| limits::body_size(scene, size, draft));
    directives.extend(body_size.clone());
    if let Some(limit) = &body.rate_limit {
        directives.extend(limits::rate(scene, route.label.name(), limit, draft));
    }
    let websocket = draft.ledger.take_from(body.websocket.as_ref()) == Some(&true);
    if websocket {
        draft.conf.upgrades();
    }
    if body.request_headers.is_some() || websocket {
        let changes = body.request_headers.as_deref();
        let changed = headers::request(scene, changes, websocket, pattern.as_ref(), draft.ledger);
        directives.extend(changed);
    }
    if let Some(changes) = &body.response_headers {
        let changed = headers::response(scene, changes, passes, pattern.as_ref(), draft.ledger);
        directives.extend(changed);
    }
    if directives.iter().any(|it| it.name() == "grpc_pass") {
        directives = grpc::of_route(scene, route, directives, draft);
    }
    Some(Body {
        name,
        directives,
        size_limit: body_size,
    })
}

/// Where a route leads. A name in a variable is looked up at request time.
fn pass(
    scene: Scene<'_>,
    route: &Node<Route>,
    draft: &mut Draft<'_, '_>,
) -> Option<Vec<Directive>> {
    let Some(to) = &route.to else {
        splits::declare(route, draft);
        return None;
    };
    let mut tls = vec![Directive::new("proxy_ssl_server_name", ["on"])];
    let (scheme, address) = if route.split.is_empty() {
        draft.ledger.take_from(route.split_by.as_ref());
        match draft.ledger.take(to) {
            RouteTarget::Upstream(label) => {
                let (scheme, name, host) = draft.pools.find(label)?;
                // A pool's name is no server's; TLS is to ask for one that is.
                tls.push(Directive::new("proxy_ssl_name", [host]));
                (scheme, name.to_owned())
            }
            RouteTarget::Port(port) => {
                if let Some(live) = live_slot(scene, &port.service, &port.port, draft) {
                    return Some(vec![live]);
                }
                let reference = Reference::Port(port.service.clone(), port.port.clone());
                address(scene, &Label::Reference(reference), to.span, draft)?
            }
        }
    } else {
        splits::lower(scene, route, draft)?
    };
    let mut out = vec![Directive::new(
        passing(scheme),
        [format!("{scheme}://{address}")],
    )];
    if scheme == "https" {
        out.extend(tls);
    }
    Some(out)
}

/// The live slot of a plain host's service, whose address an include holds in a variable.
fn live_slot(
    scene: Scene<'_>,
    service: &str,
    port: &str,
    draft: &mut Draft<'_, '_>,
) -> Option<Directive> {
    let callee = scene.graph.find(service)?;
    let scheme = crate::graph::scheme(crate::graph::protocol(callee.port(port)?));
    let include = hosts::route_of(scene.graph, callee, scheme)?;
    let variable = hosts::blue_green_variable(callee);
    draft.backends.include(include.path(scene.graph), include);
    Some(Directive::new(passing(scheme), [format!("${variable}")]))
}

/// The directive that passes requests on.
fn passing(scheme: &str) -> &'static str {
    if scheme == grpc::SCHEME {
        "grpc_pass"
    } else {
        "proxy_pass"
    }
}

/// The scheme of a port, and its address as `proxy_pass` has it.
fn address(
    scene: Scene<'_>,
    label: &Label,
    span: Span,
    draft: &mut Draft<'_, '_>,
) -> Option<(&'static str, String)> {
    let (callee, port) = pools::target(scene, label)?;
    let scheme = pools::scheme(callee, port, span);
    let scheme = scheme.map_err(|fault| draft.report(scene, *fault)).ok()?;
    if scene.graph.is_on_host(callee) {
        let pool = draft.pools.find_slots(callee.name());
        let pool = pool.map(|(scheme, name)| (scheme, name.to_owned()));
        if pool.is_none() {
            draft.report(scene, hosts::no_share(callee.name(), span));
        }
        return pool;
    }
    let host = gateway::host_of(scene, callee);
    if let Err(fault) = values::host("host name", host, span) {
        draft.report(scene, *fault);
    }
    let number = draft.ledger.take_from(port.number.as_ref())?.get();
    Some(match gateway::resolve(scene) {
        Resolve::AtStart => (scheme, format!("{host}:{number}")),
        Resolve::AtRequest => {
            let variable = draft.backends.variable(callee.name(), host);
            (scheme, format!("${variable}:{number}"))
        }
    })
}

/// Files below a folder.
fn files(
    scene: Scene<'_>,
    root: &crate::vocabulary::Attribute<crate::source::Str>,
    draft: &mut Draft<'_, '_>,
) -> Vec<Directive> {
    let folder = draft.ledger.take(root);
    let word = if folder.starts_with('/') {
        values::literal("folder", folder, root.span)
    } else {
        let why = "it must start with `/`: nginx would look below a folder of its own";
        Err(values::unwritable("folder", folder, root.span, why))
    };
    match word {
        Ok(word) => vec![
            Directive::new("root", [word]),
            // Else `/x` is sent to `/x/` at the port nginx listens on, which clients may not know.
            Directive::new("absolute_redirect", ["off"]),
        ],
        Err(fault) => {
            draft.report(scene, *fault);
            Vec::new()
        }
    }
}

/// `return 302 https://…`; what is not said is as the client asked for it.
fn redirection(
    scene: Scene<'_>,
    redirect: &Node<Redirect>,
    draft: &mut Draft<'_, '_>,
) -> Option<Directive> {
    let body = draft.ledger.enter(redirect);
    let scheme = draft.ledger.take_from(body.scheme.as_ref()).copied();
    let port = draft.ledger.take_from(body.port.as_ref()).copied();
    let host = draft.ledger.take_from(body.host.as_ref());
    let path = draft.ledger.take_from(body.path.as_ref());
    let status = draft.ledger.take_from(body.status.as_ref());
    let status = status.map_or(302, |status| status.get());
    let mut faults = Vec::new();
    if let Some(written) = &body.status
        && matches!(status, 304..=306)
    {
        faults.push(no_redirect(status, written.span));
    }
    if scheme.is_none() && port.is_none() && host.is_none() && path.is_none() {
        faults.push(to_itself(redirect.span));
    }
    if let (Some(host), Some(written)) = (host, &body.host) {
        faults.extend(
            values::host("host name", host, written.span)
                .err()
                .map(|it| *it),
        );
    }
    if let (Some(path), Some(written)) = (path, &body.path) {
        faults.extend(target_path(path, written.span).err().map(|it| *it));
    }
    let failed = !faults.is_empty();
    for fault in faults {
        draft.report(scene, fault);
    }
    if failed {
        return None;
    }
    let usual = |port: u64| match scheme {
        Some(Scheme::Http) => port == 80,
        Some(Scheme::Https) => port == 443,
        None => false,
    };
    let port = port
        .map(crate::vocabulary::PortNumber::get)
        .filter(|port| !usual(*port));
    let authority = match (host, scheme, port) {
        (None, None, None) => "$http_host".to_owned(),
        (host, _, port) => {
            let host = host.map_or("$host", |host| host);
            port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
        }
    };
    let scheme = scheme.map_or("$scheme", Scheme::word);
    let path = path.map_or_else(
        || "$request_uri".to_owned(),
        |path| format!("{path}$is_args$args"),
    );
    let location = format!("{scheme}://{authority}{path}");
    Some(Directive::new("return", [status.to_string(), location]))
}

/// A path as it stands in a URL.
fn target_path(path: &str, span: Span) -> Result<(), Box<Diagnostic>> {
    let why = if !path.starts_with('/') {
        "it must start with `/`"
    } else if !path.bytes().all(|byte| byte.is_ascii_graphic()) {
        "it stands in a URL: write other characters as `%20`"
    } else if path.contains(['?', '#']) {
        "the query of the request is kept, and a path ends before `?` and `#`"
    } else {
        return values::literal("path", path, span).map(drop);
    };
    Err(values::unwritable("path", path, span, why))
}

/// Retries that have no other server to go to.
fn nowhere_to_retry(
    scene: Scene<'_>,
    retry: Span,
    to: &RouteTarget,
    span: Span,
    draft: &mut Draft<'_, '_>,
) {
    let RouteTarget::Port(port) = to else { return };
    let callee = scene.graph.find(&port.service);
    if callee.is_none_or(|callee| {
        let endpoint = callee.node.service.endpoint.as_ref();
        endpoint.is_some_and(|it| it.value == crate::vocabulary::Endpoint::DnsRoundRobin)
    }) {
        return;
    }
    draft.report(
        scene,
        Diagnostic::new(
            &catalogue::NOWHERE_TO_RETRY,
            format!("there is no other server of `{}` to try", port.service),
            retry,
        )
        .and(span, "one address, whatever the number of instances")
        .help(format!(
            "write `upstream NAME {{ server {}.{} }}` and route to it: a pool has each instance",
            port.service, port.port
        )),
    );
}

/// A status that sends nobody anywhere.
fn no_redirect(status: u64, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UNWRITABLE_VALUE,
        format!("{status} sends no client elsewhere"),
        span,
    )
    .help("301 and 308 are for good, 302 and 307 for now; 307 and 308 keep the method")
}

/// A redirect that changes nothing.
fn to_itself(span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::UNWRITABLE_VALUE,
        "a redirect that changes nothing leads a client back to where it is",
        span,
    )
    .help("write a `scheme`, `host`, `port` or `path` in it")
}
