//! Who names another object that does not go on as it was: routes of the Gateway API their Gateway and its listener
//! (`gateway-api.sigs.k8s.io/reference/spec`, `ParentReference`; a route that no listener takes has the reason `NoMatchingParent`), and
//! autoscalers what they scale (`kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale`: by kind and name, in its namespace).

use super::parts::{shown, text};
use super::{Key, Keyed};
use crate::change::difference::{at, value};
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

const GATEWAYS: &str = "gateway.networking.k8s.io";

/// What somebody names.
#[derive(Clone, PartialEq)]
struct Named {
    group: String,
    kind: String,
    name: String,
    namespace: Option<String>,
    /// Of a Gateway.
    listener: Option<String>,
}

impl Named {
    fn key(&self) -> Key<'_> {
        let namespace = self.namespace.as_deref();
        (&self.group, &self.kind, &self.name, namespace)
    }

    /// Whether what it names has the listener, or may have it.
    fn is_served(&self, gateway: &Object) -> bool {
        let Some(wanted) = &self.listener else {
            return true;
        };
        let listeners = at(&gateway.content, &["spec", "listeners"]);
        let listeners = listeners.as_deref().and_then(Value::as_array);
        listeners.is_none_or(|all| all.iter().any(|it| text(it, "name") == Some(wanted)))
    }
}

/// Somebody, with what it names.
type Namer<'a> = (Key<'a>, Vec<Named>);

/// Says of what is written no more, and of a Gateway whose listener is gone, who names it all the same; and of who comes to name
/// something what is not there.
pub(super) fn tell((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let mut namers: Vec<Namer<'_>> = new.iter().filter_map(namer).collect();
    if namers.is_empty() {
        return;
    }
    namers.sort_unstable_by_key(|(key, _)| *key);
    for change in changes {
        let (said, losses) = match change.effect {
            Effect::Left => (left(change, (old, new), &namers), Vec::new()),
            Effect::InPlace if change.kind == "Gateway" => moved(change, (old, new), &namers),
            Effect::InPlace | Effect::Created => nobody(change, (old, new), &namers),
            _ => continue,
        };
        for said in said {
            change.says_also(&said);
        }
        change.losses.extend(losses);
    }
}

/// The object of a change on one side.
fn find<'a>(change: &Change, side: &Keyed<'a>, groups: &[&str]) -> Option<&'a Object> {
    let namespace = change.namespace.as_deref();
    let mut groups = groups.iter();
    groups.find_map(|group| {
        side.get(&(*group, &*change.kind, &*change.name, namespace))
            .copied()
    })
}

fn names(change: &Change, named: &Named) -> bool {
    (&*named.kind, &*named.name, named.namespace.as_deref())
        == (&*change.kind, &*change.name, change.namespace.as_deref())
}

/// Who names what is left behind.
fn left(change: &Change, sides: (&Keyed<'_>, &Keyed<'_>), namers: &[Namer<'_>]) -> Vec<String> {
    let is_it = |it: &&Named| {
        names(change, it) && sides.0.contains_key(&it.key()) && !sides.1.contains_key(&it.key())
    };
    let who = namers
        .iter()
        .filter(|(_, all)| all.iter().any(|it| is_it(&it)));
    let shown: Vec<String> = who.map(|(key, _)| shown(*key)).collect();
    let does = match (&*change.kind, shown.len()) {
        (_, 0) => return Vec::new(),
        ("Gateway", 1) => "is attached to it, and to nobody once it is deleted",
        ("Gateway", _) => "are attached to it, and to nobody once it is deleted",
        (_, 1) => "scales it, and nothing once it is deleted",
        (_, _) => "scale it, and nothing once it is deleted",
    };
    vec![format!("{} {does}", shown.join(", "))]
}

/// Who names a listener that a Gateway has no more, and is attached to no other one of it.
fn moved(
    change: &Change,
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    namers: &[Namer<'_>],
) -> (Vec<String>, Vec<Loss>) {
    let [was, is] = [old, new].map(|side| find(change, side, &[GATEWAYS]));
    let (mut said, mut losses): (Vec<String>, Vec<Loss>) = Default::default();
    let Some((was, is)) = was.zip(is) else {
        return (said, losses);
    };
    for (key, all) in namers {
        let before = old.get(key).and_then(|was| namer((key, was)));
        let of_it = all
            .iter()
            .filter(|it| it.group == GATEWAYS && names(change, it));
        for named in of_it.filter(|it| it.is_served(was) && !it.is_served(is)) {
            let listener = named.listener.as_deref().unwrap_or_default();
            said.push(format!(
                "{} is attached to listener `{listener}`, which is gone: to nobody there from then on",
                shown(*key)
            ));
            let was_attached = before
                .as_ref()
                .is_some_and(|(_, all)| is_attached(all, named, old));
            let loss = Loss {
                about: Lost::Outside,
                what: format!(
                    "{} is attached to no listener of Gateway `{}` any more, which has none called `{listener}` now: who asks for it there gets \
                     no answer",
                    shown(*key),
                    change.name
                ),
                way: "keep the name of that listener; or name the new one in the route, in the same step".to_owned(),
            };
            let is_lost = was_attached && !is_attached(all, named, new);
            losses.extend(Some(loss).filter(|it| is_lost && !losses.contains(it)));
        }
    }
    said.dedup();
    (said, losses)
}

/// What somebody comes to name, and is not there; and what is lost with it.
fn nobody(
    change: &Change,
    (old, new): (&Keyed<'_>, &Keyed<'_>),
    namers: &[Namer<'_>],
) -> (Vec<String>, Vec<Loss>) {
    let is_it = |key: Key<'_>| {
        (key.1, key.2, key.3) == (&*change.kind, &*change.name, change.namespace.as_deref())
    };
    let Some((key, all)) = namers.iter().find(|(key, _)| is_it(*key)) else {
        return Default::default();
    };
    let before = old.get(key).and_then(|was| namer((key, was)));
    let before = before.map_or_else(Vec::new, |(_, all)| all);
    let (mut said, mut losses): (Vec<String>, Vec<Loss>) = Default::default();
    for named in all.iter().filter(|it| !before.contains(it)) {
        let Named { kind, name, .. } = named;
        let was = old.get(&named.key());
        let does = if kind == "Gateway" {
            "is attached to nobody there"
        } else {
            "scales nothing"
        };
        let one = match new.get(&named.key()) {
            // What is said of a listener that goes is said of the Gateway.
            Some(is) if named.is_served(is) || was.is_some_and(|was| named.is_served(was)) => {
                continue;
            }
            Some(_) => {
                let listener = named.listener.as_deref().unwrap_or_default();
                let is_detached = is_attached(&before, named, old) && !is_attached(all, named, new);
                if is_detached && losses.is_empty() {
                    losses.push(Loss {
                        about: Lost::Outside,
                        what: format!(
                            "{} is attached to no listener of Gateway `{name}` any more, which has none called `{listener}`: who asks for it there gets no answer",
                            shown(*key)
                        ),
                        way: "name a listener that it has, or give it that one in a step before".to_owned(),
                    });
                }
                format!("{kind} {name} has no listener `{listener}`: it {does}")
            }
            // Where none of them is written at all they are elsewhere; one that is left behind says so itself.
            None if was.is_some() || !has_some(new, named) => continue,
            None => {
                format!(
                    "no {kind} of these manifests is called `{name}`: it {does}, unless another one is"
                )
            }
        };
        if !said.contains(&one) {
            said.push(one);
        }
    }
    (said, losses)
}

/// Whether somebody names a Gateway, the same as is named here, with a listener that it has.
fn is_attached(all: &[Named], named: &Named, side: &Keyed<'_>) -> bool {
    let gateway = side.get(&named.key());
    let mut same = all.iter().filter(|it| it.key() == named.key());
    same.any(|it| gateway.is_some_and(|gateway| it.is_served(gateway)))
}

fn has_some(side: &Keyed<'_>, named: &Named) -> bool {
    let (group, kind, _, namespace) = named.key();
    let mut all = side.keys();
    all.any(|key| (key.0, key.1, key.3) == (group, kind, namespace))
}

/// What an object names, if it is one of those that do.
fn namer<'a>((key, object): (&Key<'a>, &&Object)) -> Option<Namer<'a>> {
    let all = match (key.0, key.1) {
        (GATEWAYS, "HTTPRoute" | "GRPCRoute") => parents(object),
        ("autoscaling", "HorizontalPodAutoscaler") => target(object).into_iter().collect(),
        _ => return None,
    };
    (!all.is_empty()).then_some((*key, all))
}

fn parents(route: &Object) -> Vec<Named> {
    let whole = value(&route.content);
    let parents = whole.pointer("/spec/parentRefs").and_then(Value::as_array);
    let parents = parents.into_iter().flatten();
    let named = parents.filter_map(|parent| {
        let namespace = text(parent, "namespace").or(route.namespace.as_deref());
        Some(Named {
            group: text(parent, "group").unwrap_or(GATEWAYS).to_owned(),
            kind: text(parent, "kind").unwrap_or("Gateway").to_owned(),
            name: text(parent, "name")?.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            listener: text(parent, "sectionName").map(ToOwned::to_owned),
        })
    });
    // A route may be one of a Service mesh.
    named
        .filter(|it| it.kind == "Gateway" && it.group == GATEWAYS)
        .collect()
}

fn target(autoscaler: &Object) -> Option<Named> {
    let target = at(&autoscaler.content, &["spec", "scaleTargetRef"])?;
    let group = text(&target, "apiVersion").and_then(|it| it.split_once('/'));
    Some(Named {
        group: group.map_or("", |(group, _)| group).to_owned(),
        kind: text(&target, "kind")?.to_owned(),
        name: text(&target, "name")?.to_owned(),
        namespace: autoscaler.namespace.clone(),
        listener: None,
    })
}
