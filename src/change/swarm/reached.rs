//! On which network Traefik reaches the tasks of a service (doc.traefik.io/traefik/providers/swarm, `network`).

use super::service::Service;
use super::traefik::{Labels, is_traefik};
use crate::change::{Loss, Lost};
use serde_json::Value;
use std::collections::BTreeSet;

/// The networks of a service, by their names in the swarm.
fn networks(service: &Service<'_>) -> BTreeSet<String> {
    let seen = service.stack.service(service.object);
    let joined = seen.get("networks").and_then(Value::as_object);
    let joined: BTreeSet<String> = joined
        .into_iter()
        .flatten()
        .map(|(it, _)| it.clone())
        .collect();
    if joined.is_empty() {
        return BTreeSet::from([service.stack.real("networks", "default")]);
    }
    joined
}

/// Of a service of which Traefik goes on to take the labels and is on none of its networks any more: it asks at an address of another one
/// (`pkg/provider/docker/shared.go`, `getIPAddress`: the first available network where its own is none of them). Where Traefik is not among the
/// stacks its network is known by the label that names it.
pub(super) fn left(
    name: &str,
    (was, is): (&Service<'_>, &Service<'_>),
    has: &Labels,
    (before, there): (&[&Service<'_>], &[&Service<'_>]),
) -> Option<Loss> {
    let (had, now) = (networks(was), networks(is));
    let of_traefik = |all: &[&Service<'_>]| {
        let all = all.iter().filter(|it| is_traefik(it));
        let all: Vec<BTreeSet<String>> = all.map(|it| networks(it)).collect();
        all
    };
    let mut left: BTreeSet<String> = &had - &now;
    let (was_on, is_on) = (of_traefik(before), of_traefik(there));
    if is_on.is_empty() {
        let named = ["traefik.docker.network", "traefik.swarm.network"];
        let named = named.into_iter().find_map(|label| has.get(label))?;
        left.retain(|it| it == named);
    } else {
        let meets = |all: &[BTreeSet<String>], it: &String| all.iter().any(|on| on.contains(it));
        if now.iter().any(|it| meets(&is_on, it)) {
            return None;
        }
        left.retain(|it| meets(&was_on, it) && meets(&is_on, it));
    }
    let network = left.first()?;
    Some(Loss {
        about: Lost::Outside,
        what: format!(
            "`{name}` leaves network `{network}`, on which Traefik asks it, and its labels stay: Traefik asks each task that is replaced at an address \
             that it does not reach, and answers with 502 or 504"
        ),
        way: format!(
            "keep `{network}` in its `networks`; or take the labels away first, once no client asks for it"
        ),
    })
}
