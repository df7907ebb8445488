//! Ports on which a gateway listens no more, while clients still ask there.

use super::{Both, Step, merged, published, routes};
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
                let gone = gone((*target, *carried), (both, listen), (is, &beside), new)?;
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
        let names = among(was, lost).filter(|_| was.tls.is_some())?;
        return gone(format!("{word} for {names}"), KEEP_NAME);
    }
    let is_elsewhere = |it: ServiceView<'_>| published::is_elsewhere((new, it), target, port);
    let gateways = new
        .services()
        .filter(|it| new.runs_on(*it, target) && !is_elsewhere(*it));
    let listens = gateways
        .filter_map(|it| it.node.gateway.as_ref())
        .flat_map(|it| it.listen.iter().map(|it| &**it));
    let same = |it: &&Node<Listen>| routing::port(it) == port && is_https(it) == https;
    let answering: Vec<&Node<Listen>> = listens.filter(same).collect();
    if !answering.is_empty() {
        let names = among(was, |name| {
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

/// The names of a listener that are lost, in words. Of one for which the gateway does not answer at all its routes tell.
fn among(was: &Listen, is_lost: impl Fn(&str) -> bool) -> Option<String> {
    let names = names(was);
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
