//! Ingresses and routes that come to lead to a Service whose pods are all made in the same step. They count at once, and until the first of those
//! pods is ready there is no endpoint (`kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations`, Default Backend: what
//! answers where a service has no active endpoints; `gateway-api.sigs.k8s.io/reference/spec`, `HTTPRouteRule`, `backendRefs`: 503 where a
//! Service has no ready endpoints).

use super::answers::{self, Answer, Backend, Leader};
use super::behind::{self, Pods};
use super::parts::INGRESS;
use super::{Key, Keyed, answered, routed};
use crate::change::{Change, Effect, Loss, Lost};

/// Says it of each that stays, where what is asked led to pods that run.
pub(super) fn led_to((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let is_made = |it: &Change| it.kind == "Service" && it.effect == Effect::Created;
    let moves = |it: &Change| it.effect == Effect::InPlace && group(&it.kind).is_some();
    if !changes.iter().any(is_made) || !changes.iter().any(moves) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    let made: Vec<Made<'_>> = changes
        .iter()
        .filter(|it| is_made(it))
        .filter_map(|it| Made::of(it, (&before, &after), (new, changes)))
        .collect();
    let is_asked = |backend: &Backend| {
        let key = key(backend);
        let led = old.get(&key).and_then(|it| behind::led(key, it));
        led.is_some_and(|led| before.iter().any(|it| it.are_for(key.3, &led.selector)))
    };
    let told = |change| {
        let (was, is) = (leader(old, change)?, leader(new, change)?);
        let moved = moved(&was, &is, is_asked);
        let to = |it: &&Made<'_>| moved.iter().any(|to| key(to) == it.service);
        Some(made.iter().filter(to).map(|it| it.tell(change)).collect())
    };
    let told: Vec<Vec<Loss>> = changes
        .iter()
        .map(|it| Some(it).filter(|it| moves(it)).and_then(told))
        .map(Option::unwrap_or_default)
        .collect();
    for (change, told) in changes.iter_mut().zip(told) {
        change.losses.extend(told);
    }
}

/// A Service that is made, with what makes its pods.
struct Made<'a> {
    service: Key<'a>,
    workloads: Vec<Key<'a>>,
}

impl<'a> Made<'a> {
    /// Where all that makes its pods is made as well; pods of elsewhere may be behind one that is made for none of these manifests.
    fn of(
        change: &'a Change,
        (before, after): (&[Pods<'a>], &[Pods<'a>]),
        (new, changes): (&Keyed<'a>, &[Change]),
    ) -> Option<Self> {
        let namespace = change.namespace.as_deref();
        let (service, object) =
            new.get_key_value(&("", "Service", change.name.as_str(), namespace))?;
        let led = behind::led(*service, object)?;
        let are_behind = |it: &&Pods<'_>| it.are_for(service.3, &led.selector);
        if before.iter().any(|it| are_behind(&it)) {
            return None;
        }
        let workloads: Vec<Key<'a>> = after.iter().filter(are_behind).map(|it| it.key).collect();
        let is_made = |key: &Key<'_>| {
            changes.iter().any(|it| {
                let is_it =
                    (&*it.kind, &*it.name, it.namespace.as_deref()) == (key.1, key.2, key.3);
                is_it && it.effect == Effect::Created
            })
        };
        let are_made = !workloads.is_empty() && workloads.iter().all(is_made);
        are_made.then_some(Self {
            service: *service,
            workloads,
        })
    }

    fn tell(&self, leader: &Change) -> Loss {
        let (service, namespace) = (self.service.2, self.service.3);
        let (kind, name) = (&leader.kind, &leader.name);
        let pods: Vec<String> = self.workloads.iter().map(|it| shown(*it)).collect();
        let there = namespace.map_or_else(String::new, |it| format!(" -n {it}"));
        let waits = |key: &Key<'_>| match key.1 {
            "Deployment" | "StatefulSet" | "DaemonSet" => {
                format!(
                    "`kubectl rollout status {}/{}{there}`",
                    key.1.to_lowercase(),
                    key.2
                )
            }
            _ => format!(
                "`kubectl wait --for=condition=Ready pod -l …{there}` for those of {}",
                key.2
            ),
        };
        let waits: Vec<String> = self.workloads.iter().map(waits).collect();
        Loss {
            about: Lost::Pods,
            what: format!(
                "{kind} `{name}` leads to Service `{service}` at once, whose pods are all made in this step: nobody answers there until they are ready"
            ),
            way: format!(
                "in two applies: first {} and Service `{service}`, then wait with {}, then {kind} `{name}`",
                pods.join(", "),
                waits.join(" and ")
            ),
        }
    }
}

fn shown(key: Key<'_>) -> String {
    format!("{} `{}`", key.1, key.2)
}

fn key(backend: &Backend) -> Key<'_> {
    ("", "Service", &backend.name, backend.namespace.as_deref())
}

/// The group of what leads to Services.
fn group(kind: &str) -> Option<&'static str> {
    let is_route = answers::ROUTES.contains(&kind);
    let ingress = (kind == INGRESS.1).then_some(INGRESS.0);
    ingress.or_else(|| is_route.then_some(routed::GROUP))
}

/// What an Ingress or a route answers on a side.
fn leader<'a>(side: &Keyed<'a>, change: &'a Change) -> Option<Leader<'a>> {
    let (kind, name) = (change.kind.as_str(), change.name.as_str());
    let key = (group(kind)?, kind, name, change.namespace.as_deref());
    let (key, object) = side.get_key_value(&key)?;
    Some(if kind == INGRESS.1 {
        answered::leader(*key, object)
    } else {
        routed::of_names(*key, object)
    })
}

/// Where requests come to that came to another Service before, which had pods.
fn moved<'l>(
    was: &Leader<'_>,
    is: &'l Leader<'_>,
    is_asked: impl Fn(&Backend) -> bool,
) -> Vec<&'l Backend> {
    if was.is_by_itself || is.is_by_itself {
        return Vec::new();
    }
    let same = |one: &Answer, other: &Answer| {
        (&one.host, one.kind, &one.path, &one.besides)
            == (&other.host, other.kind, &other.path, &other.besides)
    };
    let mut led: Vec<(&[Backend], &'l [Backend])> = Vec::new();
    for answer in &is.answers {
        let mut before = was.answers.iter();
        // Of two that are for the same the first counts.
        let is_first = is.answers.iter().find(|it| same(it, answer));
        if is_first.is_some_and(|it| std::ptr::eq(it, answer)) {
            let before = before.find(|it| same(it, answer));
            led.extend(before.map(|it| (&*it.backends, &*answer.backends)));
        }
    }
    if let (Some(before), Some(now)) = (&was.default, &is.default) {
        led.push((std::slice::from_ref(before), std::slice::from_ref(now)));
    }
    let mut moved: Vec<&'l Backend> = Vec::new();
    for (before, now) in led {
        if !before.iter().any(&is_asked) {
            continue;
        }
        let comes = |it: &&Backend| !before.iter().any(|was| key(was) == key(it));
        moved.extend(now.iter().filter(comes));
    }
    moved
}
