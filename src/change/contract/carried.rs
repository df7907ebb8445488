//! Which routes of a gateway Kubernetes carries: an Ingress only those that lead to a service
//! (`kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1`), and that alone, a Gateway no files. The rest is warned of where it is
//! built (ZD5060, ZD5077), and nobody answers there.

use super::listeners::is_gateway_api;
use super::routes::names;
use crate::graph::routing::{self, Candidate, Paths, VirtualHost};
use crate::graph::{Graph, ServiceView};
use crate::source::Spanned;
use crate::vocabulary::{Attribute, Gateway, Label, Node, Route, TargetId};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A gateway as Kubernetes has it.
pub(super) fn on_kubernetes<'g>(
    graph: &Graph,
    service: ServiceView<'_>,
    gateway: &'g Gateway,
) -> Cow<'g, Gateway> {
    let is_gateway = is_gateway_api(graph);
    // What is patched in may do what the Ingress has no field for.
    let is_plain = !is_gateway && !patches_its_ingress(service);
    let is_lost =
        |route: &Node<Route>| is_gateway && route.root.is_some() || is_plain && route.to.is_none();
    let is_conditional = |route: &Node<Route>| route.methods.is_some() || route.headers.is_some();
    let is_less = |route: &Node<Route>| {
        is_plain && (!route.split.is_empty() || route.rewrite.is_some() || is_conditional(route))
    };
    let mut routes = gateway.route.iter();
    if !routes.any(|route| is_lost(route) || is_less(route)) {
        return Cow::Borrowed(gateway);
    }
    let mut carried = gateway.clone();
    let mut shut = if is_plain {
        shut(gateway, &is_lost)
    } else {
        BTreeMap::new()
    };
    let met = is_plain.then(|| met(gateway));
    let routes = std::mem::take(&mut carried.route).into_iter().enumerate();
    let routes = routes.filter_map(|(index, route)| {
        if is_lost(&route) {
            Some(answering_nobody(route, &shut.remove(&index)?))
        } else {
            let is_met = met.as_ref().is_none_or(|met| met.contains(&index));
            is_met.then_some(route)
        }
    });
    carried.route = routes.collect();
    for route in carried.route.iter_mut().filter(|route| is_less(route)) {
        let route = &mut Arc::make_mut(route).body;
        route.split.clear();
        (route.rewrite, route.methods, route.headers) = (None, None, None);
    }
    Cow::Owned(carried)
}

/// Whether somebody answers for a route, as it is carried.
pub(super) fn answers(route: &Route) -> bool {
    let is_led = route.to.is_some() || !route.split.is_empty();
    is_led || route.redirect.is_some() || route.root.is_some()
}

/// The routes that requests come to, by their places: for each path an Ingress has one.
fn met(gateway: &Gateway) -> BTreeSet<usize> {
    let hosts = routing::virtual_hosts(gateway);
    let paths = hosts.iter().flat_map(|host| &host.paths);
    let chosen = paths.filter_map(|(_, candidates)| {
        let asked = VirtualHost::asked(candidates);
        routing::chosen(&asked).map(|it| it.index)
    });
    chosen.collect()
}

/// The names for which routes that an Ingress does not carry keep others from answering, by the places of those routes: it has no rule there for
/// the path, and the rules for the nearest name are the only ones that count.
fn shut(
    gateway: &Gateway,
    is_lost: &dyn Fn(&Node<Route>) -> bool,
) -> BTreeMap<usize, BTreeSet<String>> {
    let hosts = routing::virtual_hosts(gateway);
    let lost = |candidates: &[Candidate<'_>]| {
        let asked = VirtualHost::asked(candidates);
        let chosen = routing::chosen(&asked).map(|it| (it.index, it.route));
        chosen
            .filter(|(_, route)| is_lost(route))
            .map(|(index, _)| index)
    };
    let has_rules = |host: &VirtualHost<'_>| {
        let mut paths = host.paths.iter();
        paths.any(|(_, candidates)| lost(candidates).is_none())
    };
    let answering: Vec<&VirtualHost<'_>> = hosts.iter().filter(|it| has_rules(it)).collect();
    let mut found: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for host in &hosts {
        let is_covered = |name: &str| {
            let mut others = answering.iter().flat_map(|it| names(it));
            others.any(|other| other.is_empty() || routing::host_covers(other, name))
        };
        let left = host.hosts.iter();
        let left = left.filter(|name| has_rules(host) || !is_covered(name));
        let left: BTreeSet<String> = left.cloned().collect();
        let falls = |paths: &Paths| {
            let mut wider = host.paths.iter();
            wider.any(|(wide, all)| wide != paths && wide.cover(paths) && lost(all).is_none())
        };
        let keeps = |(paths, all): &&(Paths, Vec<Candidate<'_>>)| {
            all.iter().any(|it| !is_lost(it.route)) && !falls(paths)
        };
        let kept = host.paths.iter().filter(keeps);
        let kept = kept.filter_map(|(_, all)| lost(all));
        for index in kept.filter(|_| !left.is_empty()) {
            found.entry(index).or_default().extend(left.clone());
        }
    }
    found
}

/// A route in whose place nobody answers for some names.
fn answering_nobody(mut route: Arc<Node<Route>>, hosts: &BTreeSet<String>) -> Arc<Node<Route>> {
    let (span, id) = (route.span, route.id);
    let named = |name: &String| Spanned {
        value: name.as_str().into(),
        span,
    };
    let own = &mut Arc::make_mut(&mut route).body;
    (own.redirect, own.root) = (None, None);
    own.hosts = Some(Attribute {
        value: hosts.iter().map(named).collect(),
        span,
        key_span: span,
        id,
    });
    route
}

fn patches_its_ingress(service: ServiceView<'_>) -> bool {
    let on = service.node.service.on.iter();
    let on = on.filter(|on| on.label.name() == TargetId::Kubernetes.word());
    let mut patches = on.flat_map(|on| &on.patch);
    patches.any(|patch| matches!(&patch.label, Label::Name(name) if &**name == "ingress"))
}
