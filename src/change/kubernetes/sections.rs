//! Listeners that a route of manifests leaves, of a Gateway that it is attached to before and after (`gateway-api.sigs.k8s.io/reference/spec`,
//! `ParentReference`): who asks there finds no route.

use super::answers::{Leader, ROUTES, gone};
use super::parts::{items, text};
use super::routed::{GROUP, Gateway, attached, gateway, gateways, of_names, own_names, parents};
use super::{Key, Keyed};
use crate::change::difference::value;
use crate::change::{Change, Loss, Lost};
use crate::graph::routing::host_covers;
use serde_json::Value;

/// Where a route is attached to a Gateway.
#[derive(Clone, PartialEq)]
enum Place {
    /// To whatever listeners it has.
    All,
    /// To the one of a name, where the Gateway is in no manifest.
    Named(String),
    Port(u64),
}

/// Each that no other route of the new manifests answers at.
pub(super) fn lost(change: &Change, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> Vec<Loss> {
    let mut fields = change.fields.iter();
    let moves = fields.any(|it| it.path.starts_with("spec.parentRefs"));
    let Some(kind) = ROUTES.iter().find(|it| moves && **it == change.kind) else {
        return Vec::new();
    };
    let key: Key<'_> = (GROUP, kind, &change.name, change.namespace.as_deref());
    let Some((before, after)) = old.get(&key).zip(new.get(&key)) else {
        return Vec::new();
    };
    let (was, is) = (value(&before.content), value(&after.content));
    let stay = gateways(&is, key.3);
    let mut losses = Vec::new();
    for gateway in gateways(&was, key.3)
        .into_iter()
        .filter(|it| stay.contains(it))
    {
        let listeners = listeners(&gateway, (old, new));
        let here = |route: &Value, namespace: Option<&str>| {
            places(route, namespace, &gateway, listeners.as_deref())
        };
        let now = here(&is, key.3);
        let left = here(&was, key.3).into_iter().filter(|it| !now.contains(it));
        // Where it is attached to none, that is told of what it names.
        let left = left.filter(|_| !now.is_empty());
        for place in left.filter(|_| !now.contains(&Place::All)) {
            let is_there = |leader: &&Leader<'_>| {
                let route = new.get(&leader.key).map(|it| value(&it.content));
                let all = route.map_or_else(Vec::new, |route| here(&route, leader.key.3));
                leader.key != key && (all.contains(&place) || all.contains(&Place::All))
            };
            let others = attached(new, key, &gateway);
            let others: Vec<&Leader<'_>> = others.iter().filter(is_there).collect();
            let was = of_names(key, before);
            let mut answers = was.answers.iter();
            if answers.any(|it| gone(it, &was, &others).is_some()) {
                losses.push(loss(change, &gateway.name, &place, &now));
            }
        }
    }
    losses
}

struct Listener {
    name: String,
    port: u64,
    /// Left out, it is for all.
    host: Option<String>,
}

/// Those of a Gateway as it is then; what it loses itself is told of it.
fn listeners(gateway: &Gateway, (old, new): (&Keyed<'_>, &Keyed<'_>)) -> Option<Vec<Listener>> {
    let key: Key<'_> = (
        GROUP,
        "Gateway",
        &gateway.name,
        gateway.namespace.as_deref(),
    );
    let whole = value(&new.get(&key).or_else(|| old.get(&key))?.content);
    let listeners = items(whole.get("spec")?, "listeners");
    let listeners = listeners.filter_map(|it| {
        let port = it.get("port").and_then(Value::as_u64)?;
        let host = text(it, "hostname").filter(|host| !host.is_empty());
        Some(Listener {
            name: text(it, "name")?.to_owned(),
            port,
            host: host.map(str::to_ascii_lowercase),
        })
    });
    Some(listeners.collect())
}

/// Where a route is attached, by the ports of the listeners where these are known.
fn places(
    route: &Value,
    namespace: Option<&str>,
    to: &Gateway,
    listeners: Option<&[Listener]>,
) -> Vec<Place> {
    let mut found: Vec<Place> = Vec::new();
    let names = own_names(route);
    let is_of_it = |parent: &&Value| gateway(parent, namespace).as_ref() == Some(to);
    for parent in parents(route).filter(is_of_it) {
        let section = text(parent, "sectionName").filter(|it| !it.is_empty());
        let port = parent.get("port").and_then(Value::as_u64);
        let Some(listeners) = listeners else {
            found.push(match (section, port) {
                (Some(section), _) => Place::Named(section.to_owned()),
                (None, Some(port)) => Place::Port(port),
                (None, None) => Place::All,
            });
            continue;
        };
        let are_meant = listeners.iter().filter(|it| {
            let is_named = section.is_none_or(|section| section == it.name);
            is_named && port.is_none_or(|port| port == it.port) && meets(&names, it.host.as_deref())
        });
        for place in are_meant.map(|it| Place::Port(it.port)) {
            if !found.contains(&place) {
                found.push(place);
            }
        }
    }
    found
}

/// Whether a route for names may be attached to a listener for one.
fn meets(names: &[String], host: Option<&str>) -> bool {
    let meets =
        |name: &String| host.is_none_or(|host| host_covers(host, name) || host_covers(name, host));
    names.is_empty() || names.iter().any(meets)
}

fn loss(change: &Change, gateway: &str, left: &Place, now: &[Place]) -> Loss {
    let (kind, name) = (&change.kind, &change.name);
    let shown = |place: &Place| match place {
        Place::All => "all listeners".to_owned(),
        Place::Named(name) => format!("listener `{name}`"),
        Place::Port(port) => format!("port {port}"),
    };
    let what = match (left, now) {
        (Place::All, [_, ..]) => {
            let now: Vec<String> = now.iter().map(shown).collect();
            format!(
                "{kind} `{name}` is attached to {} of Gateway `{gateway}` alone: who asks at another listener is answered 404",
                now.join(" and ")
            )
        }
        _ => format!(
            "{kind} `{name}` is attached to {} of Gateway `{gateway}` no more: who asks there is answered 404",
            shown(left)
        ),
    };
    Loss {
        about: Lost::Outside,
        what,
        way: "keep it there as well, until nobody asks there; or attach another route there that leads on, such as a redirect".to_owned(),
    }
}
