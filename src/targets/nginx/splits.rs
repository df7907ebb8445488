//! A route whose requests go to several places by share: `split_clients`.

use super::gateway::{self, Draft, Scene};
use super::plan::{Directive, Map, Upstream};
use super::{hosts, pools};
use crate::diagnostics::{Diagnostic, catalogue};
use crate::source::Span;
use crate::types::{Percent, Reference};
use crate::vocabulary::{Label, Node, Resolve, Route, RouteTarget, SplitBy};

/// The scheme of all the places, and the variable that holds the one of a request. What a variable
/// holds is a pool's name or looked up (`ngx_http_proxy_module`, `proxy_pass`).
pub(super) fn lower(
    scene: Scene<'_>,
    route: &Node<Route>,
    draft: &mut Draft<'_, '_>,
) -> Option<(&'static str, String)> {
    let by = draft.ledger.take_from(route.split_by.as_ref());
    let source = match by {
        Some(SplitBy::Client) => "$remote_addr",
        Some(SplitBy::Request) | None => "$request_id",
    };
    let to = route.to.as_ref()?;
    let (scheme, rest) = match draft.ledger.take(to) {
        RouteTarget::Upstream(label) => {
            let (scheme, name, _) = draft.pools.find(label)?;
            (scheme, name.to_owned())
        }
        RouteTarget::Port(port) => {
            let reference = Reference::Port(port.service.clone(), port.port.clone());
            place(scene, &Label::Reference(reference), to.span, draft)?
        }
    };
    let mut entries: Vec<(String, String)> = Vec::new();
    let mut all = 0;
    for split in &route.split {
        let body = draft.ledger.enter(split);
        let share = draft.ledger.take_from(body.share.as_ref()).copied();
        let (other, place) = place(scene, &split.label, split.span, draft)?;
        if other != scheme {
            draft.report(scene, mixed(scheme, other, to.span, split.span));
        }
        let share = share?;
        all += share.thousandths;
        entries.push((share.to_string(), place));
    }
    if all < Percent::ALL.thousandths {
        entries.push(("*".to_owned(), rest));
    }
    let hint = format!("{}_{}", gateway::shared_name(scene), route.label.name());
    let variable = draft.names.variable("split", &hint);
    let map = Map::split(source, &variable, &entries);
    draft.conf.maps.push(map);
    // What stands in a variable is looked up at request time, pools aside.
    draft.backends.needs_resolver |= gateway::resolve(scene) == Resolve::AtRequest;
    Some((scheme, format!("${variable}")))
}

/// Accounts for what a route that leads nowhere says of shares.
pub(super) fn declare(route: &Route, draft: &mut Draft<'_, '_>) {
    for split in &route.split {
        draft
            .ledger
            .declare_block(split, "refused with a diagnostic");
    }
    draft.ledger.take_from(route.split_by.as_ref());
}

/// The scheme of a port, and its address; looked up at the start it is a pool, since a variable
/// may name nothing else without a name server.
fn place(
    scene: Scene<'_>,
    label: &Label,
    span: Span,
    draft: &mut Draft<'_, '_>,
) -> Option<(&'static str, String)> {
    let (callee, port) = pools::target(scene, label)?;
    let scheme = pools::scheme(callee, port, span);
    let scheme = scheme.map_err(|fault| draft.report(scene, *fault)).ok()?;
    // Slots have no name that a variable could hold.
    if scene.graph.is_on_host(callee) {
        draft.report(scene, hosts::no_share(callee.name(), span));
    }
    let host = gateway::host_of(scene, callee);
    let number = draft.ledger.take_from(port.number.as_ref())?.get();
    let address = format!("{host}:{number}");
    if gateway::resolve(scene) == Resolve::AtRequest {
        return Some((scheme, address));
    }
    let name = draft.names.pool(scene.service.name(), callee.name());
    draft.conf.upstreams.push(Upstream {
        name: name.as_str().into(),
        directives: vec![Directive::new("server", [address])],
    });
    Some((scheme, name))
}

/// Places of two schemes: `proxy_pass` has one for all.
fn mixed(scheme: &str, other: &str, first: Span, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::MIXED_POOL,
        format!("a route's parts are of {scheme} and of {other}"),
        span,
    )
    .labelled(format!("speaks {other}"))
    .and(first, format!("speaks {scheme}"))
    .help("nginx speaks one of the two to all parts of a route")
}
