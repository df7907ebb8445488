//! Which routes of a gateway Kubernetes carries: an Ingress only those that lead to a service
//! (`kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1`), and that alone, a Gateway no files. The rest is warned of where it is
//! built (ZD5060, ZD5077), and nobody answers there.

use super::listeners::is_gateway_api;
use super::routes::names;
use crate::graph::routing::{self, Candidate, VirtualHost};
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
    let is_less =
        |route: &Node<Route>| is_plain && (!route.split.is_empty() || route.rewrite.is_some());
    let mut routes = gateway.route.iter();
    if !routes.any(|route| is_lost(route) || is_less(route)) {
        return Cow::Borrowed(gateway);
    }
    let mut carried = gateway.clone();
    if is_plain {
        narrow(&mut carried, gateway, &is_lost);
    }
    carried.route.retain(|route| !is_lost(route));
    for route in carried.route.iter_mut().filter(|route| is_less(route)) {
        let route = &mut Arc::make_mut(route).body;
        route.split.clear();
        route.rewrite = None;
    }
    Cow::Owned(carried)
}

/// Takes names from routes that another one goes before, which the Ingress does not carry: it has no rule there for either.
fn narrow(carried: &mut Gateway, gateway: &Gateway, is_lost: &dyn Fn(&Node<Route>) -> bool) {
    let hosts = routing::virtual_hosts(gateway);
    let is_dead = |asked: &[Candidate<'_>]| {
        routing::chosen(asked).is_some_and(|chosen| is_lost(chosen.route))
    };
    let has_rules = |host: &VirtualHost<'_>| {
        let mut paths = host.paths.iter();
        paths.any(|(_, candidates)| !is_dead(&VirtualHost::asked(candidates)))
    };
    let answering: Vec<&VirtualHost<'_>> = hosts.iter().filter(|it| has_rules(it)).collect();
    let mut without: BTreeMap<usize, BTreeSet<&str>> = BTreeMap::new();
    for host in &hosts {
        let covers = |name: &str| {
            let mut others = answering.iter().flat_map(|it| names(it));
            others.any(|other| other.is_empty() || routing::host_covers(other, name))
        };
        let is_left = |name: &&String| has_rules(host) || !covers(name);
        let of_dead = host.paths.iter();
        let of_dead = of_dead.filter(|(_, all)| is_dead(&VirtualHost::asked(all)));
        for candidate in of_dead.flat_map(|(_, candidates)| candidates) {
            let left = host.hosts.iter().filter(is_left).map(String::as_str);
            without.entry(candidate.index).or_default().extend(left);
        }
    }
    let all: Vec<&str> = hosts.iter().flat_map(names).collect();
    for (index, route) in carried.route.iter_mut().enumerate() {
        let Some(without) = without.get(&index).filter(|it| !it.is_empty()) else {
            continue;
        };
        let named = |name: &str| Spanned {
            value: name.into(),
            span: route.span,
        };
        let own = match &route.hosts {
            Some(hosts) => hosts.value.clone(),
            // All but some names cannot be said.
            None if all.contains(&"") => continue,
            None => all.iter().map(|name| named(name)).collect(),
        };
        let own = own.into_iter();
        let own = own.filter(|it| !without.contains(&*it.value.to_ascii_lowercase()));
        let hosts = Attribute {
            value: own.collect(),
            span: route.span,
            key_span: route.span,
            id: route.id,
        };
        Arc::make_mut(route).body.hosts = Some(hosts);
    }
}

fn patches_its_ingress(service: ServiceView<'_>) -> bool {
    let on = service.node.service.on.iter();
    let on = on.filter(|on| on.label.name() == TargetId::Kubernetes.word());
    let mut patches = on.flat_map(|on| &on.patch);
    patches.any(|patch| matches!(&patch.label, Label::Name(name) if &**name == "ingress"))
}
