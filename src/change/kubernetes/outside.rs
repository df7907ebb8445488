//! What those outside of a cluster ask, and lose while nothing is deleted: the address of a load balancer, a port of the nodes, who carries
//! a gateway.

use super::parts::service_type;
use super::{Keyed, answered, listening, published, routed, sections};
use crate::change::difference::at;
use crate::change::{Change, Effect, Field, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// Says it of Services of another type or with other ports, and of what another class carries. Of two programs it is known which ports are
/// published (`src/change/contract/published.rs`).
pub(super) fn lost((old, new): (&Keyed<'_>, &Keyed<'_>), is_judged: bool, changes: &mut [Change]) {
    for change in changes.iter_mut().filter(|it| it.effect == Effect::InPlace) {
        if change.kind == "Service" {
            let namespace = change.namespace.as_deref();
            let key = ("", "Service", &*change.name, namespace);
            if let (Some(was), Some(is)) = (old.get(&key), new.get(&key)) {
                let mut fields = change.fields.iter().filter(|_| !is_judged);
                let losses = if fields.any(|field| field.path.starts_with("spec.ports")) {
                    published::lost(&change.name, (was, is), (old, new))
                } else {
                    Vec::new()
                };
                let loss = address(change, (was, is));
                change.losses.extend(loss.into_iter().chain(losses));
            }
        } else {
            if is_unclassed(change, new) {
                change.says_also(UNCLASSED);
            }
            carried(change);
            reclassed(change, new);
            if !is_judged && change.kind == "Ingress" {
                let losses = answered::lost(change, (old, new));
                change.losses.extend(losses);
            }
            if !is_judged {
                let losses = routed::lost(change, (old, new));
                change.losses.extend(losses);
                let losses = sections::lost(change, (old, new));
                change.losses.extend(losses);
            }
            let key = (
                "gateway.networking.k8s.io",
                "Gateway",
                &*change.name,
                change.namespace.as_deref(),
            );
            if !is_judged
                && change.kind == key.1
                && let (Some(was), Some(is)) = (old.get(&key), new.get(&key))
            {
                let losses = listening::lost(&change.name, (was, is));
                change.losses.extend(losses);
            }
        }
    }
}

/// What of the address or the ports that a Service had outside is gone. A load balancer is deleted with the type
/// (kubernetes/kubernetes `staging/src/k8s.io/cloud-provider/controllers/service`, `syncLoadBalancerIfNeeded`), and so are the ports of
/// the nodes (`pkg/registry/core/service/storage/alloc.go`, `releaseNodePorts`; `kubernetes.io/docs/concepts/services-networking/service`,
/// type: `LoadBalancer`).
fn address(change: &mut Change, (was, is): (&Object, &Object)) -> Option<Loss> {
    let [before, now] = [was, is].map(service_type);
    let name = change.name.clone();
    if before == now {
        return None;
    }
    let (what, how) = match (&*before, &*now) {
        ("LoadBalancer", _) => (
            format!(
                "Service `{name}` has no load balancer any more: its address is released, and who asks there gets no answer"
            ),
            "its load balancer is deleted, and its address may be another one if it comes back",
        ),
        ("NodePort", "ClusterIP" | "ExternalName") => (
            format!(
                "Service `{name}` has no port of the nodes any more: who asks there gets no answer"
            ),
            "its ports of the nodes are given up",
        ),
        _ => return None,
    };
    change.says_also(how);
    Some(Loss {
        about: Lost::Outside,
        what,
        way: format!(
            "keep `type: {before}` until nobody asks there; what else is to lead there may be a Service of its own beside it"
        ),
    })
}

/// Where a class is said.
const CLASSES: [(&str, &str); 3] = [
    ("Gateway", "spec.gatewayClassName"),
    ("Ingress", "spec.ingressClassName"),
    (
        "Ingress",
        "metadata.annotations[\"kubernetes.io/ingress.class\"]",
    ),
];

/// A Gateway or an Ingress of another class: another one carries it, and the one that did lets go
/// (`gateway-api.sigs.k8s.io/reference/spec`, `GatewaySpec`; `kubernetes.io/docs/concepts/services-networking/ingress`, Ingress class).
fn carried(change: &mut Change) {
    let is_one = |field: &&Field| CLASSES.contains(&(&*change.kind, &*field.path));
    let text = |value: &Option<Value>| Some(value.as_ref()?.as_str()?.to_owned());
    let other = change.fields.iter().filter(is_one).find_map(|field| {
        let old = text(&field.old)?;
        Some((old, text(&field.new)?))
    });
    if let Some((old, new)) = other {
        lets_go(change, &old, &new);
    }
}

/// An Ingress whose class is said in the other place, in another word. The annotation is what a controller takes, mostly the name of its
/// class (`kubernetes.io/docs/concepts/services-networking/ingress`, Deprecated annotation); a class of these manifests may be of the controller
/// that takes the word.
fn reclassed(change: &mut Change, new: &Keyed<'_>) {
    let find = |path: &str| {
        let mut fields = change.fields.iter();
        fields.find(|it| (&*change.kind, &*it.path) == ("Ingress", path))
    };
    let [spec, note] = [CLASSES[1].1, CLASSES[2].1].map(find);
    let Some((spec, note)) = spec.zip(note) else {
        return;
    };
    let sides = |from: &Field, to: &Field| {
        let moves = from.new.is_none() && to.old.is_none();
        let old = from.old.as_ref()?.as_str()?.to_owned();
        let new = to.new.as_ref()?.as_str()?.to_owned();
        (moves && old != new).then_some((old, new))
    };
    let Some((was, is)) = sides(note, spec).or_else(|| sides(spec, note)) else {
        return;
    };
    let is_made = |name: &str| {
        let key = ("networking.k8s.io", "IngressClass", name, None);
        new.contains_key(&key)
    };
    if !is_made(&was) && !is_made(&is) {
        lets_go(change, &was, &is);
    }
}

fn lets_go(change: &mut Change, old: &str, new: &str) {
    change
        .how
        .push_str("; another class carries it from then on, and its address may be another one");
    let (kind, name) = (&change.kind, &change.name);
    change.losses.push(Loss {
        about: Lost::Outside,
        what: format!(
            "who carries {kind} `{name}` for class `{old}` lets go of it at once: who asks at its address gets no answer then, unless the other class has the same"
        ),
        way: format!(
            "make one of another name for class `{new}` beside it, move those who ask there, and delete this one then"
        ),
    });
}

/// An Ingress that says no class any more, in neither place: the default one is given to what is made alone (kubernetes/kubernetes
/// `plugin/pkg/admission/network/defaultingressclass/admission.go`, `newPlugin`), and each controller has its own way with what has none
/// (`kubernetes.github.io/ingress-nginx/user-guide/k8s-122-migration`, watch-ingress-without-class).
const UNCLASSED: &str = "it has no class then, nor is it given the default one, which counts for new ones alone: whether it is answered depends \
     on a controller that carries what has none";

fn is_unclassed(change: &Change, new: &Keyed<'_>) -> bool {
    let goes = |field: &Field| CLASSES.contains(&("Ingress", &*field.path)) && field.new.is_none();
    if change.kind != "Ingress" || !change.fields.iter().any(goes) {
        return false;
    }
    let namespace = change.namespace.as_deref();
    let key = ("networking.k8s.io", "Ingress", &*change.name, namespace);
    new.get(&key).is_some_and(|object| {
        let says = |path: &[&str]| at(&object.content, path).is_some_and(|it| it.is_string());
        !says(&["spec", "ingressClassName"])
            && !says(&["metadata", "annotations", "kubernetes.io/ingress.class"])
    })
}
