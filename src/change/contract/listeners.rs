//! Ports on which a gateway listens no more, while clients still ask there.

use super::{Both, Step, merged, published, routes};
use crate::change::Effect;
use crate::diagnostics::{Diagnostic, Diagnostics, catalogue};
use crate::graph::{Graph, ServiceView, routing};
use crate::source::Span;
use crate::vocabulary::{Gateway, KubernetesGateway, Listen, Node, Protocol, TargetId};

/// What a gateway listened to and listens to no more.
pub(super) fn removed(step: &Step<'_>, found: &mut Diagnostics) {
    let (Some(old), Some(new)) = (step.old, step.new) else {
        return;
    };
    for service in new.services() {
        let Some(both) = step.both(service.name()) else {
            continue;
        };
        let (was, is) = (&both.old.node.gateway, &both.new.node.gateway);
        let (Some(was), Some(is)) = (was, is) else {
            continue;
        };
        let (itself, ingress): (Vec<_>, Vec<_>) = carried(step, both, (old, new))
            .into_iter()
            .partition(|(_, carried)| matches!(carried, Carried::Itself));
        let beside = merged::beside(step, both, (old, new));
        let beside: Vec<&Gateway> = beside.iter().map(|it| &**it).collect();
        for listen in &was.listen {
            let lost = |(target, carried): &(TargetId, Carried)| {
                let here = (*target, *carried);
                let gone = gone(here, (both, listen), (is, &beside), new)
                    .or_else(|| sent(step, here, (both, listen), (was, is)))?;
                Some((gone, *target))
            };
            let by_itself: Vec<(Gone, TargetId)> = itself.iter().filter_map(lost).collect();
            // Of both the first says it.
            let (lost, all) = if by_itself.is_empty() {
                let lost = ingress.iter().filter_map(lost).collect();
                (lost, itself.len() + ingress.len())
            } else {
                (by_itself, itself.len())
            };
            for (gone, on) in by_what(lost) {
                let place = targets(&on, all);
                let label = listen.label.name();
                let what = format!("{}{place}, where its listener `{label}` did", gone.what);
                found.push(removal(both.new.name(), &what, gone.help, both.new.span()));
            }
        }
    }
}

/// What is gone, each with where.
pub(super) fn by_what<T: PartialEq>(lost: Vec<(T, TargetId)>) -> Vec<(T, Vec<TargetId>)> {
    let mut all: Vec<(T, Vec<TargetId>)> = Vec::new();
    for (what, target) in lost {
        match all.iter_mut().find(|(known, _)| *known == what) {
            Some((_, on)) => on.push(target),
            None => all.push((what, vec![target])),
        }
    }
    all
}

/// On which targets, where it is not on all.
pub(super) fn targets(on: &[TargetId], all: usize) -> String {
    if on.len() == all {
        return String::new();
    }
    let words: Vec<&str> = on.iter().map(|target| target.word()).collect();
    format!(" on {}", words.join(" and "))
}

/// What carries a gateway before and after a step.
#[derive(Clone, Copy)]
enum Carried {
    /// It listens on its ports itself.
    Itself,
    /// An Ingress, whose controller has ports of its own (`kubernetes.io/docs/concepts/services-networking/ingress`, The Ingress resource).
    Ingress,
}

/// On each target that has it before and after.
fn carried(
    step: &Step<'_>,
    both: Both<'_>,
    (old, new): (&Graph, &Graph),
) -> Vec<(TargetId, Carried)> {
    let on = step
        .targets()
        .filter(|target| old.runs_on(both.old, *target) && new.runs_on(both.new, *target));
    let each = on.filter_map(|target| {
        match (target, [old, new].map(is_gateway_api)) {
            (TargetId::Kubernetes, [false, false]) => Some((target, Carried::Ingress)),
            // From the one to the other everything is another one's.
            (TargetId::Kubernetes, [was, is]) if was != is => None,
            _ => Some((target, Carried::Itself)),
        }
    });
    each.collect()
}

/// Whether gateways on Kubernetes are written as Gateways and their routes.
pub(super) fn is_gateway_api(graph: &Graph) -> bool {
    let settings = graph.settings(TargetId::Kubernetes);
    let gateway = settings.and_then(|settings| settings.gateway.as_ref());
    gateway.is_some_and(|it| it.value == KubernetesGateway::GatewayApi)
}

/// What is answered no more where a listener was.
#[derive(PartialEq, Eq)]
struct Gone {
    what: String,
    help: &'static str,
}

const KEEP_LISTENER: &str = "keep the listener beside the new one until no client asks there; one of http may send all to https, `redirect = https`";
const KEEP_PUBLISHED: &str = "take the `port` out, so that the listener publishes itself, and listen on the other number beside it, until no client asks there";
const NAME_IN_HTTPS: &str = "`redirect` sends these to https, where it has no listener for them: name them among the `hosts` of one, or keep a listener of http that answers them until no client asks there";
const KEEP_NAME: &str =
    "keep the name among the `hosts` of a listener until no client asks for it there";

/// What is answered no more on a target; nothing where somebody else of the program listens there.
fn gone<'n>(
    (target, carried): (TargetId, Carried),
    (both, was): (Both<'_>, &Node<Listen>),
    (is, beside): (&'n Gateway, &[&'n Gateway]),
    new: &Graph,
) -> Option<Gone> {
    let is_https = |it: &Node<Listen>| routing::protocol(it) == Protocol::Https;
    let (port, https) = (routing::port(was), is_https(was));
    let word = if https { "https" } else { "http" };
    let gone = |what: String, help| Some(Gone { what, help });
    if matches!(carried, Carried::Ingress) {
        let secure = |it: &'n Gateway| -> Vec<&'n Node<Listen>> {
            let listens = it.listen.iter().map(|it| &**it);
            listens.filter(|it| is_https(it)).collect()
        };
        let own = secure(is);
        if !https {
            return None;
        }
        // Whose Ingress a name is in has its certificate.
        let by_another = |name: &str| {
            let mut beside = beside.iter();
            beside.any(|it| routes::answers(it, name) && covers(&secure(it), name))
        };
        if own.is_empty() && !names(was).iter().any(|name| by_another(name)) {
            return gone(word.to_owned(), KEEP_LISTENER);
        }
        let is_answered = |name: &str| {
            let mut all = std::iter::once(&is).chain(beside);
            all.any(|it| routes::answers(it, name))
        };
        let lost = |name: &str| is_answered(name) && !covers(&own, name) && !by_another(name);
        // What has no certificate of its own is shown the controller's, as before.
        let names = among(&names(was), lost).filter(|_| was.tls.is_some())?;
        return gone(format!("{word} for {names}"), KEEP_NAME);
    }
    let is_elsewhere = |it: ServiceView<'_>| published::is_elsewhere((new, it), target, port);
    // Each Gateway has an address of its own, as in `merged`.
    let is_here = |it: ServiceView<'_>| {
        target != TargetId::Kubernetes && new.runs_on(it, target) || it.id == both.new.id
    };
    let gateways = new
        .services()
        .filter(|it| is_here(*it) && !is_elsewhere(*it));
    let listens = gateways
        .filter_map(|it| it.node.gateway.as_ref())
        .flat_map(|it| it.listen.iter().map(|it| &**it));
    let same = |it: &&Node<Listen>| routing::port(it) == port && is_https(it) == https;
    let answering: Vec<&Node<Listen>> = listens.filter(same).collect();
    if !answering.is_empty() {
        let names = among(&names(was), |name| {
            routes::answers(is, name) && !covers(&answering, name)
        })?;
        return gone(format!("{word} on port {port} for {names}"), KEEP_NAME);
    }
    // One that a `port` publishes under another number is told of there.
    if published::is_mapped(both.old, target, port) || published::by_anybody(new, target, port) {
        return None;
    }
    if is_elsewhere(both.new) {
        return gone(format!("on port {port}"), KEEP_PUBLISHED);
    }
    let other = is.listen.iter().any(|it| routing::port(it) == port);
    let what = if other {
        format!("{word} on port {port}")
    } else {
        format!("on port {port}")
    };
    gone(what, KEEP_LISTENER)
}

/// What a Gateway comes to send to https, where it has no listener for it: of https the hostname is held to both the SNI and the host
/// (gateway-api.sigs.k8s.io/reference/spec, `Listener`, hostname).
fn sent(
    step: &Step<'_>,
    (target, carried): (TargetId, Carried),
    (both, was): (Both<'_>, &Node<Listen>),
    (had, is): (&Gateway, &Gateway),
) -> Option<Gone> {
    let is_gateway = target == TargetId::Kubernetes && matches!(carried, Carried::Itself);
    let is_https = |it: &Node<Listen>| routing::protocol(it) == Protocol::Https;
    if !is_gateway || was.redirect.is_some() || is_https(was) {
        return None;
    }
    // A route that is left behind may go on to answer.
    let mut changes = step.on(target);
    if changes.any(|it| {
        it.effect == Effect::Left
            && matches!(&*it.kind, "HTTPRoute" | "GRPCRoute")
            && it.service.as_deref() == Some(both.old.name())
    }) {
        return None;
    }
    let port = routing::port(was);
    let listens = || is.listen.iter().map(|it| &**it);
    let same: Vec<&Node<Listen>> = listens()
        .filter(|it| !is_https(it) && routing::port(it) == port)
        .collect();
    let answers =
        |it: &&Node<Listen>| it.redirect.is_none() && (is_https(it) || routing::port(it) == port);
    let answering: Vec<&Node<Listen>> = listens().filter(answers).collect();
    let names = among(&said(was, had), |name| {
        covers(&same, name) && !covers(&answering, name)
    })?;
    Some(Gone {
        what: format!("http on port {port} for {names}"),
        help: NAME_IN_HTTPS,
    })
}

/// Whether some of these answer for a name.
fn covers(listens: &[&Node<Listen>], name: &str) -> bool {
    listens.iter().any(|it| match &it.hosts {
        None => true,
        Some(_) if name.is_empty() => false,
        Some(hosts) => {
            let mut hosts = hosts.value.iter();
            hosts.any(|host| routing::host_covers(&host.value.to_ascii_lowercase(), name))
        }
    })
}

/// The names of a listener; an empty one for all.
fn names(listen: &Listen) -> Vec<String> {
    match &listen.hosts {
        None => vec![String::new()],
        Some(hosts) => {
            let hosts = hosts.value.iter();
            hosts.map(|host| host.value.to_ascii_lowercase()).collect()
        }
    }
}

/// The names that a listener or a route behind it lists: of all others nobody knows whether anybody asked for them.
fn said(listen: &Listen, gateway: &Gateway) -> Vec<String> {
    let own = names(listen);
    let routes = gateway
        .route
        .iter()
        .filter_map(|route| route.hosts.as_ref());
    let hosts = routes.flat_map(|hosts| &hosts.value);
    let hosts = hosts.map(|host| host.value.to_ascii_lowercase());
    let is_behind = |host: &String| {
        let mut own = own.iter();
        own.any(|own| own.is_empty() || routing::host_covers(own, host))
    };
    let mut found: Vec<String> = Vec::new();
    for name in own.iter().cloned().chain(hosts.filter(is_behind)) {
        if !name.is_empty() && !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

/// The names of a listener that are lost, in words. Of one for which the gateway does not answer at all its routes tell.
fn among(names: &[String], is_lost: impl Fn(&str) -> bool) -> Option<String> {
    let lost: Vec<String> = names
        .iter()
        .filter(|name| is_lost(name))
        .map(|name| match name.as_str() {
            "" => "names that it does not list".to_owned(),
            name => format!("`{name}`"),
        })
        .collect();
    (!lost.is_empty()).then(|| lost.join(" and "))
}

fn removal(gateway: &str, what: &str, help: &'static str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &catalogue::ROUTE_REMOVED,
        format!("`{gateway}` no longer answers {what}"),
        span,
    )
    .help(help)
    .about(gateway)
}
