//! Routes: `location` blocks.
//!
//! `/x/**` becomes two of them, `= /x` and `/x/`: nginx answers `/x` with a redirect where only
//! `/x/` is proxied (`ngx_http_core_module`, `location`), to a host and port that need not be the
//! ones a client sees. A path that no route takes is answered with 404: nginx would look for a file.

use super::gateway::{self, Scene};
use super::names::Backends;
use super::pattern::Pattern;
use super::plan::{Directive, Guard, Location};
use super::pools::{self, Pools};
use super::quote::Word;
use super::{headers, rewrites, values};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::Ledger;
use crate::types::{Duration, Reference};
use crate::vocabulary::{Gateway, Label, Method, Node, Resolve, Route, RouteTarget};
use std::collections::BTreeMap;

/// Which paths a route takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Paths {
    /// All.
    All,
    /// This one.
    One(String),
    /// This one and all below it.
    Below(String),
}

/// Lowers the routes of a gateway.
pub(super) fn lower(
    scene: Scene<'_>,
    pools: &Pools,
    backends: &mut Backends,
    ledger: &mut Ledger<'_>,
) -> Vec<Location> {
    let about = scene.service.name();
    let mut seen: BTreeMap<Paths, Span> = BTreeMap::new();
    let mut routes = Vec::new();
    for route in &scene.gateway.route {
        let body = location(scene, route, pools, backends, ledger);
        let paths = match read(route.label.name(), route.span) {
            Ok(paths) => paths,
            Err(fault) => {
                ledger.report(fault.about(about));
                continue;
            }
        };
        if let Some(first) = seen.get(&paths) {
            ledger.report(twice(route, *first).about(about));
            continue;
        }
        seen.insert(paths.clone(), route.span);
        routes.extend(body.map(|body| (paths, body)));
    }

    let mut out = Vec::new();
    for (paths, body) in routes {
        match paths {
            Paths::All => out.push(matching(&["/"], &body)),
            Paths::One(path) => out.push(matching(&["=", &path], &body)),
            Paths::Below(path) => {
                if !seen.contains_key(&Paths::One(path.clone())) {
                    out.push(matching(&["=", &path], &body));
                }
                out.push(matching(&[&format!("{path}/")], &body));
            }
        }
    }
    if !seen.contains_key(&Paths::All) {
        let mut rest = Location::new(["/"]).comment("No route leads here.");
        rest.directives.push(Directive::new("return", ["404"]));
        out.push(rest);
    }
    out
}

/// Whether a route, and not only one for all paths, leads to a path.
pub(super) fn lead_to(gateway: &Gateway, path: &str) -> bool {
    gateway.route.iter().any(|route| {
        let below = |prefix: &str| {
            path.strip_prefix(prefix)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        match read(route.label.name(), route.span) {
            Ok(Paths::One(one)) => one == path,
            Ok(Paths::Below(prefix)) => below(&prefix),
            Ok(Paths::All) | Err(_) => false,
        }
    })
}

/// A path as nginx compares it: decoded, without a query, each `/` once.
pub(super) fn path(what: &str, text: &str, span: Span) -> Result<Word, Box<Diagnostic>> {
    let why = if !text.starts_with('/') {
        "it must start with `/`"
    } else if text.contains(['?', '#']) {
        "a path ends before `?` and `#`"
    } else if text.contains('%') {
        "nginx compares decoded paths: write the character itself"
    } else if text.contains("//") || text.split('/').any(|part| matches!(part, "." | "..")) {
        "nginx merges `//`, `.` and `..` before it compares"
    } else {
        return values::line(what, text, span);
    };
    Err(values::unwritable(what, text, span, why))
}

fn read(pattern: &str, span: Span) -> Result<Paths, Box<Diagnostic>> {
    let below = pattern.strip_suffix("/**");
    let prefix = below.unwrap_or(pattern);
    if matches!(pattern, "/" | "/**") {
        return Ok(Paths::All);
    }
    if prefix.contains(['*', '{', '}']) || !prefix.starts_with('/') {
        return Err(Box::new(no_pattern(pattern, span)));
    }
    path("path of a route", prefix, span)?;
    Ok(match below {
        Some(_) if prefix.ends_with('/') => return Err(Box::new(no_pattern(pattern, span))),
        Some(prefix) => Paths::Below(prefix.to_owned()),
        None => Paths::One(prefix.to_owned()),
    })
}

fn matching(words: &[&str], body: &Location) -> Location {
    let mut location = Location::new(words.iter().copied());
    location.guards.clone_from(&body.guards);
    location.directives.clone_from(&body.directives);
    location
}

/// What is done with a route's requests; its paths come later.
fn location(
    scene: Scene<'_>,
    route: &Node<Route>,
    pools: &Pools,
    backends: &mut Backends,
    ledger: &mut Ledger<'_>,
) -> Option<Location> {
    let body = ledger.enter(route);
    let mut location = Location::new(["/"]);
    location.guards.extend(methods(scene, body, ledger));
    let rewrite = body
        .rewrite
        .as_ref()
        .and_then(|node| rewrites::lower(scene, node, ledger));
    let (rewrite, pattern) = rewrite.unzip();
    let pattern: Option<Pattern> = pattern;
    location.directives.extend(rewrite);
    location
        .directives
        .extend(pass(scene, route, pools, backends, ledger)?);
    location.directives.extend(timeouts(scene, body, ledger));
    if let Some(changes) = &body.request_headers {
        let changed = headers::request(scene, changes, pattern.as_ref(), ledger);
        location.directives.extend(changed);
    }
    if let Some(changes) = &body.response_headers {
        let changed = headers::response(scene, changes, pattern.as_ref(), ledger);
        location.directives.extend(changed);
    }
    Some(location)
}

/// `limit_except` would answer 403; a method that a route does not take is 405, with the ones it
/// does (RFC 9110, 15.5.6). `return` is safe in an `if`. Whoever may GET may HEAD (9.3.2).
fn methods(scene: Scene<'_>, body: &Route, ledger: &mut Ledger<'_>) -> Option<Guard> {
    let written = body.methods.as_ref()?;
    let listed = ledger.take(written);
    if listed.is_empty() {
        let why = "leave it out for all of them";
        let fault = values::unwritable("list of methods", "[]", written.span, why);
        ledger.report(fault.about(scene.service.name()));
        return None;
    }
    let mut methods: Vec<Method> = listed.iter().map(|method| method.value).collect();
    if methods.contains(&Method::Get) {
        methods.push(Method::Head);
    }
    methods.sort_unstable();
    methods.dedup();
    let words: Vec<&str> = methods.iter().map(|method| method.word()).collect();
    let condition = match words.as_slice() {
        [only] => vec![
            "($request_method".into(),
            "!=".into(),
            format!("{only})").into(),
        ],
        words => {
            let any = format!("^({})$)", words.join("|"));
            vec!["($request_method".into(), "!~".into(), any.into()]
        }
    };
    Some(Guard {
        condition,
        directives: vec![
            Directive::new("add_header", ["Allow", &words.join(", "), "always"]),
            Directive::new("return", ["405"]),
        ],
    })
}

/// Where a route leads. A name in a variable is looked up at request time.
fn pass(
    scene: Scene<'_>,
    route: &Node<Route>,
    pools: &Pools,
    backends: &mut Backends,
    ledger: &mut Ledger<'_>,
) -> Option<Vec<Directive>> {
    let about = scene.service.name();
    let Some(to) = &route.to else {
        ledger.report(leads_nowhere(route).about(about));
        return None;
    };
    let mut tls = vec![Directive::new("proxy_ssl_server_name", ["on"])];
    let (scheme, address) = match ledger.take(to) {
        RouteTarget::Upstream(label) => {
            let (scheme, name, host) = pools.find(label)?;
            // A pool's name is no server's; TLS is to ask for one that is.
            tls.push(Directive::new("proxy_ssl_name", [host]));
            (scheme, name.to_owned())
        }
        RouteTarget::Port(port) => {
            let reference = Reference::Port(port.service.clone(), port.port.clone());
            let (callee, port) = pools::target(scene, &Label::Reference(reference))?;
            let scheme = pools::scheme(callee, port, to.span);
            let scheme = scheme
                .map_err(|fault| ledger.report(fault.about(about)))
                .ok()?;
            let host = gateway::host_of(scene, callee);
            if let Err(fault) = values::host("host name", host, to.span) {
                ledger.report(fault.about(about));
            }
            let number = ledger.take_from(port.number.as_ref())?.get();
            match gateway::resolve(scene) {
                Resolve::AtStart => (scheme, format!("{host}:{number}")),
                Resolve::AtRequest => {
                    let variable = backends.variable(callee.name(), host);
                    (scheme, format!("${variable}:{number}"))
                }
            }
        }
    };
    let mut out = vec![Directive::new(
        "proxy_pass",
        [format!("{scheme}://{address}")],
    )];
    if scheme == "https" {
        out.extend(tls);
    }
    Some(out)
}

fn timeouts(scene: Scene<'_>, body: &Route, ledger: &mut Ledger<'_>) -> Vec<Directive> {
    let connect = body.connect_timeout.as_ref();
    let timeouts = [
        (
            "proxy_connect_timeout",
            connect,
            Some(Duration::from_seconds(1)),
        ),
        ("proxy_read_timeout", body.read_timeout.as_ref(), None),
    ];
    let mut out = Vec::new();
    for (name, written, of_server) in timeouts {
        let Some(written) = written else { continue };
        let value = *ledger.take(written);
        match values::time("timeout", value, written.span) {
            Ok(_) if of_server == Some(value) => {}
            Ok(time) => out.push(Directive::new(name, [time])),
            Err(fault) => ledger.report(fault.about(scene.service.name())),
        }
    }
    out
}

/// What is no pattern of paths.
fn no_pattern(pattern: &str, span: Span) -> Diagnostic {
    let shown: String = pattern.chars().take(60).collect();
    Diagnostic::new(
        &catalogue::INVALID_ROUTE,
        format!("`{}` is no pattern of paths", shown.escape_debug()),
        span,
    )
    .help("write `/` for all paths, `/x` for that one, or `/x/**` for it and all below it")
}

/// Two routes for the same paths.
fn twice(route: &Node<Route>, first: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::DUPLICATE_ROUTE,
        format!("a second route for `{}`", route.label.name()),
        route.span,
    )
    .and(first, "the same paths go here")
    .help("take one of the two out")
}

/// A route without `to`.
fn leads_nowhere(route: &Node<Route>) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_ROUTE,
        format!("route `{}` leads nowhere", route.label.name()),
        route.span,
    )
    .help("write `to = SERVICE.PORT` or the name of an `upstream` in it")
}
