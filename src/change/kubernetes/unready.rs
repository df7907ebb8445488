//! Ingresses and routes that come to lead to a Service whose pods are all made in the same step, or that has none. They count at once, and until
//! the first of those pods is ready there is no endpoint (`kubernetes.github.io/ingress-nginx/user-guide/nginx-configuration/annotations`, Default
//! Backend: what answers where a service has no active endpoints; `gateway-api.sigs.k8s.io/reference/spec`, `HTTPRouteRule`, `backendRefs`: 503
//! where a Service has no ready endpoints).

use super::answers::{self, Answer, Backend, Leader};
use super::behind::{self, Led, Pods};
use super::parts::{self, INGRESS};
use super::scaling::is_off;
use super::{Key, Keyed, answered, is_workload, routed};
use crate::change::difference::at;
use crate::change::{Change, Effect, Loss, Lost};
use crate::targets::Object;
use serde_json::Value;

/// Says it of each, where what is asked led to pods that run, or to a name of elsewhere: by itself, or by one that stays and answers it no more.
pub(super) fn led_to((old, new): (&Keyed<'_>, &Keyed<'_>), changes: &mut [Change]) {
    let moves = |it: &Change| it.effect == Effect::InPlace && group(&it.kind).is_some();
    if !changes.iter().any(moves) {
        return;
    }
    let (before, after) = (behind::all(old), behind::all(new));
    let mut made = made((&before, &after), (old, new), changes);
    made.extend(without((&before, &after), (old, new)));
    if made.is_empty() {
        return;
    }
    let is_asked = |backend: &Backend, leader: Key<'_>| {
        let key = key(backend);
        let Some(service) = old.get(&key) else {
            return false;
        };
        let led = behind::led(key, service);
        let has_pods =
            led.is_some_and(|led| before.iter().any(|it| it.are_for(key.3, &led.selector)));
        // Not all who carry routes lead to a name of elsewhere.
        let is_elsewhere = || parts::service_type(service) == "ExternalName";
        has_pods || leader.1 == INGRESS.1 && is_elsewhere()
    };
    let given_up: Vec<GivenUp<'_>> = changes
        .iter()
        .filter(|it| moves(it))
        .filter_map(|it| GivenUp::of(it, (old, new)))
        .collect();
    let told = |change: &Change| {
        let is = leader(new, change)?;
        let was = leader(old, change);
        let alike = |it: &&GivenUp<'_>| it.is_by_the_same(change, new);
        let before: Vec<&GivenUp<'_>> = given_up.iter().filter(alike).collect();
        let moved = moved((was.as_ref(), &before), &is, is_asked);
        let told = made.iter().filter_map(|it| {
            let mut to = moved.iter().filter(|(to, _)| key(to) == it.service);
            let (_, first) = to.next()?;
            let from = to.fold(*first, |one, (_, other)| one.and(*other));
            Some(it.tell(change, from))
        });
        Some(told.collect())
    };
    let leads =
        |it: &&Change| moves(it) || it.effect == Effect::Created && group(&it.kind).is_some();
    let told: Vec<Vec<Loss>> = changes
        .iter()
        .map(|it| Some(it).filter(leads).and_then(told))
        .map(Option::unwrap_or_default)
        .collect();
    for (change, told) in changes.iter_mut().zip(told) {
        change.losses.extend(told);
    }
}

/// An Ingress or a route that stays, with what it answers no more.
struct GivenUp<'a> {
    was: Leader<'a>,
    object: &'a Object,
}

impl<'a> GivenUp<'a> {
    fn of(change: &'a Change, (old, new): (&Keyed<'a>, &Keyed<'a>)) -> Option<Self> {
        let (mut was, is) = (leader(old, change)?, leader(new, change)?);
        let object = old.get(&was.key)?;
        was.answers
            .retain(|answer| !is.answers.iter().any(|it| is_for_the_same(it, answer)));
        (!was.is_by_itself && !was.answers.is_empty()).then_some(Self { was, object })
    }

    /// Whether another one is carried by who carries it, as far as that is known.
    fn is_by_the_same(&self, change: &Change, new: &Keyed<'_>) -> bool {
        let key = self.was.key;
        let other = (key.0, key.1, &*change.name, change.namespace.as_deref());
        let is_other = change.kind == key.1 && other != key;
        let object = new.get(&other).filter(|_| is_other);
        object.is_some_and(|object| are_together([(key, self.object), (other, *object)]))
    }
}

/// Whether two of one kind are carried by the same, as far as that is known.
pub(super) fn are_together(both: [(Key<'_>, &Object); 2]) -> bool {
    let [((_, kind, ..), _), _] = both;
    if kind == INGRESS.1 {
        answered::are_of_one_class(both)
    } else {
        routed::are_at_one_gateway(both)
    }
}

/// Whether two answers are for the same requests.
pub(super) fn is_for_the_same(one: &Answer, other: &Answer) -> bool {
    (&one.host, one.kind, &one.path, &one.besides)
        == (&other.host, other.kind, &other.path, &other.besides)
}

/// The Services whose pods are all made, with what makes these: it is made as well, or had none, `replicas: 0`.
pub(super) fn made<'a>(
    pods: (&[Pods<'a>], &[Pods<'a>]),
    (old, new): (&Keyed<'a>, &Keyed<'a>),
    changes: &[Change],
) -> Vec<Made<'a>> {
    if !changes.iter().any(makes) {
        return Vec::new();
    }
    let services = behind::services(new).into_iter();
    let made = services.filter_map(|it| Made::of(&it, pods, ((old, new), changes)));
    made.collect()
}

/// Whether pods or a Service may be there that were not.
pub(super) fn makes(change: &Change) -> bool {
    let mut fields = change.fields.iter();
    is_made(change) || is_workload(&change.kind) && fields.any(|it| it.path == "spec.replicas")
}

fn is_made(change: &Change) -> bool {
    change.kind == "Service" && change.effect == Effect::Created
}

/// The Services behind which there are no pods, neither before nor after, since what makes them says so.
fn without<'a>(
    (before, after): (&[Pods<'a>], &[Pods<'a>]),
    (old, new): (&Keyed<'a>, &Keyed<'a>),
) -> Vec<Made<'a>> {
    let is_without = |key: &Key<'_>| {
        let object = new.get(key).filter(|_| is_workload(key.1));
        object.is_some_and(|it| is_off(&it.content)) && !is_scaled((old, new), *key)
    };
    let mut off: Vec<(Key<'a>, Value)> = new
        .iter()
        .filter(|(key, _)| is_without(key))
        .filter_map(|(key, it)| {
            let labels = at(&it.content, &["spec", "template", "metadata", "labels"])?;
            Some((*key, labels.into_owned()))
        })
        .collect();
    if off.is_empty() {
        return Vec::new();
    }
    off.sort_unstable_by_key(|(key, _)| *key);
    let without = behind::services(new).into_iter().filter_map(|service| {
        let is_asked = |labels: &Value| {
            let labels = labels.as_object();
            labels.is_some_and(|labels| behind::have_all(labels, &service.selector))
        };
        let are_behind = |it: &&Pods<'_>| it.are_for(service.key.3, &service.selector);
        let mut off = off.iter();
        let (workload, _) = off.find(|(key, labels)| key.3 == service.key.3 && is_asked(labels))?;
        // What is written no more runs on.
        let runs_on = |it: &Pods<'_>| !new.contains_key(&it.key);
        let mut left = before.iter().filter(are_behind);
        let is_there = after.iter().any(|it| are_behind(&it))
            || left.any(runs_on)
            || may_be_led(new, &service);
        (!is_there).then(|| Made {
            service: service.key,
            is_new: false,
            workloads: vec![*workload],
            come: false,
        })
    });
    without.collect()
}

/// Whether an object of somebody's own kind may have pods that a Service leads to.
fn may_be_led(new: &Keyed<'_>, service: &Led<'_>) -> bool {
    let mut own = new.iter().filter(|(key, _)| parts::is_custom(key.0));
    own.any(|(_, object)| {
        let labels = at(&object.content, &["spec", "template", "metadata", "labels"]);
        let labels = labels.as_deref().and_then(Value::as_object);
        labels.is_some_and(|labels| behind::have_all(labels, &service.selector))
    })
}

/// Whether something else than its manifest says how many pods there are: an autoscaler, or an object of somebody's own kind that refers to it
/// (`keda.sh/docs/latest/reference/scaledobject-spec`, scaleTargetRef; `argoproj.github.io/argo-rollouts/migrating`, workloadRef;
/// `docs.flagger.app/usage/how-it-works`, targetRef).
fn is_scaled((old, new): (&Keyed<'_>, &Keyed<'_>), workload: Key<'_>) -> bool {
    let is_it = |(key, object): (&Key<'_>, &&Object)| {
        let may = parts::is_custom(key.0) || key.1 == "HorizontalPodAutoscaler";
        let mut refers = ["scaleTargetRef", "targetRef", "workloadRef"].into_iter();
        may && key.3 == workload.3
            && refers.any(|by| {
                let name = at(&object.content, &["spec", by, "name"]);
                name.as_deref().and_then(Value::as_str) == Some(workload.2)
            })
    };
    old.iter().chain(new).any(is_it)
}

/// A Service whose pods are all made, with what makes them.
pub(super) struct Made<'a> {
    pub(super) service: Key<'a>,
    /// Whether it is made itself.
    is_new: bool,
    workloads: Vec<Key<'a>>,
    /// Whether there are pods at all.
    come: bool,
}

impl<'a> Made<'a> {
    /// Where all its pods are made; pods of elsewhere may be behind one that is made for none of these manifests.
    fn of(
        led: &Led<'a>,
        (before, after): (&[Pods<'a>], &[Pods<'a>]),
        ((old, new), changes): ((&Keyed<'a>, &Keyed<'a>), &[Change]),
    ) -> Option<Self> {
        let service = led.key;
        let was = old.get(&service);
        // One that comes to ask for other pods is told of itself.
        let is_same = |was: &&Object| {
            let was = behind::led(service, was);
            was.is_some_and(|was| was.selector == led.selector)
        };
        let are_behind = |it: &&Pods<'_>| it.are_for(service.3, &led.selector);
        if was.is_some_and(|it| !is_same(it)) || before.iter().any(|it| are_behind(&it)) {
            return None;
        }
        let workloads: Vec<Key<'a>> = after.iter().filter(are_behind).map(|it| it.key).collect();
        let is_made = |key: &Key<'_>| {
            let mut changes = changes.iter();
            let is_new = changes.any(|it| {
                let is_it =
                    (&*it.kind, &*it.name, it.namespace.as_deref()) == (key.1, key.2, key.3);
                is_it && it.effect == Effect::Created
            });
            let had_none = || old.get(key).is_some_and(|it| is_off(&it.content));
            // The pods of a Service that was there may have been made elsewhere.
            is_new && was.is_none() || had_none() && !is_scaled((old, new), *key)
        };
        let are_made = !workloads.is_empty() && workloads.iter().all(is_made);
        are_made.then_some(Self {
            service,
            is_new: was.is_none(),
            workloads,
            come: true,
        })
    }

    /// What makes its pods, and it, where it is made.
    pub(super) fn shown(&self) -> String {
        let pods: Vec<String> = self.workloads.iter().map(|it| shown(*it)).collect();
        let pods = pods.join(", ");
        if self.is_new {
            format!("{pods} and Service `{}`", self.service.2)
        } else {
            pods
        }
    }

    /// The commands that wait for its pods.
    pub(super) fn waits(&self) -> Vec<String> {
        let namespace = self.service.3;
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
        self.workloads.iter().map(waits).collect()
    }

    /// Of what leads there, with who answered before what it does now.
    fn tell(&self, leader: &Change, from: Option<Key<'_>>) -> Loss {
        let service = self.service.2;
        let name = format!("{} `{}`", leader.kind, leader.name);
        let stays = if self.is_new {
            ""
        } else {
            "; what answers until then stays"
        };
        let (what, with) = from.map(shown).map_or_else(Default::default, |it| {
            (format!(" what {it} answered"), format!(" and {it}"))
        });
        if !self.come {
            let none = self.shown();
            return Loss {
                about: Lost::Pods,
                what: format!(
                    "{name} leads{what} to Service `{service}`, and {none} behind it has no pods, `replicas: 0`: nobody answers there"
                ),
                way: format!(
                    "in two applies: first {none} with the `replicas` that it needs, then wait with {}, then {name}{with}",
                    self.waits().join(" and ")
                ),
            };
        }
        Loss {
            about: Lost::Pods,
            what: format!(
                "{name} leads{what} to Service `{service}` at once, whose pods are all made in this step: nobody answers there until they are ready"
            ),
            way: format!(
                "in two applies: first {}, then wait with {}, then {name}{with}{stays}",
                self.shown(),
                self.waits().join(" and ")
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

/// What an Ingress or a route answers on a side, if it is asked at all.
pub(super) fn leader<'a>(side: &Keyed<'a>, change: &'a Change) -> Option<Leader<'a>> {
    let (kind, name) = (change.kind.as_str(), change.name.as_str());
    let key = (group(kind)?, kind, name, change.namespace.as_deref());
    let (key, object) = side.get_key_value(&key)?;
    if kind != INGRESS.1 {
        return Some(routed::of_names(*key, object));
    }
    (!answered::is_canary(object)).then(|| answered::leader(*key, object))
}

/// Where requests came to and where they come to, and who answered them, where that was another one.
type Moved<'w, 'l, 'g> = (&'w [Backend], &'l [Backend], Option<Key<'g>>);

/// Where requests come to that came to another Service before, which had pods or was elsewhere; each with who answered them, where that was another one.
fn moved<'l, 'g>(
    (was, given_up): (Option<&Leader<'_>>, &[&GivenUp<'g>]),
    is: &'l Leader<'_>,
    is_asked: impl Fn(&Backend, Key<'_>) -> bool,
) -> Vec<(&'l Backend, Option<Key<'g>>)> {
    let was = was.filter(|it| !it.is_by_itself);
    if is.is_by_itself {
        return Vec::new();
    }
    let mut led: Vec<Moved<'_, 'l, 'g>> = Vec::new();
    for answer in &is.answers {
        // Of two that are for the same the first counts.
        let is_first = is.answers.iter().find(|it| is_for_the_same(it, answer));
        if !is_first.is_some_and(|it| std::ptr::eq(it, answer)) {
            continue;
        }
        let same = |it: &&Answer| is_for_the_same(it, answer);
        let own = was.and_then(|it| it.answers.iter().find(same));
        if let Some(before) = own {
            led.push((&before.backends, &answer.backends, None));
            continue;
        }
        let others = given_up.iter();
        let mut others =
            others.filter_map(|it| Some((it.was.key, it.was.answers.iter().find(same)?)));
        if let Some((key, before)) = others.next() {
            led.push((&before.backends, &answer.backends, Some(key)));
        }
    }
    let before = was.and_then(|it| it.default.as_ref());
    if let (Some(before), Some(now)) = (before, &is.default) {
        let (before, now) = (std::slice::from_ref(before), std::slice::from_ref(now));
        led.push((before, now, None));
    }
    let mut moved = Vec::new();
    for (before, now, from) in led {
        if !before.iter().any(|it| is_asked(it, is.key)) {
            continue;
        }
        let comes = |it: &&Backend| !before.iter().any(|was| key(was) == key(it));
        moved.extend(now.iter().filter(comes).map(|it| (it, from)));
    }
    moved
}
