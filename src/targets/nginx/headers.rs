//! Headers: what a gateway tells a service about a request, and what a route changes.
//!
//! `proxy_set_header` is inherited from the server only where a location has none of its own
//! (nginx.org `ngx_http_proxy_module`), so a route that changes one repeats them all.

use super::gateway::{Scene, forwarded_headers};
use super::pattern::Pattern;
use super::plan::Directive;
use super::values;
use super::variables;
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::targets::Ledger;
use crate::vocabulary::{HeaderChanges, Node};

/// What a service behind a proxy cannot see by itself.
const FORWARDED: &[(&str, &str)] = &[
    ("Host", "$http_host"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-For", "$proxy_add_x_forwarded_for"),
    ("X-Forwarded-Proto", "$scheme"),
];

/// What makes a connection a WebSocket, which a proxy must say anew (RFC 9110, 7.8).
const UPGRADE: &[(&str, &str)] = &[
    ("Upgrade", "$http_upgrade"),
    ("Connection", "$connection_upgrade"),
];

/// Headers that frame a message: nginx writes them itself, and a second one breaks the framing.
const FRAMING: &[&str] = &["Content-Length", "Transfer-Encoding"];

/// Headers of a response that nginx writes beside whatever it is told to add.
const OWN: &[&str] = &["Connection", "Content-Type", "Date", "Keep-Alive", "Server"];

/// The longest name of a header; no server takes longer ones.
const LONGEST_NAME: usize = 256;

/// A header with its value; an empty value takes it out.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    name: String,
    value: String,
}

/// The headers of a gateway whose routes change none.
pub(super) fn forwarded(wanted: bool) -> Vec<Directive> {
    directives(&defaults(wanted))
}

/// The headers of the requests of a route that changes some.
pub(super) fn request(
    scene: Scene<'_>,
    changes: Option<&Node<HeaderChanges>>,
    websocket: bool,
    groups: Option<&Pattern>,
    ledger: &mut Ledger<'_>,
) -> Vec<Directive> {
    let changed = changes.map(|changes| read(scene, changes, groups, FRAMING, ledger));
    let mut headers = defaults(forwarded_headers(scene));
    let upgrade = UPGRADE.iter().filter(|_| websocket);
    headers.extend(upgrade.map(|(name, value)| Header {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    }));
    for change in changed.into_iter().flatten() {
        match headers
            .iter_mut()
            .find(|header| is_same(&header.name, &change.name))
        {
            Some(header) => *header = change,
            None => headers.push(change),
        }
    }
    let mut out = Vec::new();
    // An upgrade is HTTP/1.1's; nginx speaks 1.0 to services until 1.29.7.
    if headers
        .iter()
        .any(|header| is_same(&header.name, "Upgrade"))
    {
        out.push(Directive::new("proxy_http_version", ["1.1"]));
    }
    let longest = headers.iter().map(|header| header.name.len()).max();
    if let Some(bucket) = longest.and_then(values::hash_bucket) {
        out.push(Directive::new(
            "proxy_headers_hash_bucket_size",
            [bucket.to_string()],
        ));
    }
    out.extend(directives(&headers));
    out
}

/// The headers of the responses of a route. One that is set is the only one of its name; a response
/// of nginx's own, where the route passes nothing on, has none yet.
pub(super) fn response(
    scene: Scene<'_>,
    changes: &Node<HeaderChanges>,
    passes: bool,
    groups: Option<&Pattern>,
    ledger: &mut Ledger<'_>,
) -> Vec<Directive> {
    let not_allowed: Vec<&str> = FRAMING.iter().chain(OWN).copied().collect();
    let changed = read(scene, changes, groups, &not_allowed, ledger);
    let mut out = Vec::new();
    for header in changed.iter().filter(|_| passes) {
        out.push(Directive::new("proxy_hide_header", [header.name.as_str()]));
    }
    for header in changed.iter().filter(|header| !header.value.is_empty()) {
        let arguments = [header.name.as_str(), &header.value, "always"];
        out.push(Directive::new("add_header", arguments));
    }
    out
}

fn defaults(wanted: bool) -> Vec<Header> {
    let headers = FORWARDED.iter().filter(|_| wanted);
    headers
        .map(|(name, value)| Header {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        })
        .collect()
}

fn directives(headers: &[Header]) -> Vec<Directive> {
    headers
        .iter()
        .map(|header| Directive::new("proxy_set_header", [header.name.as_str(), &header.value]))
        .collect()
}

/// The changes that can be made, removals first; the others are reported.
fn read(
    scene: Scene<'_>,
    changes: &Node<HeaderChanges>,
    groups: Option<&Pattern>,
    not_allowed: &[&str],
    ledger: &mut Ledger<'_>,
) -> Vec<Header> {
    let changes = ledger.enter(changes);
    let mut seen: Vec<(String, Span)> = Vec::new();
    let mut out = Vec::new();
    let mut take = |name: &str, value: &str, span: Span, ledger: &mut Ledger<'_>| {
        let earlier = seen.iter().find(|(known, _)| is_same(known, name));
        if let Some(fault) = name_fault(name, not_allowed, earlier, span) {
            ledger.report(fault.about(scene.service.name()));
            return;
        }
        seen.push((name.to_owned(), span));
        let (name, value) = (name.to_owned(), value.to_owned());
        out.push(Header { name, value });
    };
    let removed = ledger.take_from(changes.remove.as_ref());
    for name in removed.into_iter().flatten() {
        take(&name.value, "", name.span, ledger);
    }
    let Some(set) = &changes.set else { return out };
    for entry in &ledger.enter(set).entries {
        let (name, value) = ledger.take_entry(entry);
        if let Err(fault) = values::line("header's value", value, entry.attribute.span) {
            ledger.report(fault.about(scene.service.name()));
        }
        for fault in variables::check(value, groups, entry.attribute.span) {
            ledger.report(fault.about(scene.service.name()));
        }
        take(name, value, entry.attribute.key_span, ledger);
    }
    out
}

fn is_same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}

pub(super) fn name_fault(
    name: &str,
    not_allowed: &[&str],
    earlier: Option<&(String, Span)>,
    span: Span,
) -> Option<Diagnostic> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.!#%&*+^|~".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(allowed) {
        return Some(not_a_name(name, span));
    }
    if not_allowed.iter().any(|own| is_same(own, name)) {
        return Some(own_header(name, span));
    }
    earlier.map(|(known, first)| changed_twice(name, known, *first, span))
}

/// What is no name of a header.
fn not_a_name(name: &str, span: Span) -> Diagnostic {
    let shown: String = name.chars().take(60).collect();
    Diagnostic::new(
        &catalogue::INVALID_HEADER,
        format!("`{}` is no name of a header", shown.escape_debug()),
        span,
    )
    .help("a name has letters, digits and `-`: `X-Tenant`")
}

/// A header that nginx writes itself.
fn own_header(name: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_HEADER,
        format!("nginx writes `{name}` itself"),
        span,
    )
    .labelled("it would be sent twice")
    .help("leave it to nginx, or let the service set it")
}

/// One header in two places of one block.
fn changed_twice(name: &str, known: &str, first: Span, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::INVALID_HEADER,
        format!("`{name}` is changed twice"),
        span,
    )
    .and(first, format!("`{known}` is changed here first"))
    .help("names of headers are the same in capitals and small letters; keep one of the two")
}
