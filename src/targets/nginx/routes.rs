//! Routes: `location` blocks.
//!
//! `/x/**` becomes two of them, `= /x` and `/x/`: nginx answers `/x` with a redirect where only
//! `/x/` is proxied (`ngx_http_core_module`, `location`), to a host and port that need not be the
//! ones a client sees. A path that no route takes is answered with 404: nginx would look for a file.

use super::choices;
use super::gateway::{Draft, Scene};
use super::plan::{Directive, Guard, Location};
use super::quote::Word;
use super::{actions, values};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::source::Span;
use crate::vocabulary::{Gateway, Method, Node, Route};
use std::collections::BTreeSet;

/// What is done with the requests of each route, by its place in the gateway.
#[derive(Debug, Default)]
pub(super) struct Routes {
    pub(super) bodies: Vec<Option<Body>>,
}

/// What is done with a route's requests.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Its location where others are asked for the same path: `@name`.
    pub(super) name: String,
    pub(super) directives: Vec<Directive>,
    /// The limit of its own for bodies, which is among the directives.
    pub(super) size_limit: Option<Directive>,
}

/// Lowers the routes of a gateway, each once.
pub(super) fn lower(scene: Scene<'_>, draft: &mut Draft<'_, '_>) -> Routes {
    let mut taken = BTreeSet::from(["none".to_owned()]);
    let routes = scene.gateway.route.iter();
    let bodies = routes.map(|route| {
        let (pattern, span) = routing::pattern(route);
        if let Some(path) = &route.path {
            draft.ledger.take(path);
        }
        if let Err(fault) = check(pattern, span) {
            draft.report(scene, *fault);
        }
        let name = name(route.label.name(), &mut taken);
        actions::lower(scene, route, name, draft)
    });
    Routes {
        bodies: bodies.collect(),
    }
}

/// The locations of some host names.
pub(super) fn locations(
    scene: Scene<'_>,
    host: &VirtualHost<'_>,
    routes: &Routes,
    draft: &mut Draft<'_, '_>,
) -> Vec<Location> {
    let mut out = Vec::new();
    let mut named: BTreeSet<usize> = BTreeSet::new();
    let mut none = false;
    let known: BTreeSet<&Paths> = host.paths.iter().map(|(paths, _)| paths).collect();
    for (paths, candidates) in &host.paths {
        let candidates = VirtualHost::asked(candidates);
        let Some(body) = body(scene, paths, &candidates, routes, draft) else {
            continue;
        };
        let open = candidates.len() > 1 || asks_headers(&candidates);
        let all = candidates
            .iter()
            .any(|it| routing::is_unconditional(it.route));
        none |= open && !all && body.guards.is_empty();
        match paths {
            Paths::All => out.push(matching(&["/"], &body)),
            Paths::One(path) => out.push(matching(&["=", path], &body)),
            Paths::Below(path) => {
                if !known.contains(&Paths::One(path.clone())) {
                    out.push(matching(&["=", path], &body));
                }
                out.push(matching(&[&format!("{path}/")], &body));
            }
        }
        if open {
            named.extend(candidates.iter().map(|candidate| candidate.index));
        }
    }
    if !known.contains(&Paths::All) {
        let mut rest = Location::new(["/"]).comment("No route leads here.");
        rest.directives.push(Directive::new("return", ["404"]));
        out.push(rest);
    }
    let bodies = named
        .iter()
        .filter_map(|index| routes.bodies.get(*index)?.as_ref());
    out.extend(bodies.map(|body| {
        let mut location = Location::new([body.name.as_str()]);
        location.directives.clone_from(&body.directives);
        location
    }));
    if none {
        let mut rest = Location::new([choices::NONE]);
        rest.directives.push(Directive::new("return", ["404"]));
        out.push(rest);
    }
    out
}

fn asks_headers(candidates: &[Candidate<'_>]) -> bool {
    let mut routes = candidates.iter().map(|candidate| candidate.route);
    routes.any(|route| route.headers.is_some())
}

/// What is done at a path: what its one route does, or the choice among several.
fn body(
    scene: Scene<'_>,
    paths: &Paths,
    candidates: &[Candidate<'_>],
    routes: &Routes,
    draft: &mut Draft<'_, '_>,
) -> Option<Location> {
    let mut location = Location::new(["/"]);
    location.guards.extend(guard(candidates));
    let body_of = |candidate: &Candidate<'_>| routes.bodies.get(candidate.index)?.as_ref();
    if let [only] = candidates
        && only.route.headers.is_none()
    {
        location.directives.clone_from(&body_of(only)?.directives);
        return Some(location);
    }
    let bodies: Option<Vec<&Body>> = candidates.iter().map(body_of).collect();
    let hint = match paths {
        Paths::All => "all",
        Paths::One(path) | Paths::Below(path) => path,
    };
    choices::lower(scene, hint, candidates, &bodies?, &mut location, draft);
    Some(location)
}

/// Whether a route, and not only one for all paths, leads to a path.
pub(super) fn lead_to(gateway: &Gateway, path: &str) -> bool {
    let path = Paths::One(path.to_owned());
    let mut routes = gateway
        .route
        .iter()
        .filter_map(|route| routing::paths(route));
    routes.any(|paths| paths != Paths::All && paths.cover(&path))
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

/// Whether a pattern is one, of paths that nginx can compare.
fn check(pattern: &str, span: Span) -> Result<(), Box<Diagnostic>> {
    match Paths::read(pattern) {
        None => Err(Box::new(no_pattern(pattern, span))),
        Some(Paths::All) => Ok(()),
        Some(Paths::One(text) | Paths::Below(text)) => {
            path("path of a route", &text, span).map(drop)
        }
    }
}

fn matching(words: &[&str], body: &Location) -> Location {
    let mut location = Location::new(words.iter().copied());
    location.guards.clone_from(&body.guards);
    location.directives.clone_from(&body.directives);
    location
}

/// The name of a location that only others lead to.
fn name(label: &str, taken: &mut BTreeSet<String>) -> String {
    let words = label.split(|char: char| !char.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let base = match words.as_slice() {
        [] => "all".to_owned(),
        words => words.join("-").chars().take(60).collect(),
    };
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    let mut free = std::iter::once(base.clone()).chain(numbered);
    let name = free.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    format!("@{name}")
}

/// `limit_except` would answer 403; a method that no route takes is 405, with the ones they do
/// (RFC 9110, 15.5.6). `return` is safe in an `if`.
fn guard(candidates: &[Candidate<'_>]) -> Option<Guard> {
    let mut methods: BTreeSet<Method> = BTreeSet::new();
    for candidate in candidates {
        methods.extend(routing::methods(candidate.route)?);
    }
    let words: Vec<&str> = methods.iter().map(|method| method.word()).collect();
    let condition = match words.as_slice() {
        [] => return None,
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

/// What a request must have, besides its path and host.
pub(super) fn conditions(scene: Scene<'_>, route: &Node<Route>, draft: &mut Draft<'_, '_>) {
    draft.ledger.take_from(route.hosts.as_ref());
    if let Some(written) = &route.methods
        && draft.ledger.take(written).is_empty()
    {
        let why = "leave it out for all of them";
        let fault = values::unwritable("list of methods", "[]", written.span, why);
        draft.report(scene, *fault);
    }
    if let Some(headers) = &route.headers {
        choices::check(scene, headers, draft);
    }
}

/// What is no pattern of paths.
fn no_pattern(pattern: &str, span: Span) -> Diagnostic {
    let shown: String = pattern.chars().take(60).collect();
    let diagnostic = Diagnostic::new(
        &catalogue::INVALID_ROUTE,
        format!("`{}` is no pattern of paths", shown.escape_debug()),
        span,
    );
    if pattern.starts_with(['/', '*']) {
        diagnostic
            .help("write `/` for all paths, `/x` for that one, or `/x/**` for it and all below it")
    } else {
        diagnostic.help("a route with a label of its own says its paths with `path = \"/x/**\"`")
    }
}
