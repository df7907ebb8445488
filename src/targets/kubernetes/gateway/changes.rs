//! What an `HTTPRoute` does with a request beside matching it: backends, rewriting, headers, time.

use super::gateway_api::encoded;
use super::objects::{
    BackendRef, Filter, HeaderModifier, HeaderValue, PathModifier, RequestRedirect, Timeouts,
};
use super::{Lost, pool, primaries};
use crate::diagnostics::Diagnostic;
use crate::graph::ServiceView;
use crate::graph::routing::{self, Paths};
use crate::source::Span;
use crate::targets::kubernetes::lowering::Lowering;
use crate::types::{Percent, Reference};
use crate::vocabulary::{
    Gateway, HeaderChanges, Label, Node, Redirect, Rewrite, Route, RouteTarget, Scheme,
};

/// The most headers that one filter sets or removes (`must have at most 16 items`, seen).
const MOST_HEADERS: usize = 16;

impl<'g> Lowering<'g> {
    /// Where a route's requests go, by weight.
    pub(super) fn backends(
        &mut self,
        gateway: &'g Gateway,
        route: &'g Node<Route>,
    ) -> Vec<BackendRef> {
        let Some(to) = &route.to else {
            for split in &route.split {
                self.ledger
                    .declare_block(split, "refused with a diagnostic");
            }
            return Vec::new();
        };
        let mut rest: Vec<(&str, &str, u64)> = match self.ledger.take(to) {
            RouteTarget::Port(port) => vec![(&port.service, &port.port, 1)],
            to @ RouteTarget::Upstream(_) => match pool(gateway, to) {
                Some(pool) => primaries(pool),
                None => Vec::new(),
            },
        };
        let mut parts: Vec<(&str, &str, u64)> = Vec::new();
        let mut left = Percent::ALL.thousandths;
        for split in &route.split {
            let body = self.ledger.enter(split);
            let share = self.ledger.take_from(body.share.as_ref());
            let Label::Reference(Reference::Port(name, port)) = &split.label else {
                continue;
            };
            let share = share.map_or(0, |share| share.thousandths).min(left);
            left -= share;
            parts.push((name, port, share));
        }
        // All weights are of one sum: a part's is its share of it, a pool's members divide the rest.
        let sum: u64 = rest.iter().map(|(.., weight)| weight).sum();
        for (.., share) in &mut parts {
            *share = share.saturating_mul(sum);
        }
        for (.., weight) in &mut rest {
            *weight = weight.saturating_mul(left);
        }
        rest.append(&mut parts);
        let divisor = rest
            .iter()
            .fold(0, |divisor, (.., weight)| gcd(divisor, *weight));
        let alone = rest.len() == 1;
        let refs = rest.into_iter().filter_map(|(name, port, weight)| {
            let callee = self.graph.find(name)?;
            let number = callee.port(port)?.number.as_ref()?.value.get();
            Some(BackendRef {
                name: self.service_name(callee).to_owned(),
                port: number,
                weight: (!alone).then(|| weight.checked_div(divisor).unwrap_or(weight)),
            })
        });
        refs.collect()
    }

    /// A rewrite as a change of the prefix or of the whole path; any other has no place.
    pub(super) fn rewriting(
        &mut self,
        service: ServiceView<'g>,
        route: &'g Node<Route>,
        lost: &mut Vec<Lost<'static>>,
    ) -> Option<Filter> {
        let rewrite = route.rewrite.as_deref()?;
        let paths = routing::paths(route)?;
        let Some(new) = new_prefix(&paths, rewrite) else {
            self.lose_block(Some(rewrite), "rewrite", lost);
            return None;
        };
        let body = self.ledger.enter(rewrite);
        self.ledger.take_from(body.prefix.as_ref());
        self.ledger.take_from(body.from.as_ref());
        self.ledger.take_from(body.to.as_ref());
        if let Some(prefix) = &body.prefix
            && !prefix.value.starts_with('/')
        {
            self.ledger.report(no_path(service, prefix.span));
        }
        let new = encoded(&new);
        Some(Filter::rewrite(match paths {
            Paths::One(_) => PathModifier::ReplaceFullPath {
                replace_full_path: new,
            },
            Paths::All | Paths::Below(_) => PathModifier::ReplacePrefixMatch {
                replace_prefix_match: new,
            },
        }))
    }

    pub(super) fn request_headers(
        &mut self,
        route: &'g Node<Route>,
        lost: &mut Vec<Lost<'static>>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Filter> {
        let changes = route.request_headers.as_deref()?;
        let modifier = self.modifier(changes, "request_headers", lost, faults)?;
        Some(Filter::request_headers(modifier))
    }

    pub(super) fn response_headers(
        &mut self,
        route: &'g Node<Route>,
        lost: &mut Vec<Lost<'static>>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Filter> {
        let changes = route.response_headers.as_deref()?;
        let modifier = self.modifier(changes, "response_headers", lost, faults)?;
        Some(Filter::response_headers(modifier))
    }

    /// Changes to headers. A value with a variable of nginx has no place.
    fn modifier(
        &mut self,
        changes: &'g Node<HeaderChanges>,
        word: &'static str,
        lost: &mut Vec<Lost<'static>>,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<HeaderModifier> {
        let body = self.ledger.enter(changes);
        let mut modifier = HeaderModifier::default();
        for name in self
            .ledger
            .take_from(body.remove.as_ref())
            .into_iter()
            .flatten()
        {
            modifier.remove.push(name.value.to_string());
        }
        if let Some(set) = &body.set {
            for entry in &self.ledger.enter(set).entries {
                let attribute = &entry.attribute;
                if attribute.value.contains('$') {
                    lost.push((attribute.id, word, attribute.span));
                    continue;
                }
                let (name, value) = self.ledger.take_entry(entry);
                if value.is_empty() {
                    modifier.remove.push(name.to_owned());
                } else {
                    modifier.set.push(HeaderValue {
                        name: name.to_owned(),
                        value: value.to_string(),
                    });
                }
            }
        }
        if modifier.set.len().max(modifier.remove.len()) > MOST_HEADERS {
            faults.push(too_many_headers(changes.span));
        }
        (!modifier.set.is_empty() || !modifier.remove.is_empty()).then_some(modifier)
    }

    /// The time of a whole request, the route's or the gateway's.
    pub(super) fn timeouts(
        &mut self,
        gateway: &'g Gateway,
        route: &'g Node<Route>,
        lost: &mut Vec<Lost<'static>>,
    ) -> Option<Timeouts> {
        let own = route.request_timeout.as_ref();
        let written = own.or(gateway.request_timeout.as_ref())?;
        // Five digits a unit, and no zero (GEP-2257; `0s` would mean none).
        let hours = written.value.millis / 3_600_000;
        if written.value.millis == 0 || hours > 99_999 {
            lost.push((written.id, "request_timeout", written.key_span));
            return None;
        }
        self.ledger.take(written);
        Some(Timeouts {
            request: written.value.to_string(),
        })
    }

    pub(super) fn redirection(&mut self, redirect: &'g Node<Redirect>) -> Filter {
        let body = self.ledger.enter(redirect);
        let scheme = self.ledger.take_from(body.scheme.as_ref()).copied();
        let host = self.ledger.take_from(body.host.as_ref());
        let port = self.ledger.take_from(body.port.as_ref());
        let path = self.ledger.take_from(body.path.as_ref());
        let mut status = None;
        if let Some(written) = &body.status {
            let number = written.value.get();
            let nearest = if matches!(number, 301 | 308) {
                301
            } else {
                302
            };
            if nearest == number {
                self.ledger.take(written);
            } else {
                self.differs(
                    written.id,
                    written.span,
                    &format!("`{number}` becomes {nearest}: the Gateway API has 301 and 302"),
                    &format!("write `{nearest}` to have the same everywhere"),
                );
            }
            status = Some(nearest).filter(|status| *status != 302);
        }
        Filter::redirect(RequestRedirect {
            scheme: scheme.map(Scheme::word),
            hostname: host.map(|host| host.to_ascii_lowercase()),
            path: path.map(|path| PathModifier::ReplaceFullPath {
                replace_full_path: path.to_string(),
            }),
            port: port.map(|port| port.get()),
            status_code: status,
        })
    }
}

/// What the paths become, where that is a prefix in place of another: `prefix`, or an expression
/// that says no more than that.
fn new_prefix(paths: &Paths, rewrite: &Rewrite) -> Option<String> {
    if let Some(prefix) = &rewrite.prefix {
        let new = prefix.value.trim_end_matches('/');
        return Some(if new.is_empty() { "/" } else { new }.to_owned());
    }
    let (from, to) = (&rewrite.from.as_ref()?.value, &rewrite.to.as_ref()?.value);
    let from = from.strip_prefix('^').unwrap_or(from);
    let from = from.strip_suffix('$').unwrap_or(from);
    let old = match paths {
        Paths::All => "",
        Paths::Below(old) => old,
        Paths::One(_) => return None,
    };
    // A letter of an expression that stands for more than itself is not looked at any further.
    let plain = |char: char| char.is_ascii_alphanumeric() || "-_/".contains(char);
    if !old.chars().all(plain) {
        return None;
    }
    let rest = from.strip_prefix(old)?.strip_prefix("/(")?;
    let names: Vec<String> = match rest.strip_prefix("?<") {
        Some(rest) => {
            let (name, rest) = rest.split_once('>')?;
            (rest == ".*)").then(|| vec![format!("${name}"), format!("${{{name}}}")])?
        }
        None => (rest == ".*)").then(|| vec!["$1".to_owned(), "${1}".to_owned()])?,
    };
    let new = names
        .iter()
        .find_map(|name| to.strip_suffix(name.as_str()))?;
    let new = new.strip_suffix('/')?;
    if !new.chars().all(plain) {
        return None;
    }
    Some(if new.is_empty() { "/" } else { new }.to_owned())
}

fn gcd(one: u64, other: u64) -> u64 {
    if other == 0 {
        one
    } else {
        gcd(other, one % other)
    }
}

fn too_many_headers(span: Span) -> Diagnostic {
    Diagnostic::new(
        &crate::diagnostics::catalogue::NOT_IN_THE_GATEWAY_API,
        format!("an HTTPRoute changes at most {MOST_HEADERS} headers"),
        span,
    )
    .severity(crate::diagnostics::Severity::Error)
    .help("take some out")
}

/// A prefix that is no path.
fn no_path(service: ServiceView<'_>, span: Span) -> Diagnostic {
    Diagnostic::new(
        &crate::diagnostics::catalogue::INVALID_REWRITE,
        "the new path of a rewrite must start with `/`",
        span,
    )
    .about(service.name())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Str};
    use crate::vocabulary::{Attribute, WrittenId};

    fn of(pattern: &str, from: &str, to: &str) -> Option<String> {
        let span = Span {
            file: FileId(0),
            start: 0,
            end: 0,
        };
        let attribute = |text: &str| {
            Some(Attribute {
                value: Str::from(text),
                span,
                key_span: span,
                id: WrittenId(0),
            })
        };
        let rewrite = Rewrite {
            from: attribute(from),
            to: attribute(to),
            ..Rewrite::default()
        };
        new_prefix(&Paths::read(pattern).unwrap(), &rewrite)
    }

    #[test]
    fn expressions_that_replace_a_prefix_are_seen() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("/user/**", "/user/(?<rest>.*)", "/$rest"), some("/"));
        assert_eq!(of("/user/**", "^/user/(.*)$", "/v2/${1}"), some("/v2"));
        assert_eq!(of("/", "/(.*)", "/app/$1"), some("/app"));
        for (pattern, from, to) in [
            ("/user/**", "/user/(a.*)", "/$1"),
            ("/user/**", "/other/(.*)", "/$1"),
            ("/user/**", "/user/(.*)", "/$1/x"),
            ("/user/**", "/user/(.*)", "$1"),
            ("/a.b/**", "/a.b/(.*)", "/$1"),
            ("/user", "/user/(.*)", "/$1"),
        ] {
            assert_eq!(of(pattern, from, to), None, "{pattern} {from} {to}");
        }
    }

    #[test]
    fn divisors() {
        assert_eq!(gcd(0, 12), 12);
        assert_eq!(gcd(90_000, 10_000), 10_000);
    }
}
